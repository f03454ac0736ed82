#!/usr/bin/perl

# The operator's page: how it is served, and, in a real browser, what an
# operator does with it.

use strict;
use warnings;

use IO::Uncompress::Gunzip qw(gunzip);

use Assess::Jobs qw(question_set);
use Assess::Npm qw(node node_tests npm);
use Assess::Provider;
use Assess::Server;
use Assess::Test;

use constant WHOLE => 60 * 1024;    # bytes, compressed

my $other = Assess::Test::free_port();
my $provider = Assess::Provider->new('--delay-ms', 500);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_MODEL => 'gpt-4o-mini',
    ASSESS_QUESTIONS_PER_BATCH => 1, ASSESS_CONCURRENCY => 3 },
    extra => <<"END");
server {
    listen 127.0.0.1:$other;
    location /v1/assess/ { assess_api; assess_tenant default; }
    location / { assess_dashboard /v1/assess/; }
}
END

sub get {
    my ($path, %headers) = @_;
    return $t->http->get($path, headers => \%headers);
}

my $page = get('/dashboard');
my ($version) = $page->{body} =~ m{"/dashboard/([0-9a-f]{16})/app\.js"};
my $policy = $page->{headers}{'content-security-policy'} // '';

is($page->{status}, 200, 'the page');
is($page->{headers}{'content-type'}, 'text/html; charset=utf-8', 'its type');
is($page->{headers}{'cache-control'}, 'no-cache', 'it is asked for each time');
like($policy, qr/^default-src 'none';/, 'nothing is allowed');
like($policy, qr/; script-src 'self';/, 'but what comes from here');
unlike($policy, qr/unsafe|data:|\*|https?:/, 'and nothing else');
like($page->{body}, qr/data-api="\/api\/"/, 'where the API is');
unlike($page->{body}, qr/@|https?:|<style|style=|\son\w+=/,
    'all is filled in; nothing from elsewhere, nothing inline');
is(get('/dashboard/')->{body}, $page->{body}, 'with a slash behind');
is(get('/dashboard', 'If-None-Match' => $page->{headers}{etag})->{status}, 304,
    'who has it is told so');
is($t->http->request('HEAD', '/dashboard')->{body}, '', 'HEAD');
my $posted = $t->http->post('/dashboard', body => 'x');
is($posted->{status}, 405, 'only read');
is($posted->{headers}{allow}, 'GET, HEAD', 'and how');

my $whole = length $page->{body};
my @names = $page->{body} =~ m{"/dashboard/$version/([\w.]+)"}g;

for my $name (@names) {
    my $a = get("/dashboard/$version/$name", 'Accept-Encoding' => 'gzip');

    is($a->{status}, 200, $name);
    is($a->{headers}{'cache-control'}, 'public, max-age=31536000, immutable',
        "$name never changes under its name");
    is($a->{headers}{'content-encoding'}, 'gzip', "$name is compressed");
    $whole += length $a->{body};

    gunzip(\$a->{body} => \my $text);
    my @missing = grep { my $n = $_; !grep { $_ eq $n } @names }
        $text =~ m{^(?:import|export)\b[^;]*?from\s+'\./([\w.]+)'}mg;
    is("@missing", '', "$name needs what the page has announced");
}

cmp_ok(@names, '>', 10, 'there are such files');
cmp_ok($whole, '<', WHOLE, "the whole page is $whole bytes");

is(get($_)->{status}, 404, "there is no $_")
    for "/dashboard/$version/none.js", "/dashboard/$version/",
        "/dashboard/$version", "/dashboard/$version/index.html",
        "/dashboard/$version/page/app.js", '/dashboard/0123456789abcdef/app.js',
        '/dashboards', "/dashboard/$version/" . 'x' x 300;

my $root = Assess::HTTP->new(port => $other);
my $there = $root->get('/')->{body};

like($there, qr/data-api="\/v1\/assess\/"/, 'another API');
like($there, qr/src="\/$version\/app\.js"/, 'in another place');
is($root->get("/$version/app.js")->{status}, 200, 'its files');
is($root->get('/')->{headers}{etag} eq $page->{headers}{etag}, '',
    'it is another page');


SKIP: {
    my ($chromium) = grep { -x } map { ("$_/chromium", "$_/chromium-browser") }
                     split /:/, $ENV{PATH};
    my $node = node();
    my $axe = 'axe-core@4.10.3';
    my $driver = 'playwright-core@1.65.1';

    $node && $chromium or skip('no node 18, or no Chromium: the page is not'
        . ' tried in a browser', 1);
    my @modules = map { npm($_) // () } $driver, $axe;
    @modules == 2 or skip("$driver and $axe cannot be had from npm: the page is"
        . ' not tried in a browser', 1);

    question_set($t, 'ten', 10);
    question_set($t, 'thirty', 30);
    node_tests($node, "$Assess::Server::REPO/t/js/dashboard.test.mjs",
        ASSESS_URL => $t->home->url . '/api', ASSESS_CHROMIUM => $chromium,
        ASSESS_PID => $t->server->{pid}, ASSESS_MODULES => join(':', @modules));
}

$t->done;
