#!/usr/bin/perl

# The React hooks in real pages in a real browser, those of docs/examples, and
# tabs that share a connection.  Where there is no Chromium, or its driver
# cannot be had from npm, it says so.

use strict;
use warnings;

use File::Temp ();

use Assess::Jobs qw(question_set);
use Assess::Npm qw(node node_tests npm);
use Assess::Process qw(slurp);
use Assess::Provider;
use Assess::Server;
use Assess::Test;

my $node = node() or plan(skip_all => 'node 18 or later is not here');
my ($chromium) = grep { -x } map { ("$_/chromium", "$_/chromium-browser") }
                 split /:/, $ENV{PATH};

$chromium or plan(skip_all => 'Chromium is not here');
my @modules = map { npm(@$_) // () } ['playwright-core@1.65.1'],
              ['react@18.3.1', 'react-dom@18.3.1'];

@modules == 2
    or plan(skip_all => 'playwright-core and react cannot be had from npm');

my $pages = Assess::Test::free_port();

# the example whose import map names the API of another origin: one that is open to
# others, one that is not
my $elsewhere = File::Temp::tempdir(CLEANUP => 1);
chmod 0755, $elsewhere;

for my $api (qw(open api)) {
    my $page = slurp("$Assess::Server::REPO/docs/examples/react/job.html");
    $page =~ s{"/api/}{"http://127.0.0.1:$pages/$api/}g;
    open my $fh, '>', "$elsewhere/$api.html" or die "$elsewhere: $!\n";
    print {$fh} $page;
    close $fh;
}

my $provider = Assess::Provider->new('--delay-ms', 10);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2, ASSESS_JOBS => 1,
    ASSESS_QUESTIONS_PER_BATCH => 1, ASSESS_CONCURRENCY => 3 },
    extra => <<"END");
server {
    listen 127.0.0.1:$pages;
    types { text/html html; }
    location /api/ { assess_api; assess_tenant default; }
    location /open/ {
        assess_api;
        assess_tenant default;
        assess_cors *;
    }
    location /elsewhere/ { alias $elsewhere/; }
    location /examples/ { alias $Assess::Server::REPO/docs/examples/; }
}
END

question_set($t, 'ten', 10);
question_set($t, 'hundred', 100);

node_tests($node, "$Assess::Server::REPO/t/js/browser.test.mjs",
    ASSESS_URL => "http://127.0.0.1:$pages/api",
    ASSESS_PROVIDER => "http://127.0.0.1:$provider->{port}",
    ASSESS_PID => $t->server->{pid}, ASSESS_CHROMIUM => $chromium,
    ASSESS_MODULES => join(':', @modules));

$t->done;
