#!/usr/bin/perl

# Pages of other origins: which may use the API, with what, and what they may
# read of the answers; on whatever is answered, also by nginx itself.

use strict;
use warnings;

use Assess::Process qw(run_as write_file slurp);
use Assess::Test;

my %port = map { $_ => Assess::Test::free_port() } qw(listed any none);
my $app = 'https://app.example.com';
my $local = 'http://localhost:3000';

my $t = Assess::Test->new(extra => <<"END");
limit_req_zone \$http_x_limit zone=limit:1m rate=1r/m;
server {
    listen 127.0.0.1:$port{listed};
    client_max_body_size 1k;
    assess_cors $app $local credentials max_age=2h;
    location /api/ {
        assess_api;
        assess_tenant \$http_x_tenant;
        limit_req zone=limit;
        limit_req_status 429;
    }
    location /closed/ {
        assess_api;
        assess_tenant a;
        auth_basic closed;
        auth_basic_user_file /dev/null;
    }
    location /denied/ { assess_api; assess_tenant a; deny all; }
    location /off/ { assess_api; assess_tenant a; assess_cors off; }
    location /other/ { return 200 other; }
}
server {
    listen 127.0.0.1:$port{any};
    location /api/ { assess_api; assess_tenant a; assess_cors *; }
}
END

my %http = (none => $t->http, map { $_ => Assess::HTTP->new(port => $port{$_}) }
            qw(listed any));

sub call {
    my ($where, $method, $path, $origin, %headers) = @_;

    return $http{$where}->request($method, $path, headers => {
        'X-Tenant' => 'a', defined $origin ? (Origin => $origin) : (),
        %headers });
}

sub preflight {
    my ($where, $path, $origin, %headers) = @_;

    return call($where, 'OPTIONS', $path, $origin, 'X-Tenant' => '',
        'Access-Control-Request-Method' => 'POST', %headers);
}

# The headers of CORS that are there, in short.
sub allowed {
    my ($a) = @_;

    my $h = $a->{headers};
    return join ' ', map { defined $h->{"access-control-$_"} ? "$_=" .
        $h->{"access-control-$_"} : () } qw(allow-origin allow-credentials);
}

my $yes = "allow-origin=$app allow-credentials=true";


# What a page does before it may.
my $a = preflight('listed', '/api/assessments/start', $app,
    'Access-Control-Request-Headers' => 'content-type,idempotency-key,x-tenant');

is($a->{status}, 204, 'a preflight');
is(allowed($a), $yes, 'its origin, not a star');
is($a->{headers}{'access-control-allow-methods'},
    'GET, HEAD, POST, PUT, DELETE', 'methods');
is($a->{headers}{'access-control-allow-headers'},
    'content-type,idempotency-key,x-tenant', 'the headers that were asked for');
is($a->{headers}{'access-control-max-age'}, 7200, 'for how long');
like($a->{headers}{vary}, qr/Origin/, 'caches know that it varies');

is(preflight('listed', '/api/none', $app)->{status}, 204,
    'of a path that is none: the 404 is then read');
is(preflight('listed', '/closed/documents', $app)->{status}, 204,
    'it is not asked for a password');
is(preflight('listed', '/api/documents', $app, 'X-Limit' => 'p')->{status}, 204,
    'it is not counted') for 1 .. 3;

for my $foreign ('https://evil.example', "$app.evil.example", 'null',
                 'http://app.example.com', "$app:444", uc $app)
{
    my $a = preflight('listed', '/api/documents', $foreign);

    is($a->{status}, 403, "a preflight of $foreign");
    is(allowed($a), '', 'without a header');
    is($a->{json}{status}, 403, 'a problem');
}

is(preflight('listed', '/api/documents', $app,
    'Access-Control-Request-Headers' => $_)->{status}, 403, 'no names of headers')
    for 'a' x 1025, "a\tb", 'a;b', '"a"';

# What is no preflight is as it was.
is(call('listed', 'OPTIONS', '/api/documents', $app)->{status}, 405,
    'OPTIONS alone');
is(preflight('listed', '/other/x', $app)->{status}, 200, 'another location');
is(preflight('listed', '/off/documents', $app)->{status}, 405, 'off');
is(preflight('none', '/api/documents', $app)->{status}, 405,
    'without the directive');


# What it then does.
$a = call('listed', 'GET', '/api/documents', $app);
is($a->{status}, 200, 'a call');
is(allowed($a), $yes, 'is for this origin');
like($a->{headers}{'access-control-expose-headers'}, qr/\b$_\b/, "$_ is exposed")
    for qw(Location Retry-After Idempotent-Replayed ETag Allow);
is(allowed(call('listed', 'GET', '/api/documents', $local)),
    "allow-origin=$local allow-credentials=true", 'the other origin');

$a = call('listed', 'GET', '/api/documents', 'https://evil.example');
is($a->{status}, 200, 'a foreign origin is answered');
is(allowed($a), '', 'without a header: its page cannot read it');
like($a->{headers}{vary}, qr/Origin/, 'and caches know');
like(call('listed', 'GET', '/api/documents')->{headers}{vary}, qr/Origin/,
    'so they do without an origin');

