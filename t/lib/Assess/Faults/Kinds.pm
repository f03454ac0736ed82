package Assess::Faults::Kinds;

# What is done to the servers.  Each fault is a function of the driver
# (Assess::Faults) that does it, plans what undoes it, and says what it did;
# an empty answer means that it could not be done just now.

use strict;
use warnings;

use Assess::Process qw(alive write_file);

our %kind = (
    worker_kill => \&worker_kill,     # kill -9 of a worker
    worker_stop => \&worker_stop,     # one stands still for longer than a lease
    master_kill => \&master_kill,     # kill -9 of the master, or of all
    reload => \&reload,               # HUP
    quit => \&quit,                   # gracefully, then started again
    stop => \&stop,                   # at once, then started again
    upgrade => \&upgrade,             # a new binary, USR2, takes over
    backend_kill => \&backend_kill,   # kill -9 of a session of PostgreSQL
    db_kill => \&db_kill,             # kill -9 of all of PostgreSQL
    db_restart => \&db_restart,       # an orderly one
    db_stop => \&db_stop,             # all of PostgreSQL stands still
    cut_refuse => \&cut_refuse,       # connections to the provider are refused
    cut_reset => \&cut_reset,         # and reset, at once and for a while
    cut_half => \&cut_half,           # in the middle of the reply
    cut_silent => \&cut_silent,       # it does not say a word
    burst => \&burst,                 # it answers 429, 500 or 503
    disk_db => \&disk_db,             # the database's disk is full
    disk_temp => \&disk_temp,         # that of assess_temp_path
);


sub between { return $_[0] + rand($_[1] - $_[0]) }


sub worker_kill {
    my ($f) = @_;

    my $node = $f->node or return;
    my $pid = $f->one_of($f->workers($node)) or return;

    $f->kill_pids($pid);

    return "worker $pid of $node->{name}";
}


sub worker_stop {
    my ($f) = @_;

    my $node = $f->node or return;
    my $pid = $f->one_of(grep { !$f->stands_still($_) } $f->workers($node))
        or return;
    my $seconds = between($f->{lease} + 0.3, $f->{lease} + 2.5);

    $f->freeze($pid);
    $f->later($seconds, sub { $f->thaw($pid) });

    return sprintf 'worker %d of %s for %.1f s', $pid, $node->{name}, $seconds;
}


# All of it at once; or the master alone, and its workers, which do not notice,
# go on until they are killed too, or are told to quit and end beside the new
# ones; one that stands still hears nothing and has to be killed.
sub master_kill {
    my ($f) = @_;

    my $node = $f->node or return;
    my $way = $f->one_of(qw(all killed quit));
    my $seconds = $way eq 'all' ? 0 : between(0.1, 2.5);
    my $master = $node->{server}{pid};
    my @workers = $f->workers($node);

    $f->take($node->{name});

    if ($way eq 'all') {
        $f->kill_pids($master, @workers);

    } else {
        $f->kill_pids($master);
    }

    $f->later($seconds, sub {
        for my $pid (@workers) {
            $way eq 'quit' && !$f->stands_still($pid)
                ? $f->tell_to_quit('QUIT', $pid) : $f->kill_pids($pid);
        }

        $f->wait_for(10, sub { !$f->listens($node) },
                     sub { $f->start_node($node) });
    });

    return sprintf 'master %d of %s, workers: %s after %.1f s', $master,
        $node->{name}, $way, $seconds;
}


sub reload {
    my ($f) = @_;

    my $node = $f->node or return;
    my @workers = $f->workers($node);

    $f->take($node->{name});
    $f->leaving($_) for @workers;
    kill 'HUP', $node->{server}{pid};

    # until the new ones serve
    $f->wait_for(10, sub {
        grep { my $pid = $_; !grep { $_ == $pid } @workers } $f->workers($node)
    }, sub { $f->give($node->{name}) });

    return $node->{name};
}


sub _again {
    my ($f, $signal) = @_;

    my $node = $f->node or return;
    my $master = $node->{server}{pid};

    $f->take($node->{name});
    $f->tell_to_quit($signal, $master, $f->workers($node));

    $f->wait_for(30, sub { !alive($master) && !$f->workers($node) },
        sub { $f->start_node($node) });

    return $node->{name};
}


sub quit { return _again($_[0], 'QUIT') }
sub stop { return _again($_[0], 'TERM') }


