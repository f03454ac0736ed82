package Assess::Bench;

# What the benchmarks share: servers, loads, documents and questions.  Each
# benchmark is a package below t/bench with a function run(), that is given one
# of these.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IPC::Open2 qw(open2);
use JSON::PP ();

use Assess::Bench::Peers;
use Assess::Bench::Report;
use Assess::Cluster;
use Assess::Process qw(spawn run_as alive end_all wait_until slurp write_file);
use Assess::Provider;
use Assess::Server;
use Assess::Test ();

my $json = JSON::PP->new->utf8->canonical;

# Of this process; nothing of them outlives it.
my @benches;
my $owner = $$;

END {
    my $status = $?;
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
    $_->remove for $$ == $owner ? @benches : ();
    $? = $status;
}

# As an operator of a loaded server would have it, and as the peers get it.
my $postgresql = <<'CONF';
shared_buffers = 512MB
max_wal_size = 4GB
checkpoint_timeout = 15min
min_wal_size = 3GB
CONF

# A server that has run for a while has segments of WAL to write over; a new one
# makes one each 16 MB, which holds all commits up for tens of milliseconds.
use constant SEGMENTS => 128;


sub new {
    my ($class) = @_;

    my $build = $ENV{ASSESS_BUILD} || "$Assess::Server::REPO/build";
    my $dir = tempdir('assess-b-XXXXXX', TMPDIR => 1);

    chmod 0755, $dir;
    $SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';

    my $self = bless { build => $build, dir => $dir, ends => [], n => 0,
        rounds => $ENV{ASSESS_BENCH_ROUNDS} || 3,
        seconds => $ENV{ASSESS_BENCH_SECONDS} || 5,
        report => Assess::Bench::Report->new($build) }, $class;

    $self->{peers} = $self->{report}{peers} = Assess::Bench::Peers->new($self);
    push @benches, $self;
    return $self;
}


sub report  { return $_[0]{report} }
sub peers   { return $_[0]{peers} }
sub rounds  { return 1 .. $_[0]{rounds} }
sub seconds { return $_[0]{seconds} }
sub program { return "$_[0]{build}/bench/$_[1]" }


# A folder of one's own, gone at the end.
sub place {
    my ($self) = @_;

    my $place = "$self->{dir}/" . ++$self->{n};
    mkdir $place or die "$place: $!\n";
    return $place;
}


# What is to be done at the end, the last one first.
sub at_end {
    my ($self, $what) = @_;
    push @{ $self->{ends} }, $what;
}


