#!/usr/bin/perl

# When a job will have ended, as it is told on the way.

use strict;
use warnings;

use Time::Local qw(timegm);

use Assess::Jobs qw(question_set start_job collect ended_type);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 400);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_CONCURRENCY => 2,
    ASSESS_QUESTIONS_PER_BATCH => 1, ASSESS_JOBS => 4 });

question_set($t, 'twelve', 12);


sub ms {
    my ($y, $m, $d, $h, $min, $s, $ms) =
        $_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)Z\z/
        or die "no time: $_[0]\n";
    return timegm($s, $min, $h, $d, $m - 1, $y) * 1000 + $ms;
}


# The events of a job about a document of its own, until it ends.
sub told {
    my ($text) = @_;

    my $all = $t->http->events('/api/assessments/progress');
    $all->next;
    my $job = start_job($t, document => $t->upload($text,
        'text/plain'), set => 'twelve');
    my @events = collect($all, sub { ended_type($_[0]{event})
                                     && $_[0]{json}{jobId} eq $job });

    return grep { ($_->{json}{jobId} // '') eq $job } @events;
}


sub quality { return map { $_->{json}{estimateQuality} // 'none' } @_ }


my @first = told("The first document says that exits are marked.\n");
my $end = $first[-1]{json};

is($end->{status}, 'completed', 'a job');
is($end->{estimatedCompletion}, undef, 'that ended has no estimate');
is($end->{estimateQuality}, undef, 'nor its quality');

my @asking = grep { $_->{event} eq 'progress' && $_->{json}{batchCompleted}
                    && $_->{json}{stage} eq 'llm_processing' } @first;

cmp_ok(scalar @asking, '>', 2, 'answers come one after the other');
is(join(' ', quality(@asking)), join(' ', ('good') x @asking),
    'with each there is a good estimate');
is((grep { $_->{event} eq 'progress' && !$_->{json}{batchCompleted}
           && $_->{json}{estimatedCompletion} } @first), 0,
    'before the first answer of all nobody knows');

my @off = map { abs(ms($_->{json}{estimatedCompletion})
                    - ms($end->{completedAt})) } @asking;

# the machine may have other things to do, but not for as long as the job
diag("estimates were off by @off ms");
cmp_ok($_, '<', 2400, 'it is about right') for @off;

my @second = told("The second document says that doors are locked.\n");
my @before = grep { $_->{event} eq 'progress' && !$_->{json}{batchCompleted}
                    && $_->{json}{stage} eq 'llm_processing' } @second;

is(join(' ', quality(@before)), join(' ', ('fair') x @before),
    'of the next job it is known before it asks');

my $said = ms($before[0]{json}{estimatedCompletion})
           - ms($before[0]{json}{timestamp});

cmp_ok($said, '>', 1200, 'twelve batches, two at once, of 400 ms each');
cmp_ok($said, '<', 12 * 3000, 'and not for ever');

$provider->stop;
$t->done;
