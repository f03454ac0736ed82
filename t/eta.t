#!/usr/bin/perl

# When a batch will have ended, as it is told while it runs: from a fifth of the
# time on it is about right, whatever the batch is made of.

use strict;
use warnings;

use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

use Assess::Jobs qw(question_set);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

# How far off it may be on average, as a part of the time that is left (in the
# last tenth: of that tenth).  The machine has other things to do at times, which
# nobody can know before; where the CPUs have most to do, that is most of it.
my $ALLOWED = 0.2;
my $READING = 0.5;

my $provider = Assess::Provider->new('--delay-ms', 700);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_JOBS => 4, ASSESS_CONCURRENCY => 8,
    ASSESS_QUESTIONS_PER_BATCH => 2 },
    extra => "assess_answer_cache 1d;\n");
my $http = $t->http;
my $n = 0;


question_set($t, "six", 6);
$provider->control(delayMs => 700, jitterMs => 500);


sub ms {
    my ($y, $m, $d, $h, $min, $s, $ms) =
        $_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)Z\z/
        or die "no time: $_[0]\n";
    return timegm($s, $min, $h, $d, $m - 1, $y) * 1000 + $ms;
}


# Documents that are all others.
sub small {
    return map { $n++; $t->upload("The fire doors of stair 1, 2, 3, 4, 5"
        . " and 6 of house $n are tested.\n", 'text/plain') } 1 .. $_[0];
}

# Of these it is the reading that takes time.
sub large {
    return map {
        $n++;
        my $row = join '', map { "<td>Fire doors of stair $_, house $n</td>" }
            1 .. 20;
        $t->upload('<html><body><table>' . "<tr>$row</tr>\n" x 1500
            . '</table></body></html>', 'text/html');
    } 1 .. $_[0];
}

sub started {
    my $a = $http->post('/api/assessments/batch', json =>
        { documentIds => [@_], questionSet => 'six' });

    die 'batch: ' . ($a ? "$a->{status} $a->{body}" : 'no answer') . "\n"
        unless $a && $a->{status} == 202;
    return $a->{json}{batchId};
}

sub get { return $http->get("/api/assessments/batch/$_[0]")->{json} }

# The Batch again and again until it has ended, with the time of each look.
sub watch {
    my ($id, $meanwhile) = @_;

    my @looks;
    wait_until(120, sub {
        push @looks, { at => time * 1000, %{ get($id) } };
        $meanwhile->($looks[-1]) if $meanwhile;
        sleep 0.2;
        return defined $looks[-1]{completedAt};
    }) or die "batch $id does not end\n";

    return @looks;
}


# How far off it was, from the part of the time on, the worst and the mean.
sub judge {
    my ($name, $allowed, $from, @looks) = @_;

    my $last = pop @looks;
    my ($start, $end) = map { ms($last->{$_}) } qw(startedAt completedAt);
    my $all = $end - $start;
    my ($worst, $sum, $in, $told, $unknown) = (0) x 5;

    is($last->{estimatedCompletion} // $last->{estimateQuality}
        // $last->{estimatedRange}, undef, "$name: at the end there is none");

    for my $look (@looks) {
        next if $look->{at} < $start + $from * $all || $look->{at} > $end;

        if (!defined $look->{estimatedCompletion}) {
            $unknown++;
            next;
        }

        my ($said, $low, $high) = map { ms($_) } $look->{estimatedCompletion},
            @{ $look->{estimatedRange} }{qw(earliest latest)};
        my $left = $end - $look->{at};
        my $off = abs($said - $end) / ($left > $all / 10 ? $left : $all / 10);

        diag(sprintf '%s: %5.1f s left %5.1f said %5.1f off %.2f %s %d of %d',
            $name, ($look->{at} - $start) / 1000, $left / 1000,
            ($said - $look->{at}) / 1000, $off, $look->{estimateQuality},
            @$look{qw(completedDocuments totalDocuments)}) if $ENV{ETA_SHOW};

        $worst = $off if $off > $worst;
        $sum += $off;
        $told++;
        $in++ if $low <= $end + $all / 50 && $high >= $end - $all / 50;
    }

    diag(sprintf '%s: %.1f s, off by %.0f %% at most, %.0f %% on average, '
        . 'within the range %d of %d times', $name, $all / 1000,
        100 * $worst, 100 * $sum / ($told || 1), $in, $told);

    cmp_ok($told, '>=', 5, "$name: it is told");
    is($unknown, 0, "$name: always");
    cmp_ok($sum / ($told || 1), '<=', $allowed, "$name: and right");
}


my @half = small(60);

judge('alike', $ALLOWED, 0.2, watch(started(@half, small(25))));

judge('half of it has answers', $ALLOWED, 0.2, watch(started(
    map { ($_, small(1)) } @half)));

# what a large document takes is known from others
watch(started(large(16)));
judge('small ones, then large ones', $READING, 0.2,
    watch(started(small(45), large(45))));

{
    my $slower;
    my @looks = watch(started(small(80)), sub {
        my ($look) = @_;

        return if $slower || $look->{completedDocuments} < 40;
        $slower = $look->{at};
        $provider->control(delayMs => 1400, jitterMs => 1000);
    });
    my ($start, $end) = map { ms($looks[-1]{$_}) } qw(startedAt completedAt);

    # nobody knows it before, and then it has to be seen
    judge('slower half way', $ALLOWED,
        ($slower - $start) / ($end - $start) + 0.25, @looks);
}

$provider->stop;
$t->done;
