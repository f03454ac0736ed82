#!/usr/bin/perl

# Clients that go away, at every point: nothing of them stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::HTTP;
use Assess::Test;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);

my $t = Assess::Test->new;
my $http = $t->http;
my ($worker) = $t->server->workers;
my $text = 'The alarm is tested each week. ' x 20_000;


# Connections of clients that the worker has; those to the database and what
# threads keep for their next job come and go.
sub connections {
    my $port = sprintf '%04X', $t->server->{port};
    my %inode = map { (split)[9] => 1 }
                grep { /^\s*\d+: 0100007F:$port / } split /\n/,
                slurp('/proc/net/tcp');

    return scalar grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ && $inode{$1} }
        glob "/proc/$worker/fd/*";
}

sub memory {
    my ($kb) = (slurp("/proc/$worker/status") // '') =~ /^VmRSS:\s+(\d+)/m;
    return $kb;
}

# Sends this much of it and is gone, with or without a farewell.
sub leave {
    my ($bytes, $reset) = @_;

    my $sock = $http->connect or die "no connection\n";
    Assess::HTTP::_write($sock, $bytes, time + 10);
    setsockopt $sock, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
    close $sock;
}

sub quiet {
    my ($open, $name) = @_;

    my $now;
    ok(wait_until(30, sub { ($now = connections()) <= $open }),
        "$name: no connection is left") or diag("$now, were $open");

    my @left;
    ok(wait_until(30, sub { !(@left = (temp_files($t), open_files($t))) }),
        "$name: no temporary file is left") or diag("@left");
}

my %form = Assess::HTTP::multipart([questionSet => 'fire'],
    [file => $text, 'a.txt', 'text/plain']);
my $type = $form{headers}{'Content-Type'};

my $raw = "POST /api/documents HTTP/1.1\r\nHost: a\r\n"
    . "Content-Type: text/plain\r\nContent-Length: " . length($text)
    . "\r\n\r\n$text";
my $chunked = "POST /api/documents HTTP/1.1\r\nHost: a\r\n"
    . "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    . sprintf("%x\r\n", length $text) . "$text\r\n0\r\n\r\n";
my $multipart = "POST /api/documents HTTP/1.1\r\nHost: a\r\n"
    . "Content-Type: $type\r\nContent-Length: " . length($form{body})
    . "\r\n\r\n$form{body}";
(my $start = $multipart) =~ s{/api/documents}{/api/assessments/start};

question_set($t, 'fire', 2);

# what a first call brings with it is there: connections, threads' memory
my $known = $t->upload("known $text", 'text/plain');
$t->wait_job(start($t, $known, 'fire')->{jobId});
$http->get("/api/documents/$known/content") for 1 .. 8;

my $open = connections();
is($open, 1, 'the socket that listens');


# before all of it is there
for my $case (['a body', $raw], ['chunks', $chunked], ['a form', $multipart],
    ['a form to start with', $start])
{
    my ($name, $bytes) = @$case;

    untouched($t, "$name, cut", sub {
        for my $n (1 .. 8) {
            leave(substr($bytes, 0, 50 + ($n - 1) / 8 * (length($bytes) - 60)),
                $n % 2);
        }

        # they were read to their ends before this one is answered
        is($http->get('/api/documents')->{status}, 200, "$name: it goes on");
    });

    quiet($open, "$name, cut");
}


# all of it, and gone before the answer
{
    leave($start, $_ % 2) for 1 .. 8;
    ok(wait_until(30, sub {
        return $http->get('/api/assessments/jobs')->{json}{total} >= 1;
    }), 'a whole request may well be served, its client gone');
    quiet($open, 'gone before the answer');
    idle($t);

    my $jobs = $http->get('/api/assessments/jobs')->{json}{total};
    is($http->get('/api/documents')->{json}{total}, $jobs > 1 ? 2 : 1,
        'the same document');
    is($t->sql('select count(*) from assess.documents d where (select sum('
        . 'length(data)) from assess.document_contents c where c.document_id'
        . ' = d.document_id) <> d.bytes'), 0, 'and whole');
}


# while an answer is sent: a slow reader that leaves
{
    my $id = $t->upload('x' x (8 * 1024 * 1024), 'text/plain');
    my $paths = ["/api/documents/$id/content", '/api/documents',
        "/api/assessments/jobs"];

    untouched($t, 'readers that leave', sub {
        for my $n (1 .. 12) {
            my $sock = $http->connect;

            setsockopt $sock, SOL_SOCKET, SO_RCVBUF, pack('i', 4096);
            print {$sock} "GET $paths->[$n % 3] HTTP/1.1\r\nHost: a\r\n\r\n";
            $sock->flush;

            my ($in, $end) = ('', time + 10);
            Assess::HTTP::_read($sock, \$in, $end);
            like($in, qr{^HTTP/1\.1 200}, "reader $n") if $n <= 3;

            setsockopt $sock, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $n % 2;
            close $sock;
        }
    });

    quiet($open, 'readers that leave');
    is($http->get("/api/documents/$id/content")->{headers}{'content-length'},
        8 * 1024 * 1024, 'another reader gets it all');
}


# hundreds of them cost no memory
{
    my $rows = rows($t);
    my $round = sub {
        for my $n (1 .. 100) {
            leave(substr($n % 2 ? $raw : $multipart, 0, 60_000), $n % 4 > 1);
        }
        quiet($open, 'a hundred aborted');
    };

    $round->();
    my $before = memory();
    $round->() for 1 .. 3;
    my $after = memory();

    # the sanitizers keep what was freed for a while
    my $room = ($ENV{ASAN_OPTIONS} // '') ne '' ? 262_144 : 4096;
    cmp_ok($after - $before, '<', $room, 'the worker grows by nothing')
        or diag("$before KB, then $after KB");
    is(rows($t), $rows, 'no row is left');
}

is(join(' ', $t->server->workers), $worker, 'the worker is the same');
is($http->get('/api/health/ready')->{status}, 200, 'and ready');

$t->done;
