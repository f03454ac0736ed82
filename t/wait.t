#!/usr/bin/perl

# Prefer: wait: a start is answered when its job has ended.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(time);

use Assess::Jobs qw(document question_set start_job started write_events
                    changed_conf);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

changed_conf(sub { s/(assess_zone\s+assess) 32m/$1 1m/ });

my $provider = Assess::Provider->new('--delay-ms', 50);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 16 });
my $http = $t->http;

question_set($t, 'two', 6);

my $document = document($t);


# what takes the worker a while: a request in a process of its own
sub in_background {
    my ($code) = @_;

    pipe my $in, my $out or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my $a = eval { $code->() };
        print {$out} $a ? join(' ', $a->{status}, $a->{json}{jobId} // '?',
            $a->{json}{status} // '?') : "none $@";
        close $out;
        POSIX::_exit(0);
    }

    close $out;
    return { pid => $pid, in => $in };
}


sub result {
    my ($child) = @_;

    local $/;
    my $in = $child->{in};
    my $text = <$in>;
    waitpid $child->{pid}, 0;

    return $text;
}


sub waited {
    my ($prefer, %o) = @_;

    return started($t, document => $document, set => 'two', %o, headers =>
        { Prefer => $prefer, %{ $o{headers} // {} } });
}


# the job of a user, when it asks the provider
sub running {
    my ($user) = @_;

    my $job;
    wait_until(20, sub {
        ($job) = @{ $http->get('/api/assessments/jobs?status=processing'
            . "&user=$user")->{json}{jobs} };
        return $job && ($job->{stage} // '') eq 'llm_processing';
    }) or die "no job of $user runs\n";

    return $job->{jobId};
}


# Connections of clients; those to the provider come and go.
sub sockets {
    my ($pid) = @_;

    my $port = sprintf ':%04X', $t->home->{port};
    my %inode;

    open my $tcp, '<', "/proc/$pid/net/tcp" or die "net/tcp: $!\n";
    while (<$tcp>) {
        my @field = split;
        $inode{ $field[9] } = 1
            if substr($field[1], -5) eq $port && $field[3] ne '0A';
    }

    return scalar grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/
        && $inode{$1} } glob "/proc/$pid/fd/*";
}


# --- to the end

my $a = waited('wait=60');
is($a->{status}, 200, 'the answer comes with the end of the job');
is($a->{json}{status}, 'completed', 'as the Job');
is($a->{json}{progress}, 100, 'complete');
is_deeply($a->{json}, $http->get("/api/assessments/job/$a->{json}{jobId}")
    ->{json}, 'the same as of its status');
is($a->{headers}{'preference-applied'}, 'wait=60', 'the preference is applied');
is($a->{headers}{location}, "/api/assessments/job/$a->{json}{jobId}",
    'with its location');

for my $prefer ('respond-async, wait=60', 'WAIT = "60"', 'wait=60; x=y',
                'wait=99999', 'wait=99999999999999999999') {
    is(waited($prefer)->{status}, 200, $prefer);
}

is(waited('wait=99999')->{headers}{'preference-applied'}, 'wait=300',
    'more than 300 is 300');

my @jobs;

for my $prefer ('wait=0', 'wait', 'wait=x', 'waiting=5', 'return=minimal') {
    $a = waited($prefer);
    push @jobs, $a->{json}{jobId};
    is($a->{status}, 202, "$prefer does not wait");
    is($a->{json}{status}, 'queued', 'the answer is the usual one');
}


$t->wait_job($_) for @jobs;


# --- not to the end

$provider->control(mode => 'hang');

my $start = time;
$a = waited('wait=1');
my $took = time - $start;

is($a->{status}, 202, 'the time is over first');
ok($took >= 0.9, 'not before');
ok($a->{json}{statusUrl}, 'the 202 is as without waiting');
my $job = $a->{json}{jobId};

# several, of one job, by its key; and what becomes of it
my %keyed = ('Idempotency-Key' => 'k1', 'X-User' => 'keyed');
my @waiters = (in_background(sub { waited('wait=50', headers => \%keyed) }));
my $mine = running('keyed');

# the other ones are there when the worker has their connections
my ($worker) = $t->server->workers;
my $connections = sockets($worker);
# (two of them at the very same time: one is told 409, and comes again)
push @waiters, map { in_background(sub {
    my $a;

    wait_until(20, sub {
        $a = waited('wait=50', headers => \%keyed);
        return $a->{status} != 409;
    });
    return $a;
}) } 1 .. 3;
ok(wait_until(20, sub { sockets($worker) >= $connections + 3 }),
    'four wait for one job');

$http->delete("/api/assessments/job/$mine");
is(join(', ', map { result($_) } @waiters),
    join(', ', ("200 $mine cancelled") x 4), 'all are told of its end');

$a = waited('wait=50', headers => \%keyed);
is("$a->{status} $a->{json}{status}", '200 cancelled',
    'a replayed start of a job that has ended is answered at once');
is($a->{headers}{'idempotent-replayed'}, 'true', 'as replayed');

# the client goes away
$connections = sockets($worker);
my $sock = $http->connect;
my $body = "{\"documentId\":\"$document\",\"questionSet\":\"two\"}";
print {$sock} "POST /api/assessments/start HTTP/1.1\r\nHost: a\r\n",
    "X-User: gone\r\nPrefer: wait=300\r\nContent-Type: application/json\r\n",
    'Content-Length: ', length $body, "\r\n\r\n$body";
$sock->flush;
my $gone = running('gone');
close $sock;
ok(wait_until(10, sub { sockets($worker) <= $connections }),
    'a client that goes away leaves nothing');
$http->delete("/api/assessments/job/$_") for $job, $gone;

# a job that fails
$provider->control(mode => 'ok', next => [{ status => 401, delayMs => 300 }]);
$a = waited('wait=50');
is("$a->{status} $a->{json}{status} $a->{json}{error}{code}",
    '200 failed provider_refused', 'a job that failed has ended too');


# --- the zone does not know the job any more

my $first = waited('wait=50', headers => { 'Idempotency-Key' => 'k2' });
is($first->{status}, 200, 'a job');

$t->server->quit;
$t->server->start;

$start = time;
$a = waited('wait=50', headers => { 'Idempotency-Key' => 'k2' });
is("$a->{status} $a->{json}{jobId}", "200 $first->{json}{jobId}",
    'after a restart it is found in the store');
ok(time - $start < 20, 'at once');

# the ring passes by one that waits
$provider->control(mode => 'hang');
my $child = in_background(sub { waited('wait=50', headers =>
    { 'X-User' => 'overrun' }) });
my $over = running('overrun');
write_events($t, 1500, pad => 500);
$http->delete("/api/assessments/job/$over");
write_events($t, 1500, pad => 500);
is(result($child), "200 $over cancelled",
    'thousands of events around the one that matters');


# --- a reload

$child = in_background(sub { waited('wait=50', headers =>
    { 'X-User' => 'late' }) });
my $late = running('late');
$t->server->reload;
is(result($child), "202 $late queued",
    'a reload answers those who wait with the 202');
$http->delete("/api/assessments/job/$late");
is($t->wait_job($late)->{status}, 'cancelled',
    'and the job goes its way');

$provider->stop;
$t->done;
