#!/usr/bin/perl

# Every fuzz target over its seeds and all their beginnings, under gcc's
# sanitizers; make fuzz looks for more.

use strict;
use warnings;

use FindBin;
use Test::More;

my $repo = "$FindBin::RealBin/..";
my $build = $ENV{ASSESS_BUILD} || "$repo/build";
my @targets = grep { $_ ne 'main' } map { m{([^/]+)\.c\z} } glob "$repo/t/fuzz/*.c";

ok(scalar @targets, 'there are fuzz targets');

for my $name (@targets) {
    my $text = `$build/fuzz/$name-replay $repo/t/fuzz/corpus/$name 2>&1`;

    is($?, 0, $name) or diag($text);
    like($text, qr/^[1-9]\d* inputs$/m, "$name has seeds");
}

done_testing();
