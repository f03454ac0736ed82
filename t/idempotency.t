#!/usr/bin/perl

# Idempotency-Key: a start made twice is made once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::HTTP;
use Assess::Test;
use IO::Select;

my $t = Assess::Test->new;
my $http = $t->http;
my $doc = $t->upload('The fire exits are checked each week.', 'text/plain');

question_set($t, 'fire', 2);


sub begin {
    my ($key, $body, $client) = @_;

    return ($client // $http)->post('/api/assessments/start', json => $body,
        headers => { 'Idempotency-Key' => $key });
}

sub form {
    my ($key, @parts) = @_;

    my %form = Assess::HTTP::multipart(@parts);
    $form{headers}{'Idempotency-Key'} = $key;
    return $http->post('/api/assessments/start', %form);
}

sub jobs { return $http->get('/api/assessments/jobs')->{json}{total} }


# again
my %body = (documentId => $doc, questionSet => 'fire', metadata => { a => 1 });
my $first = begin('key 1', \%body);
{
    is($first->{status}, 202, 'a first time');
    is($first->{headers}{'idempotent-replayed'}, undef, 'is no replay');

    my $a;
    idle($t);
    untouched($t, 'a replay', sub { $a = begin('key 1', \%body) });

    is($a->{status}, 202, 'again');
    is($a->{headers}{'idempotent-replayed'}, 'true', 'is a replay');
    is($a->{body}, $first->{body}, 'the first answer');
    is($a->{headers}{location}, $first->{headers}{location}, 'its Location');

    $t->wait_job($first->{json}{jobId});
    $a = begin('key 1', \%body);
    is($a->{body}, $first->{body}, 'and when the job has ended');
    is(jobs(), 1, 'one job');

    $a = $http->post('/api/assessments/start', headers =>
        { 'Idempotency-Key' => 'key 1', 'Content-Type' => 'application/json' },
        body => qq({ "metadata":{"a":1},\n "questionSet":"fire",)
            . qq( "documentId":"$doc" }));
    is($a->{headers}{'idempotent-replayed'}, 'true',
        'the same body, written otherwise');
}


# another body
idle($t);
untouched($t, 'another body', sub {
    problem_is(begin('key 1', { %body, metadata => { a => 2 } }), 422, undef,
        'other metadata');
    problem_is(begin('key 1', { %body, priority => 0 }), 422, undef,
        'one field more');
    problem_is(begin('key 1', { %body, documentId => UNKNOWN }), 422, undef,
        'another document');
    problem_is(begin('key 1', { documentId => $doc }), 400, '/questionSet',
        'a bad body stays one');
});


# a refused one does not use the key up
{
    problem_is(begin('key 2', { %body, documentId => UNKNOWN }), 404,
        '/documentId', 'refused');
    problem_is(begin('key 2', { %body, priority => 1000 }), 400, '/priority',
        'refused');
    is(begin('key 2', \%body)->{status}, 202, 'the key is as new');
}


# keys are one's own
{
    my $a = begin('key 2', { %body, documentId => UNKNOWN },
        $http->with('X-Tenant' => 'other'));
    problem_is($a, 404, '/questionSet', 'another tenant, another key');

    $a = begin('key 2', \%body, $http->with('X-User' => 'ann'));
    is($a->{headers}{'idempotent-replayed'}, 'true',
        'another user of the tenant, the same key');

    isnt(begin('key 3', \%body)->{json}{jobId}, $first->{json}{jobId},
        'another key, another job');
    isnt($http->post('/api/assessments/start', json => \%body)->{json}{jobId},
        $first->{json}{jobId}, 'no key, another job');
    isnt(begin('Key 1', \%body)->{json}{jobId}, $first->{json}{jobId},
        'keys differ in case');
}


# what a key can be
{
    is(begin('k' x 255, \%body)->{status}, 202, '255 bytes');
    is(begin("\xc3\xa4 \x80\xff", \%body)->{status}, 202, 'any bytes');
    is(begin("\xc3\xa4 \x80\xff", \%body)->{headers}{'idempotent-replayed'},
        'true', 'are found again');

    idle($t);
    untouched($t, 'bad keys', sub {
        problem_is(begin('k' x 256, \%body), 400, undef, '256 bytes');
        problem_is(begin('', \%body), 400, undef, 'an empty one');
    });
}


