package Assess::Npm;

# Node, for what browsers and Node are given: its test runner, and packages
# that only tests need.

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use Test::More ();

use Assess::Process qw(run_as);
use Assess::Server;

our @EXPORT_OK = qw(node node_tests npm);


# Its path, where it is new enough.
sub node {
    my ($status, $version) = run_as(undef, 'sh', '-c', 'node --version');

    return $status == 0 && $version =~ /^v(\d+)/m && $1 >= 18 ? 'node' : undef;
}


# The tests of a file, each as one of ours.
sub node_tests {
    my ($node, $file, %env) = @_;

    local @ENV{keys %env} = values %env;

    my ($status, $said) = run_as(undef, $node, '--test-reporter=tap', $file);
    my $n = 0;

    while ($said =~ /^(not )?ok \d+ - (.*)$/mg) {
        my ($failed, $name) = ($1, $2);
        $n++;
        Test::More::ok(!$failed, $name);
    }

    Test::More::cmp_ok($n, '>', 0, 'there are tests')
        && Test::More::is($status, 0, 'all of them pass')
        or Test::More::diag($said);
    return $n;
}


# The folder with these packages, "name@version" each, installed where they
# are not; undef where they cannot be had.  They are kept for the next time.
sub npm {
    my (@packages) = @_;

    # those of one test have a folder of their own: npm removes what it is not told
    my $dir = ($ENV{ASSESS_BUILD} || "$Assess::Server::REPO/build") . '/npm/'
        . join '+', map { s{[/@]}{_}gr } @packages;
    my @missing = grep { !_has("$dir/node_modules", $_) } @packages;

    return "$dir/node_modules" unless @missing;

    make_path($dir);
    my ($status) = run_as(undef, 'sh', '-c', 'cd "$1" && shift'
        . ' && exec timeout 180 npm install --no-audit --no-fund --silent'
        . ' --no-save --ignore-scripts "$@"', 'sh', $dir, @packages);

    return $status == 0 ? "$dir/node_modules" : undef;
}


sub _has {
    my ($modules, $package) = @_;

    my ($name, $version) = $package =~ /^(.+)@([^@]+)\z/;
    my $text = Assess::Process::slurp("$modules/$name/package.json") // '';

    return $text =~ /"version": "\Q$version\E"/;
}


1;
