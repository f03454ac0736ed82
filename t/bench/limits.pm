package Bench::Limits;

# A provider with hard limits, for a minute each: see limits.pl, which prints
# more of them.

use strict;
use warnings;

use Assess::Process qw(run_as);


sub run {
    my ($b) = @_;

    for my $kind (qw(bucket sliding fixed)) {
        my ($status, $text) = run_as(undef,
            "$Assess::Server::REPO/t/bench/limits.pl", "kind=$kind",
            'delay=500');

        my ($accepted, $most, $refused) = $text =~
            /: +(\d+) accepted, +[\d.]+ % of (\d+); +(\d+) throttled/;

        die $text if $status || !$most;
        $b->report->row(what => "$kind: requests of the first minute",
            ours => $accepted, against => 'what is taken', that => $most,
            target => '>= 0.97');
        $b->report->row(what => "$kind: refused", ours => $refused,
            against => 'requests taken', that => $accepted,
            target => '<= 0.03');
    }
}


1;
