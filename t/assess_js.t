#!/usr/bin/perl

# The client of browsers and Node, assess.js, as the server gives it: node's own
# test runner over t/js, with reloads and a proxy that does harm; its types; and
# that what is served is what lies in the repository.

use strict;
use warnings;

use Assess::Jobs qw(question_set);
use Assess::Npm qw(node node_tests npm);
use Assess::Process qw(run_as slurp);
use Assess::Provider;
use Assess::Test;

my $node = node() or plan(skip_all => 'node 18 or later is not here');

my $provider = Assess::Provider->new('--delay-ms', 10);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_QUESTIONS_PER_BATCH => 1, ASSESS_CONCURRENCY => 3 },
    extra => 'assess_retry 200ms;');

question_set($t, 'one', 1);
question_set($t, 'ten', 10);
question_set($t, 'hundred', 100);

node_tests($node, "$Assess::Server::REPO/t/js/parts.test.mjs");
node_tests($node, "$Assess::Server::REPO/t/js/client.test.mjs",
    ASSESS_URL => $t->home->url . '/api',
    ASSESS_PROVIDER => "http://127.0.0.1:$provider->{port}",
    ASSESS_PID => $t->server->{pid});


# What is served is the parts as one module, and the files as they are.
my $web = "$Assess::Server::REPO/ngx_assess_module/web";
my (undef, $joined) = run_as(undef, 'sh', "$web/join.sh");

is($t->http->get('/api/assess.js')->{body}, $joined, 'assess.js');
is($t->http->get("/api/$_")->{body}, slurp("$web/$_"), $_)
    for qw(assess.d.ts assess-hooks.js assess-hooks.d.ts assess-react.js
           assess-react.d.ts);


SKIP: {
    my $modules = npm('typescript@5.9.3')
        or skip('the types are not checked: typescript is not here', 1);
    my ($status, $said) = run_as(undef, $node,
        "$modules/typescript/bin/tsc", '-p',
        "$Assess::Server::REPO/t/js");

    is($status, 0, 'the types fit what is done with them') or diag($said);
}

$t->done;
