#!/usr/bin/perl

# The metrics: Prometheus takes them without a word, they are what the database
# and the provider say, whichever worker answers, after a reload and after one
# was killed; an alert fires when the database is away, and the page answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP ();
use Time::HiRes qw(time);

use Assess::Contract;
use Assess::HTTP;
use Assess::Jobs qw(document write_events changed_conf);
use Assess::Process qw(slurp wait_until write_file spawn end_all alive);
use Assess::Provider;
use Assess::Receiver;
use Assess::Test;

my $repo = "$FindBin::RealBin/..";
my %tool = map { my $name = $_; $name => (grep {-x} map {"$_/$name"}
    split /:/, $ENV{PATH})[0] } qw(promtool prometheus);

# two prices that give fractions
my $prices = "/tmp/assess-prices-$$.json";
write_file($prices, '{"test-model":{"input_cost_per_token":1.5e-7,'
    . '"output_cost_per_token":6e-7}}');
chmod 0644, $prices;

my $receiver = Assess::Receiver->new(hosts => ['127.0.0.1']);
my $provider = Assess::Provider->new;
my $slow = Assess::Test::free_port();
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 3,
    ASSESS_JOBS => 4, ASSESS_LEASE => 2, ASSESS_PRICES => $prices },
    extra => <<"END");
assess_answer_cache    1d;
assess_webhook_private 127.0.0.1;
assess_webhook_retry   200ms 20s;
server {
    listen 127.0.0.1:$slow;
    send_timeout 2s;
    location /api/ { assess_api; assess_tenant default; }
}
END
my $http = $t->http;

question_set($t, 'five', 5);


# --- reading them

