#!/usr/bin/perl

# The shared zone: small, shared with nobody but the database, and never out
# of date for long; two instances that know of each other by the log alone.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Jobs qw(document question_set start_job events_in_log write_events
                    collect is_log changed_conf);
use Assess::Process qw(slurp wait_until write_file);
use Assess::Provider;
use Assess::Test;

changed_conf(sub { s/(assess_zone\s+assess) 32m/$1 1m/ });

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env, ASSESS_LEASE => 60 });
my $one = $t->http;
my $path = '/api/assessments/progress';

question_set($t, 'ten', 10);
my $document = document($t);


sub status {
    my ($http, $job) = @_;

    return ($http->get("/api/assessments/job/$job")->{json} // {})->{status};
}


# --- far more jobs than the zone holds

my $job = start_job($t, document => $document, set => 'ten');
$t->wait_job($job);

my $columns = $t->sql("select string_agg(column_name, ',')"
    . " from information_schema.columns where table_schema = 'assess'"
    . " and table_name = 'assessment_jobs' and column_name <> 'job_id'"
    . " and is_generated = 'NEVER'");

$t->sql("insert into assess.assessment_jobs (job_id, $columns)"
    . " select gen_random_uuid(), $columns from assess.assessment_jobs,"
    . " generate_series(1, 2000) where job_id = '$job'");

my @ids = split /\n/, $t->sql('select job_id from assess.assessment_jobs');
my $wrong = 0;

for my $round (1, 2) {

    # a connection is good for a thousand requests
    my ($sock, $in, $n) = (undef, '', 0);

    for my $id (@ids) {
        $sock = $one->connect if $n++ % 900 == 0;
        print {$sock} "GET /api/assessments/job/$id HTTP/1.1\r\nHost: a\r\n\r\n";
        $sock->flush;

        until ($in =~ /\r\n\r\n(.*"metadata":\{[^}]*\}\})\z/s) {
            sysread $sock, $in, 65536, length $in or die "no answer\n";
        }

        $wrong++ if $in !~ /"jobId":"$id"/ || $in !~ /"status":"completed"/;
        $in = '';
    }
}

is($wrong, 0, 'thousands of jobs, each known, once and again');
my $again = start_job($t, document => $document, set => 'ten');
is($t->wait_job($again)->{status}, 'completed', 'a new one finds room');


# --- a reload that names one more provider, whose gate needs room, too

my $extra = $t->server->{env}{ASSESS_EXTRA};
my $before = slurp($extra);
my $url = {$provider->env}->{OPENAI_BASE_URL};

write_file($extra, $before . "assess_provider more {\n    type openai;\n"
    . "    url $url;\n    model test-model;\n}\n");
$t->server->configure->reload;
ok(wait_until(20, sub {
    my $a = $one->get('/api/health/ready');
    return $a && $a->{status} == 200 && $a->{json}{providers}{more};
}), 'a full zone has room for it');
$again = start_job($t, document => $document, set => 'ten',
    body => { provider => 'more' });
is($t->wait_job($again)->{status}, 'completed', 'and it is asked');

write_file($extra, $before);
$t->server->configure->reload;


# --- another instance that runs no job

my $two = $t->another(env => { $provider->env, ASSESS_JOBS => 1,
    ASSESS_LEASE => 60 });
my $there = $two->http;

# It has work of its own that does not end, so that the first one takes all;
# that is asked as a job of it starts.
$provider->control(mode => 'hang');
my $busy = start_job($t, document => $document, set => 'ten');
my $next = start_job($t, document => $document, set => 'ten');

for my $id ($busy, $next) {
    ok(wait_until(20, sub { status($there, $id) eq 'processing' }),
        'a job of either instance is known to the other');
}

wait_until(20, sub { $provider->stats->{inFlight} == 4 })
    or die "the jobs do not ask\n";
$provider->control(mode => 'ok');
my $last = $t->sql('select value from assess.event_counter');
my @streams = map { $_->events($path, 'Last-Event-ID' => $last) } $one, $there;

my %ended;
for my $id ($busy, $next) {
    my $asked = $provider->stats->{inFlight};

    is($there->delete("/api/assessments/job/$id")->{status}, 202, 'cancelled');
    ok(wait_until(10, sub { $provider->stats->{inFlight} < $asked }),
        'whichever runs it: its requests are dropped');
    ok(wait_until(10, sub { status($one, $id) eq 'cancelled' }),
        'both know it');
}

is($there->post("/api/assessments/job/$next/retry")->{status}, 202,
    'run again');

for my $http ($one, $there) {
    ok(wait_until(20, sub { status($http, $next) eq 'completed' }),
        'and both know that it completes');
}

my $mark = write_events($t, 1);
my @log = events_in_log($t, $last);

for my $stream (@streams) {
    is_log([collect($stream, sub { ($_[0]{id} // 0) == $mark }, 20)], \@log,
        'a stream has the events of both');
    $stream->close;
}


# --- an instance that nobody followed for long

# what others wrote is known within a second or so, however much it is: a new
# stream begins with what is new
write_events($t, 20000);

ok(wait_until(10, sub {
    my $stream = $there->events($path);
    $stream->next;
    my $mark = write_events($t, 1);
    my $event = $stream->until(sub { defined $_[0]{id} }, 20);
    $stream->close;
    return $event && $event->{id} == $mark;
}), 'a new stream does not begin long ago');

# --- a reload that goes to another database, whose ids have begun anew

$t->server->{database} = $t->cluster->create_database('second');
$t->server->configure->reload;
ok(wait_until(30, sub { $one->get('/api/health/ready')->{status} == 200 }),
    'another database');

my $stream = $one->events($path, 'Last-Event-ID' => 1000);
is($stream->next->{event}, 'reset', 'a stream of before has to look again');

question_set($t, 'ten', 10);
$job = start_job($t, document => document($t), set => 'ten');
is($t->wait_job($job)->{status}, 'completed', 'a job is run');
my @events = collect($stream, sub { $_[0]{event} eq 'complete' }, 20);
is($events[-1]{json}{jobId}, $job, 'and told of');
is(status($one, $next), 404, 'what was known before is not any more');

$provider->stop;
$t->done;
