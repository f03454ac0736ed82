package Assess::Faults;

# Two servers on one database and one provider, a load of jobs, and at random
# moments a fault; then what must be true all the same.  The moments and the
# faults come from a seed; what the machine makes of them does not.
#
#   my $f = Assess::Faults->new(seed => 7, jobs => 30, count => 12,
#                               kinds => [qw(worker_kill reload)]);
#   $f->run;
#   for my $c ($f->checks) { my ($name, @wrong) = @$c; ... }

use strict;
use warnings;

use File::Copy qw(copy);
use File::Find qw(find);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP ();
use List::Util qw(max);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(clock_gettime sleep time CLOCK_MONOTONIC);

use Assess::Cluster;
use Assess::Faults::Check;
use Assess::Faults::Kinds;
use Assess::Faults::Ledger;
use Assess::Faults::Load;
use Assess::Jobs qw(changed_conf);
use Assess::Process qw(alive run_as slurp wait_until working_in write_file);
use Assess::Provider;
use Assess::Server;
use Assess::Test;

use constant {
    LEASE => 2,
    BATCHES => 20,
    QUESTIONS_PER_BATCH => 2,
    AHEAD => 12,                 # jobs that are started before their turn
    BACKLOG => 60,               # jobs that may wait before faults pause
    SETTLE => 120,               # seconds for the last jobs to end
};

my @price = (1, 2);
my (%suspended, @loads);


sub now { return clock_gettime(CLOCK_MONOTONIC) }


# seed, jobs, count (of faults), kinds (all by default), gap (mean seconds
# between faults), tell (a function that is told of each).
sub new {
    my ($class, %o) = @_;

    my $self = bless { gap => 1.5, tell => sub { }, %o, lease => LEASE,
        busy => {}, timers => [], polls => [], killed => {}, frozen => {},
        ending => {}, left => {}, away => [], silent => [], broken => [], done => {},
        log => [] }, $class;

    $self->{kinds} //= [grep {
        # its preloaded library would come before the sanitizer's
        $_ ne 'disk_temp' || !defined $ENV{ASAN_OPTIONS}
    } sort keys %Assess::Faults::Kinds::kind];

    for my $kind (@{ $self->{kinds} }) {
        die "there is no fault \"$kind\"\n"
            if !$Assess::Faults::Kinds::kind{$kind};
    }

    return $self;
}


sub _set_up {
    my ($self) = @_;

    my $price = "price test-model input=$price[0] output=$price[1];";

    # nginx takes USR2 only where it has left its parent, and its disk along
    # only where it may keep the environment
    changed_conf(sub {
        s/^daemon\s+off;/daemon on;\nenv LD_PRELOAD;\nenv FULL_DISK_BELOW;
env FULL_DISK_WHEN;/m;
        s/(model "test-model";)/$1 backoff 100ms; backoff_max 1s; passages 2;
          connect_timeout 2s; timeout 8s; $price/;
    });

    $self->{account} = tempdir('assess-a-XXXXXX', TMPDIR => 1, CLEANUP => 1)
        . '/account';
    $self->{provider} = Assess::Provider->new('--log', $self->{account});
    $self->say(delayMs => 400, jitterMs => 600);

    my %settings = map { $_ => { no_start => 1, env => $self->_env($_),
        extra => "assess_drain_timeout 4s;\n" } } qw(a b);

    my $t = $self->{test} = Assess::Test->new(%{ $settings{a} });

    $t->allow_alarm(qr/exited on signal 9/);
    $t->allow_alarm(qr/shared memory zone "assess" was locked by/);
    $self->_disks($t->dir);
    $self->_database($t->home);
    $self->_node(a => $t->home);
    $self->_node(b => $t->another(%{ $settings{b} }));
    $self->_turn while %{ $self->{busy} };

    die @{ $self->{broken} } if @{ $self->{broken} };
    $_->{server}->wait_ready(60) for @{ $self->{nodes} };
}


sub _env {
    my ($self, $name) = @_;

    my %env = ($self->{provider}->env, ASSESS_WORKERS => 2, ASSESS_JOBS => 8,
        ASSESS_LEASE => LEASE, ASSESS_CONCURRENCY => 16,
        ASSESS_QUESTIONS_PER_BATCH => QUESTIONS_PER_BATCH);

    # so that the account tells the servers apart
    $env{OPENAI_BASE_URL} =~ s{/v1\z}{/$name/v1};

    return \%env;
}


