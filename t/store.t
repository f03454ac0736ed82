#!/usr/bin/perl

# The unit tests of the store, each with an empty database of its own, whose
# connection string is in ASSESS_DATABASE.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;

use Assess::Cluster;

my $repo = "$FindBin::RealBin/..";
my $build = $ENV{ASSESS_BUILD} || "$repo/build";
my @units = map { m{([^/]+)\.c\z} } glob "$repo/t/unit/store_*.c";

plan skip_all => 'there are no unit tests of the store' unless @units;

my $dir = tempdir('assess-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;
mkdir "$dir/logs" or die "$dir/logs: $!\n";

my $cluster = Assess::Cluster->new(home => $dir);
$cluster->start;

END {
    my $status = $?;
    $cluster->remove if $cluster;
    $? = $status;
}

for my $unit (@units) {
    local $ENV{ASSESS_DATABASE} = $cluster->create_database($unit);

    my @lines = `$build/unit/$unit 2>&1`;
    my $status = $?;

    subtest $unit => sub {
        for my $line (@lines) {
            if ($line =~ /^(not )?ok \d+(?: - )?(.*)/) {
                ok(!$1, $2);
            } elsif ($line !~ /^1\.\.\d+$/) {
                chomp $line;
                diag($line);
            }
        }

        is($status, 0, 'it ends well');
        ok(scalar(grep { /^1\.\.[1-9]\d*$/ } @lines), 'it ran to its end');
    };
}

done_testing();
