#!/usr/bin/perl

# The database goes away in every way it can, and comes back: submissions are
# refused at once and leave nothing behind, what is known is told, streams stay,
# and after it everything goes on as if nothing had been.

use strict;
use warnings;

use Time::HiRes qw(time sleep);

use Assess::Contract qw(problem_is);
use Assess::HTTP;
use Assess::Jobs qw(document question_set start_job write_events collect
                    events_in_log is_log);
use Assess::Process qw(slurp wait_until);
use Assess::Provider;
use Assess::Test;

# what hangs does so for half a minute; what is told in time takes less than a
# second, on a machine that does nothing else
use constant LATE => 5;

my $provider = Assess::Provider->new('--delay-ms', 50);
my $t = Assess::Test->new(extra => "assess_heartbeat 100ms;\n",
    env => { $provider->env, ASSESS_JOBS => 1, ASSESS_LEASE => 2 });
my $http = $t->http;
my $n = 0;

question_set($t, 'ten', 10);

my $document = document($t);
my $ended = start_job($t, document => $document, set => 'ten');
$t->wait_job($ended);


sub logged {
    my ($what) = @_;

    return scalar(() = (slurp($t->server->{home} . '/logs/error.log') // '')
        =~ /$what/g);
}


sub submissions {
    $n++;

    my $start = { documentId => $document, questionSet => 'ten' };

    return (
        ['a start', POST => '/api/assessments/start', json => $start],
        ['a start with a key', POST => '/api/assessments/start',
            json => $start, headers => { 'Idempotency-Key' => "refused-$n" }],
        ['a document', POST => "/api/documents?filename=refused-$n.txt",
            body => "refused $n $$", headers => { 'Content-Type' => 'text/plain' }],
        ['a question set', PUT => "/api/question-sets/refused-$n",
            json => { questions => [{ id => 'a', text => 'b' }] }],
        ['an upload and start', POST => '/api/assessments/start',
            Assess::HTTP::multipart(['file', "refused too $n $$",
                "refused-$n.txt", 'text/plain'], ['questionSet', 'ten'])],
    );
}


# Each is told so in time; the quickest of three says what the server needs,
# the slowest what a busy machine makes of it.
sub all_refused {
    my ($name) = @_;

    my (%took, $slowest);

    for my $round (1 .. 3) {
        for my $case (submissions()) {
            my ($what, $method, $path, %o) = @$case;
            my $began = time;
            my $a = $http->request($method, $path, %o, timeout => 60);
            my $s = time - $began;

            problem_is($a, 503, undef, "$name: $what");
            like($a->{headers}{'retry-after'}, qr/^[1-9]\d*\z/,
                "$name: $what is told when to come again");
            cmp_ok($s, '<', LATE, "$name: $what does not hang");
            $took{$what} = $s if !$took{$what} || $s < $took{$what};
            $slowest = $s if !$slowest || $s > $slowest;
        }
    }

    for my $what (sort keys %took) {
        cmp_ok($took{$what}, '<', 1.5, "$name: $what is refused in time");
    }

    note("$name: " . join ', ', (map { sprintf '%s %d ms', $_,
        $took{$_} * 1000 } sort keys %took),
        sprintf 'the slowest %d ms', $slowest * 1000);

    many_refused($name);
}


# A start whose answer is not waited for yet.
sub start_sent {
    my (%headers) = @_;

    my $sock = $http->connect or die "connect: $!\n";
    my $body = "{\"documentId\":\"$document\",\"questionSet\":\"ten\"}";

    print {$sock} "POST /api/assessments/start HTTP/1.1\r\nHost: a\r\n",
        "Content-Type: application/json\r\nConnection: close\r\n",
        (map {"$_: $headers{$_}\r\n"} keys %headers),
        'Content-Length: ', length $body, "\r\n\r\n$body";
    $sock->flush;

    return $sock;
}


sub answer_of {
    my ($sock) = @_;

    my $in = '';
    my $end = time + 60;

    while (Assess::HTTP::_read($sock, \$in, $end)) { }

    return Assess::HTTP::parse($in);
}


# More at once than there are threads.
sub many_refused {
    my ($name) = @_;

    my $began = time;
    my @answers = map { answer_of($_) } map { start_sent() } 1 .. 40;
    my $refused = grep { $_ && $_->{status} == 503
                         && $_->{headers}{'retry-after'} } @answers;

    is($refused, 40, "$name: many at once are refused");
    cmp_ok(time - $began, '<', 2 * LATE, "$name: none of them hangs");
    note(sprintf '%s: many at once %d ms', $name, (time - $began) * 1000);
}


sub status_is {
    my ($id, $status, $name) = @_;

    my $a = $http->get("/api/assessments/job/$id", timeout => LATE);

    is($a && $a->{status}, 200, "$name: is told");
    like($a && $a->{json}{status}, $status, "$name: as what it is");
}


# go: sends it away; come: gets it back; store: what ready says meanwhile;
# told: how often the log says so.
sub away {
    my ($name, %o) = @_;

    my $after = $t->sql('select value from assess.event_counter');
    my $stream = $http->events('/api/assessments/progress');

    # one that runs and one that waits for it
    $provider->control(delayMs => 1500);
    my $running = start_job($t, document => $document, set => 'ten');
    my $queued = start_job($t, document => $document, set => 'ten');

    ok(wait_until(20, sub { ($http->get("/api/assessments/job/$running")
        ->{json}{stage} // '') eq 'llm_processing' }), "$name: a job runs");

    my $known = $http->get("/api/assessments/job/$ended")->{body};
    my @rows = rows();
    my @log = (logged('store is away'), logged('store is back'));

    $o{go}->();

    all_refused($name);

    status_is($queued, qr/^(?:queued|processing)\z/, "$name: who waits");
    status_is($running, qr/^(?:queued|processing|completed)\z/, "$name: who runs");
    is($http->get("/api/assessments/job/$ended")->{body}, $known,
        "$name: who has ended is told of");
    is($http->get('/api/health/live')->{status}, 200, "$name: the server lives");

    if ($o{ready}) {
        is($http->get('/api/health/ready')->{status}, $o{ready},
            "$name: is it ready");
    } else {
        my $a = $http->get('/api/health/ready', timeout => 10);
        problem_is($a, 503, undef, "$name: it is not ready");
        like($a->{json}{detail}, qr/^store: /, "$name: and says what is not");
    }

    # read what is there, then see that something comes
    my @seen = collect($stream, undef, 0.3);
    my $beats = $stream->{comments};
    push @seen, collect($stream, sub { 0 }, 1);
    cmp_ok($stream->{comments}, '>', $beats, "$name: streams stay open");
    ok(!$stream->{ended}, "$name: and do not end");

    $o{come}->();

    my $began = time;
    my $a;

    ok(wait_until(20, sub {
        $a = $http->post('/api/assessments/start', json =>
            { documentId => $document, questionSet => 'ten' });
        return $a && $a->{status} == 202;
    }), "$name: starts are taken again")
        or diag($a ? "$a->{status} $a->{body}" : 'no answer');

    note(sprintf '%s: taken again after %d ms', $name, (time - $began) * 1000);

    ok(wait_until(10, sub { $http->get('/api/health/ready')->{status} == 200 }),
        "$name: it is ready again");

    # nothing of what was refused is there: just this one job more
    my @now = rows();
    is("@now", join(' ', $rows[0] + 1, @rows[1 .. $#rows]),
        "$name: nothing is left behind");

    $provider->control(delayMs => 10);

    for my $id ($running, $queued, $a->{json}{jobId}) {
        is($t->wait_job($id)->{status}, 'completed', "$name: jobs go on");
    }

    my $mark = write_events($t, 1);
    push @seen, collect($stream, sub { ($_[0]{id} // 0) == $mark }, 60);
    is_log(\@seen, [events_in_log($t, $after)], "$name: the stream has all");
    $stream->close;

    return if !defined $o{told};

    ok(wait_until(10, sub { logged('store is back') == $log[1] + $o{told} }),
        "$name: the log says that it is back");
    is(logged('store is away') - $log[0], $o{told},
        "$name: and that it was away, once");
}


sub rows {
    return map { $t->sql("select count(*) from $_") }
        'assess.assessment_jobs', 'assess.documents', 'assess.question_sets',
        'assess.idempotency_keys', 'assess.document_contents',
        "assess.question_sets where name like 'refused%'",
        "assess.documents where filename like 'refused%'";
}


# nobody gets at these tables until this is called
sub locked {
    return $t->cluster->held('lock table ' . join(', ', @_)
        . ' in access exclusive mode');
}


sub all_gone {
    $t->cluster->sql_as('postgres', 'postgres', 'select'
        . ' pg_terminate_backend(pid, 5000) from pg_stat_activity'
        . " where usename = 'assess' and pid <> pg_backend_pid()");
}


away('stopped', told => 1,
    go => sub { $t->cluster->stop },
    come => sub { $t->cluster->start });

away('killed', told => 1,
    go => sub { kill 'KILL', $t->cluster->{pid};
                wait_until(20, sub { !$t->cluster->processes })
                    or die "it is not dead\n" },
    come => sub { $t->cluster->start });

{
    my @frozen;

    away('frozen', told => 1,
        go => sub { @frozen = $t->cluster->processes; kill 'STOP', @frozen },
        come => sub { kill 'CONT', @frozen });
}

{
    my $lock;

    away('locked', ready => 200, told => 0,
        go => sub { $lock = locked('assess.documents', 'assess.question_sets',
                                   'assess.assessment_jobs') },
        come => sub { $lock->() });
}

# those that are connected are served, whoever else may not come in
{
    $t->cluster->sql_as('postgres', 'postgres',
        'alter role assess connection limit 0');
    is($http->post('/api/assessments/start', json => { documentId => $document,
        questionSet => 'ten' })->{status}, 202, 'full: what is there is used');
    is($http->get('/api/health/ready')->{status}, 200, 'full: it is ready');
    $t->cluster->sql_as('postgres', 'postgres',
        'alter role assess connection limit -1');
}

{
    # nothing is counted here as assess while it has no connection
    no warnings 'redefine';
    my $sql = Assess::Cluster->can('sql');
    local *Assess::Cluster::sql = sub { $_[0]->sql_as('postgres', 'assess',
                                                      $_[1]) };

    away('full', told => 1,
        go => sub { $t->cluster->sql_as('postgres', 'postgres',
                        'alter role assess connection limit 0');
                    all_gone() },
        come => sub { $t->cluster->sql_as('postgres', 'postgres',
                          'alter role assess connection limit -1') });
}

# a commit that nobody hears of: one that was made is found
{
    my $c = $t->cluster;
    my @before = rows();

    $c->sql_as('postgres', 'postgres',
        "alter system set synchronous_standby_names = 'nobody'");
    $c->sql_as('postgres', 'postgres', 'select pg_reload_conf()');

    my $found = 0;
    my %taken;

    # it waits for a standby that there is not, and is ended meanwhile
    ok(wait_until(30, sub {
        my $key = 'doubt-' . ++$n;
        my $sock = start_sent('Idempotency-Key' => $key);
        my $ended = 0;

        wait_until(0.4, sub { $ended = $c->sql_as('postgres', 'postgres',
            'select count(pg_terminate_backend(pid)) from pg_stat_activity'
            . " where wait_event = 'SyncRep' and query = 'commit'") });

        my $a = answer_of($sock);
        $taken{$key} = $a && $a->{status} == 202 ? $a->{json}{jobId} : '';
        $found++ if $ended && $taken{$key};
        return $found >= 3;
    }), 'a commit without an answer is found to have been made');

    $c->sql_as('postgres', 'postgres',
        'alter system reset synchronous_standby_names');
    $c->sql_as('postgres', 'postgres', 'select pg_reload_conf()');

    # those of which it was not known, and the others, are the same job again
    for my $key (sort keys %taken) {
        my $a;

        ok(wait_until(20, sub {
            $a = $http->post('/api/assessments/start', json =>
                { documentId => $document, questionSet => 'ten' },
                headers => { 'Idempotency-Key' => $key });
            return $a && $a->{status} == 202;
        }), 'the same again is taken');
        is($a->{json}{jobId}, $taken{$key}, 'and is the same job')
            if $taken{$key};
        $taken{$key} = $a->{json}{jobId};
    }

    my @now = rows();
    is($now[0] - $before[0], scalar keys %taken, 'each key is one job');
    is($t->wait_job($_)->{status}, 'completed', 'it runs') for values %taken;
}

# one that was not is told as what is not known, and the same again is the job
{
    my %o = (json => { documentId => $document, questionSet => 'ten' },
        headers => { 'Idempotency-Key' => 'gone' });
    my @before = rows();

    $t->sql('create function assess.die() returns trigger language plpgsql as'
        . " 'begin perform pg_terminate_backend(pg_backend_pid());"
        . " return null; end'");
    $t->sql('create constraint trigger die after insert on'
        . ' assess.assessment_jobs deferrable initially deferred for each row'
        . ' execute function assess.die()');

    my $a = $http->post('/api/assessments/start', %o);
    problem_is($a, 503, undef, 'a commit that fails without a word');
    like($a->{json}{detail}, qr/not known whether .* same Idempotency-Key/,
        'and what to do then');

    $t->sql('drop function assess.die() cascade');

    $a = $http->post('/api/assessments/start', %o);
    is($a->{status}, 202, 'the same again');
    is($t->wait_job($a->{json}{jobId})->{status}, 'completed', 'is the job');

    my @now = rows();
    is($now[0] - $before[0], 1, 'and no other');
}

$provider->stop;
$t->done;
