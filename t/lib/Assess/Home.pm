package Assess::Home;

# All that "make run" starts: a home with its lock, its cluster, its server.

use strict;
use warnings;

use Cwd qw(realpath);
use Fcntl qw(:flock);
use File::Path qw(make_path);
use IO::Socket::INET;

use Assess::Cluster;
use Assess::Server;


sub new {
    my ($class, %o) = @_;

    my $env = $o{env} // \%ENV;
    my $home = $o{home} // ($env->{ASSESS_HOME} || "$Assess::Server::REPO/run");
    my $port = $o{port} // $env->{ASSESS_PORT} // '';

    $port = 8080 if $port eq '';

    die "ASSESS_PORT must be a port, not \"$port\"\n"
        unless $port =~ /^\d{1,5}\z/ && $port > 0 && $port < 65536;

    make_path("$home/logs");
    $home = realpath($home);

    my $self = bless { home => $home, port => $port, env => $env,
                       options => \%o }, $class;
    $self->_lock;

    return $self;
}


# Two of them in one home would be each other's leftovers.
sub _lock {
    my ($self) = @_;

    open $self->{lock}, '>>', "$self->{home}/lock"
        or die "$self->{home}/lock: $!\n";
    flock $self->{lock}, LOCK_EX | LOCK_NB
        or die "another one is running in $self->{home}; "
            . "ASSESS_HOME and ASSESS_PORT choose another place\n";
}


sub start {
    my ($self) = @_;

    my %o = %{ $self->{options} };
    my $database = $o{database} // $self->{env}{ASSESS_DATABASE};

    $self->{server} = Assess::Server->new(home => $self->{home},
        port => $self->{port}, env => $self->{env},
        log_level => $o{log_level});
    $self->{server}->clear;
    $self->_port_is_free;

    if (!defined $database || $database eq '') {
        $self->{cluster} = Assess::Cluster->new(home => $self->{home},
            conf => $o{postgresql});

        print "assess: the cluster is in $self->{cluster}{dir}, where",
            " PostgreSQL's user can get at it\n"
            if $self->{cluster}{elsewhere} && !$o{quiet};

        $self->{cluster}->start;
        $database = $self->{cluster}->conninfo;
    }

    $self->{server}{database} = $database;
    $self->{server}->start;

    return $self;
}


sub _port_is_free {
    my ($self) = @_;

    IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port},
        Listen => 1, ReuseAddr => 1, Proto => 'tcp')
        or die "port $self->{port} of 127.0.0.1 cannot be had: $!\n";
}


sub server  { return $_[0]{server} }
sub cluster { return $_[0]{cluster} }
sub http    { return $_[0]{server}->http }
sub url     { return "http://127.0.0.1:$_[0]{port}" }


# The server first: it still writes to the database while it drains.
sub stop {
    my ($self, $how) = @_;

    my @errors;

    for my $part (sub { $self->{server} && $self->{server}->${ \($how // 'quit') } },
                  sub { $self->{cluster} && $self->{cluster}->stop })
    {
        eval { $part->(); 1 } or push @errors, $@;
    }

    die @errors if @errors;
}


# What is still alive of it; nothing after a stop.
sub processes {
    my ($self) = @_;

    return map { $_ ? $_->processes : () } @$self{qw(server cluster)};
}


1;
