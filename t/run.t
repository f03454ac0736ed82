#!/usr/bin/perl

# The doors: make run starts, stops, and starts again over what a killed one
# left behind; make demo ends well and leaves nothing running.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use Test::More;

use Assess::HTTP;
use Assess::Process qw(alive end_all slurp spawn wait_until working_in
                       write_file);
use Assess::Test ();

my $bin = "$FindBin::RealBin/bin";
my $dir = tempdir('assess-t-XXXXXX', TMPDIR => 1);
my $home = "$dir/run";
my $port = Assess::Test::free_port();
my $n = 0;
my $running;

chmod 0755, $dir;
delete $ENV{$_} for grep { /^(?:ASSESS_(?!NGINX|BUILD)|OPENAI_|ANTHROPIC_|MAKELEVEL)/ }
                    keys %ENV;

END {
    my $status = $?;
    end_all([$running, left()], TERM => 20, KILL => 5) if $running;
    remove_tree($dir) if $dir;
    $? = $status;
}


sub left {
    return (working_in($home, qw(nginx assess-extract)),
            working_in("$home/cluster/data", 'postgres'));
}


# Starts a door; its output is in the file that is returned.
sub door {
    my ($name, %env) = @_;

    my $log = "$dir/" . ++$n . '.log';
    $running = spawn(command => ["$bin/$name"], log => $log, cwd => $dir,
        env => { ASSESS_HOME => $home, ASSESS_PORT => $port, %env });
    return $log;
}


sub ready {
    my ($log) = @_;

    my $good = wait_until(60, sub {
        (slurp($log) // '') =~ m{^assess: ready on http://127\.0\.0\.1:$port$}m
            or !alive($running);
    }) && alive($running);

    diag("wait status $?, output: " . slurp($log)) unless $good;
    return $good;
}


sub serves {
    my $a = Assess::HTTP->new(port => $port)->get('/api/health/ready');
    return $a && $a->{status} == 200;
}


for my $signal (qw(INT TERM)) {
    ok(ready(door('run')), 'it says that it is ready');
    ok(serves(), 'and it is');

    kill $signal, $running;
    ok(wait_until(30, sub { !alive($running) }), "SIG$signal ends it");
    is(join(' ', left()), '', 'with all that it started');
}

ok(ready(door('run')), 'it starts');
kill 'KILL', $running;
ok(wait_until(5, sub { !alive($running) }), 'it is killed');
ok(scalar left(), 'and leaves processes behind');

ok(ready(door('run')), 'the next one starts over these');
my $second = $running;
my $log = door('run');
ok(wait_until(10, sub { !alive($running) }), 'a second one in a home ends');
like(slurp($log), qr/another one is running/, 'and says why');
$running = $second;

kill 'KILL', $running, left();
ok(wait_until(10, sub { !left() && !alive($running) }), 'all is killed at once');

# the id in the file belongs to a living process that is not PostgreSQL
write_file("$home/cluster/data/postmaster.pid", "$$\n");
write_file("$home/cluster/socket/.s.PGSQL.5432", '');

ok(ready(door('run')), 'a stale postmaster.pid and socket are no obstacle');
kill 'KILL', grep { (slurp("/proc/$_/cmdline") // '') =~ /master process/ } left();
ok(wait_until(30, sub { !alive($running) }), 'it ends when nginx has gone');
is(join(' ', left()), '', 'with all that it started');

$log = door('run', ASSESS_PORT => 70000);
ok(wait_until(10, sub { !alive($running) }), 'a port that is none is refused');
like(slurp($log), qr/ASSESS_PORT/, 'by name');

$log = door('demo');
ok(wait_until(300, sub { !alive($running) }), 'the demo ends');
my $text = slurp($log);
like($text, qr/^job completed: 57 answers, [1-9]\d* quotes/m, 'its job completed')
    or diag($text);
like($text, qr/^    page \d+, verified$/m, 'with quotes that are verified');
is(join(' ', left()), '', 'and nothing is left running');

undef $running;
done_testing();
