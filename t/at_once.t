#!/usr/bin/perl

# A job that is started while a runner has nothing to do is run at once; any
# other waits in the queue.  Which it was shows in its times: who began when he
# was made never waited.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(events_in_log question_set start_job);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 10);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 2 });
my $http = $t->http;
my $set = question_set($t, 'once', 1);
my $doc = $t->upload('There are two exits.', 'text/plain');
my $path = '/api/assessments/start';


sub at_once {
    my ($job) = @_;
    return $job->{startedAt} eq $job->{createdAt};
}


sub begin { return start_job($t, document => $doc, set => $set, @_) }

sub job { return $http->get("/api/assessments/job/$_[0]")->{json} }


# A runner that has ended its job looks for another one before it is free.
sub free {
    return wait_until(20, sub { at_once($t->wait_job(begin())) });
}


# --- one alone

{
    my $before = $t->sql('select value from assess.event_counter');
    my $id = begin();
    my $job = $t->wait_job($id);

    is($job->{status}, 'completed', 'one alone is run');
    ok(at_once($job), 'at once');
    is($job->{attempt}, 1, 'which is its first attempt');

    my @events = grep { $_->{data} =~ /$id/ } events_in_log($t, $before);

    is(join(' ', map { $_->{event} } @events[0, 1]), 'queued progress',
       'it was queued and taken');
    is($events[1]{id} - $events[0]{id}, 1, 'in one moment');
    like($events[0]{data}, qr/"stage":null/, 'as it was');
    like($events[1]{data}, qr/"stage":"extracting"/, 'and as it is');
}


# --- nothing keeps a runner that got no job

{
    for (1 .. 5) {
        is($http->post($path, json => {
            documentId => '01a21815-1a7e-7a0c-9bd0-294d420f5792',
            questionSet => $set })->{status}, 404, 'no document, no job');
    }

    my $keyed = $http->with('Idempotency-Key' => 'once');
    my %start = (json => { documentId => $doc, questionSet => $set });
    my $first = $keyed->post($path, %start)->{json}{jobId};

    is($t->wait_job($first)->{status}, 'completed', 'one under a key');
    is($keyed->post($path, %start)->{json}{jobId}, $first, 'and its repeat')
        for 1 .. 5;
    is($t->wait_job($first)->{attempt}, 1, 'it was run once');
    ok(free(), 'both runners are there for the next ones');
}


# --- where all are at work it waits, and is run when one is free

{
    $provider->control(delayMs => 60_000);

    my @long = map { begin() } 1 .. 2;

    ok(wait_until(20, sub { $provider->stats->{inFlight} == 2 }),
       'two are at work');

    my $id = begin(body => { provider => 'local' });

    is(job($id)->{status}, 'queued', 'the third one waits');
    is(job($id)->{queuePosition}, 1, 'as the first in the queue');
    is($http->delete("/api/assessments/job/$long[0]")->{status}, 202,
       'one of them is cancelled');

    my $job = $t->wait_job($id);

    is($job->{status}, 'completed', 'and it is run');
    ok(!at_once($job), 'after a while');

    $http->delete("/api/assessments/job/$long[1]");
    $provider->control(delayMs => 10);
    ok(free(), 'the next one need not wait');
}


# --- nor does it pass an order to wait

{
    is($http->post('/api/admin/queue/pause')->{status}, 200, 'a pause');

    my $id = begin();

    is(job($id)->{status}, 'queued', 'is kept');
    is($http->post('/api/admin/queue/resume')->{status}, 200, 'it ends');
    ok(!at_once($t->wait_job($id)), 'and the job is run');
}

for my $case (['tenant', 0], ['batch', 1]) {
    my ($whose, $at_once) = @$case;
    my $other = $t->another(env => { ASSESS_JOBS => 2 },
        database => $t->cluster->create_database($whose),
        extra => "    assess_${whose}_jobs 1;\n")->http;

    $other->put('/api/question-sets/once',
        json => { questions => [{ id => 'q', text => 'Two exits?' }] });

    my $id = $other->post('/api/documents', body => 'Two exits.',
        headers => { 'Content-Type' => 'text/plain' })
        ->{json}{documents}[0]{documentId};
    my $job = $t->wait_job($other->post($path, json => { documentId => $id,
        questionSet => 'once' })->{json}{jobId}, undef, $other);

    is($job->{status}, 'completed', "with a limit of a $whose it is run");
    is(at_once($job) ? 1 : 0, $at_once,
       $at_once ? 'at once' : 'in its turn');
}


# --- what was begun by a worker that dies is run by another one

{
    $t->allow_alarm(qr/exited on signal 9|was locked by/);
    $provider->control(delayMs => 60_000);

    my $id = begin();

    ok(wait_until(20, sub { $provider->stats->{inFlight} == 1 }),
       'one is at work');
    $provider->control(delayMs => 10);
    kill 'KILL', $t->server->workers;

    my $job = $t->wait_job($id);

    is($job->{status}, 'completed', 'its worker died, another one ran it');
    is($job->{attempt}, 2, 'which was the second attempt');
}

$t->done;
