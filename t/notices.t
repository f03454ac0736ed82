#!/usr/bin/perl

# Webhooks: signed, sent until they arrive, through failures and a worker that
# is killed, told once, and never to where the operator has not allowed it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP ();
use Sys::Hostname ();
use Time::HiRes qw(time);

use Assess::Contract;
use Assess::Jobs qw(changed_conf);
use Assess::Process qw(slurp wait_until);
use Assess::Provider;
use Assess::Receiver;
use Assess::Schema;
use Assess::Test;

my $NEW = 'whsec_' . 'bmV3ZXN0LXNlY3JldC0xMjM0NTY3ODkwYWJjZGVm';
my $OLD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $JOBS = 40;

# the rule, and not what one's own machine may do
changed_conf(sub { s/^ *assess_webhook_private +127\.0\.0\.0\/8[^;]*;\n//m });

my $receiver = Assess::Receiver->new(hosts => ['127.0.0.2', '127.0.0.3',
    '127.0.0.1']);
my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2 },
    extra => <<"END");
assess_webhook_secret   $NEW;
assess_webhook_secret   $OLD;
assess_webhook_private  127.0.0.2 127.0.0.3;
assess_webhook_timeout  2s;
assess_webhook_retry    200ms 20s;
END

my $http = $t->http;
my $coder = JSON::PP->new->utf8;
my $n = 0;

question_set($t, 'fire', 2);

my $doc = $t->upload('The fire exits are checked each week.', 'text/plain');


sub begin {
    my ($url, %body) = @_;

    return $http->post('/api/assessments/start', json => {
        documentId => $doc, questionSet => 'fire', provider => 'local',
        (defined $url ? (callbackUrl => $url) : ()), %body });
}


sub begun {
    my $a = begin(@_);
    die "start: $a->{status} $a->{body}\n" unless $a->{status} == 202;
    return $a->{json}{jobId};
}


# The notice of a job, as the table has it.
sub notice {
    my ($job, $column) = @_;

    return $t->sql("select $column from assess.notices where subject_id ="
        . " '$job'");
}


sub arrived {
    my ($path, $count) = @_;

    wait_until(30, sub { $receiver->got($path) >= $count })
        or diag("$path: " . scalar $receiver->got($path));
    return $receiver->got($path);
}


# one that completes
{
    my $id = begun($receiver->url('/ok'), metadata => { of => 'me' });
    my ($got, @more) = arrived('/ok', 1);

    is(scalar @more, 0, 'one request');
    is_id($got->{id}, 'webhook-id');
    cmp_ok(abs($got->{timestamp} - time), '<', 30, 'webhook-timestamp');
    ok(Assess::Receiver::signed($got, $NEW), 'signed with the new secret');
    ok(Assess::Receiver::signed($got, $OLD), 'and with the one before it');
    like($got->{signature}, qr{^v1,[\w+/]{43}= v1,[\w+/]{43}=\z},
        'two signatures');
    like($got->{head}, qr{^content-type: application/json\r?$}mi, 'JSON');
    unlike($got->{head}, qr/^expect:/mi, 'no Expect');

    my $body = $coder->decode($got->{body});
    my $job = $t->wait_job($id);

    is(json([sort keys %$body]), '["data","timestamp","type"]', 'its members');
    is($body->{type}, 'job.completed', 'its type');
    is($body->{timestamp}, $job->{completedAt}, 'when it was');
    is(json($body->{data}), json($job), 'the Job');

    my $api = Assess::Schema->new($coder->decode(slurp(
        "$FindBin::RealBin/../docs/openapi.json")));
    is(join("\n", $api->errors({ '$ref' => '#/components/schemas/Notice' },
        $coder->decode($got->{body}))), '', 'as the documentation has it');

    ok(wait_until(10, sub { notice($id, 'delivered') eq 't' }), 'written down');
    is(notice($id, 'tries'), 1, 'after one try');
}


