#!/usr/bin/perl

# Files that a browser gets: compressed for who takes that, told apart by their
# ETag, and only read.

use strict;
use warnings;

use IO::Uncompress::Gunzip qw(gunzip);

use Assess::Process qw(run_as slurp);
use Assess::Test;

my $slow = Assess::Test::free_port();
my $t = Assess::Test->new(extra => <<"END");
server {
    listen 127.0.0.1:$slow;
    limit_rate 30k;
    gzip on;
    gzip_types *;
    location /api/ { assess_api; assess_tenant a; }
}
END
my $path = '/api/assess.js';

sub get { return $t->http->get($path, headers => { @_ }) }

# Whether it came compressed.
sub packed {
    my ($accept) = @_;

    my $a = get('Accept-Encoding' => $accept);
    return ($a->{headers}{'content-encoding'} // '') eq 'gzip' ? 1 : 0;
}

my $plain = get();
is($plain->{status}, 200, 'a file');
is($plain->{headers}{'content-type'}, 'text/javascript; charset=utf-8', 'type');
is($plain->{headers}{'cache-control'}, 'no-cache', 'it is asked for each time');
is($plain->{headers}{vary}, 'Accept-Encoding', 'caches know that it varies');
is($plain->{headers}{'x-content-type-options'}, 'nosniff', 'its type is its type');
is($plain->{headers}{'content-encoding'}, undef, 'as it is');
like($plain->{body}, qr/^export class Assess \{/m, 'what it is');

my $gzip = get('Accept-Encoding' => 'gzip, deflate, br');
is($gzip->{headers}{'content-encoding'}, 'gzip', 'compressed');
is($gzip->{headers}{'content-length'}, length $gzip->{body}, 'its length');
cmp_ok(length $gzip->{body}, '<', length($plain->{body}) / 2, 'smaller');
gunzip(\$gzip->{body} => \my $text);
ok($text eq $plain->{body}, 'the same');
isnt($gzip->{headers}{etag}, $plain->{headers}{etag}, 'another entity');

is(packed($_), 1, "\"$_\" takes it")
    for 'gzip', 'GZIP', '*', 'br, gzip;q=0.5', 'gzip ;q=1', 'br,*;q=0.1',
        'gzip;q=0.001', 'gzip; q=1.0';
is(packed($_), 0, "\"$_\" does not")
    for 'br', 'identity', 'gzip;q=0', 'gzip;q=0.000', '*;q=0', '', ',',
        'gzip;q=0, *', 'x-gzipp', 'gzi', ';q=1', 'gzip;Q=0';

for my $a ($plain, $gzip) {
    my %accept = $a == $gzip ? ('Accept-Encoding' => 'gzip') : ();
    my $etag = $a->{headers}{etag};

    like($etag, qr/^"[0-9a-f]{16}(?:-gz)?"\z/, 'a strong ETag');

    for my $match ($etag, "W/$etag", "\"x\", $etag", '*') {
        my $not = get('If-None-Match' => $match, %accept);

        is($not->{status}, 304, "If-None-Match: $match");
        is($not->{body}, '', 'without a body');
        is($not->{headers}{etag}, $etag, 'with its ETag');
    }

    is(get('If-None-Match' => '"x"', %accept)->{status}, 200, 'another one');
}

my $head = $t->http->request('HEAD', $path);
is($head->{status}, 200, 'HEAD');
is($head->{headers}{'content-length'}, length $plain->{body}, 'says how long');

for my $method (qw(POST PUT DELETE OPTIONS)) {
    my $a = $t->http->request($method, $path);

    is($a->{status}, 405, $method);
    is($a->{headers}{allow}, 'GET, HEAD', 'says what it takes');
    is($a->{headers}{'content-type'}, 'application/problem+json', 'a problem');
}

is($t->http->get("$path?x=1")->{status}, 400, 'a parameter');
is($t->http->get("/api/$_")->{status}, 404, "$_ is not there")
    for qw(assess.jsx assess join.sh embed.sh package.json client/base.js
           ..%2fembed.sh page/index.html);

# needs no tenant, and the connection goes on
my $socket = $t->http->connect;
print {$socket} "GET $path HTTP/1.1\r\nHost: a\r\n\r\n"
    . "GET $path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
my $two = do { local $/; <$socket> };
is(scalar(() = $two =~ m{^HTTP/1\.1 200 }mg), 2, 'two on one connection');

# a piece at a time; and nginx's own gzip leaves it as it is
for my $accept ('identity', 'gzip') {
    my $a = Assess::HTTP->new(port => $slow)->get($path,
        headers => { 'Accept-Encoding' => $accept });
    ok($a->{body} eq ($accept eq 'gzip' ? $gzip : $plain)->{body},
       "$accept, slowly");
}

my $body = $t->http->request('GET', $path, body => 'x' x 100_000);
is($body->{status}, 200, 'a request with a body');


# The same files make the same bytes, wherever that is.
my $dir = File::Temp::tempdir(CLEANUP => 1);
my $embed = "$Assess::Server::REPO/ngx_assess_module/web/embed.sh";

for my $out (qw(a b)) {
    my ($status, $said) = run_as(undef, 'sh', $embed, "$dir/$out");
    is($status, 0, 'it is made') or diag($said);
}

is(slurp("$dir/a/assess_web.h"), slurp("$dir/b/assess_web.h") =~ s{/b/}{/a/}gr,
    'the table');
ok(slurp("$dir/a/$_") eq slurp("$dir/b/$_"), $_) for '0', '0.gz';

$t->done;