sub _disks {
    my ($self, $dir) = @_;

    my $build = $ENV{ASSESS_BUILD} || "$Assess::Server::REPO/build";

    $self->{dir} = $dir;
    $self->{full} = { db => "$dir/full.db", temp => "$dir/full.temp" };

    # where every user can get at it
    copy("$build/full_disk.so", "$dir/full_disk.so")
        or die "$build/full_disk.so: $!\n";
    chmod 0755, "$dir/full_disk.so";
}


sub _database {
    my ($self, $home) = @_;

    $self->{cluster} = $home->{cluster}
        = Assess::Cluster->new(home => $home->{home});

    $self->_on_disk('db', $self->{cluster}{data}, sub {
        $self->{cluster}->start;
    });
}


sub _node {
    my ($self, $name, $home) = @_;

    $home->{server} = Assess::Server->new(home => $home->{home},
        port => $home->{port}, env => $home->{env}, log_level => 'info',
        database => $self->{cluster}->conninfo);

    my $node = { name => $name, home => $home, server => $home->{server} };

    push @{ $self->{nodes} }, $node;
    $self->start_node($node);
}


# What is started by the function has the disk that can be full.
sub _on_disk {
    my ($self, $disk, $below, $code) = @_;

    local %ENV = (%ENV, LD_PRELOAD => "$self->{dir}/full_disk.so",
        FULL_DISK_BELOW => $below, FULL_DISK_WHEN => $self->{full}{$disk});

    delete $ENV{LD_PRELOAD} if $disk eq 'temp' && defined $ENV{ASAN_OPTIONS};

    return $code->();
}


# --- time

sub later {
    my ($self, $seconds, $code) = @_;

    push @{ $self->{timers} }, [now() + $seconds, $code];
}


# Asks until it is so, then goes on; what never comes is a violation.
sub wait_for {
    my ($self, $seconds, $test, $then) = @_;

    my ($file, $line) = (caller)[1, 2];

    push @{ $self->{polls} }, { until => now() + $seconds, test => $test,
        then => $then, what => "$file line $line" };
}


# A little time passes, and what is due in it is done.
sub _turn {
    my ($self) = @_;

    my $now = now();
    my @due = grep { $_->[0] <= $now } @{ $self->{timers} };

    @{ $self->{timers} } = grep { $_->[0] > $now } @{ $self->{timers} };
    $_->[1]->() for sort { $a->[0] <=> $b->[0] } @due;

    my @polls = splice @{ $self->{polls} };

    for my $poll (@polls) {
        if ($poll->{test}->()) {
            $poll->{then}->();

        } elsif (now() > $poll->{until}) {
            push @{ $self->{broken} }, "waited in vain, $poll->{what}\n";
            $poll->{then}->();

        } else {
            push @{ $self->{polls} }, $poll;
        }
    }

    for my $pid (keys %{ $self->{ending} }) {
        next if alive($pid);
        my $e = delete $self->{ending}{$pid};
        $self->{ $e->{how} }{$pid} = [$e->{told}, now()];
    }

    sleep 0.02;
}


# --- what faults use

sub take  { $_[0]{busy}{ $_[1] } = 1 }
sub give  { delete $_[0]{busy}{ $_[1] } }
sub taken { return $_[0]{busy}{ $_[1] } }

sub one_of { my $self = shift; return @_ ? $_[rand @_] : undef }


# A server that is not being restarted.
sub node {
    my ($self) = @_;

    return $self->one_of(grep { !$self->taken($_->{name}) }
                         @{ $self->{nodes} });
}


sub workers { return $_[1]{server}->workers }


# Those of another master than the one that counts.
sub workers_of {
    my ($self, $node, $master) = @_;

    local $node->{server}{pid} = $master;
    return $self->workers($node);
}


sub kill_pids {
    my ($self, @pids) = @_;

    for my $pid (grep { alive($_) } @pids) {
        my $now = now();
        kill 'KILL', $pid;
        $self->{killed}{$pid} = [$now, now()];
        delete $self->{ending}{$pid};
    }
}


# The first is told, the others follow it.
sub tell_to_quit {
    my ($self, $signal, @pids) = @_;

    my $how = $signal eq 'QUIT' ? 'left' : 'killed';

    for my $pid (@pids) {
        $self->{ending}{$pid} = { told => now(), how => $how };
    }

    kill $signal, $pids[0];
}


