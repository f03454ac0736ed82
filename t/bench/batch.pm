package Bench::Batch;

# A batch of 10,000 documents: how long it takes to accept, and what others read
# meanwhile; 1,000 documents with five batches of questions each for a provider
# that takes 200 ms and 64 requests at once; and what a hundred users get of it who
# have a batch of a hundred documents each, and somebody who has one.

use strict;
use warnings;

use Assess::Bench::Proc qw(anon now peak);
use Assess::HTTP;
use Assess::Process qw(run_as wait_until);

use constant { MANY => 10_000, FEW => 10, BATCHES => 5, DELAY => 200,
               AT_ONCE => 64, USERS => 100, EACH => 100 };
use constant SOME => $ENV{ASSESS_BENCH_BATCH} || 1000;

my @reads = (
    ['status of a batch' => '/api/assessments/batch/%s'],
    ['jobs of a batch'   => '/api/assessments/jobs?limit=10&batchId=%s'],
    ['newest jobs'       => '/api/assessments/jobs?limit=10'],
    ['counters'          => '/api/assessments/counters'],
);


sub run {
    my ($b) = @_;

    $b->apart(sub { accept_many($b) });
    $b->apart(sub { run_some($b) });
    $b->apart(sub { share($b) });
}


# So many documents, each of some words.
sub documents {
    my ($home, $count) = @_;

    my @ids;

    while (@ids < $count) {
        my @parts = map { ['file', "Plan $_. There is a fire alarm in part $_. "
            . "It is tested each week.\n", "plan$_.txt", 'text/plain'] }
            @ids + 1 .. ($count < @ids + 200 ? $count : @ids + 200);
        my $a = $home->http->post('/api/documents',
                                  Assess::HTTP::multipart(@parts));

        die "no documents\n" unless $a && $a->{status} =~ /^20/;
        push @ids, map { $_->{documentId} } @{ $a->{json}{documents} };
    }

    return \@ids;
}


# The id, and the seconds that it took.
sub begin {
    my ($home, $ids, $set, %more) = @_;

    my $headers = delete $more{headers} // {};
    my $begun = now();
    my $a = $home->http->post('/api/assessments/batch', headers => $headers,
        json => { documentIds => $ids, questionSet => $set, %more });
    my $took = now() - $begun;

    die 'not started: ', ($a ? "$a->{status} $a->{body}" : 'no answer'), "\n"
        unless $a && $a->{status} == 202;
    return ($a->{json}{batchId}, $took);
}


sub batch {
    my ($home, $id) = @_;
    return $home->http->get("/api/assessments/batch/$id")->{json};
}


# Until all of its jobs have ended: the Batch, and the seconds until that.  What is
# called meanwhile is called often.
sub ended {
    my ($home, $id, $seconds, $meanwhile) = @_;

    my $batch;
    my $begun = now();

    wait_until($seconds, sub {
        $meanwhile->() if $meanwhile;
        $batch = batch($home, $id);
        return defined $batch->{completedAt};
    }) or die "the batch does not end\n";

    return ($batch, now() - $begun);
}


# Nothing of it is done, so that what is read is the same all the time.
sub accept_many {
    my ($b) = @_;

    my $provider = $b->provider('--delay-ms', 600_000);
    my $home = $b->home(env => { $provider->env, ASSESS_JOBS => 1 });
    my $set = $home->put_questions(25);
    my $ids = documents($home, MANY);
    my (@took, @stopped, %few, %many);

    my ($small) = begin($home, [@$ids[0 .. FEW - 1]], $set);
    $few{ $_->[0] } = reads($b, $home, $_->[1], $small) for @reads;
    $home->http->delete("/api/assessments/batch/$small");
    ended($home, $small, 60);

    for my $round ($b->rounds) {
        my ($id, $took) = begin($home, $ids, $set);

        push @took, $took;
        %many = map { $_->[0] => reads($b, $home, $_->[1], $id) } @reads
            unless %many;

        my $begun = now();
        $home->http->delete("/api/assessments/batch/$id");
        my ($batch) = ended($home, $id, 120);
        push @stopped, now() - $begun;
        die "$batch->{cancelledDocuments} are cancelled\n"
            unless $batch->{cancelledDocuments} == MANY;
    }

    $b->report->row(what => '10,000 documents, until 202', unit => 's',
        ours => \@took, against => 'the target', that => 2, target => '<= 1');
    $b->report->row(what => 'cancelled, until the last job has ended',
        unit => 's', ours => \@stopped);

    for my $name (map { $_->[0] } @reads) {
        $b->report->row(what => "$name: 10,000 queued", unit => 'ms',
            ours => $many{$name} / 1e3, against => '10 of them',
            that => $few{$name} / 1e3, target => '<= 1.3');
    }
}


