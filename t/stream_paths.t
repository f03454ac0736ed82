#!/usr/bin/perl

# A stream is the same whichever way it takes through nginx: straight to the
# socket, or through filters that change it, slow it down or encrypt it.

use strict;
use warnings;

use Assess::Jobs qw(write_events);
use Assess::Process qw(run_as spawn wait_until slurp end_all);
use Assess::Test;

my %port = map { $_ => Assess::Test::free_port() }
           qw(plain packed replaced slow tls unchunked);

my (undef, $built) = run_as(undef, $ENV{ASSESS_NGINX} || 'nginx', '-V');
my $sub = $built =~ /http_sub_module/;
my $ssl = $built =~ /http_ssl_module/;

my $dir = File::Temp::tempdir(CLEANUP => 1);
chmod 0755, $dir;
my ($failed, $said) = run_as(undef, 'openssl', 'req', '-x509', '-newkey',
    'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem");
die "openssl: $said\n" if $failed;

my $api = 'location /api/ { assess_api; assess_tenant default; }';

my $t = Assess::Test->new(extra => <<"END");
server { listen 127.0.0.1:$port{plain}; $api }
server { listen 127.0.0.1:$port{unchunked}; chunked_transfer_encoding off; $api }
server {
    listen 127.0.0.1:$port{packed};
    gzip on;
    gzip_types text/event-stream;
    gzip_min_length 0;
    $api
}
server {
    listen 127.0.0.1:$port{replaced};
    @{[ $sub ? q(sub_filter_types text/event-stream; sub_filter_once off;
                  sub_filter '"pad"' '"PAD"';) : '' ]}
    $api
}
server { listen 127.0.0.1:$port{slow}; limit_rate 200k; $api }
@{[ $ssl ? "server {
    listen 127.0.0.1:$port{tls} ssl http2;
    ssl_certificate $dir/cert.pem;
    ssl_certificate_key $dir/key.pem;
    $api
}" : '' ]}
END

my $job = '00000000-0000-7000-8000-000000000001';
my $path = "/api/assessments/progress?jobId=$job";

my %ways = (
    'plain'             => ['http', 'plain', '--http1.1'],
    'plain, HTTP/1.0'   => ['http', 'plain', '--http1.0'],
    'without chunks'    => ['http', 'unchunked', '--http1.1'],
    'compressed'        => ['http', 'packed', '--http1.1', '--compressed'],
    'not compressed'    => ['http', 'packed', '--http1.1'],
    'replaced'          => ['http', 'replaced', '--http1.1'],
    'slow'              => ['http', 'slow', '--http1.1'],
    'TLS'               => ['https', 'tls', '-k', '--http1.1'],
    'TLS, HTTP/2'       => ['https', 'tls', '-k', '--http2'],
);

delete @ways{grep { /TLS/ } keys %ways} unless $ssl;

my $n = 0;
my %file = map { $_ => "$dir/" . ++$n } sort keys %ways;
my @pids = map {
    my ($scheme, $port, @options) = @{ $ways{$_} };
    spawn(command => ['curl', '-sS', '-N', '--max-time', 60, @options,
        '-o', $file{$_}, "$scheme://127.0.0.1:$port{$port}$path"],
        log => "$dir/log", cwd => $dir);
} sort keys %ways;

ok(wait_until(20, sub {
    !grep { (slurp($file{$_}) // '') !~ /^event: connected$/m } keys %ways
}), 'all of them begin');

# some at a time, more than a socket takes at once, and the end
write_events($t, 1, job => $job, pad => 10);
wait_until(20, sub { !grep { slurp($file{$_}) !~ /^id: /m } keys %ways });
write_events($t, 120, job => $job, pad => 9000);
my $end = write_events($t, 1, job => $job, type => 'complete');

ok(wait_until(60, sub {
    !grep { slurp($file{$_}) !~ /^id: $end\nevent: complete\n/m } keys %ways
}), 'all of them end');

ok(wait_until(20, sub { waitpid(-1, 1); !grep { kill 0, $_ } @pids }),
    'the server closes, or curl sees the end') or end_all(\@pids, KILL => 5);

my $plain = slurp($file{plain});
my @ids = $plain =~ /^id: (\d+)$/mg;
is("@ids", join(' ', $ids[0] .. $end), 'without a hole');
cmp_ok(length $plain, '>', 1_000_000, 'a megabyte');

my $replaced = $sub ? $plain =~ s/"pad"/"PAD"/gr : $plain;
ok(slurp($file{replaced}) eq $replaced, 'replaced: as it should be');

ok(slurp($file{$_}) eq $plain, "$_: the same")
    for grep { !/plain\z|replaced/ } sort keys %ways;

$t->done;