# The page as {"name{labels}" => value}, by a connection of its own, so that
# any worker may have it.
sub page {
    my $a = $http->get('/metrics');
    die 'metrics: ' . ($a ? $a->{status} : 'no answer') . "\n"
        unless $a && $a->{status} == 200;

    return { text => $a->{body}, map { /^([^#]\S*) (\S+)$/ ? ($1 => $2) : () }
             split /\n/, $a->{body} };
}

sub metric { return page()->{ $_[0] } }

sub sum_of {
    my ($page, $pattern) = @_;

    my $sum = 0;
    $sum += $page->{$_} for grep { $_ =~ $pattern } keys %$page;
    return $sum;
}

# What is told after a commit may be told a moment after it.
sub becomes {
    my ($name, $value, $why, $seconds) = @_;

    my $got;
    wait_until($seconds // 15, sub { $got = metric($name) // 'none';
        return $got eq $value });
    is($got, $value, $why);
}

sub valid {
    my ($when) = @_;

    SKIP: {
        skip 'there is no promtool here', 1 unless $tool{promtool};

        my $file = $t->dir . '/page.txt';
        write_file($file, page()->{text});
        my $said = `$tool{promtool} check metrics <$file 2>&1`;
        is("$? $said", '0 ', "promtool has nothing to say $when");
    }
}

# What jobs came to, as the database has it.
sub agree {
    my ($when) = @_;

    my %want = ('assess_jobs_accepted_total' =>
                'select count(*) from assess.assessment_jobs');
    $want{qq(assess_jobs_finished_total{outcome="$_"})} = 'select count(*) from'
        . " assess.assessment_jobs where status = '$_'"
        for qw(completed failed cancelled);
    $want{qq(assess_provider_tokens_total{provider="openai",direction="$_"})} =
        "select coalesce(sum(${_}_tokens), 0) from assess.assessment_jobs"
        for qw(input output);
    $want{'assess_job_seconds_count'} = 'select count(*) from'
        . ' assess.assessment_jobs where completed_at is not null';
    $want{'assess_job_queue_seconds_count'} = 'select count(*) from'
        . ' assess.assessment_jobs where started_at is not null';
    $want{qq(assess_job_stage_seconds_count{stage="finalizing"})} =
        "select count(*) from assess.assessment_jobs where status = 'completed'";

    becomes($_, $t->sql($want{$_}) . '', "$when: $_ is the database's")
        for sort keys %want;

    my $cost = metric('assess_provider_cost_dollars_total{provider="openai"}');
    my $sum = $t->sql('select sum(cost) from assess.assessment_jobs');
    cmp_ok(abs($cost - $sum), '<', 1e-7, "$when: the cost ($cost) too");
}


# --- before there is anything

{
    becomes(qq(assess_database_max_connections{pool="$_"}), 12,
        "twelve connections for $_ in three workers") for qw(jobs calls);

    my $page = page();

    valid('of the first page');
    is($page->{assess_store_up}, 1, 'the database is there');
    is($page->{assess_nginx_workers}, 3, 'and three workers');
    is($page->{assess_job_slots}, 12, 'with four jobs each');
    is($page->{assess_jobs_accepted_total}, 0, 'a counter begins with 0');
    cmp_ok($page->{'assess_database_busy_connections{pool="calls"}'}, '<=',
        $page->{'assess_database_connections{pool="calls"}'},
        'no more are in use than are open');
    cmp_ok($page->{assess_cpu_tasks_limit}, '<=', $page->{assess_cpu_tasks_max},
        'no more CPU tasks than there may be');

    my $a = $http->get('/metrics');
    is($a->{headers}{'content-type'},
        'text/plain; version=0.0.4; charset=utf-8', 'the type of the text');
    $a = $http->request('HEAD', '/metrics');
    is("$a->{status} " . length($a->{body} // ''), '200 0', 'HEAD');
    $a = $http->post('/metrics', json => {});
    is($a->{status}, 405, 'POST is not');
    is($a->{headers}{allow}, 'GET, HEAD', 'what is');
    is($http->get('/metrics/x')->{status}, 404, 'nor is more of the path');
}


# --- a run: good, bad, refused and cancelled ones

my $none = $provider->stats->{requests};

$provider->control(next => [{ status => 429, headers => { 'retry-after' => 0 } },
    { status => 500 }, { status => 503 }],
    headers => { 'x-ratelimit-limit-requests' => '500',
                 'x-ratelimit-remaining-requests' => '123' });

my @jobs = map { start($t, document($t), 'five')->{jobId} } 1 .. 20;
push @jobs, start($t, $t->upload(pdf_encrypted('x'), 'application/pdf'),
    'five')->{jobId};
idle($t);

# the same question about the same text again
my $twice = document($t);
start($t, $twice, 'five');
idle($t);
push @jobs, start($t, $twice, 'five',
    callbackUrl => $receiver->url('/ok'))->{jobId};
idle($t);

agree('after a run');
valid('after a run');

{
    my $asked = $provider->stats->{requests} - $none;
    my $page = page();
    my $of = sub { $page->{qq(assess_provider_requests_total{provider="openai",)
        . qq(status="$_[0]"})} };

    is(sum_of($page, qr/^assess_provider_requests_total\{/), $asked,
        "all of $asked requests, as the provider says");
    is($of->('429'), 1, 'one was too many');
    is($of->('5xx'), 2, 'two failed');
    is($of->('2xx'), $asked - 3, 'the others were answered');
    is($page->{'assess_provider_retries_total{provider="openai"}'}, 3,
        'three were sent again');
    is($page->{'assess_provider_request_seconds_count{provider="openai"}'},
        $asked, 'each took some time');
    is($page->{'assess_provider_circuit_open{provider="openai"}'}, 0,
        'the circuit is closed');
    is($page->{'assess_provider_in_flight_requests{provider="openai"}'}, 0,
        'nothing is under way');
    is($page->{'assess_provider_quota_limit{provider="openai",'
        . 'quota="requests"}'}, 500, 'what the provider told of its limit');
    is($page->{'assess_provider_quota_remaining{provider="openai",'
        . 'quota="requests"}'}, 123, 'and of what is left');
    is(json($http->get('/api/health/ready')->{json}{providers}{openai}{quotas}),
        '{"requests":{"limit":500,"remaining":123}}', 'so it says when asked');

    is($page->{'assess_extractions_total{kind="text",outcome="ok"}'}, 21,
        'texts were read');
    is($page->{'assess_extractions_total{kind="pdf",outcome="encrypted"}'}, 1,
        'and a PDF was not');
    is($page->{'assess_answer_cache_lookups_total{result="hit"}'}, 5,
        'five answers had been there');
    is($page->{'assess_answer_cache_lookups_total{result="miss"}'}, 105,
        'the others had not');
    is(sum_of($page, qr/^assess_document_cache_lookups_total/), 23,
        'each text was looked for');
}

becomes('assess_notices_total{outcome="delivered"}', 1, 'a notice arrived');
becomes('assess_notices_pending', 0, 'and none waits');


# --- any worker tells of all

{
    my %seen;
    $seen{ join ' ', map { page()->{$_} } 'assess_jobs_accepted_total',
        'assess_job_seconds_sum' }++ for 1 .. 20;
    is(scalar keys %seen, 1, 'twenty pages say the same');
}


# --- the queue, by a pause

$http->post('/api/admin/queue/pause');

# the worker that was asked knows, the others say so
wait_until(20, sub {
    return 2 <= (() = (slurp($t->home->{home} . '/logs/error.log') // '')
                     =~ /assess queue is paused/g);
}) or die "the queue is not paused\n";

my @queued = map { start($t, document($t), 'five')->{jobId} } 1 .. 3;

becomes('assess_queue_jobs', 3, 'three jobs wait');
becomes('assess_queue_paused', 1, 'for an operator has said so');
cmp_ok(metric('assess_queue_oldest_seconds'), '>', 0, 'the oldest for a while');
is(metric('assess_stored_jobs{status="queued"}'), 3, 'likewise of all jobs');

$http->delete("/api/assessments/job/$queued[0]");
$http->post('/api/admin/queue/resume');
idle($t);
becomes('assess_queue_jobs', 0, 'and none after that');
agree('after a cancelled one');


# --- a batch

{
    my $a = $http->post('/api/assessments/batch', json => {
        questionSet => 'five', documentIds => [map { document($t) } 1 .. 6] });
    is($a->{status}, 202, 'a batch') or diag($a->{body});
    idle($t);
    agree('after a batch');
    becomes('assess_open_batches{status="processing"}', 0, 'it is over');
}


# --- streams

{
    my $before = page();
    my @streams = map { $http->events('/api/assessments/progress') } 1 .. 3;
    $_->until(sub { $_[0]{event} eq 'connected' }, 20) for @streams;

    becomes('assess_sse_streams', 3, 'three streams are open');

    my $last = write_events($t, 10);
    $_->until(sub { ($_[0]{id} // 0) == $last }, 30) for @streams;

    my $after = page();
    is($after->{assess_sse_deliveries_total}
        - $before->{assess_sse_deliveries_total}, 30, 'ten events to each');
    is($after->{assess_sse_streams_opened_total}
        - $before->{assess_sse_streams_opened_total}, 3, 'three were opened');
    becomes('assess_sse_lag_events', 0, 'nobody is behind');

    @streams = ();
    becomes('assess_sse_streams', 0, 'and none after they have gone');

    # one that takes nothing
    my $deaf = Assess::HTTP->new(port => $slow)
        ->events('/api/assessments/progress');
    $deaf->until(sub { $_[0]{event} eq 'connected' }, 20);
    write_events($t, 500, pad => 8000) for 1 .. 4;

    my $lag = 0;
    my $closed = wait_until(60, sub {
        my $page = page();
        $lag = $page->{assess_sse_lag_events}
            if $page->{assess_sse_lag_events} > $lag;
        return $page->{assess_sse_streams_stalled_total} == 1;
    });
    ok($closed, 'one that takes nothing is closed, and counted');
    cmp_ok($lag, '>', 0, 'and was behind until then');
    becomes('assess_sse_behind_streams', 0, 'nobody is any more');
}


# --- new workers, and one that is killed in the midst

$t->server->reload;
agree('after a reload');

{
    my $before = page();
    $provider->control(reset => JSON::PP::true, delayMs => 12_000);

    my @running = map { start($t, document($t), 'five')->{jobId} } 1 .. 9;
    wait_until(30, sub {
        return $t->sql('select count(*) from assess.assessment_jobs'
            . " where status = 'processing'") == 9
            && $provider->stats->{inFlight} == 9;
    }) or die "the jobs do not run\n";

    becomes('assess_running_jobs', 9, 'nine jobs run');
    becomes('assess_provider_in_flight_requests{provider="openai"}', 9,
        'with a request each');
    ok(wait_until(10, sub {
        return metric('assess_pool_busy_threads{pool="jobs"}') >= 9;
    }), 'on a thread each');

    # one that has some, while nothing is being written
    my ($pid) = $t->sql('select w.pid from assess.assess_workers w where exists'
        . ' (select from assess.assessment_jobs j where j.worker_id ='
        . " w.worker_id and j.status = 'processing') order by w.pid limit 1");
    $provider->control(delayMs => 0);
    kill 'KILL', $pid;
    $t->allow_alarm(qr/worker process $pid exited on signal 9/);
    idle($t);

    my $left = $t->sql('select count(*) from assess.assessment_jobs'
        . ' where attempt > 1');
    cmp_ok($left, '>', 0, "$left jobs were left by a worker that was killed");
    becomes('assess_leases_taken_over_total',
        $before->{assess_leases_taken_over_total} + $left, 'so many are told');
    agree('after a worker was killed');
    is(metric('assess_nginx_workers'), 3, 'there are three workers again');
}



# --- a provider that is down

{
    my $none = 'assess_provider_requests_total{provider="openai",status="none"}';
    my $before = metric($none);

    $provider->control(reset => JSON::PP::true, mode => 'reset');
    start($t, document($t), 'five');
    becomes('assess_provider_circuit_open{provider="openai"}', 1,
        'the circuit opens', 60);
    cmp_ok(metric($none), '>', $before, 'requests had no answer');

    $provider->control(reset => JSON::PP::true);
    becomes('assess_provider_circuit_open{provider="openai"}', 0,
        'and closes when the provider is back', 60);
    idle($t);
    agree('after that');
}

valid('at the end');


# --- what is told is documented, and what is drawn is told

{
    my $page = page();
    my %type = $page->{text} =~ /^# TYPE (\S+) (\S+)$/mg;
    my %help = $page->{text} =~ /^# HELP (\S+) (.+)$/mg;
    my $names = sub { my %n; $n{ s/_(?:bucket|sum|count)\z//r }++
        for $_[0] =~ /\b(assess_\w+)/g; return [sort keys %n] };
    my $unknown = sub { return join ' ', grep { !$type{$_} } @{ $names->($_[0]) } };

    my %told = slurp("$repo/docs/metrics.md") =~ /^\| `(assess_\w+)` \| (\w+) \|/mg;
    is_deeply(\%told, \%type, 'docs/metrics.md has each with its type');
    is_deeply([sort keys %help], [sort keys %type], 'each has a help');
    is(scalar(grep { !/^assess_[a-z_]+\z/ } keys %type), 0, 'names are plain');

    my $alerts = slurp("$repo/docs/alerts.yml");
    is($unknown->(join "\n", $alerts =~ /^\s+(?:expr: .*|[^#\s].*)$/mg), '',
        'alerts are about what is told');

    my @alerts = $alerts =~ /- alert: (\w+)/g;
    my $operations = slurp("$repo/docs/operations.md");
    is(join(' ', grep { $operations !~ /`$_`/ } @alerts), '',
        'each is explained');

    my $board = JSON::PP->new->utf8->decode(slurp("$repo/docs/grafana.json"));
    my @panels = grep { $_->{type} ne 'row' } @{ $board->{panels} };
    my @exprs = map { $_->{expr} } map { @{ $_->{targets} } } @panels;

    is($unknown->(join "\n", @exprs), '', 'so is the dashboard');
    is(scalar(grep { !@{ $_->{targets} } || $_->{title} eq '' } @panels), 0,
        'each panel has a title and something to show');

    my %ids = map { $_->{id} => 1 } @{ $board->{panels} };
    is(scalar keys %ids, scalar @{ $board->{panels} }, 'and an id');

    my %used;
    for my $p (map { $_->{gridPos} } @{ $board->{panels} }) {
        for my $x ($p->{x} .. $p->{x} + $p->{w} - 1) {
            $used{"$x $_"}++ for $p->{y} .. $p->{y} + $p->{h} - 1;
        }
    }
    is(scalar(grep { $_ > 1 } values %used), 0, 'no two in one place');
    is(scalar(grep { (split / /)[0] > 23 } keys %used), 0, 'none outside');

    my %drawn = map { $_ => 1 } @{ $names->("@exprs") };
    is(join(' ', grep { !$drawn{$_} && $_ !~ /^assess_(?:stored_jobs
        |queue_paused|instances_alive|store_read_age_seconds|document_cache_bytes
        |notices_overdue_seconds)\z/x } sort keys %type), '',
        'all is drawn that is worth it');
}


# --- each alert, by numbers that are made up

SKIP: {
    skip 'there is no promtool here', 2 unless $tool{promtool};

    my $file = $t->dir . '/rules.yml';
    my $alerts = "$repo/docs/alerts.yml";
    my $said = `$tool{promtool} check rules $alerts 2>&1`;
    is($?, 0, 'promtool takes the alerts') or diag($said);

    write_file($file, slurp("$repo/t/lib/alerts.yml") =~ s/ALERTS$/$alerts/mr);
    $said = `$tool{promtool} test rules $file 2>&1`;
    is($?, 0, 'they fire when they should, and only then') or diag($said);
}


# --- Prometheus itself: it scrapes, and an alert fires; the page answers still

sub ask_prometheus {
    my ($port, $path) = @_;

    my $a = Assess::HTTP->new(port => $port, timeout => 5)->get($path);
    return $a && $a->{status} == 200 ? $a->{json}{data} : undef;
}

my ($watch, $watching);

if ($tool{prometheus} && $tool{promtool}) {
    my $dir = $t->dir . '/prometheus';
    my $rules = slurp("$repo/docs/alerts.yml");

    mkdir $dir or die "$dir: $!\n";

    # the same ones, for those who cannot wait
    $rules =~ s/for: \d+m/for: 1s/g;
    write_file("$dir/alerts.yml", $rules);
    write_file("$dir/prometheus.yml", <<"END");
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [alerts.yml]
scrape_configs:
  - job_name: assess
    static_configs:
      - targets: ['127.0.0.1:$t->{home}{port}']
END

    $watch = Assess::Test::free_port();
    $watching = spawn(command => [$tool{prometheus},
        "--config.file=$dir/prometheus.yml", "--storage.tsdb.path=$dir/data",
        "--web.listen-address=127.0.0.1:$watch"], log => "$dir/log",
        cwd => $dir);

    my $value;
    wait_until(60, sub {
        die 'prometheus: ' . slurp("$dir/log") unless alive($watching);
        my $data = ask_prometheus($watch,
            '/api/v1/query?query=assess_jobs_accepted_total');
        $value = $data && $data->{result}[0]{value}[1];
        return defined $value;
    });
    is($value, metric('assess_jobs_accepted_total'),
        'Prometheus has scraped what the page says');

    # one that looked before the first scrape had nothing to see
    my $alerts = 'none was asked for';
    wait_until(30, sub {
        my $data = ask_prometheus($watch, '/api/v1/alerts') or return 0;
        $alerts = join ' ', map { $_->{labels}{alertname} } @{ $data->{alerts} };
        return $alerts eq '';
    });
    is($alerts, '', 'no alert is there while all is well');

    my $board = JSON::PP->new->utf8->decode(slurp("$repo/docs/grafana.json"));
    my @bad;

    for my $expr (map { $_->{expr} } map { @{ $_->{targets} // [] } }
        @{ $board->{panels} })
    {
        my $query = $expr =~ s/\$__rate_interval/1m/gr =~ s/\$instance/.*/gr;
        $query =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ge;
        push @bad, $expr unless ask_prometheus($watch,
            "/api/v1/query?query=$query");
    }
    is(join("\n", @bad), '', 'Prometheus understands all of the dashboard');
}

# the database is there, and does not answer: the page does
{
    my $release = $t->cluster->held(
        'lock table assess.lanes in access exclusive mode');
    my $slowest = 0;
    my $down = wait_until(30, sub {
        my $begun = time;
        my $up = metric('assess_store_up');
        $slowest = time - $begun if time - $begun > $slowest;
        return $up == 0;
    });

    ok($down, 'a database that does not answer in time is told of');
    cmp_ok($slowest, '<', 3, sprintf 'no page waits for it (%.1f s)', $slowest);

    $release->();
    becomes('assess_store_up', 1, 'it answers again', 30);
}

{
    $t->cluster->stop;
    becomes('assess_store_up', 0, 'the database is away', 30);

    my $begun = time;
    my $page = page();
    cmp_ok(time - $begun, '<', 2, 'the page answers all the same');
    is($page->{assess_jobs_accepted_total},
        $page->{'assess_job_queue_seconds_count'} + 1,
        'counters are what they were');
    cmp_ok($page->{assess_store_read_age_seconds}, '>', 0,
        'how old the rest is, it says');
    valid('then, either');
}

SKIP: {
    skip 'there is no Prometheus here', 2 unless $watching;

    my %state;
    wait_until(60, sub {
        my $data = ask_prometheus($watch, '/api/v1/alerts') // {};
        %state = map { $_->{labels}{alertname} => $_->{state} }
                 @{ $data->{alerts} // [] };
        return ($state{AssessStoreAway} // '') eq 'firing';
    });
    is($state{AssessStoreAway}, 'firing', 'an alert fires');

    $t->cluster->launch;
    becomes('assess_store_up', 1, 'the database is back', 60);

    wait_until(60, sub {
        my $data = ask_prometheus($watch, '/api/v1/alerts') // {};
        %state = map { $_->{labels}{alertname} => $_->{state} }
                 @{ $data->{alerts} // [] };
        return !$state{AssessStoreAway};
    });
    is($state{AssessStoreAway}, undef, 'and ends when it is back');
}

END {
    local $?;
    end_all([$watching], TERM => 10, KILL => 5) if $watching;
    unlink $prices;
}

$t->cluster->launch unless $watching;
$provider->stop;
$t->done;
