#!/usr/bin/perl

# Clients of streams that go away, at any moment and in any way: nothing of
# them is left.

use strict;
use warnings;

use IO::Select;
use Socket qw(SOL_SOCKET SO_LINGER);

use Assess::Jobs qw(document question_set start_job write_events collect
                    vm_rss fds);
use Assess::Process qw(wait_until);
use Assess::Test;

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4 },
    extra => "assess_heartbeat 100ms;\n");
my $path = '/api/assessments/progress';

question_set($t, 'ten', 10);

my $document = document($t);
my $job = start_job($t, document => $document, set => 'ten');
$t->wait_job($job);

my ($worker) = $t->server->workers;
my $open = '00000000-0000-7000-8000-000000000000';
my $body = "{\"documentId\":\"$document\",\"questionSet\":\"ten\"}";

my @requests = (
    ["$path", ''],
    ["$path?jobId=$open", ''],
    ["$path?jobId=$job", ''],
    ["$path?jobId=$job&jobId=$open", "Last-Event-ID: 1\r\n"],
    ["$path", "Last-Event-ID: 0\r\n"],
    ["$path", "Last-Event-ID: none\r\n"],
    ["/api/events/$document", ''],
);


sub connected {
    my ($n) = @_;

    my $sock = $t->http->connect or die "connect: $!\n";
    my ($uri, $headers) = @{ $requests[$n % @requests] };

    print {$sock} "GET $uri HTTP/1.1\r\nHost: a\r\n$headers\r\n";
    $sock->flush;

    return $sock;
}


# the ways to go: closed, reset, half closed; at once or after the first bytes
sub gone {
    my ($sock, $n) = @_;

    if ($n % 2) {
        IO::Select->new($sock)->can_read(5);
        sysread $sock, my $in, 100 if $n % 4 == 1;
    }

    setsockopt $sock, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $n % 3 == 0;
    shutdown $sock, 1 if $n % 3 == 1;
    close $sock;
}


sub round {
    my ($count) = @_;

    my @open;

    for my $n (1 .. $count) {
        push @open, [connected($n), int($n / @requests)];
        gone(@{ shift @open }) if @open > 20;

        # something to be told meanwhile
        write_events($t, 300, document => $document, pad => 300)
            if $n % 100 == 50;
    }

    gone(@$_) for @open;
}

round(200);
write_events($t, 1);

# those to the database come and go
ok(wait_until(20, sub { !clients() }), 'no client is left');
my $kb = vm_rss($worker);
my $fds = fds($worker);

round(1000);
ok(wait_until(20, sub { !clients() }), 'nor after a thousand more');

cmp_ok(fds($worker), '<=', $fds + 8, 'no descriptor is left open');
cmp_ok(vm_rss($worker) - $kb, '<', 6144, 'memory does not grow')
    unless $ENV{ASAN_OPTIONS};
is(join(' ', $t->server->workers), $worker, 'it is the same worker');

# and those who wait for a job
for my $n (1 .. 30) {
    my $sock = $t->http->connect;
    print {$sock} "POST /api/assessments/start HTTP/1.1\r\nHost: a\r\n",
        "Prefer: wait=300\r\nContent-Type: application/json\r\n",
        'Content-Length: ', length $body, "\r\n\r\n$body";
    $sock->flush;
    select undef, undef, undef, 0.01 * ($n % 4);
    gone($sock, $n * 2);
}

ok(wait_until(60, sub { $t->sql('select count(*) from assess.assessment_jobs'
    . " where status in ('queued', 'processing')") == 0 }),
    'their jobs run all the same');
ok(wait_until(20, sub { !clients() }), 'and nothing of them is left');

# who comes now is served
my $stream = $t->http->events("$path?jobId=$job");
is(join(' ', map { $_->{event} } collect($stream)), 'connected complete',
    'streams go on');


sub clients {
    my $port = sprintf ':%04X', $t->home->{port};
    my %inode;

    open my $tcp, '<', "/proc/$worker/net/tcp" or die "net/tcp: $!\n";
    while (<$tcp>) {
        my @field = split;
        $inode{ $field[9] } = 1
            if substr($field[1], -5) eq $port && $field[3] ne '0A';
    }

    return scalar grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/
        && $inode{$1} } glob "/proc/$worker/fd/*";
}

$t->done;