# older than a day, a key is free
{
    $t->sql(q{update assess.idempotency_keys set
        created_at = now() - interval '23 hours 59 minutes'
        where key = 'key 1'});
    is(begin('key 1', \%body)->{headers}{'idempotent-replayed'}, 'true',
        'after nearly a day');

    $t->sql(q{update assess.idempotency_keys set
        created_at = now() - interval '24 hours 1 second' where key = 'key 1'});
    my $a = begin('key 1', { %body, priority => 7 });
    is($a->{status}, 202, 'after a day it is another start');
    isnt($a->{json}{jobId}, $first->{json}{jobId}, 'with another job');
}


# forms are compared part by part, whatever stands between the parts
{
    my @file = (file => "The alarm\r\n--is tested", 'a.txt', 'text/plain');
    my @set = (questionSet => 'fire');
    my $a = form('form', \@file, \@set, [priority => 3]);
    is($a->{status}, 202, 'a form');

    my $b = form('form', \@file, \@set, [priority => 3]);
    is($b->{headers}{'idempotent-replayed'}, 'true', 'another boundary');
    is($b->{body}, $a->{body}, 'the first answer');

    is(form('form', [priority => 3], \@set, \@file)
        ->{headers}{'idempotent-replayed'}, 'true', 'another order');

    idle($t);
    untouched($t, 'other forms', sub {
        problem_is(form('form', \@file, \@set, [priority => 4]), 422, undef,
            'another field');
        problem_is(form('form', \@file, \@set), 422, undef, 'a field less');
        problem_is(form('form', [file => 'other', 'a.txt', 'text/plain'], \@set,
            [priority => 3]), 422, undef, 'other bytes');
        problem_is(form('form', [file => "The alarm\r\n--is tested", 'b.txt',
            'text/plain'], \@set, [priority => 3]), 422, undef, 'another name');
        problem_is(begin('form', \%body), 422, undef, 'JSON');
    });
}


# a hundred at once
{
    my $before = jobs();
    my $json = json({ %body, metadata => { many => 1 } });
    my $request = "POST /api/assessments/start HTTP/1.1\r\nHost: a\r\n"
        . "Content-Type: application/json\r\nIdempotency-Key: many\r\n"
        . 'Content-Length: ' . length($json) . "\r\nConnection: close\r\n\r\n$json";
    my @socks = map { $http->connect } 1 .. 100;

    syswrite $_, $request for @socks;

    my (%id, %status);
    my $new = 0;

    for my $sock (@socks) {
        my ($in, $end) = ('', time + 60);
        1 while Assess::HTTP::_read($sock, \$in, $end);
        my $a = Assess::HTTP::parse($in);

        $status{ $a->{status} }++;
        $new++ if $a->{status} == 202 && !$a->{headers}{'idempotent-replayed'};
        $id{ $a->{json}{jobId} }++ if $a->{status} == 202;
    }

    is($new, 1, 'one of a hundred is the first');
    is(scalar keys %id, 1, 'all that are answered have its job');
    is(($status{202} // 0) + ($status{409} // 0), 100,
        'the others are replays, or come too early') or diag(json(\%status));
    is(jobs(), $before + 1, 'one job more');

    my $a = $http->post('/api/assessments/start', body => $json, headers =>
        { 'Content-Type' => 'application/json', 'Idempotency-Key' => 'many' });
    is($a->{headers}{'idempotent-replayed'}, 'true', 'and then it is there');
    ok($id{ $a->{json}{jobId} }, 'the same');
}


# a document that is deleted takes its starts with it
{
    my $id = $t->upload('To be deleted.', 'text/plain');
    my %gone = (documentId => $id, questionSet => 'fire');
    my $a = begin('gone', \%gone);

    $t->wait_job($a->{json}{jobId});
    is($http->delete("/api/documents/$id")->{status}, 204, 'deleted');
    problem_is(begin('gone', \%gone), 404, '/documentId', 'the start again');
}

$t->done;