# All that was started, but for the first so many, and nothing of it is left.
sub stop_all {
    my ($self, $but) = @_;

    while (@{ $self->{ends} } > ($but // 0)) {
        eval { $self->{ends}[-1]->(); 1 } or warn $@;
        pop @{ $self->{ends} };
    }
}


# Something whose servers end with it: what it returns.
sub apart {
    my ($self, $what) = @_;

    my $before = @{ $self->{ends} };
    my $got = eval { $what->() };
    my $why = $@;

    $self->stop_all($before);
    die $why if $why;
    return $got;
}


sub remove {
    my ($self) = @_;

    $self->stop_all;
    remove_tree($self->{dir});
}


# A cluster for the module or for a peer, as it is after it has run for a while.
sub cluster {
    my ($self, $place, $conf) = @_;

    my $cluster = Assess::Cluster->new(home => $place,
                                       conf => $postgresql . ($conf // ''));
    $self->at_end(sub { $cluster->remove });
    $cluster->start;

    $cluster->sql_as('postgres', 'postgres', 'do $$ begin for i in 1 .. '
        . SEGMENTS . " loop perform pg_logical_emit_message(false, 'x', 'x');"
        . ' perform pg_switch_wal(); end loop; end $$');
    $cluster->sql_as('postgres', 'postgres', 'checkpoint');

    return $cluster;
}


# A server of the module with a cluster of its own: env as for make run, extra
# for http {}, tune => {directive => value} in place of what is in its
# configuration, postgresql for its cluster's, nginx is one worker.
sub home {
    my ($self, %o) = @_;

    my $place = $self->place;
    my %env = (ASSESS_NGINX => $ENV{ASSESS_NGINX}, %{ $o{env} // {} });
    my $home = bless { place => $place, port => Assess::Test::free_port() },
        'Assess::Bench::Home';

    make_path("$place/logs");
    write_file("$place/extra.conf", join "\n", 'keepalive_requests 1000000000;',
        'assess_answer_cache ' . ($o{answer_cache} // 'off') . ';',
        $o{extra} // '');
    $env{ASSESS_EXTRA} = "$place/extra.conf";

    $home->{cluster} = $self->cluster($place, $o{postgresql});
    $home->{server} = Assess::Bench::Server->new(home => $place,
        port => $home->{port}, env => \%env,
        database => $home->{cluster}->conninfo);
    $home->{server}{tune} = { access_log => 'off', worker_rlimit_nofile => 20000,
                              %{ $o{tune} // {} } };
    $self->at_end(sub { $home->stop });

    $home->{server}->start;

    return $home;
}


# Another nginx with one worker that has nothing to do with the module; first:
# one that stands for another machine, and waits for no core where that may be.
sub nginx {
    my ($self, $http, %o) = @_;

    my $place = $self->place;
    my $self_nginx = { place => $place, port => Assess::Test::free_port() };
    my $user = $> == 0 ? 'user root;' : '';
    my $temp = join '', map {"    ${_}_temp_path $place/$_;\n"}
               qw(client_body proxy fastcgi uwsgi scgi);
    my $main = $o{main} // '';

    $http =~ s/\@PORT\@/$self_nginx->{port}/g;
    write_file("$place/nginx.conf", <<"CONF");
$main
$user
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid $place/nginx.pid;
error_log $place/error.log warn;
events { worker_connections 16384; }
http {
    access_log off;
    keepalive_requests 1000000000;
$temp
$http
}
CONF

    my $nginx = Assess::Server::_find($ENV{ASSESS_NGINX} || 'nginx');
    my $pid = spawn(command => [$nginx, '-p', $place, '-c',
        "$place/nginx.conf", '-e', "$place/error.log"], log => "$place/log",
        cwd => $place);

    $self_nginx->{pid} = $pid;
    $self->at_end(sub {
        my @all = ($pid, children($pid));
        end_all([$pid], TERM => 5, KILL => 5);
        end_all(\@all, TERM => 2, KILL => 5);
    });
    $self->wait_port($self_nginx->{port}, $pid, "$place/error.log");
    wait_until(10, sub { children($pid) }) or die "nginx has no worker\n";

    run_as(undef, qw(chrt -f -p 1), $_) for $o{first} ? children($pid) : ();

    return $self_nginx;
}


# The direct children of a process.
sub children {
    my ($pid) = @_;

    return grep { ((slurp("/proc/$_/stat") // '') =~ /\) \S (\d+)/ ? $1 : 0)
                  == $pid } map { m{(\d+)\z} } glob '/proc/[0-9]*';
}


# Until something listens there.
sub wait_port {
    my ($self, $port, $pid, $log) = @_;

    wait_until(60, sub {
        die "it did not start:\n" . (slurp($log) // '') unless alive($pid);
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port, Proto => 'tcp');
    }) or die "nothing listens on port $port:\n" . (slurp($log) // '');
}


# The test provider, until the benchmark ends.
sub provider {
    my ($self, @options) = @_;

    my $provider = Assess::Provider->new(@options);
    $self->at_end(sub { $provider->stop });
    return $provider;
}


# wrk with one thread: connections (64), seconds, body => a file that is
# POSTed, count => 1 counts answers by status.  {rate, p50, p99, max (ms),
# failed, and with count: accepted, unavailable (503 that say when to come
# again), other}.
sub wrk {
    my ($self, $port, $path, %o) = @_;

    my $seconds = $o{seconds} // $self->{seconds};
    local %ENV = (%ENV, BODY_FILE => $o{body} // '', COUNT => $o{count} // '');

    my $script = "$Assess::Server::REPO/t/bench/load.lua";
    my $said = `wrk -t1 -c@{[$o{connections} // 64]} -d${seconds}s \\
        --timeout 10s -s $script 'http://127.0.0.1:$port$path' 2>&1`;
    my ($line) = $said =~ /^(\{.*\})$/m or die "wrk failed: $said\n";

    return $json->decode($line);
}


# One of the programs below t/bench: what its line of JSON says.
sub run_program {
    my ($self, $name, @arguments) = @_;

    my $command = join ' ', map { "'" . s/'/'\\''/gr . "'" }
                  $self->program($name), @arguments;
    my $line = `$command`;

    die "$name failed\n" if $?;
    return $json->decode($line);
}


# So many POSTs by post.c, all of which are accepted: see there.
sub post {
    my ($self, $port, $path, $bodies, @how) = @_;

    my $posted = $self->run_program('post', $port, $path, $bodies, @how);

    die "$posted->{refused} of $posted->{n} POSTs were refused\n"
        if $posted->{refused};
    $self->report->note("$posted->{unavailable} of $posted->{n} POSTs had to"
        . ' be made again after a 503') if $posted->{unavailable};
    return $posted;
}


# Event streams, held by a process that is asked how they do: see sseload.c.
sub streams {
    my ($self, $port, $path, @options) = @_;

    my $pid = open2(my $out, my $in, $self->program('sseload'), @options, $port,
                    $path);
    my $streams = bless { pid => $pid, in => $in, out => $out },
        'Assess::Bench::Streams';

    $self->at_end(sub { $streams->{gone} || $streams->end });
    $streams->{ready} = $streams->line('ready');
    return $streams;
}


# A file with these values as JSON, one a line.
sub write_bodies {
    my ($self, @bodies) = @_;

    my $path = "$self->{dir}/bodies-" . ++$self->{n};
    write_file($path, join "\n", map { $json->encode($_) } @bodies);
    return $path;
}


# ASSESS_BENCH_PDF names another document than the sample.
sub sample {
    my ($self) = @_;

    my $path = $ENV{ASSESS_BENCH_PDF}
        || "$self->{build}/sample/fire-risk-assessment.pdf";

    return slurp($path) // die "$path: $!\n";
}


package Assess::Bench::Streams;


# The next line, which must be of this kind.
sub line {
    my ($self, $what) = @_;

    my $text = readline $self->{out};
    my $line = defined $text ? $json->decode($text) : {};

    die "event streams: $what was expected, " . ($text // "nothing came\n")
        unless ($line->{what} // '') eq $what;
    return $line;
}


sub reached { return $_[0]->line('reached') }


sub stat {
    my ($self) = @_;

    syswrite $self->{in}, "stat\n";
    return $self->line('stat');
}


sub resume {
    my ($self) = @_;
    syswrite $self->{in}, "resume\n";
}


sub end {
    my ($self) = @_;

    $self->{gone} = 1;
    close $self->{in};

    my $text = '';
    while (my $line = readline $self->{out}) {
        $text = $line;
    }

    waitpid $self->{pid}, 0;
    return $text ? $json->decode($text) : {};
}


package Assess::Bench::Server;

# The server of make run with some directives set otherwise.

use parent -norequire, 'Assess::Server';


sub configure {
    my ($self) = @_;

    $self->SUPER::configure;

    my $path = "$self->{home}/nginx.conf";
    my $text = Assess::Process::slurp($path);

    for my $name (sort keys %{ $self->{tune} }) {
        $text =~ s/^(\s*$name\s+)[^;]+;/$1$self->{tune}{$name};/m
            or die "no $name in the configuration\n";
    }

    Assess::Process::write_file($path, $text, 0600);
    return $self;
}


package Assess::Bench::Home;

# A server under measurement and its cluster.

use Assess::Process qw(wait_until);


sub server  { return $_[0]{server} }
sub cluster { return $_[0]{cluster} }
sub port    { return $_[0]{port} }
sub http    { return $_[0]{server}->http }
sub worker  { return ($_[0]{server}->workers)[0] }
sub sql     { my $self = shift; return $self->{cluster}->sql(@_) }


sub stop {
    my ($self) = @_;

    eval { $self->{server}->stop; 1 } or warn $@;
}


# All processes of nginx: the master, its workers, their children.
sub nginx { return $_[0]{server}->processes }


# The name of a set with so many questions, which are all different.
sub put_questions {
    my ($self, $count, $name) = @_;

    $name //= "q$count";

    my @questions = map { { id => "Q$_", text => "Is there a fire alarm in "
        . "part $_ of the building, and how is it tested?" } } 1 .. $count;
    my $a = $self->http->put("/api/question-sets/$name",
                             json => { questions => \@questions });

    die "no question set\n" unless $a && $a->{status} =~ /^20/;
    return $name;
}


sub upload {
    my ($self, $bytes, $type) = @_;

    my $a = $self->http->post('/api/documents', body => $bytes,
        headers => { 'Content-Type' => $type // 'text/plain' });

    die "no document: ", ($a ? "$a->{status} $a->{body}" : "no answer"), "\n"
        unless $a && $a->{status} =~ /^20/;
    return $a->{json}{documents}[0]{documentId};
}


sub begin {
    my ($self, $document, $set) = @_;

    my $a = $self->http->post('/api/assessments/start',
        json => { documentId => $document, questionSet => $set });

    die "not started\n" unless $a && $a->{status} == 202;
    return $a->{json}{jobId};
}


# Without any job, as if there had been none: a load leaves more of them than
# can be waited for.
sub forget_jobs {
    my ($self) = @_;

    $self->{server}->stop;
    $self->{cluster}->sql_as('postgres', 'assess',
                             'truncate assess.assessment_jobs cascade');
    $self->{server}->start;
}


# Until nothing is queued nor processing.
sub idle {
    my ($self) = @_;

    wait_until(300, sub {
        my $c = $self->http->get('/api/assessments/counters')->{json};
        return $c->{queued} + $c->{processing} == 0;
    }) or die "jobs do not end\n";
}


1;
