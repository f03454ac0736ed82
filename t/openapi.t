#!/usr/bin/perl

# docs/openapi.json against what the server does: every operation with every
# status that it documents, the answers checked with the schemas, and requests
# that are refused as malformed being malformed by the schemas too.

use strict;
use warnings;

use FindBin;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use lib "$FindBin::RealBin/lib";

use Assess::Jobs qw(changed_conf);
use Assess::Process qw(slurp wait_until);
use Assess::Schema;
use Assess::Source;
use Assess::Test;
use Test::More;

my $json = JSON::PP->new->utf8->allow_nonref;
my $repo = "$FindBin::RealBin/..";
my $doc = $json->decode(slurp("$repo/docs/openapi.json"));
my $schemas = Assess::Schema->new($doc);

# by operationId: method, path and what the document says; what came of each
my (%op, %done);

for my $path (sort keys %{ $doc->{paths} }) {
    my $item = $doc->{paths}{$path};

    for my $method (grep { /^(?:get|put|post|delete)\z/ } keys %$item) {
        my $op = $item->{$method};
        $op{ $op->{operationId} } = { %$op, method => uc $method,
            path => $path, parameters => [ map { follow($_) }
                @{ $item->{parameters} // [] }, @{ $op->{parameters} // [] } ] };
    }
}

# a provider that takes requests and never answers; one that is not there
my $hole = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
    Listen => 64, Proto => 'tcp') or die "no socket: $!\n";
my $dead = Assess::Test::free_port();

# from where documents are fetched, and what it does is said by the path
my $source = Assess::Source->new(hosts => ['127.0.0.2']);

# nginx says who is an operator; here a header does
changed_conf(sub {
    s/assess_admin\s+on;/assess_admin \$http_x_operator;/ or die "no admin\n";
});

my $t = Assess::Test->new(env => { ASSESS_JOBS => 1 }, extra => <<"END");
assess_source_allow    http://127.0.0.2:@{[ $source->port ]};
assess_source_private  127.0.0.2;
assess_source_timeout  1s;
assess_provider hole {
    type openai; url http://127.0.0.1:@{[ $hole->sockport ]}/v1; model m;
}
assess_provider dead {
    type openai; url http://127.0.0.1:$dead/v1; model m; tries 1;
}
END

my $http = $t->http->with('X-Operator' => 'on');


# A reference, or the thing itself.
sub follow {
    my ($part) = @_;

    return $part unless ref $part eq 'HASH' && $part->{'$ref'};
    return $schemas->resolve($part->{'$ref'});
}


# A text as the schema's type has it.
sub typed {
    my ($schema, $text) = @_;

    my $type = $schema->{'$ref'} ? follow($schema)->{type} : $schema->{type};

    return [typed($schema->{items}, $text)] if $type eq 'array';
    return $json->decode($text)
        if $type =~ /^(?:integer|number)\z/ && $text =~ /^-?\d+(?:\.\d+)?\z/;
    return $text;
}


# What is wrong with a query by the document.
sub query_errors {
    my ($op, $query) = @_;

    my @errors;

    for my $pair (split /&/, $query) {
        my ($name, $value) = split /=/, $pair, 2;
        my ($known) = grep { $_->{in} eq 'query' && $_->{name} eq $name }
                      @{ $op->{parameters} };

        push @errors, $known
            ? $schemas->errors($known->{schema}, typed($known->{schema}, $value))
            : "\"$name\" is not known";
    }

    return @errors;
}


# The names and values of the path's parameters must be as documented, unless
# the answer is that there is no such thing.
sub check_request {
    my ($id, $status, $path, %o) = @_;

    my $op = $op{$id} or die "there is no operation $id\n";
    my ($plain, $query) = split /\?/, $path, 2;
    (my $pattern = $op->{path}) =~ s/\{\w+\}/[^\/]+/g;

    like($plain, qr/^$pattern\z/, "$id $status: the path is that operation's");

    my @errors = query_errors($op, $query // '');
    my $body = $op->{requestBody};

    if ($body && exists $o{json}) {
        push @errors, $schemas->errors(
            $body->{content}{'application/json'}{schema}, $o{json});
    }

    # what only the server can know: text that is no JSON, a size in bytes
    return if $o{semantic};

    if ($status == 400) {
        ok(scalar @errors, "$id 400: by the document it is malformed");

    } else {
        is(join("\n", @errors), '', "$id $status: by the document it is good");
    }
}


# One call, of which everything is checked; its answer.
sub call {
    my ($id, $status, $path, %o) = @_;

    check_request($id, $status, $path, %o);

    my $op = $op{$id};
    my $who = delete $o{as} // $http;
    my $a = delete $o{stream}
        ? stream_head($who, "/api$path", %{ $o{headers} // {} })
        : $who->request($op->{method}, "/api$path", %o);

    ok($a, "$id: there is an answer") or return {};
    is($a->{status}, $status, "$id $status: the status")
        or diag($a->{body} // '');
    check_answer($id, $a);

    return $a;
}


sub stream_head {
    my ($who, $path, %headers) = @_;

    my $events = $who->events($path, %headers);
    return { %$events, events => $events };
}


sub check_answer {
    my ($id, $a) = @_;

    my $said = $op{$id}{responses}{ $a->{status} };
    ok($said, "$id: $a->{status} is documented") or return;

    $said = follow($said);
    $done{$id}{ $a->{status} }++;

    check_headers("$id $a->{status}", $said->{headers} // {}, $a->{headers});

    my $content = $said->{content};
    my $type = $a->{headers}{'content-type'};

    if (!$content) {
        is($a->{body} // '', '', "$id $a->{status}: there is no body");
        return;
    }

    ok(defined $type, "$id $a->{status}: there is a content type") or return;
    $type =~ s/;.*//;
    my $media = $content->{$type} // $content->{'*/*'};
    ok($media, "$id $a->{status}: $type is documented") or return;
    return if $a->{events};

    ok(!$a->{truncated}, "$id $a->{status}: the body is whole");

    if ($type =~ /json\z/ && $type !~ /ndjson/) {
        ok(defined $a->{json}, "$id $a->{status}: it is JSON") or return;
        is(join("\n", $schemas->errors($media->{schema}, $a->{json})), '',
           "$id $a->{status}: the body fits its schema");
        is($a->{json}{status}, $a->{status}, "$id $a->{status}: it says so")
            if $type =~ /problem/;
    }
}


# Headers that this API gives a meaning.
my @meant = qw(location retry-after content-range etag accept-ranges allow
               idempotent-replayed preference-applied x-accel-buffering);

sub check_headers {
    my ($what, $said, $headers) = @_;

    my %known = map { lc $_ => follow($said->{$_}) } keys %$said;

    for my $name (sort keys %known) {
        my $value = $headers->{$name};

        ok(defined $value, "$what: header $name is there")
            if $known{$name}{required};
        next if !defined $value;
        is(join("\n", $schemas->errors($known{$name}{schema},
            typed($known{$name}{schema}, $value))), '', "$what: header $name");
    }

    for my $name (grep { defined $headers->{$_} && !$known{$_} } @meant) {
        fail("$what: header $name is documented");
    }
}


# Events until one of this type; each must fit its schema.
sub follow_events {
    my ($events, $last) = @_;

    my %types;

    my $found = $events->until(sub {
        my ($event) = @_;

        my $type = ucfirst $event->{event};
        $types{$type}++;
        is(join("\n", $schemas->errors(
            { '$ref' => "#/components/schemas/Event$type" }, $event->{json})),
            '', "event $event->{event} fits its schema");
        is(join("\n", $schemas->errors(
            { '$ref' => '#/components/schemas/Event' }, $event->{json})), '',
            "event $event->{event} is one of the events");
        return $event->{event} eq $last;
    });

    ok($found, "event $last came");
    return \%types;
}


subtest 'every route of the source is documented, and no other' => sub {
    my $source = slurp("$repo/ngx_assess_module/http/ngx_http_assess_route.c");
    my (@routes, @documented);

    while ($source =~ /\{ (GET|POST|PUT|DELETE), "([^"]+)",[^,]*,\s*(NULL|"[^"]*")/g) {
        my ($method, $path, $params) = ($1, $2, $3);
        my @names = $params eq 'NULL' ? () : $params =~ /(\w+)/g;
        push @routes, join ' ', $method, "/$path", sort @names;
    }

    for my $op (values %op) {
        push @documented, join ' ', $op->{method}, $op->{path}, sort
            map { $_->{name} } grep { $_->{in} eq 'query' } @{ $op->{parameters} };
    }

    cmp_ok(scalar @routes, '>', 15, 'the source has routes');
    is_deeply([sort @documented], [sort @routes],
              'methods, paths and query parameters are the same');
};


my $unknown = '01a214ce-70bb-76b0-8176-a0ab4d9853d3';
my %text = (headers => { 'Content-Type' => 'text/plain' });
my $set = { title => 'Fire', instructions => 'Judge only what it says.',
            questions => [
    { id => 'Q1', text => 'Who is responsible?', guidance => 'A name.',
      category => 'People', weight => 1.5 },
    { id => 'Q2', text => 'Is there a fire alarm?' } ] };
my ($document, $job);


subtest 'documents' => sub {
    my $text = "The responsible person is Ada Example.\n\n"
        . "There is a fire alarm on every floor.\n";
    my $a = call('storeDocuments', 201, '/documents?filename=fire.txt', %text,
                 body => $text);
    $document = $a->{json}{documents}[0]{documentId};

    call('storeDocuments', 200, '/documents', %text, body => $text);
    call('uploadDocuments', 200, '/documents/upload', %text, body => $text);
    call('uploadDocuments', 201, '/documents/upload', Assess::HTTP::multipart(
        ['file', 'First.', 'one.txt', 'text/plain'],
        ['file', '<p>Second.</p>', 'two.html', 'text/html']));

    for my $id (qw(storeDocuments uploadDocuments)) {
        my $path = $op{$id}{path};

        call($id, 400, $path, %text, body => '', semantic => 1);
        call($id, 400, "$path?filename=$_", %text, body => 'x')
            for '', 'x' x 1025;
        call($id, 200, "$path?filename=" . 'x' x 1024, %text, body => $text);
        call($id, 400, "$path?name=x", %text, body => 'x');
        call($id, 411, $path, %text);
        call($id, 413, $path, headers => { 'Content-Type' => 'text/plain',
            'Content-Length' => 99_999_999 });
        call($id, 415, $path, body => 'x');
        call($id, 415, $path, body => 'no pdf',
             headers => { 'Content-Type' => 'application/pdf' });

        # one that is fetched
        my $text = $source->url('/text');

        call($id, $id eq 'storeDocuments' ? 201 : 200, $path,
             json => { url => $text, filename => 'a.txt' });
        call($id, 400, $path, json => $_) for {}, [], { url => '' },
            { url => 1 }, { url => 'ftp://x/y' }, { url => 'x' x 2049 },
            { url => 'https:///x' }, { url => $text, filename => '' },
            { url => $text, more => 1 };
        call($id, 400, $path, json => { url => $_ }, semantic => 1)
            for 'https://me:pw@example.org/', 's3://docs';
        call($id, 403, $path, json => { url => $_ })
            for 'https://example.org/', 's3://docs/a key';
        call($id, $_->[0], $path, json => { url => $source->url($_->[1]) })
            for [413, '/cut/67108865'], [415, '/binary'],
                [422, '/status/404'], [502, '/status/500'], [504, '/hang'];
    }

    call('listDocuments', 200, '/documents');
    $a = call('listDocuments', 200, '/documents?limit=1&q=.txt');
    call('listDocuments', 200,
         "/documents?limit=1&q=.txt&cursor=$a->{json}{nextCursor}");
    call('listDocuments', 200, "/documents?status=$_")
        for qw(reviewed not_reviewed);
    call('listDocuments', 400, "/documents?$_") for qw(limit=0 limit=201 limit=x
        status=new cursor= page=1);
    call('listDocuments', 400, '/documents?cursor=nonsense', semantic => 1);

    call('getDocument', 200, "/documents/$document");
    call('getDocument', 404, "/documents/$unknown");
    call('getDocument', 404, '/documents/nonsense');
    call('getDocument', 404, "/documents/$document",
         as => $http->with('X-Tenant' => 'other'));
    call('getDocument', 400, "/documents/$document?a=b");

    call('getDocumentText', 409, "/documents/$document/text");
    call('getDocumentText', 404, "/documents/$unknown/text");
    call('getDocumentText', 400, "/documents/$document/text?$_")
        for qw(page=0 page=x limit=0 cursor=);

    my $content = "/documents/$document/content";
    $a = call('getDocumentContent', 200, $content);
    is($a->{body}, $text, 'the content is what was sent');
    call('getDocumentContent', 304, $content,
         headers => { 'If-None-Match' => $a->{headers}{etag} });
    call('getDocumentContent', 206, $content,
         headers => { Range => 'bytes=0-2' });
    call('getDocumentContent', 416, $content,
         headers => { Range => 'bytes=9999-' });
    call('getDocumentContent', 404, "/documents/$unknown/content");
    call('getDocumentContent', 400, "$content?a=b");
};


subtest 'question sets' => sub {
    my $path = '/question-sets/fire';

    call('putQuestionSet', 201, $path, json => $set);
    call('putQuestionSet', 200, $path, json => $set);
    call('putQuestionSet', 201, '/question-sets/other',
         json => { questions => [{ id => 'a', text => 'b' }] });

    for my $bad ([], {}, { questions => [] }, { %$set, name => 'x' },
                 { %$set, title => 1 }, { questions => [{ id => 'a' }] },
                 { questions => [{ id => 'a b', text => 'b' }] },
                 { questions => [{ id => 'a', text => '' }] },
                 { questions => [{ id => 'a', text => 'b', weight => -1 }] },
                 { questions => [{ id => 'a', text => 'b', c => 1 }] },
                 { %$set, title => 'x' x 501 })
    {
        call('putQuestionSet', 400, $path, json => $bad);
    }

    my %type = (headers => { 'Content-Type' => 'application/json' });
    call('putQuestionSet', 400, $path, %type, body => '{', semantic => 1);
    call('putQuestionSet', 403, $path, json => $set,
         as => $http->with('X-Tenant' => 'x' x 129));
    call('putQuestionSet', 404, '/question-sets/a%20b', json => $set);
    call('putQuestionSet', 411, $path, %type);
    call('putQuestionSet', 413, $path, headers => { %{ $type{headers} },
        'Content-Length' => 99_999_999 });
    call('putQuestionSet', 415, $path, %text, body => '{}');
    call('putQuestionSet', 422, $path, json => { questions => [
        { id => 'a', text => 'b' }, { id => 'a', text => 'c' } ] });

    call('listQuestionSets', 200, '/question-sets');
    my $a = call('listQuestionSets', 200, '/question-sets?limit=1');
    call('listQuestionSets', 200,
         "/question-sets?limit=1&cursor=$a->{json}{nextCursor}");
    call('listQuestionSets', 400, '/question-sets?limit=x');

    call('getQuestionSet', 200, $path);
    call('getQuestionSet', 200, "$path?version=1");
    call('getQuestionSet', 404, "$path?version=2");
    call('getQuestionSet', 404, '/question-sets/none');
    call('getQuestionSet', 400, "$path?version=0");
};


subtest 'estimate' => sub {
    my $path = '/assessments/estimate';
    my $of = { documentId => $document, questionSet => 'fire' };
    my %type = (headers => { 'Content-Type' => 'application/json' });

    call('estimateAssessment', 200, $path, json => $of);
    call('estimateAssessment', 200, $path, json => { questionSet => 'fire@1',
        documentIds => [$document], notifyEmail => 'a@example.org',
        priority => 3, provider => 'hole', model => 'm2' });
    call('estimateAssessment', 400, $path, json => $_) for {}, [],
        { %$of, documentIds => [$document] }, { %$of, documentId => 'x' },
        { questionSet => 'fire', documentIds => [] }, { %$of, more => 1 };
    call('estimateAssessment', 400, $path, %type, body => '{', semantic => 1);
    call('estimateAssessment', 403, $path, json => $of,
         as => $http->with('X-Tenant' => 'x' x 129));
    call('estimateAssessment', 404, $path, json => { %$of,
         documentId => $unknown });
    call('estimateAssessment', 411, $path, %type);
    call('estimateAssessment', 413, $path, headers => { %{ $type{headers} },
        'Content-Length' => 99_999_999 });
    call('estimateAssessment', 415, $path, %text, body => '{}');
    call('estimateAssessment', 422, $path, json => { questionSet => 'fire',
        documentIds => [$document, $document] });
};


subtest 'start' => sub {
    my $path = '/assessments/start';
    my $start = { documentId => $document, questionSet => 'fire' };

    my $a = call('startAssessment', 202, $path, json => $start);
    $job = $a->{json}{jobId};
    $t->wait_job($job);

    $a = call('startAssessment', 200, $path, headers => { Prefer => 'wait=60' },
        json => { %$start, questionSet => 'fire@1', priority => 5,
                  provider => 'local', model => 'local', maxCost => 1.5,
                  callbackUrl => 'https://example.net/done',
                  metadata => { a => [1, undef, { b => 'c' }] } });
    is($a->{json}{metadata}{a}[2]{b}, 'c', 'the metadata came back');

    call('startAssessment', 202, $path, Assess::HTTP::multipart(
        ['file', 'One more document.', 'more.txt', 'text/plain'],
        ['questionSet', 'fire'], ['priority', '-3'], ['metadata', '{"a":1}']));

    for my $bad ([], {}, { documentId => $document }, { questionSet => 'fire' },
                 { %$start, documentId => 'x' }, { %$start, questionSet => 1 },
                 { %$start, questionSet => 'fire@0' }, { %$start, more => 1 },
                 { %$start, priority => 101 }, { %$start, priority => '1' },
                 { %$start, maxCost => -1 }, { %$start, metadata => [] },
                 { %$start, callbackUrl => 'ftp://x' },
                 { %$start, provider => '' })
    {
        call('startAssessment', 400, $path, json => $bad);
    }

    call('startAssessment', 400, $path, semantic => 1,
         json => { %$start, metadata => { a => 'x' x 5000 } });
    call('startAssessment', 400, $path, semantic => 1, json => $start,
         headers => { 'Idempotency-Key' => 'k' x 256 });
    call('startAssessment', 404, $path,
         json => { %$start, documentId => $unknown });
    call('startAssessment', 404, $path,
         json => { %$start, questionSet => 'none' });
    call('startAssessment', 411, $path,
         headers => { 'Content-Type' => 'application/json' });
    call('startAssessment', 413, $path, headers =>
        { 'Content-Type' => 'application/json', 'Content-Length' => 99_999_999 });
    call('startAssessment', 415, $path, %text, body => 'x');
    call('startAssessment', 422, $path, json => { %$start, provider => 'none' });

    # of a document that is fetched
    my $fetched = { url => $source->url('/text'), questionSet => 'fire' };

    call('startAssessment', 202, $path, json => { %$fetched, provider => 'dead' });
    call('startAssessment', 400, $path, json => $_) for
        { %$fetched, documentId => $document }, { %$fetched, url => 'x' },
        { %$fetched, filename => 1 };
    call('startAssessment', 403, $path,
         json => { %$fetched, url => 'https://example.org/' });
    call('startAssessment', $_->[0], $path,
         json => { %$fetched, url => $source->url($_->[1]) })
        for [413, '/cut/67108865'], [415, '/binary'], [422, '/empty'],
            [502, '/cut'], [504, '/slow'];

    my %key = (headers => { 'Idempotency-Key' => 'one' });
    call('startAssessment', 202, $path, json => $start, %key);
    $a = call('startAssessment', 202, $path, json => $start, %key);
    is($a->{headers}{'idempotent-replayed'}, 'true', 'a repeat says so');
    call('startAssessment', 422, $path, json => { %$start, priority => 1 }, %key);
};


# The lock that a start holds while it is under way, held by somebody else.
subtest 'a start that is under way' => sub {
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        # it will be ended from outside, and must not end what is running here
        eval { $t->sql('select pg_advisory_lock(hashtextextended(encode('
            . "'two'::bytea, 'hex'), hashtextextended('default', 2))),"
            . ' pg_sleep(60)') };
        POSIX::_exit(0);
    }

    ok(wait_until(20, sub {
        $t->sql("select count(*) from pg_locks where locktype = 'advisory'"
                . ' and granted') >= 1;
    }), 'the lock is held');

    call('startAssessment', 409, '/assessments/start',
         json => { documentId => $document, questionSet => 'fire' },
         headers => { 'Idempotency-Key' => 'two' });
    call('startBatch', 409, '/assessments/batch',
         json => { documentIds => [$document], questionSet => 'fire' },
         headers => { 'Idempotency-Key' => 'two' });

    $t->sql("select pg_terminate_backend(pid) from pg_locks where locktype ="
        . " 'advisory' and granted");
    waitpid $pid, 0;
};


subtest 'jobs' => sub {
    my $path = "/assessments/job/$job";

    call('getJob', 200, $path);
    call('getJob', 404, "/assessments/job/$unknown");
    call('getJob', 404, '/assessments/job/x');
    call('getJob', 400, "$path?a=b");

    my $a = call('getResults', 200, "$path/results");
    ok($a->{json}{complete}, 'the results are complete');
    is(scalar @{ $a->{json}{answers} }, 2, 'every question has an answer');
    ok($a->{json}{answers}[0]{evidence}[0]{verified}, 'a quote is verified');

    my $answers = $a->{json}{answers};
    $a = call('getResults', 200, "$path/results?format=ndjson");
    my @lines = map { $json->decode($_) } split /\n/, $a->{body};
    is_deeply(\@lines, $answers, 'NDJSON has the same answers');
    is(join("\n", map { $schemas->errors(
        { '$ref' => '#/components/schemas/Answer' }, $_) } @lines), '',
        'each line is an Answer');

    $a = call('getResults', 200, "$path/results?format=csv");
    like($a->{body}, qr/^questionId,verdict,confidence,rationale,quote,page,verified,provider,model,cached\r\nQ1,/,
        'CSV has its header and rows');
    call('getResults', 400, "$path/results?format=xml");
    call('getResults', 404, "/assessments/job/$unknown/results");

    call('retryJob', 409, "$path/retry");
    call('retryJob', 404, "/assessments/job/$unknown/retry");
    call('retryJob', 400, "$path/retry?a=b");
    call('cancelJob', 200, $path);
    call('cancelJob', 404, "/assessments/job/$unknown");
    call('cancelJob', 400, "$path?a=b");

    $a = call('getLog', 200, "$path/logs?limit=1");
    call('getLog', 200, "$path/logs?cursor=$a->{json}{nextCursor}");
    call('getLog', 404, "/assessments/job/$unknown/logs");
    call('getLog', 400, "$path/logs?$_") for qw(limit=0 limit=x cursor= a=b);

    call('listJobs', 200, '/assessments/jobs');
    $a = call('listJobs', 200, '/assessments/jobs?limit=1');
    call('listJobs', 200,
         "/assessments/jobs?limit=1&cursor=$a->{json}{nextCursor}");
    call('listJobs', 200, "/assessments/jobs?status=completed&user=ada"
         . "&documentId=$document&batchId=$unknown");
    call('listJobs', 200, '/assessments/jobs?user=me',
         as => $http->with('X-User' => 'ada'));
    call('listJobs', 400, "/assessments/jobs?$_") for qw(status=x batchId=x
        documentId=x user= limit=0 cursor= a=b);

    call('getCounters', 200, '/assessments/counters');
    call('getCounters', 400, '/assessments/counters?a=b');

    call('getDocumentText', 200, "/documents/$document/text?page=1");
    call('getDocumentText', 200, "/documents/$document/text?limit=1");
    call('getDocumentText', 404, "/documents/$document/text?page=2");
};


subtest 'batches' => sub {
    my $path = '/assessments/batch';
    my $start = { documentIds => [$document], questionSet => 'fire' };

    my $a = call('startBatch', 202, $path, json => { %$start, priority => 5,
        provider => 'local', model => 'local', maxCost => 1.5,
        callbackUrl => 'https://example.net/done',
        notifyEmail => 'ada@example.net', metadata => { a => 1 } });
    my $batch = $a->{json}{batchId};
    my $events = call('followProgress', 200,
        "/assessments/progress?batchId=$batch", stream => 1)->{events};

    # whether it has ended before or not, the first and the last are of it
    follow_events($events, 'batch');

    while (my $event = $events->next(30)) {
        is(join("\n", $schemas->errors({ '$ref' =>
            '#/components/schemas/Event' }, $event->{json})), '',
            "event $event->{event} is one of the events");
    }

    ok($events->{ended}, 'a stream of a batch that has ended ends');

    for my $bad ([], {}, { documentIds => [$document] },
                 { questionSet => 'fire' }, { %$start, documentIds => [] },
                 { %$start, documentIds => ['x'] }, { %$start, more => 1 },
                 { %$start, documentId => $document },
                 { %$start, priority => 101 }, { %$start, maxCost => -1 },
                 { %$start, notifyEmail => 'nobody' },
                 { %$start, documentIds => [($document) x 10_001] })
    {
        call('startBatch', 400, $path, json => $bad);
    }

    call('startBatch', 404, $path, json => { %$start, questionSet => 'none' });
    call('startBatch', 404, $path,
         json => { %$start, documentIds => [$document, $unknown] });
    call('startBatch', 411, $path,
         headers => { 'Content-Type' => 'application/json' });
    call('startBatch', 413, $path, headers =>
        { 'Content-Type' => 'application/json', 'Content-Length' => 99_999_999 });
    call('startBatch', 415, $path, %text, body => 'x');
    call('startBatch', 422, $path,
         json => { %$start, documentIds => [$document, $document] });

    my %key = (headers => { 'Idempotency-Key' => 'many' });
    call('startBatch', 202, $path, json => $start, %key);
    $a = call('startBatch', 202, $path, json => $start, %key);
    is($a->{headers}{'idempotent-replayed'}, 'true', 'a repeat says so');

    $path = "$path/$batch";
    call('getBatch', 200, $path);
    call('getBatch', 404, "/assessments/batch/$unknown");
    call('getBatch', 404, '/assessments/batch/x');
    call('getBatch', 400, "$path?a=b");

    $a = call('getBatchResults', 200, "$path/results");
    my @lines = map { $json->decode($_) } split /\n/, $a->{body};
    is(scalar @lines, 2, 'NDJSON has every answer');
    is(join("\n", map { $schemas->errors(
        { '$ref' => '#/components/schemas/BatchAnswer' }, $_) } @lines), '',
        'each line is one with its job');
    $a = call('getBatchResults', 200, "$path/results?format=csv");
    like($a->{body}, qr/^jobId,documentId,filename,questionId,/,
         'CSV has its header');
    call('getBatchResults', 400, "$path/results?format=json");
    call('getBatchResults', 404, "/assessments/batch/$unknown/results");

    # one that waits for a provider that does not answer
    $a = call('startBatch', 202, '/assessments/batch',
              json => { %$start, provider => 'hole' });
    my $waits = "/assessments/batch/$a->{json}{batchId}";

    call('pauseBatch', 200, "$waits/pause");
    call('resumeBatch', 200, "$waits/resume");
    call('retryBatch', 409, "$waits/retry-failed");
    call('cancelBatch', 202, $waits);
    call('cancelBatch', 200, $waits);
    ok(wait_until(30, sub {
        $http->get("/api$waits")->{json}{completedAt};
    }), 'it has ended');
    call('pauseBatch', 409, "$waits/pause");
    call('resumeBatch', 409, "$waits/resume");
    call('retryBatch', 202, "$waits/retry-failed");
    call('cancelBatch', 202, $waits);

    my %of = (pauseBatch => '/pause', resumeBatch => '/resume', retryBatch =>
        '/retry-failed', cancelBatch => '');

    for my $id (sort keys %of) {
        call($id, 404, "/assessments/batch/$unknown$of{$id}");
        call($id, 400, "$path$of{$id}?a=b");
    }

    call('listBatches', 200, '/assessments/batches');
    $a = call('listBatches', 200, '/assessments/batches?limit=1');
    call('listBatches', 200,
         "/assessments/batches?limit=1&cursor=$a->{json}{nextCursor}");
    call('listBatches', 200, '/assessments/batches?status=completed');
    call('listBatches', 400, "/assessments/batches?$_")
        for qw(status=failed limit=0 cursor= a=b);
};


subtest 'events, and jobs that take long or fail' => sub {
    my $start = { documentId => $document, questionSet => 'fire' };
    my %seen;

    my $a = call('followProgress', 200, '/assessments/progress', stream => 1);
    my $all = $a->{events};
    $a = call('followDocument', 200, "/events/$document", stream => 1);
    $a->{events}->close;

    # the only runner is kept busy by a provider that does not answer
    $a = call('startAssessment', 202, '/assessments/start',
              json => { %$start, provider => 'hole' });
    my $stuck = $a->{json}{jobId};

    # the snapshot is newer than a stream that began before: whatever it is
    wait_until(30, sub { $http->get("/api/assessments/job/$stuck")
        ->{json}{status} eq 'processing' });

    $a = call('startAssessment', 202, '/assessments/start',
              json => { %$start, provider => 'dead' });
    my $failed = $a->{json}{jobId};

    $a = call('getJob', 200, "/assessments/job/$failed");
    is($a->{json}{queuePosition}, 1, 'a queued job has a place in the queue');
    $a = call('getJob', 200, "/assessments/job/$stuck");
    like($a->{json}{stage}, qr/\w/, 'a running job has a stage');

    call('deleteDocument', 409, "/documents/$document");
    call('cancelJob', 202, "/assessments/job/$stuck");
    is($t->wait_job($stuck)->{status}, 'cancelled', 'it is cancelled');

    is($t->wait_job($failed)->{error}{code}, 'provider_unavailable',
       'a job without a provider fails');
    $a = call('getJob', 200, "/assessments/job/$failed");
    call('retryJob', 202, "/assessments/job/$failed/retry");
    $t->wait_job($failed);

    for my $last (qw(queued cancelled error counters)) {
        my $types = follow_events($all, $last);
        $seen{$_} += $types->{$_} for keys %$types;
    }

    $all->close;
    ok($seen{$_}, "event $_ was seen") for qw(Connected Queued Progress);

    $a = call('followProgress', 200, "/assessments/progress?jobId=$job&logs=1",
              stream => 1);
    follow_events($a->{events}, 'log');
    $a->{events}->close;

    $a = call('followProgress', 200, "/assessments/progress?jobId=$job",
              stream => 1);
    follow_events($a->{events}, 'complete');
    is($a->{events}->next(10), undef, 'nothing follows');
    ok($a->{events}{ended}, 'a stream of jobs that have ended ends');

    $a = call('followProgress', 200, "/assessments/progress?jobId=$job",
              stream => 1, headers => { 'Last-Event-ID' => '999999999' });
    follow_events($a->{events}, 'reset');
    $a->{events}->close;

    my $last = $t->sql('select max(event_id) from'
        . ' assess.assessment_progress_events');

    for my $id (['followProgress', "/assessments/progress?jobId=$job"],
                ['followDocument', "/events/$document?jobId=$job"])
    {
        # a document may get another job: only a stream of jobs alone ends
        next if $id->[0] eq 'followDocument';
        call($id->[0], 204, $id->[1], headers => { 'Last-Event-ID' => $last });
    }

    call('followProgress', 400, "/assessments/progress?$_")
        for qw(jobId=x documentId=x batchId=x user= a=b logs=2);
    call('followProgress', 400, "/assessments/progress?$_", semantic => 1)
        for qw(user=me logs=1);
    call('followDocument', 400, "/events/$document?$_") for qw(jobId=x a=b);
    call('followDocument', 404, '/events/nonsense');
};


subtest 'of an operator' => sub {
    my $path = '/admin/queue';

    call('getQueue', 200, "$path/status");
    call('getQueue', 400, "$path/status?a=b");

    my $a = call('listAllJobs', 200, "$path/jobs?limit=1");
    call('listAllJobs', 200,
         "$path/jobs?limit=1&cursor=$a->{json}{nextCursor}");
    call('listAllJobs', 200, "$path/jobs?tenant=default&status=failed&user=ada"
         . "&documentId=$document&batchId=$unknown");
    call('listAllJobs', 400, "$path/jobs?$_") for qw(status=x batchId=x
        documentId=x user= tenant= limit=0 cursor= a=b);

    my ($failed) = map { $_->{jobId} } @{ call('listAllJobs', 200,
        "$path/jobs?status=failed")->{json}{jobs} };

    call('pauseQueue', 200, "$path/pause");
    call('pauseQueue', 400, "$path/pause?a=b");
    call('retryAnyJob', 202, "$path/retry/$failed");
    call('retryAnyJob', 409, "$path/retry/$failed");
    call('retryAnyJob', 404, "$path/retry/$unknown");
    call('retryAnyJob', 400, "$path/retry/$failed?a=b");
    call('getQueue', 200, "$path/status");
    call('resumeQueue', 200, "$path/resume");
    call('resumeQueue', 400, "$path/resume?a=b");
    $t->wait_job($failed);

    call('cleanQueue', 200, "$path/clean?olderThan=$_")
        for qw(30d 12h 3600 2020-01-01T00:00:00Z);
    call('cleanQueue', 200, "$path/clean?status=cancelled&olderThan=0");
    call('cleanQueue', 400, "$path/clean?$_") for 'olderThan=x', 'olderThan=',
        'olderThan=2020-01-01', 'status=queued&olderThan=1d', 'olderThan=1d&a=b';
};


subtest 'health' => sub {
    call('live', 200, '/health/live');
    call('live', 400, '/health/live?a=b');
    call('ready', 200, '/health/ready');
    call('ready', 400, '/health/ready?a=b');
};


# A request for each operation that could be good.
my %sample = (
    storeDocuments => ['/documents', %text, body => 'new'],
    uploadDocuments => ['/documents/upload', %text, body => 'new'],
    putQuestionSet => ['/question-sets/new', json => $set],
    estimateAssessment => ['/assessments/estimate', json => {
        documentId => $unknown, questionSet => 'fire' }],
    startAssessment => ['/assessments/start', json =>
        { documentId => $unknown, questionSet => 'fire' }],
    startBatch => ['/assessments/batch', json =>
        { documentIds => [$unknown], questionSet => 'fire' }],
    cleanQueue => ['/admin/queue/clean?olderThan=1d'],
);

sub sample {
    my ($id) = @_;

    return @{ $sample{$id} } if $sample{$id};
    (my $path = $op{$id}{path}) =~ s/\{id\}/$unknown/;
    $path =~ s/\{name\}/fire/;
    return $path;
}


subtest 'whoever has no tenant' => sub {
    my $nobody = $http->with('X-Tenant' => 'x' x 129, 'X-Operator' => '0');

    for my $id (sort keys %op) {
        my ($path, @rest) = sample($id);

        if ($op{$id}{security}) {
            ok(!$op{$id}{responses}{403}, "$id needs no tenant");
            next;
        }

        call($id, 403, $path, @rest, as => $nobody);
    }
};


subtest 'methods' => sub {
    for my $path (sort keys %{ $doc->{paths} }) {
        my %has = map { $op{$_}{method} => 1 }
                  grep { $op{$_}{path} eq $path } keys %op;
        my ($id) = grep { $op{$_}{path} eq $path } sort keys %op;
        my ($real) = split /\?/, (sample($id))[0];

        $has{HEAD} = 1 if $has{GET};

        for my $method (grep { !$has{$_} } qw(GET HEAD POST PUT DELETE PATCH)) {
            my $a = $http->request($method, "/api$real");

            is($a->{status}, 405, "$method $path is not allowed");
            is(join(',', sort split /, */, $a->{headers}{allow} // ''),
               join(',', sort keys %has), "$method $path: Allow is right");
            is(join("\n", $schemas->errors(
                { '$ref' => '#/components/schemas/Problem' }, $a->{json})), '',
                "$method $path: it is a problem") if $method ne 'HEAD';
        }
    }
};


# HEAD is answered as GET is, without the body.
subtest 'heads' => sub {
    my %path = (listDocuments => '/documents', getDocument =>
        "/documents/$document", getDocumentContent =>
        "/documents/$document/content", listJobs => '/assessments/jobs',
        getJob => "/assessments/job/$job", getResults =>
        "/assessments/job/$job/results", getQuestionSet =>
        '/question-sets/fire', live => '/health/live');

    for my $id (sort keys %path) {
        my $get = $http->get("/api$path{$id}");
        my $head = $http->request('HEAD', "/api$path{$id}");

        is($head->{status}, $get->{status}, "$id: the status");
        is($head->{headers}{'content-type'}, $get->{headers}{'content-type'},
           "$id: the type");
        is($head->{body}, '', "$id: no body");
        check_headers("HEAD $id", $op{$id}{responses}{200}{headers} // {},
                      $head->{headers});
    }
};


subtest 'files' => sub {
    for my $id (grep { $op{$_}{tags}[0] eq 'Client' } sort keys %op) {
        my $a = call($id, 200, $op{$id}{path});

        call($id, 304, $op{$id}{path}, headers =>
             { 'If-None-Match' => $a->{headers}{etag} });
        call($id, 400, "$op{$id}{path}?v=1");
    }
};


subtest 'what is not there is said so' => sub {
    my $text = $doc->{info}{description};
    my %path = ('/search' => 'POST');

    for my $path (sort keys %path) {
        my $a = $http->request($path{$path}, "/api$path");
        is($a->{status}, 404, "$path is not there");

        like($text, qr/\Q`$path`\E/, "$path is named as missing");
    }
};


subtest 'deletion' => sub {
    call('deleteDocument', 204, "/documents/$document");
    call('deleteDocument', 404, "/documents/$document");
    call('deleteDocument', 400, "/documents/$document?a=b");
};


subtest 'without the store' => sub {
    $t->cluster->stop;

    for my $id (sort grep { $op{$_}{responses}{503} } keys %op) {
        my ($path, @rest) = sample($id);
        call($id, 503, $path, @rest);
    }
};


# followDocument is narrowed to a document, which may always get another job
my %cannot = ('followDocument 204' => 1);

subtest 'everything that is documented was seen' => sub {
    for my $id (sort keys %op) {
        for my $status (sort keys %{ $op{$id}{responses} }) {
            next if $cannot{"$id $status"};
            ok($done{$id}{$status}, "$id $status");
        }
    }
};

$t->done;