sub leaving {
    my ($self, $pid) = @_;

    $self->{ending}{$pid} //= { told => now(), how => 'left' };
}


sub suspend {
    my ($self, @pids) = @_;

    $suspended{$_} = 1 for @pids;
    kill 'STOP', @pids;
}


sub resume {
    my ($self, @pids) = @_;

    kill 'CONT', grep { alive($_) } @pids;
    delete @suspended{@pids};
}


sub stands_still { return $suspended{ $_[1] } }


sub freeze {
    my ($self, $pid) = @_;

    push @{ $self->{frozen}{$pid} }, [now(), undef];
    $self->suspend($pid);
}


sub thaw {
    my ($self, $pid) = @_;

    $self->resume($pid);
    $self->{frozen}{$pid}[-1][1] = now();
}


# The process that nginx says is its master.
sub master {
    my ($self, $node) = @_;

    my ($pid) = (slurp("$node->{server}{home}/nginx.pid") // '') =~ /^(\d+)/;
    return $pid;
}


# It leaves its parent, which then ends: with its children running, or in vain.
sub start_node {
    my ($self, $node) = @_;

    my $server = $node->{server};
    my $before = $self->master($node) // 0;

    $self->take($node->{name});
    $self->_on_disk('temp', "$server->{home}/temp", sub {
        $server->start(no_wait => 1, no_clear => 1);
    });

    my $parent = $server->{pid};
    my $gone;

    $self->wait_for(30, sub {
        return 0 if alive($parent);

        my $master = $self->master($node) // 0;
        $gone //= now();

        # the file is written after that
        if ($master == $before || !alive($master)) {
            return 0 if now() - $gone < 5;
            push @{ $self->{broken} }, "nginx $node->{name} did not start:\n"
                . $server->tail;
            return 1;
        }

        $server->{pid} = $master;
        return $self->lives($node);
    }, sub { $self->give($node->{name}) });
}


# While somebody does, nobody else can.
sub listens {
    my ($self, $node) = @_;

    return defined IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $node->{home}{port}, Proto => 'tcp', Timeout => 1);
}


sub lives {
    my ($self, $node) = @_;

    my $a = $node->{server}->http->request('GET', '/api/health/live',
                                           timeout => 1);
    return $a && $a->{status} == 200;
}


# From now on, until it is said to be back.
sub gone {
    my ($self, $what) = @_;

    push @{ $self->{$what} }, [now(), undef];
}


sub back {
    my ($self, $what) = @_;

    $self->{$what}[-1][1] = now();
}


# --- the database


sub backends {
    my ($self) = @_;

    return grep { (slurp("/proc/$_/cmdline") // '')
                  =~ /^postgres: assess assess/ } $self->{cluster}->processes;
}


sub launch_db {
    my ($self) = @_;

    $self->_on_disk('db', $self->{cluster}{data}, sub {
        $self->{cluster}->launch;
    });
    $self->wait_for_db;
}


# A server that gave up, because its disk was full, is started again.
sub wait_for_db {
    my ($self) = @_;

    $self->wait_for(60, sub {
        return 1 if defined $self->_quick('select 1');
        return 0 if alive($self->{cluster}{pid});

        $self->_on_disk('db', $self->{cluster}{data}, sub {
            $self->{cluster}->launch;
        });

        return 0;
    }, sub {
        $self->back('away');
        $self->give('db');
    });
}


# undef where there is no answer.
sub _quick {
    my ($self, $sql) = @_;

    local $ENV{PGCONNECT_TIMEOUT} = 5;
    return eval { $self->{cluster}->sql($sql) };
}


# --- the provider

# On a connection that stays: it is the only one when others are refused.
sub say {
    my ($self, %say) = @_;

    my $body = JSON::PP->new->encode(\%say);
    my $sock = $self->{control} //= IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{provider}{port},
        Proto => 'tcp') // die "the provider is not there\n";

    syswrite $sock, "POST /__control HTTP/1.1\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";

    my $in = '';

    until ($in =~ /\r\n\r\n.*\}\z/s) {
        sysread $sock, $in, 4096, length $in
            or die "the provider does not answer\n";
    }

    die "the provider refuses: $in\n" if $in !~ m{^HTTP/1\.1 200 };
}


# --- the run