# Both serve for a moment, then the old one is told to quit.
sub upgrade {
    my ($f) = @_;

    my $node = $f->node or return;
    my $old = $node->{server}{pid};
    my @workers = $f->workers($node);
    my $seconds = between(0, 1.5);

    $f->take($node->{name});
    kill 'USR2', $old;

    $f->wait_for(15, sub {
        my $new = $f->master($node);
        return $new && $new != $old && $f->workers_of($node, $new);
    }, sub {
        $node->{server}{pid} = $f->master($node);

        $f->later($seconds, sub {
            $f->tell_to_quit('QUIT', $old, @workers);
            $f->wait_for(15, sub { !alive($old) },
                         sub { $f->give($node->{name}) });
        });
    });

    return "$node->{name}, both for $seconds s" =~ s/(\.\d)\d+/$1/r;
}


sub backend_kill {
    my ($f) = @_;

    return if $f->taken('db');

    my $pid = $f->one_of($f->backends) or return;

    $f->take('db');
    $f->gone('away');
    kill 'KILL', $pid;
    $f->later(0.3, sub { $f->wait_for_db });

    return "session $pid";
}


sub db_kill {
    my ($f) = @_;

    return if $f->taken('db');

    my $seconds = between(0, 2);

    $f->take('db');
    $f->gone('away');
    $f->{cluster}->crash;
    $f->later($seconds, sub { $f->launch_db });

    return sprintf 'for %.1f s', $seconds;
}


sub db_restart {
    my ($f) = @_;

    return if $f->taken('db');

    my $seconds = between(0, 1);

    $f->take('db');
    $f->gone('away');
    $f->{cluster}->stop;
    $f->later($seconds, sub { $f->launch_db });

    return sprintf 'for %.1f s', $seconds;
}


sub db_stop {
    my ($f) = @_;

    return if $f->taken('db');

    my @pids = $f->{cluster}->processes;
    my $seconds = between(1, 5);

    $f->take('db');
    $f->gone('away');
    $f->suspend(@pids);
    $f->later($seconds, sub {
        $f->resume(@pids);
        $f->wait_for_db;
    });

    return sprintf 'for %.1f s', $seconds;
}


# The provider is told one thing, and after a while another.
sub _provider {
    my ($f, $seconds, $say, $end) = @_;

    $f->take('provider');
    $f->say(%$say);
    $f->later($seconds, sub {
        $f->say(%$end);
        $f->give('provider');
    });

    return sprintf 'for %.1f s', $seconds;
}


sub cut_refuse {
    my ($f) = @_;

    return if $f->taken('provider');
    return _provider($f, between(0.2, 4), { listen => \0, drop => \1 },
                     { listen => \1 });
}


sub cut_reset {
    my ($f) = @_;

    return if $f->taken('provider');
    return _provider($f, between(0, 2), { drop => \1, mode => 'reset' },
                     { mode => 'ok' });
}


sub cut_half {
    my ($f) = @_;

    return if $f->taken('provider');
    return _provider($f, between(0.1, 0.5), { mode => 'cut' },
                     { mode => 'ok' });
}


sub cut_silent {
    my ($f) = @_;

    return if $f->taken('provider');

    my $pid = $f->{provider}{pid};
    my $seconds = between(0.5, 5);

    $f->take('provider');
    $f->gone('silent');
    $f->suspend($pid);
    $f->later($seconds, sub {
        $f->resume($pid);
        $f->back('silent');
        $f->give('provider');
    });

    return sprintf 'for %.1f s', $seconds;
}


sub burst {
    my ($f) = @_;

    return if $f->taken('provider');

    my $status = $f->one_of(429, 500, 503);
    my $headers = rand() < 0.5 ? { 'Retry-After' => '1' } : {};

    return "$status " . _provider($f, between(0.1, 2),
        { status => $status, headers => $headers },
        { status => 200, headers => {} });
}


sub disk_db {
    my ($f) = @_;

    return if $f->taken('db');

    my $seconds = between(0.5, 3);

    $f->take('db');
    $f->gone('away');
    write_file($f->{full}{db}, '');

    $f->later($seconds, sub {
        unlink $f->{full}{db};
        $f->wait_for_db;
    });

    return sprintf 'for %.1f s', $seconds;
}


sub disk_temp {
    my ($f) = @_;

    return if $f->taken('temp');

    my $seconds = between(0.5, 3);

    $f->take('temp');
    write_file($f->{full}{temp}, '');

    $f->later($seconds, sub {
        unlink $f->{full}{temp};
        $f->give('temp');
    });

    return sprintf 'for %.1f s', $seconds;
}


1;
