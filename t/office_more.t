#!/usr/bin/perl

# Books, rich text and mail: their text, page by page; and those that are
# damaged, locked, or made to do harm.

use strict;
use warnings;
use utf8;

use Encode qw(encode);
use FindBin;
use MIME::Base64 qw(encode_base64);
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(question_set start_job);
use Assess::Office qw(archive docx epub);
use Assess::Test;

my $t = Assess::Test->new(extra => "    assess_extract_limits pages=50"
    . " memory=256m time=20s;\n");
my $http = $t->http;
my $set = question_set($t, 'office', 1);
my %type = (epub => 'application/epub+zip', rtf => 'application/rtf',
            eml => 'message/rfc822');
my $id;


sub post {
    my ($bytes, $type) = @_;

    return $http->post('/api/documents', body => $bytes,
                       headers => { 'Content-Type' => $type });
}


# The job on a document of these bytes, once it has ended.
sub job {
    my ($bytes, $kind) = @_;

    my $a = post($bytes, $type{$kind} // $kind);
    die "$kind: $a->{status} $a->{body}\n" unless $a->{status} == 201;

    $id = $a->{json}{documents}[0]{documentId};
    return $t->wait_job(start_job($t, document => $id, set => $set));
}


sub reads {
    my ($bytes, $kind, $pages, $what) = @_;

    my $job = job($bytes, $kind);

    is($job->{status}, 'completed', "$what: it is read")
        or diag(json($job->{error}));
    my $text = $t->sql('select coalesce(json_agg(text order by page), \'[]\')'
        . " from assess.document_pages where document_id = '$id'");
    is(json(JSON::PP->new->utf8->decode($text)), json($pages), $what);
}


sub fails {
    my ($bytes, $kind, $code, $what) = @_;

    my $job = job($bytes, $kind);

    is($job->{status}, 'failed', $what);
    is($job->{error}{code}, $code, "$what: $code")
        or diag(json($job->{error}));
    return $job->{error}{message};
}


# Books
{
    my $damaged = 'document_damaged';
    my @two = (['text/b.xhtml', '<h1>One</h1><p>The &#xfc;ber-door.</p>'],
               ['a%20b.xhtml', '<p>Two</p><script>no()</script>']);
    my $locked = sub { return ['META-INF/encryption.xml', '<encryption>'
        . join('', map { "<EncryptedData><CipherData><CipherReference URI=\"$_\""
        . '/></CipherData></EncryptedData>' } @_) . '</encryption>'] };

    reads(epub(\@two), 'epub', ["One\n\nThe \x{fc}ber-door.\n", "Two\n"],
          'the order of the spine');
    reads(epub([['a.xhtml', ''], ['b.xhtml', '<p>Text.</p>']]),
          'application/octet-stream', ['', "Text.\n"], 'a page without words');
    reads(epub([['../up.xhtml', '<p>Up.</p>']], ['up.xhtml',
        '<html><body><p>Here.</p></body></html>']), 'epub', ["Here.\n"],
          'a path with dots');
    reads(epub([['a.xhtml', '<p>Free.</p>']], $locked->('OPS/font.otf'),
        ['OPS/font.otf', 'x']), 'epub', ["Free.\n"], 'a font that is locked');

    fails(epub([['a.xhtml', '<p>x</p>'], ['b.xhtml', '<p>y</p>']],
               $locked->('OPS/b.xhtml')),
          'epub', 'document_encrypted', 'a chapter that is locked');
    fails(epub([]), 'epub', 'document_without_text', 'a cover alone');
    fails(epub([['a.xhtml', '']]), 'epub', 'document_without_text',
          'a book without words');
    fails(epub([['../../etc/passwd', '<p>x</p>']]), 'epub', $damaged,
          'a chapter outside of the archive');
    fails(archive(['mimetype', 'application/epub+zip', { stored => 1 }]),
          'epub', $damaged, 'a book of nothing');
    fails(substr(epub(\@two), 0, 400), 'epub', $damaged, 'half a book');
    fails(epub([map { ["$_.xhtml", "<p>$_</p>"] } 1 .. 60]), 'epub',
          'document_limit', 'too many chapters');

    my $bomb = '<html><body>' . ' ' x 300_000_000;
    like(fails(epub([['a.xhtml', \$bomb]]), 'epub', 'document_limit', 'a bomb'),
         qr/unpacks to more/, 'and which limit');
    undef $bomb;

    my $entity = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        . '<html><body><p>A &x; B</p></body></html>';
    reads(epub([['a.xhtml', \$entity]]), 'epub', ["]>\n\nA &x; B\n"],
          'an entity of a file');

    problem_is(post('text', $type{epub}), 415, undef, 'text said to be a book');
}

is($http->get('/api/health/ready')->{status}, 200, 'the server is well');

$t->done;