sub run {
    my ($self) = @_;

    srand $self->{seed};
    $self->_set_up;

    my $pdf = slurp(($ENV{ASSESS_BUILD} || "$Assess::Server::REPO/build")
        . '/sample/fire-risk-assessment.pdf');
    my $load = $self->{load} = Assess::Faults::Load->new(
        dir => $self->{dir}, seed => $self->{seed}, jobs => $self->{jobs},
        ports => [map { $_->{home}{port} } @{ $self->{nodes} }], pdf => $pdf,
        questions => BATCHES * QUESTIONS_PER_BATCH);

    push @loads, $load;
    $load->question_sets;
    $load->subscribers;
    $load->starters;
    $self->{begun} = now();

    $self->_do_faults;
    $self->_settle;
}


sub _do_faults {
    my ($self) = @_;

    my $done = 0;
    my $next = now() + 1 + rand $self->{gap};
    my $moved = now();
    my $ended = 0;

    $self->{load}->allow(AHEAD);

    while ($done < $self->{count}) {
        $self->_turn;

        if (now() - ($self->{counted} // 0) > 1 && !$self->taken('db')) {
            my $n = $self->_quick('select count(*) from'
                . ' assess.assessment_jobs where completed_at is not null');

            $self->{counted} = now();
            $moved = now() if defined $n && $n > $ended;
            $ended = $n // $ended;
        }

        if (now() - $moved > SETTLE) {
            push @{ $self->{broken} }, "no job ends any more\n";
            return;
        }

        my $allowed = AHEAD + int($self->{jobs} * $done / $self->{count});

        next if now() < $next || $allowed - $ended > BACKLOG;
        $done += $self->_one_fault or next;
        $self->{load}->allow(AHEAD + int($self->{jobs} * $done
                                         / $self->{count}));
        $next = now() + 0.1 + rand 2 * $self->{gap};
    }

    $self->{load}->allow($self->{jobs});
}


sub _one_fault {
    my ($self) = @_;

    my $kind = $self->one_of(@{ $self->{kinds} });
    my $at = now() - $self->{begun};
    my $what = $Assess::Faults::Kinds::kind{$kind}->($self) or return 0;
    my $line = sprintf '%7.2f %s %s', $at, $kind, $what;

    $self->{done}{$kind}++;
    push @{ $self->{log} }, $line;
    $self->{tell}->($line);

    return 1;
}


sub _settle {
    my ($self) = @_;

    my $load = $self->{load};
    my $end = now() + SETTLE;
    my $sub = scalar @{ $load->{subscribers} };

    $self->_turn while (%{ $self->{busy} } || %suspended) && now() < $end;

    my $left = -1;

    while (now() < $end) {
        $self->_turn;

        # and all is told, of batches a moment later
        $left = $self->_quick("select $self->{jobs} - count(*) + (select"
            . ' count(*) from assess.batch_assessments where open or'
            . ' told <> changes) from assess.assessment_jobs'
            . ' where completed_at is not null') // next;
        last if $left == 0 && $load->running <= $sub;
        sleep 0.2;
    }

    $self->{took} = now() - $self->{begun};

    push @{ $self->{broken} }, "$left jobs have not ended\n" if $left;
    push @{ $self->{broken} }, "a starter has no 202\n"
        if $load->running > $sub;

    my %last = map { my ($t, $id) = split /\|/; ($t => $id) } split /\n/,
        $self->{cluster}->sql('select tenant, max(event_id)'
            . ' from assess.assessment_progress_events group by tenant');

    $load->until(one => $last{one} // 0, two => $last{two} // 0);
    wait_until(30, sub { $self->_turn; !$load->running })
        or push @{ $self->{broken} }, "a subscriber has not seen the end\n";

    # what was told to leave may still be at it
    $end = now() + 15;
    $self->_turn while %{ $self->{ending} } && now() < $end;
}


# --- what must be true

# A list of [name, what is wrong...].
sub checks {
    my ($self) = @_;

    my $sql = sub { $self->{cluster}->sql(@_) };
    my $ledger = $self->ledger;
    my @log = Assess::Faults::Check::events($sql);
    my @checks = (['all went as planned', @{ $self->{broken} }]);

    for my $name (Assess::Faults::Check::names()) {
        push @checks, [$name, Assess::Faults::Check::query($name, $sql)];
    }

    push @checks,
        ['every 202 has its job, and no other is there',
         Assess::Faults::Check::jobs([$self->{load}->started], $sql)],
        ['a repeated start is told the same', $self->_repeated],
        ['a start is accepted or told to come again', $self->_refused],
        ['progress does not go down', Assess::Faults::Check::progress(\@log)],
        ['nothing was asked again that was answered',
         $self->_repetitions($ledger)],
        ['nothing was asked again that was saved',
         $self->_though_saved($ledger, $sql)],
        ['tokens and costs are those of the answers',
         Assess::Faults::Check::tokens($ledger, $sql, @price)];

    for my $s ($self->{load}->seen) {
        push @checks, ["subscriber $s->{name} saw all, once and in order",
                       $self->_subscriber($s, \@log)];
    }

    push @checks, ['both servers know the end of every job', $self->_served],
        ['no reader of documents is left', $self->_readers];

    return @checks;
}


sub _subscriber {
    my ($self, $s, $log) = @_;

    return (@{ $s->{wrong} }, map {
        Assess::Faults::Check::stream($_->{seen}, $log,
            tenant => $s->{tenant}, jobs => $_->{jobs})
    } @{ $s->{rounds} });
}


sub ledger {
    my ($self) = @_;

    my $now = now();
    my %closed;

    for my $how (qw(killed left)) {
        $closed{$how} = { %{ $self->{$how} },
            map { $_ => [$self->{ending}{$_}{told}, $now] }
            grep { $self->{ending}{$_}{how} eq $how }
            keys %{ $self->{ending} } };
    }

    return $self->{ledger} //= Assess::Faults::Ledger->new(
        lease => LEASE, %closed,
        frozen => { map { $_ => [map { [$_->[0], $_->[1] // $now] }
                                 @{ $self->{frozen}{$_} }] }
                    keys %{ $self->{frozen} } },
        map { my $what = $_; ($what => [map { [$_->[0], $_->[1] // $now] }
                                        @{ $self->{$what} }]) }
        qw(away silent),
    )->read_file($self->{account});
}


sub _repetitions {
    my ($self, $ledger) = @_;

    my @wrong;

    for my $r ($ledger->repetitions) {
        $self->{excused}{ $r->{excuse} // 'nothing' }++;
        push @wrong, sprintf '%s %s: asked at %.2f by %d, answered at %.2f,'
            . ' asked again at %.2f by %d', $r->{name}, $r->{id},
            $r->{first}{asked} - $self->{begun}, $r->{first}{pid},
            $r->{first}{ended} - $self->{begun},
            $r->{again}{asked} - $self->{begun}, $r->{again}{pid}
            if !$r->{excuse};
    }

    return Assess::Faults::Check::first_of(@wrong);
}


sub _though_saved {
    my ($self, $ledger, $sql) = @_;

    my $offset = time - now();
    my $saved = Assess::Faults::Check::saved($sql);
    my @wrong;

    $_ -= $offset for values %$saved;

    for my $r ($ledger->asked_though_saved($saved)) {
        $self->{excused}{ $r->{excuse} // 'saved' }++;
        push @wrong, sprintf '%s %s: saved at %.2f, asked again at %.2f by %d',
            $r->{name}, $r->{id}, $r->{saved} - $self->{begun},
            $r->{again}{asked} - $self->{begun}, $r->{again}{pid}
            if !$r->{excuse};
    }

    return Assess::Faults::Check::first_of(@wrong);
}


sub _repeated {
    my ($self) = @_;

    my %job = map { $_->{n} => $_->{job} } $self->{load}->started;

    return map {"start $_->{n}: $job{ $_->{n} }, then $_->{job}"}
        grep { $_->{job} ne $job{ $_->{n} } } $self->{load}->started('R');
}


sub _refused {
    my ($self) = @_;

    return Assess::Faults::Check::first_of(
        map {"$_->{n}: $_->{status} $_->{detail}"}
        grep { $_->{status} !~ /^(?:none|409|503)\z/
               || $_->{detail} eq 'without-retry-after' }
        $self->{load}->refusals);
}


sub _served {
    my ($self) = @_;

    my @wrong;

    for my $s ($self->{load}->started) {
        for my $node (@{ $self->{nodes} }) {
            my $a = $node->{server}->http->get(
                "/api/assessments/job/$s->{job}",
                headers => { 'X-Tenant' => $s->{tenant} });
            my $got = $a && $a->{json} ? $a->{json}{status} : 'no answer';

            push @wrong, "$s->{job} on $node->{name}: $got"
                if $got ne 'completed';
        }
    }

    return Assess::Faults::Check::first_of(@wrong);
}


# Those whose worker was killed end by themselves, soon; one waits below each
# worker for the next document.
sub _readers {
    my ($self) = @_;

    my @left;

    wait_until(10, sub {
        @left = ();

        for my $server (map { $_->{server} } @{ $self->{nodes} }) {
            my %nginx = map { $_ => 1 } working_in($server->{home}, 'nginx');

            push @left, grep {
                my $stat = slurp("/proc/$_/stat") // '';
                $stat =~ /\) \S (\d+)/ && !$nginx{$1};
            } working_in($server->{home}, 'assess-extract');
        }

        return !@left;
    });

    return map {"process $_"} @left;
}


# Stops all, and tells what is below the homes that does not belong there.
sub leftovers {
    my ($self) = @_;

    my @left;

    for my $home (map { $_->{home} } reverse @{ $self->{nodes} }) {
        eval { $home->stop; 1 } or push @left, $@;
    }

    find({ no_chdir => 1, wanted => sub {
        return if -d $File::Find::name;

        my $path = substr $File::Find::name, length "$self->{dir}/";

        return if $path =~ m{^\w+/cluster(?:/|\.place\z)}
            || $path =~ m{^\w+/logs/(?:error|access|stderr|postgres)\.log\z}
            || $path =~ m{^\w+/(?:nginx\.conf|extra\.conf|lock|nginx\.pid)\z}
            || $path =~ m{^(?:full_disk\.so|quota|until)\z}
            || $path =~ m{^(?:starts|saw)\.[\w-]+\z};

        push @left, $path;
    } }, $self->{dir});

    return Assess::Faults::Check::first_of(@left);
}


# What somebody needs who looks for the reason: to a directory that is there.
sub keep {
    my ($self, $to) = @_;

    for my $node (@{ $self->{nodes} }) {
        copy("$node->{server}{home}/logs/error.log",
            "$to/error.$node->{name}.log");
    }

    copy($self->{account}, "$to/account");
    copy($_, $to) for glob "$self->{dir}/{saw,starts}.*";

    my $epoch = time - now();
    write_file("$to/faults", join '', map {"$_\n"}
        sprintf('begun at %.3f of the account\'s clock, %.3f of the epoch',
            $self->{begun}, $self->{begun} + $epoch), @{ $self->{log} });
    write_file("$to/events", $self->{cluster}->sql('select'
        . ' extract(epoch from created_at), event_id, job_id, type, data'
        . ' from assess.assessment_progress_events order by event_id'));
    write_file("$to/answers", $self->{cluster}->sql('select job_id,'
        . ' question_id, extract(epoch from created_at)'
        . ' from assess.assessment_answers order by 1, 2'));
    write_file("$to/jobs", join '', map {"$_->{n} $_->{job}\n"}
        $self->{load}->started);
}


# In a few lines.
sub summary {
    my ($self) = @_;

    my @requests = $self->ledger->requests;
    my @answers = $self->ledger->answers;
    my @refusals = $self->{load}->refusals;
    my @slow = grep { $_->{status} eq '503' } @refusals;
    my $cuts = 0;

    $cuts += $_->{cuts} for $self->{load}->seen;

    return (
        sprintf('seed %d: %d jobs, %d faults in %.0f s', $self->{seed},
            scalar($self->{load}->started), scalar @{ $self->{log} },
            $self->{took}),
        join(' ', map {"$_ $self->{done}{$_}"} sort keys %{ $self->{done} }),
        sprintf('%d requests, %d answered; questions answered more than once:'
            . ' %s', scalar @requests, scalar @answers, join(', ',
            map {"$self->{excused}{$_} $_"} sort keys %{ $self->{excused} })
            || 'none'),
        sprintf('%d starts refused, the slowest 503 after %.2f s; streams cut'
            . ' %d times', scalar @refusals,
            max(0, map { $_->{took} } @slow), $cuts),
    );
}


sub done {
    my ($self) = @_;

    $self->{provider}->stop;
    $self->{test}->done;
}


# Before the servers are ended by the end of Assess::Test.
END {
    local $?;
    kill 'CONT', grep { alive($_) } keys %suspended;
    kill 'KILL', map { $_->running } @loads;
}


1;
