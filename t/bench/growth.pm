package Bench::Growth;

# How long a claim and a list take with 1,000 queued jobs, and with a great
# many of them and ten times as many that have ended: 100,000 and 1,000,000,
# or ASSESS_BENCH_GROWTH and ten times that.  They are made by SQL.

use strict;
use warnings;

use Assess::Bench::Proc qw(peak);
use Assess::Process qw(wait_until);

use constant FEW => 1000;

my @lists = (
    ['newest jobs'  => '/api/assessments/jobs?limit=50'],
    ['queued jobs'  => '/api/assessments/jobs?limit=50&status=queued'],
    ['ended jobs'   => '/api/assessments/jobs?limit=50&status=completed'],
    ['counters'     => '/api/assessments/counters'],
);


sub run {
    my ($b) = @_;

    my $many = $ENV{ASSESS_BENCH_GROWTH} || 100_000;
    my $provider = $b->provider('--delay-ms', 600_000);
    my $home = $b->home(env => { $provider->env, ASSESS_JOBS => 8 },
        postgresql => "shared_preload_libraries = 'pg_stat_statements'\n"
            . "pg_stat_statements.track = all\n");

    admin($home, 'create extension pg_stat_statements');
    # what is started is of the same lane as what waits
    $home->{start} = { documentId => $home->upload("There is a fire alarm.\n"),
                       questionSet => $home->put_questions(1),
                       provider => 'local' };

    # the one that all others are copies of
    my $a = $home->http->post('/api/assessments/start', json => $home->{start});
    $home->{template} = $a->{json}{jobId} or die "not started\n";
    $home->idle;

    my $few = measure($b, $home, FEW, FEW);
    my $great = measure($b, $home, $many, 10 * $many);

    my $text = sprintf '%s queued, %s ended', map { number($_) } $many,
        10 * $many;

    for my $key (map { $_->[0] } @lists) {
        $b->report->row(what => "$key: $text", unit => 'ms',
            ours => $great->{$key} / 1e3, against => '1,000 of each',
            that => $few->{$key} / 1e3, target => '<= 1.3');
    }

    $b->report->row(what => "a claim, for each job: $text", unit => 'us',
        ours => $great->{claim}, against => '1,000 of each',
        that => $few->{claim}, target => '<= 1.3');
    $b->report->row(what => "a start: $text", unit => 'ms',
        ours => $great->{start} / 1e3, against => '1,000 of each',
        that => $few->{start} / 1e3, target => '<= 1.3');
    $b->report->row(what => "most memory of nginx: $text", unit => 'MB',
        ours => $great->{memory} / 1e6, against => '1,000 of each',
        that => $few->{memory} / 1e6, target => '<= 1.1');
    $b->report->note(sprintf '%d jobs in %d claims, %d in %d', map {
        @$_{qw(claimed claims)} } $few, $great);
}


sub number {
    my ($n) = @_;

    1 while $n =~ s/^(\d+)(\d{3})/$1,$2/;
    return $n;
}


sub admin {
    my ($home, $sql) = @_;
    return $home->cluster->sql_as('postgres', 'assess', $sql);
}


# Copies of the template: so many queued, in the order of their ids, and so
# many that have ended before them.  Whatever columns there are, all but these
# are as they are in the template.
sub fill {
    my ($home, $queued, $ended) = @_;

    my @columns = split /\n/, admin($home, 'select column_name from'
        . " information_schema.columns where table_schema = 'assess' and"
        . " table_name = 'assessment_jobs' and is_generated = 'NEVER'"
        . ' order by ordinal_position');
    my %other = (
        job_id => "encode(int8send((extract(epoch from now()) * 1000)::bigint"
            . " - 100000000 + n), 'hex')",
        created_at => "now() - interval '1 day' + n * interval '1 ms'");
    my %waits = (status => "'queued'", progress => 0, completed_batches => 0,
        attempt => 0, fence => 0, started_at => 'null', completed_at => 'null',
        input_tokens => 0, output_tokens => 0, steps => 0);

    # a version 7 UUID: 48 bits of time, the rest by chance
    $other{job_id} = "(substr($other{job_id}, 5, 12) || '7' || substr(md5(n::text"
        . " || random()::text), 1, 3) || '8' || substr(md5(random()::text),"
        . ' 1, 15))::uuid';

    for my $kind ([$ended, %other], [$queued, %other, %waits]) {
        my ($count, %value) = @$kind;
        my $values = join ', ', map { $value{$_} // "t.$_" } @columns;
        my $names = join ', ', @columns;

        # what refers to what is known to be right
        admin($home, 'set session_replication_role = replica; set'
            . ' synchronous_commit = off; insert into assess.assessment_jobs'
            . " ($names) select $values from assess.assessment_jobs t,"
            . " generate_series(1, $count) n where t.job_id ="
            . " '$home->{template}'");
    }

    admin($home, 'select assess.recount()');
    admin($home, 'vacuum analyze');
    admin($home, 'checkpoint');
}


# With one job that waits, so that nothing is claimed while lists are read.
sub measure {
    my ($b, $home, $queued, $ended) = @_;

    $home->server->stop;
    admin($home, 'delete from assess.assessment_jobs where completed_at is null;'
        . ' select assess.recount()');
    restart($home, 1);

    my $hold = $home->begin(@{ $home->{start} }{qw(documentId questionSet)});
    my %got;

    wait_until(60, sub { $home->http->get("/api/assessments/job/$hold")
        ->{json}{status} eq 'processing' }) or die "no job waits\n";
    fill($home, $queued, $ended);

    for my $list (@lists) {
        $got{ $list->[0] } = $b->run_program('probe', $home->port, $list->[1],
                                             3, 1000)->{p50};
    }

    $got{start} = $b->run_program('probe', $home->port,
        '/api/assessments/start', 3, 1000, $b->write_bodies($home->{start}))->{p50};
    $home->http->delete("/api/assessments/job/$hold");

    return { %got, %{ claims($home) } };
}


sub restart {
    my ($home, $jobs) = @_;

    $home->server->stop;
    $home->server->{env}{ASSESS_JOBS} = $jobs;
    $home->server->start;
}


# The first thousand jobs of the queue: PostgreSQL's time for the statements
# that claim them.
sub claims {
    my ($home) = @_;

    my $of = " from pg_stat_statements where query ~* 'skip locked' and query"
        . " ~* 'priority' and query ~* '^\\s*(with|update|select)'";
    my @got;

    $home->server->stop;
    admin($home, 'select pg_stat_statements_reset()');
    restart($home, 8);
    wait_until(60, sub {
        @got = split /\|/, admin($home, 'select coalesce(sum(rows), 0),'
            . " sum(calls), sum(total_exec_time)$of");
        return $got[0] >= FEW;
    }) or die "$got[0] jobs are claimed\n";

    return { memory => peak($home->worker), claimed => $got[0], claims => $got[1],
             claim => $got[2] * 1e3 / $got[0] };
}


1;
