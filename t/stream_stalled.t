#!/usr/bin/perl

# A reader that takes nothing any more is closed, holds little until then, and
# misses nothing when it comes back.

use strict;
use warnings;

use Assess::Jobs qw(write_events collect changed_conf vm_rss);
use Assess::Process qw(slurp wait_until);
use Assess::Test;

my $port = Assess::Test::free_port();
my $t = Assess::Test->new(extra => <<"END");
server {
    listen 127.0.0.1:$port;
    send_timeout 2s;
    location /api/ { assess_api; assess_tenant default; }
}
END

my $http = Assess::HTTP->new(port => $port);
my $path = '/api/assessments/progress';
my ($worker) = $t->server->workers;
my $before = write_events($t, 1);
my $reader = $http->events($path, 'Last-Event-ID' => $before);
my $mark;

# Megabytes, for one who reads; what the worker has grown by.
my $pass = sub {
    my ($name) = @_;

    my $rss = vm_rss($worker);
    write_events($t, 500, pad => 4000) for 1 .. 2;
    $mark = write_events($t, 1);

    ok($reader->until(sub { ($_[0]{id} // 0) == $mark }, 60), $name);
    return vm_rss($worker) - $rss;
};

# so that all is there that is needed for that
$pass->('megabytes pass');
my $alone = $pass->('and once more');

$before = $mark;
my @stalled = map { $http->events($path, 'Last-Event-ID' => $before) } 1 .. 20;
$_->until(sub { $_[0]{event} eq 'connected' }, 20) for @stalled;

my $beside = $pass->('they pass by those who do not read');

# a page of the log may be read for one while they pass
cmp_ok($beside - $alone, '<', 20 * 64 + 1024, 'who hold 64 KB each')
    unless $ENV{ASAN_OPTIONS};

my $log = $t->home->{home} . '/logs/error.log';
my $closed = sub {
    return scalar(() = (slurp($log) // '') =~
                  /client of a progress stream timed out/g);
};

ok(wait_until(60, sub { $closed->() == @stalled }), 'each of them is closed');
is($http->get('/api/health/live')->{status}, 200, 'nobody else is');

for my $stream (@stalled[0, 19]) {
    my @part = collect($stream, undef, 60);
    my $last = $part[-1]{id};

    # an event of which a part came has no end, and is not told by its reader
    my $again = $http->events($path, 'Last-Event-ID' => $last);
    push @part, collect($again, sub { ($_[0]{id} // 0) == $mark }, 60);

    cmp_ok($last, '<', $mark, 'it had not got everything');
    is(join(' ', map { $_->{id} // () } @part),
        join(' ', $before + 1 .. $mark), 'and gets the rest, once');
    $again->close;
}

$_->close for @stalled, $reader;

$t->done;
