package Bench::Uploads;

# 64 uploads of 50 MB at once, from slow clients, 200 MB/s of all together: what
# other calls take meanwhile, and what the worker takes of memory.
# ASSESS_BENCH_UPLOADS is how many there are.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Bench::Proc qw(peak reset_peak);
use Assess::Uploads;

use constant { BYTES => 50_000_000, RATE => 200_000_000, QUESTIONS => 5 };


sub run {
    my ($b) = @_;

    my $count = $ENV{ASSESS_BENCH_UPLOADS} || 64;
    my $home = $b->home(env => { ASSESS_PROVIDER => 'local' });
    my $set = $home->put_questions(QUESTIONS);
    my $document = $home->upload('The alarm is tested each week.');
    my $job = $home->begin($document, $set);
    my $report = $b->report;

    calls($b, $home, $set, $document, $job);
    reset_peak($home->worker);

    my $before = peak($home->worker);
    my $alone = calls($b, $home, $set, $document, $job);
    my $uploads = Assess::Uploads->new($home->port, clients => $count,
                                       bytes => BYTES, rate => RATE);
    my %phase = ('sent' => calls($b, $home, $set, $document, $job));

    $uploads->held;
    $phase{'held'} = calls($b, $home, $set, $document, $job);
    $uploads->go_on;
    my $begun = time;
    $phase{'stored'} = calls($b, $home, $set, $document, $job);

    my %answers;
    $answers{$_}++ for $uploads->ended;
    my $stored = time - $begun;

    my $good = $answers{201} // 0;
    my $peak = peak($home->worker);
    my $refused = 0;

    $refused += delete($_->{refused}) // 0 for values %phase, $alone;
    $report->fact('uploads that were not stored', $good == $count,
                  $count - $good);
    $report->fact('other calls that were refused', !$refused, $refused);

    for my $phase (qw(sent held stored)) {
        for my $call (sort keys %$alone) {
            $report->row(what => "$call, median, while they are $phase",
                unit => 'ms', ours => [middle($phase{$phase}{$call})],
                against => 'without them', that => [middle($alone->{$call})],
                $phase eq 'held' ? (target => '<= 1.2') : ());
        }
    }

    $report->note('how uploads were answered: '
        . join(', ', map { "$answers{$_} times $_" } sort keys %answers)
        . sprintf ', in %.1f s once all of them had been sent', $stored);
    $report->row(what => 'memory of the worker, most', unit => 'MB',
        ours => [$peak / 2**20], against => 'before', that =>
            [$before / 2**20], target => '<= 2');
}


# One after the other for a while: the milliseconds of each.
sub calls {
    my ($b, $home, $set, $document, $job) = @_;

    my $end = time + $b->seconds;
    my $n = 0;
    my %took;

    while (time < $end) {
        $n++;
        my %call = (
            status => sub { $home->http->get("/api/assessments/job/$job") },
            start => sub { $home->http->post('/api/assessments/start', json =>
                { documentId => $document, questionSet => $set }) },
            upload => sub { $home->http->post('/api/documents',
                body => "Small one $n at " . time,
                headers => { 'Content-Type' => 'text/plain' }) });

        for my $name (keys %call) {
            my $begun = time;
            my $a = $call{$name}->();

            push @{ $took{$name} }, 1000 * (time - $begun);
            $took{refused}++ unless $a && $a->{status} =~ /^20/;
        }
    }

    return \%took;
}


sub middle {
    my @sorted = sort { $a <=> $b } @{ $_[0] };
    return $sorted[@sorted / 2];
}


1;