is(allowed(call('listed', 'GET', '/api/assess.js', $app)), $yes, 'a file');
is(allowed(call('listed', 'GET', '/other/x', $app)), '', 'another location');
is(allowed(call('listed', 'GET', '/off/documents', $app)), '', 'off');


# Errors, ours and nginx's.
sub refused {
    my ($status, $name, $a) = @_;

    is($a->{status}, $status, $name);
    is(allowed($a), $yes, "$name: can be read");
}

refused(404, 'unknown', call('listed', 'GET', '/api/none', $app));
refused(405, 'method', call('listed', 'DELETE', '/api/documents', $app));
refused(403, 'no tenant', call('listed', 'GET', '/api/documents', $app,
    'X-Tenant' => ''));
refused(413, 'too large', $http{listed}->request('POST', '/api/documents',
    body => 'x' x 2000, headers => { Origin => $app, 'X-Tenant' => 'a',
    'Content-Type' => 'text/plain' }));
refused(401, 'no password', call('listed', 'GET', '/closed/documents', $app));
call('listed', 'GET', '/api/documents', $app, 'X-Limit' => 'l');
refused(429, 'too many', call('listed', 'GET', '/api/documents', $app,
    'X-Limit' => 'l'));
refused(403, 'denied', call('listed', 'GET', '/denied/documents', $app));


# A form of another site, which asks nobody, and brings the cookies with it.
sub form {
    my ($where, $site, $origin) = @_;

    return $http{$where}->request('POST', '/api/documents', body => 'x',
        headers => { 'X-Tenant' => 'a', 'Content-Type' => 'text/plain',
        $site ? ('Sec-Fetch-Site' => $site) : (),
        $origin ? (Origin => $origin) : () });
}

for my $foreign (['listed', 'cross-site', 'https://evil.example'],
                 ['listed', 'cross-site', 'null'], ['listed', 'cross-site'],
                 ['none', 'cross-site', $app])
{
    my ($where, @of) = @$foreign;
    my $a = form($where, @of);

    is($a->{status}, 403, "a form of $where, @of");
    is($a->{json}{detail}, 'pages of this origin may not use this API', 'why');
}

isnt(form(@$_)->{status}, 403, "a form of @$_") for
    ['listed', 'cross-site', $app], ['none', 'same-origin', $app],
    ['none', 'same-site', $app], ['none', 'none'], ['none', ''],
    ['any', 'cross-site', $app];
is(call('none', 'GET', '/api/documents', $app, 'Sec-Fetch-Site' => 'cross-site')
    ->{status}, 200, 'a link of another site may be followed');


# Streams.
my $stream = $http{listed}->events('/api/assessments/progress',
    'X-Tenant' => 'a', Origin => $app);
ok($stream->until(sub { $_[0]{event} eq 'connected' }, 20), 'a stream');
is($stream->{headers}{'access-control-allow-origin'}, $app, 'of this origin');
$stream->close;


# Whoever it is, without credentials.
$a = call('any', 'GET', '/api/documents', 'https://anybody.example');
is(allowed($a), 'allow-origin=*', 'any origin');
unlike($a->{headers}{vary} // '', qr/Origin/, 'the same for all');
is(preflight('any', '/api/documents', 'https://anybody.example')->{status}, 204,
    'its preflight');
is(preflight('any', '/api/documents', 'x')
    ->{headers}{'access-control-max-age'}, 600, 'ten minutes');


# What the directive does not take.
my $conf = slurp($t->dir . '/0/nginx.conf');

sub complaint {
    my ($line, $more) = @_;

    write_file($t->dir . '/0/bad.conf',
        $conf =~ s/(location \/api\/ \{)/$1 $line/r);

    my ($status, $said) = run_as(undef, $t->server->{nginx}, '-t', '-p',
        $t->dir . '/0', '-c', $t->dir . '/0/bad.conf', '-e', 'stderr');

    return $status ? $said : 'it is taken';
}

is(complaint("assess_cors $_;"), 'it is taken', $_)
    for 'HTTPS://App.Example.com', 'http://[::1]:8080', 'off',
        "$app credentials max_age=0", '* max_age=1d';

my @bad = (
    ['* credentials', 'listed origins only'],
    ["* $app", 'not both'],
    ['credentials', 'needs an origin'],
    ['max_age=1h', 'needs an origin'],
    ['app.example.com', 'it takes'],
    ['ftp://app.example.com', 'it takes'],
    ['null', 'it takes'],
    ["$app/", 'no path'],
    ["$app/x", 'no path'],
    ["$app:443", 'usual'],
    ['http://a:80', 'usual'],
    ["$app:0", 'port'],
    ["$app:99999", 'port'],
    ["$app:", 'port'],
    ['https://', 'no host'],
    ['https://*.example.com', 'host is none'],
    ["$app $app", 'duplicate'],
    ["$app credentials credentials", 'duplicate'],
    ["$app max_age=1 max_age=2", 'duplicate'],
    ["$app max_age=x", '0 to 24h'],
    ["$app max_age=25h", '0 to 24h'],
    ["off $app", 'it takes'],
    ["$app; assess_cors $app", 'is duplicate'],
);

like(complaint("assess_cors $_->[0];"), qr/"assess_cors"[^\n]*\Q$_->[1]\E/,
    $_->[0]) for @bad;

$t->done;