# The median of a read, in us.
sub reads {
    my ($b, $home, $path, $id) = @_;
    return $b->run_program('probe', $home->port, $path =~ s/%s/$id/r, 2,
                           1000)->{p50};
}


sub run_some {
    my ($b) = @_;

    my $provider = $b->provider('--delay-ms', DELAY);
    my $home = $b->home(env => { $provider->env, ASSESS_JOBS => AT_ONCE,
        ASSESS_CONCURRENCY => AT_ONCE });
    my $set = $home->put_questions(5 * BATCHES);
    my $ids = documents($home, SOME);
    my $ideal = SOME * BATCHES * DELAY / 1000 / AT_ONCE;
    my (@share, $early, $batch, %few, %running);

    my ($small) = begin($home, [@$ids[0 .. FEW - 1]], $set);
    ended($home, $small, 60);
    $few{ $_->[0] } = reads($b, $home, $_->[1], $small) for @reads;

    # the texts are read and kept, and the number of requests is found
    my ($warm) = begin($home, $ids, $set);
    ended($home, $warm, 900);
    $early = anon($home->worker);

    for ($b->rounds) {
        my ($id, $took) = begin($home, $ids, $set);
        ($batch, my $rest) = ended($home, $id, 900);

        die "$batch->{completedDocuments} are completed\n"
            unless $batch->{completedDocuments} == SOME;
        push @share, 100 * $ideal / ($took + $rest);
    }

    my $events = $home->sql('select count(*) from'
        . ' assess.assessment_progress_events where type = \'batch\' and'
        . " batch_id = '$batch->{batchId}'");

    results($b, $home, $batch->{batchId});

    $b->report->row(what => 'of what the provider takes at once', unit => '%',
        ours => \@share, against => 'all of it', that => 100,
        target => '>= 0.9');
    $b->report->row(what => 'memory of nginx beside the zone', unit => 'MB',
        ours => anon($home->worker) / 1e6, against => 'after the first batch',
        that => $early / 1e6, target => '<= 1.1');
    $b->report->note(sprintf '%d requests of %d ms, %d at once: %.1f s at best;'
        . ' %d events told of it', SOME * BATCHES, DELAY, AT_ONCE, $ideal,
        $events);

    # while another one runs
    my ($last) = begin($home, $ids, $set);
    my @left = @reads;

    ended($home, $last, 900, sub {
        my $read = shift @left or return;
        $running{ $read->[0] } = reads($b, $home, $read->[1], $last);
    });

    for my $name (grep { defined $running{$_} } map { $_->[0] } @reads) {
        $b->report->row(what => "$name: while " . SOME . ' run', unit => 'ms',
            ours => $running{$name} / 1e3, against => '10 that have ended',
            that => $few{$name} / 1e3);
    }
}


sub rising { return sort { $a <=> $b } @_ }