# other ends
{
    my $empty = $t->upload("\n", 'text/plain', filename => 'empty.txt');
    my $id = begun($receiver->url('/failed'), documentId => $empty);
    my ($got) = arrived('/failed', 1);
    my $body = $coder->decode($got->{body});

    is($body->{type}, 'job.failed', 'a job that failed');
    is($body->{data}{error}{code}, 'document_without_text', 'why');

    $provider->control(mode => 'hang');
    $id = begun($receiver->url('/cancelled'), provider => 'openai');
    is($http->delete("/api/assessments/job/$id")->{status}, 202, 'cancelled');

    ($got) = arrived('/cancelled', 1);
    $body = $coder->decode($got->{body});
    is($body->{type}, 'job.cancelled', 'a job that was cancelled');
    is($body->{data}{jobId}, $id, 'which');

    # each time it ends is another fact
    $http->post("/api/assessments/job/$id/retry");
    is($http->delete("/api/assessments/job/$id")->{status}, 202, 'once more');
    my @both = arrived('/cancelled', 2);
    isnt($both[0]{id}, $both[1]{id}, 'is told again');
    $provider->control(mode => 'ok');
}


# a batch, each time that all of it has ended
{
    my @docs = ($doc, $t->upload("\n", 'text/plain', filename => 'none.txt'));
    my $a = $http->post('/api/assessments/batch', json => { questionSet =>
        'fire', provider => 'local', documentIds => \@docs,
        callbackUrl => $receiver->url('/batch') });
    is($a->{status}, 202, 'a batch') or diag($a->{body});

    my $id = $a->{json}{batchId};
    my ($got) = arrived('/batch', 1);
    my $body = $coder->decode($got->{body});

    is($body->{type}, 'batch.completed', 'a batch that has ended');

    # what it was expected to cost may be known a moment later, and is what it was
    my $now = $http->get("/api/assessments/batch/$id")->{json};
    my %told = %{ $body->{data} };

    ok(exists $told{estimatedCost}, 'what it was expected to cost');
    $told{estimatedCost} //= $now->{estimatedCost};
    is(json(\%told), json($now), 'the Batch');
    is($body->{timestamp}, $body->{data}{completedAt}, 'when it was');

    my $api = Assess::Schema->new($coder->decode(slurp(
        "$FindBin::RealBin/../docs/openapi.json")));
    is(join("\n", $api->errors({ '$ref' => '#/components/schemas/BatchNotice' },
        $coder->decode($got->{body}))), '', 'as the documentation has it');

    $http->post("/api/assessments/batch/$id/retry-failed");
    my @both = arrived('/batch', 2);
    isnt($both[0]{id}, $both[1]{id}, 'once more, another notice');
}


# nobody wants to know
{
    my $before = $t->sql('select count(*) from assess.notices');
    $t->wait_job(begun(undef));
    is($t->sql('select count(*) from assess.notices'), $before,
        'without a callback there is nothing');
}


# what could never be called
for my $url ('ftp://example.net/', 'http://', 'example.net', 'http:///x', '',
             'http://user:secret@example.net/', 'http://a b/',
             'http://example.net:99999/')
{
    problem_is(begin($url), 400, '/callbackUrl', "\"$url\"");
}

for my $host ('127.0.0.1', 'localhost', 'a.localhost', 'LOCALHOST.', '[::1]',
              '10.1.2.3', '169.254.169.254', '2130706433', '0x7f.1', '0',
              '[::ffff:192.168.0.1]', '[fe80::1]')
{
    my $a = begin("http://$host:" . $receiver->port . '/private');
    problem_is($a, 422, '/callbackUrl', $host);
    like($a->{body}, qr/public internet/, 'and why') if $host eq '10.1.2.3';
}


# a name is looked at when it is called
SKIP: {
    my $name = Sys::Hostname::hostname();
    my $addr = gethostbyname $name;
    skip 'this machine has no name', 2
        unless $addr && join('.', unpack 'C4', $addr) =~ /^(?:127|10)\./;

    my $id = begun("http://$name:" . $receiver->port . '/private');
    ok(wait_until(10, sub { notice($id, 'coalesce(last_error, \'\')')
        =~ /not on the public internet/ }), 'its address is private');
    is(scalar $receiver->got('/private'), 0, 'nothing has come there');
}


