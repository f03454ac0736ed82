package Assess::Test;

# How a test file begins and ends: a cluster and a server of its own in a
# temporary folder, and at the end proof that nothing went wrong unseen.
#
#   my $t = Assess::Test->new(env => { ASSESS_JOBS => 4 });
#   my $a = $t->http->get('/api/documents');
#   ...
#   $t->done;

use strict;
use warnings;

use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use Assess::Home;
use Assess::HTTP;
use Assess::Process qw(slurp wait_until write_file);

my @running;
my $owner = $$;


sub import {
    strict->import;
    warnings->import;
    Test::More->export_to_level(1);

    # told to end, it ends what it started, too
    $SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
}


# Below the ports that the kernel gives to clients: one of those could be taken
# by anybody's connection while a server is away for its restart.
sub free_port {
    for (1 .. 100) {
        my $port = 10_000 + int rand 20_000;

        return $port if IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Listen => 1, Proto => 'tcp');
    }

    die "no free port\n";
}


# env: variables of make run (the machine's own ones are not looked at);
# extra: text for http {} of the configuration; postgresql: text for its
# configuration; no_start: for a test that begins by itself.
sub new {
    my ($class, %o) = @_;

    my $dir = tempdir('assess-t-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    my $self = bless { dir => $dir, homes => [], allowed => [] }, $class;
    push @running, $self;

    $self->{home} = $self->another(%o);
    return $self;
}


# One more server, with a home of its own; database => the first one's, unless
# another is named.
sub another {
    my ($self, %o) = @_;

    my $n = @{ $self->{homes} };
    my $dir = "$self->{dir}/$n";
    my %env = (%{ $o{env} // {} },
               map { $_ => $ENV{$_} } grep { defined $ENV{$_} }
               qw(ASSESS_NGINX ASSESS_BUILD ASAN_OPTIONS UBSAN_OPTIONS));

    mkdir $dir or die "$dir: $!\n";

    # a test that asks the same twice means to ask twice
    my $extra = $o{extra} // '';
    $extra .= "assess_answer_cache off;\n" if $extra !~ /assess_answer_cache/;

    $env{ASSESS_EXTRA} = "$dir/extra.conf";
    write_file($env{ASSESS_EXTRA}, $extra);

    my $database = $o{database};
    $database //= $self->cluster->conninfo if $n && $self->cluster;

    my $home = Assess::Home->new(home => $dir, port => free_port(),
        env => \%env, database => $database, postgresql => $o{postgresql},
        log_level => 'info', quiet => 1);

    push @{ $self->{homes} }, $home;
    $home->start unless $o{no_start};

    return $home;
}


sub home    { return $_[0]{home} }
sub dir     { return $_[0]{dir} }
sub server  { return $_[0]{home}->server }
sub cluster { return $_[0]{home} && $_[0]{home}->cluster }
sub http    { return $_[0]{home}->http }
sub sql     { my $self = shift; return $self->cluster->sql(@_) }


# A line of the error log that this test means to cause.
sub allow_alarm {
    my ($self, $pattern) = @_;

    push @{ $self->{allowed} }, $pattern;
}


# Ends everything, checks that it went well, and ends the test.
sub done {
    my ($self) = @_;

    for my $home (reverse @{ $self->{homes} }) {
        my $stopped = eval { $home->stop; 1 };

        ok($stopped, 'everything stops when told to') or diag($@);
        is(join(' ', $home->processes), '', 'no process is left');
        $self->_check_log($home);
    }

    $self->_remove;
    done_testing();
}


sub _check_log {
    my ($self, $home) = @_;

    my @alarms = $home->server ? $home->server->alarms : ();

    for my $pattern (@{ $self->{allowed} }) {
        @alarms = grep { $_ !~ $pattern } @alarms;
    }

    is(scalar @alarms, 0, 'the error log has no alarm')
        or diag(join "\n", @alarms > 20 ? @alarms[0 .. 19] : @alarms);
}


sub _remove {
    my ($self) = @_;

    @running = grep { $_ != $self } @running;

    for my $home (@{ $self->{homes} }) {
        $home->cluster->remove if $home->cluster;
    }

    remove_tree($self->{dir});
}


# A test that died: what it started is ended, its logs are shown.
END {
    my $status = $?;

    for my $self ($$ == $owner ? @running : ()) {
        for my $home (reverse @{ $self->{homes} }) {
            diag($home->server->tail) if $status && $home->server;
            eval { $home->stop('stop'); 1 } or diag($@);
        }

        $self->_remove;
    }

    $? = $status;
}


# A document stored: its id.
sub upload {
    my ($self, $bytes, $type, %o) = @_;

    my $path = '/api/documents'
        . (defined $o{filename} ? "?filename=$o{filename}" : '');
    my $a = $self->http->post($path, body => $bytes, headers =>
        { 'Content-Type' => $type, %{ $o{headers} // {} } });

    die 'upload: ' . ($a ? "$a->{status} $a->{body}" : 'no answer') . "\n"
        unless $a && $a->{status} =~ /^20[01]\z/;
    return $a->{json}{documents}[0]{documentId};
}


# The Job when it has ended.
sub wait_job {
    my ($self, $id, $seconds, $http) = @_;

    my $job;
    $http //= $self->http;

    wait_until($seconds // 60, sub {
        my $a = $http->get("/api/assessments/job/$id") or return 0;
        $job = $a->{json};
        return $a->{status} == 200
            && $job->{status} !~ /^(?:queued|processing)\z/;
    }) or die "job $id has not ended: " . ($job->{status} // '?') . "\n";

    return $job;
}


1;