# Each user of a tenant has a batch; halfway, how far each is, and when each ends.
# All the time somebody of another tenant starts one document after the other.
sub share {
    my ($b) = @_;

    my $provider = $b->provider('--delay-ms', DELAY);
    my $home = $b->home(env => { $provider->env, ASSESS_JOBS => AT_ONCE,
        ASSESS_CONCURRENCY => AT_ONCE });
    my $set = $home->put_questions(5);
    my $ids = documents($home, EACH);
    my $other = $home->http->with('X-Tenant' => 'other');
    my ($half, @waits);

    $other->put("/api/question-sets/$set", json => { questions =>
        [map { { id => "q$_", text => "Is there alarm $_?" } } 1 .. 5] });
    my $single = $other->post('/api/documents', body => 'There is an alarm.',
        headers => { 'Content-Type' => 'text/plain' })
        ->{json}{documents}[0]{documentId};

    my $start = sub {
        my $a = $other->post('/api/assessments/start', json =>
            { documentId => $single, questionSet => $set });
        my $path = "/api/assessments/job/$a->{json}{jobId}";
        my $job;

        wait_until(60, sub { $job = $other->get($path)->{json};
                             defined $job->{completedAt} });
        push @waits, 1e3 * $home->sql('select extract(epoch from started_at -'
            . " created_at) from assess.assessment_jobs where job_id ="
            . " '$job->{jobId}'");
    };

    my $users = sub {
        return map { [split /\|/] } split /\n/, $home->sql('select user_name,'
            . " count(*) filter (where status = 'completed'),"
            . ' extract(epoch from max(completed_at)) from'
            . " assess.assessment_jobs where user_name like 'user %'"
            . ' group by user_name');
    };

    # nobody is to have a lead
    my $operator = $home->http->with('X-Operator' => 'yes');
    $operator->post('/api/admin/queue/pause')->{status} == 200
        or die "not paused\n";

    my @batches = map { (begin($home, $ids, $set,
        headers => { 'X-User' => "user $_" }))[0] } 1 .. USERS;

    $operator->post('/api/admin/queue/resume');
    my $begun = $home->sql('select extract(epoch from clock_timestamp())');

    ended($home, $batches[-1], 900, sub {
        $start->();
        $half //= do {
            my @now = $users->();
            my $done = 0;
            $done += $_->[1] for @now;
            $done >= USERS * EACH / 2 ? [rising(map { $_->[1] } @now)]
                                      : undef;
        };
    });
    ended($home, $_, 60) for @batches;

    my @ends = rising(map { $_->[2] - $begun } $users->());
    my @wait = rising(@waits);

    $b->report->row(what => 'halfway: who has least', unit => 'jobs',
        ours => $half->[0], against => 'who has most', that => $half->[-1],
        target => '>= 0.9');
    $b->report->row(what => 'the first of them ends', unit => 's',
        ours => $ends[0], against => 'the last', that => $ends[-1],
        target => '>= 0.9');
    $b->report->row(what => "another tenant's start waits, at most", unit => 'ms',
        ours => $wait[-1], against => 'one job', that => DELAY,
        target => '<= 1');
    $b->report->note(sprintf '%d users, %d documents each; %d single starts, of'
        . ' which half waited %.1f ms or less', USERS, EACH, scalar @wait,
        $wait[@wait / 2]);
}


# All answers: 25,000 of them, and what it takes to send them.
sub results {
    my ($b, $home, $id) = @_;

    my $before = peak($home->worker);

    for my $format (qw(ndjson csv)) {
        my $file = "$home->{place}/results.$format";
        my $begun = now();
        my ($status, $said) = run_as(undef, 'curl', '-sS', '-f', '-o', $file,
            '-H', 'X-Tenant: default', 'http://127.0.0.1:' . $home->port
            . "/api/assessments/batch/$id/results?format=$format");
        my $took = now() - $begun;

        die "results: $said\n" if $status;

        my ($lines) = (run_as(undef, 'wc', '-l', $file))[1] =~ /^(\d+)/;
        my $bytes = -s $file;

        $lines-- if $format eq 'csv';
        unlink $file;
        die "$lines lines of $format\n"
            unless $lines >= SOME * BATCHES * 5;

        $b->report->row(what => "results as $format", unit => 'MB/s',
            ours => $bytes / 1e6 / $took);
        $b->report->note(sprintf '%d lines of %s, %.1f MB', $lines, $format,
            $bytes / 1e6);
    }

    $b->report->row(what => 'most memory of nginx with results', unit => 'MB',
        ours => peak($home->worker) / 1e6, against => 'before them',
        that => $before / 1e6, target => '<= 1.1');
}


1;
