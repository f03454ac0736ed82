package Assess::Web;

# A small web server of a test, in a process of its own, with one more for each
# connection: what all of them have in common.  A kind of it is a package that
# says in one($dir, $client) what becomes of a connection.
#
#   my $server = Assess::Source->new(hosts => ['127.0.0.2', '127.0.0.1']);
#   $server->url('/text');                  # on the first of its hosts
#
# The port, the same on all hosts, is in the file "port" of its folder.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use POSIX ();

our @EXPORT_OK = qw(say_to there);


sub new {
    my ($class, %o) = @_;

    require Assess::Process;
    require Cwd;
    require File::Temp;

    my $dir = File::Temp::tempdir('assess-w-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $self = bless { dir => $dir, owner => $$, hosts => $o{hosts} }, $class;

    (my $lib = Cwd::realpath(__FILE__)) =~ s{/Assess/Web\.pm\z}{};

    $self->{pid} = Assess::Process::spawn(log => "$dir/stderr", cwd => $dir,
        command => [$^X, "-I$lib", "-M$class", '-e', "${class}::serve", $dir,
                    @{ $o{hosts} }]);

    Assess::Process::wait_until(10, sub {
        return (Assess::Process::slurp("$dir/port") // '') =~ /^\d+\n\z/;
    }) or die "$class has no port\n"
        . (Assess::Process::slurp("$dir/stderr") // '');

    ($self->{port}) = Assess::Process::slurp("$dir/port") =~ /(\d+)/;

    return $self;
}


sub port { return $_[0]{port} }


sub url {
    my ($self, $path, $host) = @_;

    return 'http://' . ($host // $self->{hosts}[0]) . ":$self->{port}$path";
}


# The lines of a file that its connections have written.
sub lines {
    my ($self, $file) = @_;

    return split /\n/, Assess::Process::slurp("$self->{dir}/$file") // '';
}


sub DESTROY {
    my ($self) = @_;

    return unless $self->{pid} && $self->{owner} == $$;
    local ($?, $@);
    Assess::Process::end_all([$self->{pid}], TERM => 5, KILL => 5);
}


# ---- the server

sub serve_as {
    my ($class, $dir, @hosts) = @_;
    my ($port, @listen) = (0);

    for my $host (@hosts) {
        push @listen, IO::Socket::INET->new(LocalAddr => $host,
            LocalPort => $port, Listen => 128, Proto => 'tcp', ReuseAddr => 1)
            or die "listen: $!\n";
        $port ||= $listen[0]->sockport;
    }

    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    my $parent = getppid;

    say_to("$dir/port.new", $port);
    rename "$dir/port.new", "$dir/port" or die "port: $!\n";

    my $in = '';
    vec($in, fileno $_, 1) = 1 for @listen;

    # whoever started it is gone: so is it
    while (getppid == $parent) {
        next unless select(my $ready = $in, undef, undef, 1) > 0;

        for my $listen (grep { vec $ready, fileno $_, 1 } @listen) {
            my $client = $listen->accept or next;
            my $pid = fork // die "fork: $!\n";

            if ($pid == 0) {
                eval { $class->one($dir, $client) };
                print STDERR $@ if $@;
                POSIX::_exit(0);
            }

            close $client;
        }
    }
}


# A line at the end of a file.
sub say_to {
    my ($file, $text) = @_;

    open my $fh, '>>', $file or die "$file: $!\n";
    syswrite $fh, "$text\n";
    close $fh;
}


# Whether the other side is still there.
sub there {
    my ($client) = @_;

    vec(my $in = '', fileno $client, 1) = 1;
    return 1 unless select($in, undef, undef, 0) > 0;
    return sysread($client, my $more, 1) ? 1 : 0;
}


1;
