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

        die $text if $status;
        $b->report->note("$kind: $_") for grep { /\S/ } split /\n/, $text;
    }
}


1;
