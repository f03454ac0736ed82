#!/usr/bin/perl

# Whoever polls the status of jobs asks shared memory, not the database: jobs
# that wait, run and have ended, of this instance and of another one.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Jobs qw(document question_set start_job);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 1,
    ASSESS_LEASE => 60 },
    postgresql => "shared_preload_libraries = 'pg_stat_statements'\n"
        . "pg_stat_statements.track = top\n");
my $one = $t->http;


# the statements are counted by the cluster's owner
sub owner { return $t->cluster->sql_as('postgres', 'assess', @_) }

owner('create extension pg_stat_statements');
question_set($t, 'ten', 10);
my $document = document($t);


# Statements that read one job, and those that look places up for all.
sub reads {
    return owner("select coalesce(sum(calls), 0) from pg_stat_statements"
        . " where query like 'select%assess.assessment_jobs%'"
        . " and query like '%j.job_id = %'");
}

sub walks {
    return owner("select coalesce(sum(calls), 0) from pg_stat_statements"
        . " where query like '%row_number%assess.assessment_jobs%'");
}

sub job {
    my ($http, $id) = @_;
    return $http->get("/api/assessments/job/$id")->{json} // {};
}


# A thousand times in a row; a connection is good for a thousand requests.
sub poll {
    my ($http, $what, $status, @ids) = @_;

    my ($sock, $in, $wrong, $before) = (undef, '', 0, reads());

    for my $n (0 .. 999) {
        my $id = $ids[$n % @ids];

        $sock = $http->connect if $n % 500 == 0;
        print {$sock} "GET /api/assessments/job/$id HTTP/1.1\r\nHost: a\r\n\r\n";
        $sock->flush;

        until ($in =~ /\r\n\r\n(.*"metadata":\{[^}]*\}\})\z/s) {
            sysread $sock, $in, 65536, length $in or die "no answer\n";
        }

        $wrong++ if $in !~ /"jobId":"$id"/ || $in !~ /"status":"$status"/
            || ($status eq 'queued') != ($in =~ /"queuePosition":\d/);
        $in = '';
    }

    is($wrong, 0, "$what, a thousand times");
    is(reads() - $before, 0, 'and the database was not asked');
}


my $done = start_job($t, document => $document, set => 'ten');
$t->wait_job($done);

$provider->control(mode => 'hang');

my $runs = start_job($t, document => $document, set => 'ten');
ok(wait_until(20, sub { (job($one, $runs)->{stage} // '') eq 'llm_processing' }),
    'one runs');

my @waits = map { start_job($t, document => $document, set => 'ten',
    body => { priority => $_, metadata => { queuePosition => 7, at => $_ } }) }
    (0, 5, -5);
my @places = map { job($one, $_)->{queuePosition} } @waits;
is("@places", '2 1 3', 'three wait, each has its place');
cmp_ok(reads(), '>=', 3, 'for which each was read once');

poll($one, 'a job that has ended', 'completed', $done);
poll($one, 'one that runs', 'processing', $runs);

my ($walks, $begun) = (walks(), time);
poll($one, 'three that wait', 'queued', @waits);
cmp_ok(walks() - $walks, '<=', (time - $begun) / 0.75 + 1,
    'their places are looked up once a second for all');


# --- the places follow the queue

my $reads = reads();
my $ahead = start_job($t, document => $document, set => 'ten',
    body => { priority => 9 });

ok(wait_until(20, sub { job($one, $waits[2])->{queuePosition} == 4 }),
    'another one came before them');
$one->delete("/api/assessments/job/$_") for $ahead, $waits[1];
ok(wait_until(20, sub { job($one, $waits[2])->{queuePosition} == 2 }),
    'and two went away');

my $last = job($one, $waits[2]);
is($last->{metadata}{queuePosition}, 7, 'nothing else was changed');
is($last->{metadata}{at}, -5, 'in it');
is(reads() - $reads, 0, 'no job was read for it');
is(job($one, $waits[1])->{queuePosition}, undef, 'who was cancelled has none');


# --- an instance that has none of them from its own

my $two = $t->another(env => { $provider->env, ASSESS_JOBS => 1,
    ASSESS_LEASE => 60 });
my $there = $two->http;

# it takes the next one, and the last one waits
ok(wait_until(20, sub { job($one, $waits[0])->{status} eq 'processing' }),
    'another instance takes one');
ok(wait_until(20, sub { job($there, $waits[2])->{queuePosition} == 1 }),
    'and knows of those that wait');

job($there, $_) for $done, $runs;
poll($there, 'what ended elsewhere', 'completed', $done);
poll($there, 'what runs elsewhere', 'processing', $runs);
poll($there, 'what waits', 'queued', $waits[2]);

$one->delete("/api/assessments/job/$runs");
ok(wait_until(20, sub { job($there, $runs)->{status} eq 'cancelled' }),
    'it hears of the end of it');

my $none = '00000000-0000-7000-8000-000000000000';
is($there->get("/api/assessments/job/$none")->{status}, 404, 'no such job')
    for 1, 2;
is($there->get("/api/assessments/job/$done",
    headers => { 'X-Tenant' => 'other' })->{status}, 404, 'not of this tenant');
is(job($there, $done)->{status}, 'completed', 'but of that one');

$provider->control(reset => JSON::PP::true());
$one->delete("/api/assessments/job/$_") for @waits;
$t->done;
$provider->stop;