# answers
{
    my $id = begun($receiver->url('/status/410'));
    ok(wait_until(10, sub { notice($id, 'ended_at is not null') eq 't' }),
        '410 ends it');
    is(notice($id, 'delivered || chr(32) || tries'), 'false 1', 'at once');
    ok(wait_until(5, sub { slurp($t->server->{home} . '/logs/error.log')
        =~ /\[error\] .*assess notice \S+ is given up after 1 tries: answered/
    }), 'that is logged');

    $id = begun($receiver->url('/redirect'));
    arrived('/redirect', 2);
    is(scalar $receiver->got('/stolen'), 0, 'redirections are not followed');
    like(notice($id, 'last_error'), qr/302/, 'but tried again');

    begun($receiver->url('/later'));
    my @got = arrived('/later', 2);
    cmp_ok($got[1]{at} - $got[0]{at}, '>=', 1.9, 'Retry-After is waited for');

    begun($receiver->url('/endless'));
    arrived('/endless', 1);
    ok(wait_until(10, sub { $t->sql("select count(*) from assess.notices"
        . " where target like '%endless' and delivered") == 1 }),
        'an answer without an end is an answer');
}


# who does not answer holds up nobody else
{
    my @hang = map { begun($receiver->url('/hang', '127.0.0.3')) } 1 .. 60;
    $t->wait_job($_) for @hang;
    ok(wait_until(10, sub { $receiver->got('/hang') >= 8 }), 'they hang');

    begun($receiver->url('/quick'));
    arrived('/quick', 1);
    cmp_ok(scalar $receiver->got('/hang'), '<', 60,
        'and another one hears before all of these were tried');

    $t->sql("delete from assess.notices where target like '%hang'");
}


# half of the time it fails, and a worker is killed while many are under way
{
    my @ids = map { begun($receiver->url('/slow/half')) } 1 .. $JOBS;

    ok(wait_until(30, sub { $receiver->got('/slow/half') >= 10 }), 'under way');

    my ($victim) = $t->server->workers;
    kill 'KILL', $victim;
    $t->allow_alarm(qr/exited on signal 9/);

    ok(wait_until(60, sub { $t->sql("select count(*) from assess.notices where"
        . " target like '%/slow/half' and delivered") == $JOBS }),
        'all are delivered');

    my (%job, %body, %taken);

    for my $got ($receiver->got('/slow/half')) {
        my $body = $coder->decode($got->{body});

        push @{ $body{ $got->{id} } }, $got->{body};
        $job{ $body->{data}{jobId} }{ $got->{id} } = 1;
        $taken{ $got->{id} }++ if $got->{status} == 200;

        ok(0, 'signed') if !Assess::Receiver::signed($got, $NEW);
    }

    is(json([sort keys %job]), json([sort @ids]), 'of each job');
    is(scalar(grep { keys %{ $job{$_} } != 1 } keys %job), 0,
        'under one id each');
    is(scalar(keys %taken), $JOBS, 'each was taken');
    is(scalar(grep { my $list = $body{$_}; grep { $_ ne $list->[0] } @$list }
        keys %body), 0, 'with the same body at each try');
}


# the time for it is over
{
    my $id = begun($receiver->url('/status/500'));
    $t->wait_job($id);
    $t->sql("update assess.notices set created_at = now() - interval '19 s'"
        . " where subject_id = '$id'");
    ok(wait_until(20, sub { notice($id, 'ended_at is not null') eq 't' }),
        'given up');
    is(notice($id, 'delivered'), 'f', 'undelivered');
    is(notice($id, 'last_error'), 'answered with 500', 'its reason stays');
}


# a worker that is told to quit waits for nobody, and what it has under way is
# for the next one, at once
{
    my $before = $receiver->got('/hang');
    my $id = begun($receiver->url('/hang', '127.0.0.3'));
    ok(wait_until(10, sub { $receiver->got('/hang') > $before }), 'one hangs');

    $t->server->quit;
    is(notice($id, "coalesce(last_error, '')"), '',
        'its answer is not waited for');
    ok(wait_until(4, sub { notice($id, 'due_at <= now()'
        . ' and ended_at is null') eq 't' }), 'and it is due again');
}

my $log = slurp($t->server->{home} . '/logs/error.log');

unlike($log, qr/whsec_|bmV3ZXN0/, 'no secret is in the log');

$t->done;
