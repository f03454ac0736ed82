#!/usr/bin/perl

# Documents: stored as they are sent, found, read, deleted.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::HTTP;
use Assess::Test;

my $t = Assess::Test->new(env => { ASSESS_JOBS => 1 },
    extra => "    assess_extract_limits pages=3;\n");
my $http = $t->http;

my $text = "The fire exits are checked each week.\n";
my @keys = qw(bytes contentType createdAt documentId filename pages sha256
              status);


sub post {
    my ($body, $type, $query) = @_;
    return $http->post('/api/documents' . ($query // ''), body => $body,
        headers => { 'Content-Type' => $type });
}

sub form { return $http->post('/api/documents', Assess::HTTP::multipart(@_)) }


# one, as a body
{
    my $a = post($text, 'text/plain; charset=utf-8', '?filename=exits.txt');

    is($a->{status}, 201, 'a new document');
    is(json([sort keys %{ $a->{json} }]), '["documents"]', 'documents alone');

    my $d = $a->{json}{documents}[0];
    is(json([sort keys %$d]), json(\@keys), 'the keys of a Document');
    is_id($d->{documentId}, 'documentId');
    is_time($d->{createdAt}, 'createdAt');
    is($d->{filename}, 'exits.txt', 'filename');
    is($d->{contentType}, 'text/plain; charset=utf-8', 'contentType');
    is(json($d->{bytes}), length $text, 'bytes, a number');
    is($d->{sha256}, sha256_hex($text), 'sha256');
    is($d->{pages}, undef, 'no pages yet');
    is($d->{status}, 'not_reviewed', 'status');

    $a = post($text, 'text/html', '?filename=other.txt');
    is($a->{status}, 200, 'the same bytes again');
    is(json($a->{json}{documents}[0]), json($d), 'are the same document');

    $a = $http->get("/api/documents/$d->{documentId}");
    is($a->{status}, 200, 'one');
    is(json($a->{json}), json($d), 'as it was told');

    $a = $http->with('X-Tenant' => 'other')->post('/api/documents',
        body => $text, headers => { 'Content-Type' => 'text/plain' });
    is($a->{status}, 201, 'the same bytes of another tenant');
    isnt($a->{json}{documents}[0]{documentId}, $d->{documentId},
        'are another document');

    $a = $http->post('/api/documents/upload', body => "older $text", headers =>
        { 'Content-Type' => 'text/plain' });
    is($a->{status}, 201, 'the name that older clients use');
    is($a->{json}{documents}[0]{filename}, undef, 'no filename is null');

    $a = $http->raw("POST /api/documents HTTP/1.1\r\nHost: a\r\n"
        . "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
        . "Connection: close\r\n\r\n4\r\nchun\r\n3;x=y\r\nked\r\n0\r\n\r\n");
    is($a->{status}, 201, 'in chunks');
    is($a->{json}{documents}[0]{sha256}, sha256_hex('chunked'), 'put together');
}


# names
{
    my %name = (
        'a%20b.txt' => 'a b.txt', 'a+b.txt' => 'a b.txt',
        '%C3%BCber%20%E2%82%AC.txt' => 'über €.txt',
        '%22quoted%22%5C.txt' => '"quoted"\\.txt', '..%2F..%2Fetc' => '../../etc',
    );

    for my $sent (sort keys %name) {
        my $a = post("name $sent", 'text/plain', "?filename=$sent");
        is($a->{json}{documents}[0]{filename}, $name{$sent}, "filename=$sent");
    }
}


# many, as a form
{
    my $a = form([file => 'one one', 'one.txt', 'text/plain'],
        [file => pdf('Page one', 'Page two'), 'two.pdf', 'application/pdf'],
        [file => '<html><body>three', 'three.html', 'text/html'],
        [file => '# four', 'four.md']);

    is($a->{status}, 201, 'many');
    is(json([map { $_->{filename} } @{ $a->{json}{documents} }]),
        '["one.txt","two.pdf","three.html","four.md"]', 'in their order');
    like($a->{json}{documents}[3]{contentType}, qr/^text\//,
        'a type where none was said');

    my $b = form([file => 'one one', 'x.txt', 'text/plain'],
        [file => '# four', 'y.md', 'text/markdown']);
    is($b->{status}, 200, 'all of them known');
    is($b->{json}{documents}[1]{documentId},
        $a->{json}{documents}[3]{documentId}, 'are the same');

    $b = form([file => 'one one', 'x.txt', 'text/plain'],
        [file => 'five', 'five.txt', 'text/plain']);
    is($b->{status}, 201, 'one of them new');

    $b = form([file => 'six', 'six.txt', 'text/plain'],
        [file => 'six', 'seven.txt', 'text/plain']);
    is($b->{status}, 201, 'the same bytes twice in one');
    is(scalar @{ $b->{json}{documents} }, 2, 'are told twice');
    is($b->{json}{documents}[0]{documentId},
        $b->{json}{documents}[1]{documentId}, 'and stored once');

    my $boundary = 'a b';
    $b = $http->post('/api/documents', headers => { 'Content-Type' =>
        'Multipart/Form-Data; charset=utf-8; Boundary="' . $boundary . '"' },
        body => "preamble\r\n--$boundary\r\ncontent-type: text/plain\r\n"
        . "content-disposition: form-data; filename*=UTF-8''na%C3%AFve%20"
        . "%E2%82%AC.txt; filename=\"naive.txt\"; name=file\r\n\r\n"
        . "eight\r\n--$boundary  \r\nContent-Disposition: form-data; "
        . "name=\"file\"; filename=\"\xc3\xbc.txt\"\r\n\r\nnine\r\n"
        . "--$boundary--\r\nepilogue");
    is($b->{status}, 201, 'a form as the RFCs allow it') or diag($b->{body});
    is($b->{json}{documents}[0]{filename}, 'naïve €.txt', 'filename*');
    is($b->{json}{documents}[1]{filename}, 'ü.txt', 'filename in UTF-8');
    is($b->{json}{documents}[1]{sha256}, sha256_hex('nine'), 'its bytes');
}


# what is refused, all of it
untouched($t, 'refused uploads', sub {
    problem_is(post('', 'text/plain'), 400, undef, 'empty');
    problem_is(post('hello', 'application/pdf'), 415, undef, 'a PDF that is none');
    problem_is(post("\0\0\0\x0cjP  \r\n\x87\n" . "\0" x 100,
        'application/octet-stream'), 415, undef, 'an image of no known kind');
    problem_is(post("\x89PNG\r\n\x1a\n" . "\0" x 100, 'text/plain'), 415, undef,
        'an image that says it is text');
    problem_is(post("PK\3\4" . 'application/vnd.oasis.opendocument.graphics'
        . "\0" x 100, 'application/octet-stream'), 415, undef, 'a drawing');
    problem_is(post(pdf('x'), 'image/png'), 415, undef, 'a PDF said to be an image');
    problem_is(post('text', 'video/mp4'), 415, undef, 'text said to be a video');
    problem_is(post('text', ''), 415, undef, 'an empty Content-Type');
    problem_is(post('text', "text/plain; x=\xff"), 400, undef,
        'a Content-Type that is no ASCII');
    problem_is(post('text', "text/plain; x=\x01"), 400, undef,
        'a Content-Type with a control character');
    problem_is(post('text', 'text/plain; x=' . 'y' x 2000), 400, undef,
        'a Content-Type that is too long');

    my @good = (file => 'good good', 'good.txt', 'text/plain');

    problem_is(form(\@good, [file => 'no', 'bad.pdf', 'application/pdf']), 415,
        '/file/1', 'one bad among good ones');
    problem_is(form(\@good, [file => '', 'empty.txt', 'text/plain']), 400,
        '/file/1', 'one empty among good ones');
    problem_is(form([name => 'x']), 400, undef, 'a form without a file');
    problem_is(form(\@good, \@good, [file => "PK\3\4" . "\0" x 100, 'z.zip',
        'application/zip']), 415, '/file/2', 'an archive among good ones');
    problem_is(form(\@good, [other => 'x']), 400, '/other', 'an unknown part');
    problem_is(form(), 400, undef, 'a form without parts');

    my %form = Assess::HTTP::multipart(\@good);
    my $type = $form{headers}{'Content-Type'};

    for my $cut (1, 4, 20, length($form{body}) - 80) {
        problem_is(post(substr($form{body}, 0, -$cut), $type), 400, undef,
            "a form without its last $cut bytes")
            unless $cut == 1;
    }

    problem_is(post('', $type), 400, undef, 'an empty form');
    problem_is(post($form{body}, 'multipart/form-data'), 400, undef,
        'no boundary');
    problem_is(post($form{body}, 'multipart/form-data; boundary='), 400, undef,
        'an empty boundary');
    problem_is(post($form{body}, 'multipart/form-data; boundary=other'), 400,
        undef, 'another boundary');
    problem_is(post($form{body}, 'multipart/form-data; boundary=' . 'x' x 71),
        400, undef, 'a boundary that is too long');
    problem_is(post($form{body}, 'multipart/mixed; boundary=x'), 415, undef,
        'another multipart');

    for my $head ('X: y', 'Content-Disposition: attachment; name="file"',
        'Content-Disposition: form-data', 'nothing',
        "Content-Disposition: form-data; name=\"file\"\r\nX: " . 'y' x 9000)
    {
        problem_is(post("--b\r\n$head\r\n\r\nbytes\r\n--b--\r\n",
            'multipart/form-data; boundary=b'), 400, undef,
            'a part with ' . substr $head, 0, 50);
    }
});


# lists: newest first, pages that do not move, filters
{
    my $mine = $http->with('X-Tenant' => 'lists');
    my @ids;

    for my $n (1 .. 7) {
        my $a = $mine->post("/api/documents?filename=Report_$n%25.txt",
            body => "report $n", headers => { 'Content-Type' => 'text/plain' });
        unshift @ids, $a->{json}{documents}[0]{documentId};
    }

    my $a = $mine->get('/api/documents');
    is(json([sort keys %{ $a->{json} }]), '["documents","nextCursor","total"]',
        'the keys of a list');
    is(json([map { $_->{documentId} } @{ $a->{json}{documents} }]), json(\@ids),
        'newest first');
    is($a->{json}{nextCursor}, undef, 'no next page');
    is(json($a->{json}{total}), 7, 'total, a number');
    is(json([sort keys %{ $a->{json}{documents}[0] }]), json(\@keys), 'Documents');

    my @seen;
    my $query = '?limit=3';

    for my $page (1 .. 3) {
        $a = $mine->get("/api/documents$query");
        push @seen, map { $_->{documentId} } @{ $a->{json}{documents} };
        is(json($a->{json}{total}), 6 + $page, "page $page: the total");

        # one more comes in front, and moves nothing
        $mine->post('/api/documents', body => "late $page", headers =>
            { 'Content-Type' => 'text/plain' });
        last unless defined $a->{json}{nextCursor};
        $query = "?limit=3&cursor=$a->{json}{nextCursor}";
    }

    is(json(\@seen), json(\@ids), 'each once, in their order');

    is($mine->get('/api/documents?q=report_7')->{json}{total}, 1,
        'q finds in filenames, in any case');
    is($mine->get('/api/documents?q=7%25')->{json}{total}, 1,
        'a percent sign is one');
    is($mine->get('/api/documents?q=Report%257')->{json}{total}, 0,
        'and stands for nothing else');
    is($mine->get('/api/documents?q=r_port')->{json}{total}, 0,
        'nor does an underscore');
    is($mine->get('/api/documents?q=')->{json}{total}, 10, 'an empty q is none');
    is(json($mine->get('/api/documents?q=nothing')->{json}),
        '{"documents":[],"nextCursor":null,"total":0}', 'an empty list');
    is($mine->get('/api/documents?limit=200')->{status}, 200, 'the largest limit');
    is(scalar @{ $mine->get('/api/documents?limit=1')->{json}{documents} }, 1,
        'the smallest limit');
}


# the stored bytes: ranges and conditions
{
    my $bytes = join '', map { chr(32 + $_ * 7 % 90) } 1 .. 700_000;
    my $id = $t->upload($bytes, 'text/plain');
    my $url = "/api/documents/$id/content";
    my $a = $http->get($url);

    is($a->{status}, 200, 'content');
    ok($a->{body} eq $bytes, 'the bytes as they were sent');
    is($a->{headers}{'content-type'}, 'text/plain', 'their type');
    is($a->{headers}{'accept-ranges'}, 'bytes', 'Accept-Ranges');

    my $etag = $a->{headers}{etag};
    like($etag, qr/^"[^"]+"\z/, 'a strong ETag');

    my $n = length $bytes;
    my @ranges = (
        ['bytes=0-0', 0, 0], ['bytes=5-9', 5, 9], ['bytes=-10', $n - 10, $n - 1],
        ['bytes=699990-', 699990, $n - 1], ["bytes=10-$n", 10, $n - 1],
        ['bytes=0-99999999999999999999999', 0, $n - 1],
        ["bytes=-99999999999", 0, $n - 1],
        ['bytes=262143-262144', 262143, 262144],
        ['bytes=262144-524287', 262144, 524287], ['Bytes=1-1', 1, 1],
    );

    for my $case (@ranges) {
        my ($range, $first, $last) = @$case;
        $a = $http->get($url, headers => { Range => $range });
        is($a->{status}, 206, "$range: partial");
        is($a->{headers}{'content-range'}, "bytes $first-$last/$n",
            "$range: Content-Range");
        ok($a->{body} eq substr($bytes, $first, $last - $first + 1),
            "$range: the bytes");
    }

    for my $range ("bytes=$n-", "bytes=$n-" . ($n + 5), 'bytes=-0',
        'bytes=99999999999999999999-')
    {
        $a = $http->get($url, headers => { Range => $range });
        problem_is($a, 416, undef, $range);
        is($a->{headers}{'content-range'}, "bytes */$n", "$range: Content-Range");
    }

    for my $range ('bytes=5-4', 'bytes=', 'bytes=a-b', 'lines=1-2', 'bytes=1',
        'bytes=-', 'bytes=0-0,2-2', '')
    {
        $a = $http->get($url, headers => { Range => $range });
        is($a->{status}, 200, "Range $range: is ignored");
        is(length $a->{body}, $n, "Range $range: all of it");
    }

    for my $case (['If-Range', $etag, 206], ['If-Range', '"other"', 200],
        ['If-Range', "W/$etag", 200],
        ['If-Range', 'Wed, 21 Oct 2099 07:28:00 GMT', 200])
    {
        $a = $http->get($url, headers =>
            { Range => 'bytes=0-3', $case->[0] => $case->[1] });
        is($a->{status}, $case->[2], "If-Range: $case->[1]");
    }

    for my $case ([$etag, 304], ["W/$etag", 304], ['*', 304], ['"a", ' . $etag, 304],
        ["\"a\",W/$etag , \"b\"", 304], ['"other"', 200], ['"a","b"', 200])
    {
        $a = $http->get($url, headers => { 'If-None-Match' => $case->[0] });
        is($a->{status}, $case->[1], "If-None-Match: $case->[0]");
        next if $case->[1] == 200;
        is($a->{body}, '', 'no body');
        is($a->{headers}{etag}, $etag, 'its ETag');
        is($a->{headers}{'cache-control'}, 'private, no-cache', 'Cache-Control');
    }

    $a = $http->get($url, headers =>
        { 'If-None-Match' => $etag, Range => 'bytes=0-3' });
    is($a->{status}, 304, 'If-None-Match goes before Range');

    $a = $http->request('HEAD', $url, headers => { Range => 'bytes=0-3' });
    is($a->{status}, 200, 'HEAD knows no range');
    is($a->{headers}{'content-length'}, $n, 'its length');
}


# the text
{
    my $id = $t->upload(pdf(map {"Text of page $_"} 1 .. 3), 'application/pdf');
    my $url = "/api/documents/$id/text";

    problem_is($http->get($url), 409, undef, 'before it is extracted');
    problem_is($http->get("$url?page=1"), 409, undef, 'a page of it');

    question_set($t, 'set', 1);
    $t->wait_job(start($t, $id, 'set')->{jobId});

    my $a = $http->get($url);
    is($a->{status}, 200, 'text');
    is(json([sort keys %{ $a->{json} }]), '["nextCursor","pages"]', 'its keys');
    is(json([map { $_->{page} } @{ $a->{json}{pages} }]), '[1,2,3]', 'all pages');
    like($a->{json}{pages}[1]{text}, qr/Text of page 2/, 'their text');
    is(json([sort keys %{ $a->{json}{pages}[0] }]), '["page","text"]', 'of a page');
    is($a->{json}{nextCursor}, undef, 'no more');

    $a = $http->get("$url?page=2");
    is(json([map { $_->{page} } @{ $a->{json}{pages} }]), '[2]', 'one page');
    is($a->{json}{nextCursor}, undef, 'is all');
    problem_is($http->get("$url?page=4"), 404, undef, 'a page that is not there');

    $a = $http->get("$url?limit=2");
    is(json([map { $_->{page} } @{ $a->{json}{pages} }]), '[1,2]', 'two pages');
    $a = $http->get("$url?limit=2&cursor=$a->{json}{nextCursor}");
    is(json([map { $_->{page} } @{ $a->{json}{pages} }]), '[3]', 'and the rest');
    is($a->{json}{nextCursor}, undef, 'and no more');

    $a = $http->get("/api/documents/$id");
    is(json($a->{json}{pages}), 3, 'pages are known now');
    is($a->{json}{status}, 'reviewed', 'it is reviewed');
    is($http->get('/api/documents?status=reviewed')->{json}{total}, 1,
        'and listed as such');
    is($http->get('/api/documents?status=not_reviewed')->{json}{total},
        $http->get('/api/documents')->{json}{total} - 1, 'the others are not');
}


# what cannot be read is found out by its job
for my $case (
    ['an encrypted one', pdf_encrypted('secret'), 'document_encrypted'],
    ['a damaged one', "%PDF-1.4\nnothing of a PDF here\n", 'document_damaged'],
    ['one without text', pdf('', ''), 'document_without_text'],
    ['blank text', "  \n\t \n", 'document_without_text'],
    ['one with too many pages', pdf(qw(a b c d)), 'document_limit'])
{
    my ($name, $bytes, $code) = @$case;
    my $type = $bytes =~ /^%PDF/ ? 'application/pdf' : 'text/plain';
    my $id = $t->upload($bytes, $type);
    my $job = $t->wait_job(start($t, $id, 'set')->{jobId});

    job_is($job, 'failed', $name);
    is($job->{error}{code}, $code, "$name: $code") or diag(json($job));
    like($job->{error}{message}, qr/pages/, 'the limit is named')
        if $code eq 'document_limit';
    is($http->get("/api/documents/$id")->{json}{status}, 'not_reviewed',
        "$name: is not reviewed");
    problem_is($http->get("/api/documents/$id/text"), 409, undef,
        "$name: has no text");
}


# deleted, with all that is its own
{
    my $before = rows($t);
    my $id = $t->upload('to be deleted: the alarm is tested.', 'text/plain');
    my $job = start($t, $id, 'set', http => $http)->{jobId};
    $t->wait_job($job);

    my $a = $http->delete("/api/documents/$id");
    is($a->{status}, 204, 'deleted');
    is($a->{body}, '', 'there is nothing to say');

    problem_is($http->get("/api/documents/$id"), 404, undef, 'it is gone');
    problem_is($http->get("/api/documents/$id/text"), 404, undef, 'its text');
    problem_is($http->get("/api/documents/$id/content"), 404, undef, 'its bytes');
    problem_is($http->get("/api/assessments/job/$job"), 404, undef, 'its job');
    problem_is($http->get("/api/assessments/job/$job/results"), 404, undef,
        'its results');
    problem_is($http->delete("/api/documents/$id"), 404, undef, 'twice');
    is($http->get("/api/assessments/jobs?documentId=$id")->{json}{total}, 0,
        'no job of it is listed');
    is(rows($t), $before, 'no row of it is left');

    $a = post('to be deleted: the alarm is tested.', 'text/plain');
    is($a->{status}, 201, 'the same bytes are new again');
}

$t->done;
