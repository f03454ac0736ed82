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
use Assess::Office qw(archive docx epub);
use Assess::Old qw(doc xls record);
use Assess::Reading qw(reading post reads fails);
use Assess::Test;

my $t = Assess::Test->new(extra => "    assess_extract_limits pages=50"
    . " memory=256m time=20s;\n");
my $http = $t->http;
my %type = (epub => 'application/epub+zip', rtf => 'application/rtf',
            eml => 'message/rfc822');
reading($t, type => \%type);


# Books
{
    my $damaged = 'document_damaged';
    my @two = (['text/b.xhtml', '<h1>One</h1><p>The &#xfc;ber-door.</p>'],
               ['a%20b.xhtml', '<p>Two</p><script>no()</script>']);
    my $locked = sub { return ['META-INF/encryption.xml', '<encryption>'
        . join('', map { '<EncryptedData><CipherData><CipherReference'
        . " URI=\"$_\"/></CipherData></EncryptedData>" } @_)
        . '</encryption>'] };

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


# Rich text
{
    my $damaged = 'document_damaged';
    my $rtf = sub { return '{\rtf1\ansi\ansicpg1252\deff0'
        . '{\fonttbl{\f0\fnil Arial;}'
        . '{\f1\fnil\fcharset204 Arial Cyr;}{\f2\fcharset128 Gothic;}}'
        . '{\colortbl;\red0\green0\blue0;}{\*\generator Word;}' . join('', @_)
        . '}' };

    reads($rtf->('\pard\outlinelevel0 Fire doors\par\pard All {\b doors} are'
        . "\r\n tes\nted.{\\v Never.}{\\deleted Not.}\\par One"
        . '\tab two\line three'
        . '\par Gr\\\'fc\\\'dfe \emdash  \ldblquote x\rdblquote\~y\_z'
        . ' \{\\\\\}\par'),
        'rtf', ["Fire doors\n\nAll doors are tested.\nOne two\nthree\n"
        . "Gr\x{fc}\x{df}e \x{2014} \x{201c}x\x{201d} y-z {\\}\n"],
          'words, lines and marks of rich text');
    reads($rtf->('\u1042?\u8364\\\'80 {\uc2\u26085\\\'93\\\'fa\uc0\u26412}'
        . '\u-10179?\u-8704? {\uc1\u233\u234{x}}'
        . '{\f1 \\\'c2\\\'fb\\\'f5\\\'ee\\\'e4}'
        . ' {\f2 \\\'93\\\'fa\\\'96\\\'7b}'), 'rtf', ["\x{412}\x{20ac}"
        . " \x{65e5}\x{672c}\x{1f600} \x{e9}x"
        . "\x{412}\x{44b}\x{445}\x{43e}\x{434}"
        . " \x{65e5}\x{672c}\n"], 'in any script');
    reads("{\\rtf1\\ansi\\ansicpg1251 \xc2\\'fb\xf5\xee\xe4}", 'rtf',
          ["\x{412}\x{44b}\x{445}\x{43e}\x{434}\n"], 'in its code page');
    reads('{\rtf1\ansi\ansicpg950{\fonttbl\f0\fcharset0 A;'
        . '\f1\fcharset128\cpg65001 B;}\f0 \\\'a9'
        . '\f1 \\\'e4\\\'b8\\\'ad\f9 \\\'a4\\\'a4}',
          'rtf', ["\x{a9}\x{4e2d}\x{4e2d}\n"],
          'in the code pages of its fonts');
    reads($rtf->('Before.\par\trowd\cellx1\cellx2\pard\intbl Stair\cell Tested'
        . '\cell\row\trowd\pard\intbl 1\par north\cell\pard\intbl\cell'
        . '\pard\intbl yes\cell{\trowd\row}\pard After.\par\trowd a\cell b'
        . '\cell\row'), 'rtf', ["Before.\n\n"
        . "Stair | Tested\n1 north | | yes\n\nAfter.\n\na | b\n"],
          'tables of rich text');
    reads($rtf->('{\header On each\par}One{\footnote A note.}.\page Two.\par'
        . '\sect\sectd\sbknone Goes on.\sect\sectd Three.'), 'rtf',
        ["One.\n\nOn each\nA note.\n", "Two.\nGoes on.\n", "Three.\n"],
          'pages, sections, and what stands outside of the text');
    reads($rtf->('A{\field{\*\fldinst HYPERLINK "x"}{\fldrslt link}}'
        . '{\*\unknown no{no}}{\pict\bin6 a}{\}\\\\b 6162}'
        . '{\bin3 }}}}{\known yes}'
        . '{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt In a box.\par}}'
        . '{\shprslt no}}'), 'rtf', ["Alinkyes\nIn a box.\n"],
          'what is passed over');

    fails('{\rtf1 half of', 'rtf', $damaged, 'half of rich text');
    fails('{\rtf1 ' . '{' x 5000 . 'x' . '}' x 5000 . '}', 'rtf',
          'document_limit', 'groups in groups');
    fails('{\rtf1 x\bin99999999999 }', 'rtf', $damaged,
          'bytes that are not there');
    fails($rtf->(''), 'rtf', 'document_without_text', 'rich text of none');
    fails($rtf->('x\page ' x 60), 'rtf', 'document_limit', 'too many pages');
    reads('{\rtf1 a\\\'zz\u99999999999999?\uc-5\f-1\f99999999 b\'}', 'rtf',
          ["azz\x{fffd}b'\n"], 'numbers that are none');

    problem_is(post($rtf->('x'), 'text/html'), 415, undef,
               'rich text said to be HTML');
}


# Mail
{
    my $damaged = 'document_damaged';
    my $mail = sub {
        my ($type, $body, @headers) = @_;
        return join('', map {"$_\r\n"} 'Received: from a by b',
            'From: Ann <a@b>', 'To: Bob <b@c>', 'MIME-Version: 1.0',
            "Content-Type: $type",
            @headers) . "\r\n$body";
    };
    my $multi = sub {
        my ($kind, $boundary, @parts) = @_;
        return ("multipart/$kind; boundary=\"$boundary\"",
            join('', "ignored\r\n", map({"--$boundary\r\n$_\r\n"} @parts),
                 "--$boundary--\r\nignored"));
    };
    my $part = sub {
        my ($type, $body, @headers) = @_;
        return join("\r\n", "Content-Type: $type", @headers, '', $body);
    };
    my $file = sub {
        my ($type, $name, $bytes) = @_;
        return $part->($type, encode_base64($bytes),
            "Content-Disposition: attachment; filename=\"$name\"",
            'Content-Transfer-Encoding: base64');
    };
    my $head = "From: Ann <a\@b>\nTo: Bob <b\@c>\n";

    reads($mail->('text/plain; charset=iso-8859-1', "Gr=FC=DFe, doors =\r\nof"
        . " stair 1 = 2.\r\n", 'Content-Transfer-Encoding: quoted-printable',
        'Subject: =?utf-8?B?RmlyZSBkb8O?= =?utf-8?B?tnJz?=', "\tof "
        . '=?iso-8859-1?Q?the_pl=E4n?=',
        'Date: Thu, 26 Nov 2026 10:00:00 +0000',
        'Cc: c@d,',
        ' e@f', 'X-Other: no'), 'eml', [$head . "Cc: c\@d, e\@f\n"
        . "Date: Thu, 26 Nov 2026 10:00:00 +0000\n"
        . "Subject: Fire do\x{f6}rs of the pl\x{e4}n\n\n"
        . "Gr\x{fc}\x{df}e, doors of stair 1 = 2.\n"],
          'headers and text of a mail');
    reads($mail->('text/plain; charset=iso-2022-jp', "\e\$BF|K\\\e(B"), 'eml',
          ["$head\n\x{65e5}\x{672c}\n"], 'in any script');
    reads($mail->('text/plain; charset=windows-1255', "\xf9\xec\xe5\xed"),
          'eml', ["$head\n\x{5e9}\x{5dc}\x{5d5}\x{5dd}\n"],
          'to its last letter');
    reads($mail->('text/html; charset=koi8-r', "<p>\xf7\xd9 <b>&amp;</b></p>"),
          'eml', ["$head\n\x{412}\x{44b} &\n"], 'a mail of HTML');

    my @both = ($part->('text/html', '<p>As <b>HTML</b></p>'),
                $part->('text/plain', 'As text'));
    reads($mail->($multi->('alternative', 'x', @both)), 'eml',
          ["$head\nAs text\n"], 'text rather than HTML');
    reads($mail->($multi->('alternative', 'x', $part->('text/plain', " \r\n"),
        $part->($multi->('related', 'y y', $both[0],
        $part->('image/png', 'x'))))), 'eml',
        ["$head\nAs HTML\n",
         "image/png\n\n(This file is damaged and was not read.)\n"],
          'HTML rather than nothing');

    my $plan = docx('<w:p><w:r><w:t>In Word.</w:t></w:r></w:p>');
    my $rtf = '{\rtf1 One.\page Two.}';
    reads($mail->($multi->('mixed', 'x', $part->('text/plain', 'See below.'),
        $file->('application/octet-stream', 'plan.docx', $plan),
        $file->('image/svg+xml', 'a.svg', '<svg/>'),
        $part->('text/plain', "a,b\r\n",
        "Content-Disposition: attachment; filename*0*=utf-8''%C3%BCb;",
        ' filename*1="er.csv"'), $file->('application/rtf', 'two.rtf', $rtf),
        $file->('application/zip', 'a.zip', 'PK'),
        $part->('text/plain', 'Bye.'),
        $part->('message/rfc822', $mail->($multi->('mixed', 'y',
            $part->('text/plain', 'Inner.'),
            $file->('text/html', 'in.html', '<p>In it.'))),
            'Content-Disposition: attachment; filename=old.eml'))), 'eml',
        ["$head\nSee below.\n\nBye.\n\nAttachment: a.svg\nAttachment: a.zip\n",
         "plan.docx\n\nIn Word.\n", "\x{fc}ber.csv\n\na,b\n",
         "two.rtf\n\nOne.\n", "Two.\n", "old.eml\n\n$head\nInner.\n",
         "in.html\n\nIn it.\n"],
          'attachments of a mail');

    my $pdf = sub {
        my ($n) = @_;
        my @kids = map { 2 * $_ + 3 } 1 .. $n;
        return "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
            . "2 0 obj<</Type/Pages/Count $n/Kids[" . join(' ', map {"$_ 0 R"}
            @kids) . ']>>endobj 3 0 obj<</Type/Font/Subtype/Type1/BaseFont'
            . '/Helvetica>>endobj' . join('', map { my $draw
            = "BT /F 9 Tf 9 50 Td (Sheet @{[ ($_ - 3) / 2 ]}.) Tj ET"; my $c
            = $_ + 1; "\n$_ 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]"
            . "/Contents $c 0 R/Resources<</Font<</F 3 0 R>>>>>>endobj\n"
            . "$c 0 obj<</Length " . length($draw) . ">>stream\n$draw\n"
            . 'endstream endobj' } @kids) . "\ntrailer<</Root 1 0 R>>\n%%EOF\n";
    };
    my $bad = "(This file is damaged and was not read.)\n";

    reads($mail->($multi->('mixed', 'x',
        $file->('application/pdf', 'two.pdf', $pdf->(2)),
        $file->('application/octet-stream', 'ONE.PDF', $pdf->(1)),
        $file->('application/pdf', 'bad.pdf', '%PDF-1.4 x'),
        $file->('application/msword', 'a', doc([["In old Word.\r"]])),
        $file->('application/x', 'b.xls', xls([['Sheet', record(0x203,
            pack 'v3d<', 0, 0, 0, 7)]])),
        $file->('application/msword', 'c.doc', doc([["x\r"]], magic => 1)),
        $part->('text/plain', 'After them.'))), 'eml',
        ["$head\nAfter them.\n", "two.pdf\n\nSheet 1.\n\n", "Sheet 2.\n\n",
         "ONE.PDF\n\nSheet 1.\n\n", "bad.pdf\n\n$bad", "a\n\nIn old Word.\n",
         "b.xls\n\nSheet\n\n7\n",
         "c.doc\n\n(This file has an old format and was not read.)\n"],
          'PDF and old documents in a mail');
    like(fails($mail->($multi->('mixed', 'x', map { $file->('application/pdf',
        "$_.pdf", $pdf->(20)) } 1 .. 3)), 'eml', 'document_limit',
        'too many pages in a mail'), qr/pages/, 'and which limit');

    reads($mail->($multi->('mixed', 'x',
        $file->('text/rtf', 'a.rtf', '{\rtf1 x'),
        $file->('application/x', 'c.docx', docx(\'<!DOCTYPE d><d/>')),
        $file->('application/x', 'b.docx', archive(['_rels/.rels',
        Assess::Office::relations(Assess::Office::relation('a',
        'officeDocument', 'word/d.xml'))], ['word/d.xml', '<d/>',
        { flags => 1 }])))), 'eml', [$head,
        "a.rtf\n\n(This file is damaged and was not read.)\n",
        "c.docx\n\n(This file is damaged and was not read.)\n",
        "b.docx\n\n(This file is encrypted and was not read.)\n"],
          'attachments that cannot be read');
    reads("From a\@b\nSubject: x\nContent-Type: multipart/mixed; boundary=a\n\n"
        . "--a\n\nNo end", 'eml', ["Subject: x\n\nNo end\n"], 'a mail cut off');
    reads("Subject: x\nContent-Type: multipart/mixed\n\nAll of it.\n", 'eml',
          ["Subject: x\n\nAll of it.\n"], 'parts that are none');

    fails("X-A: b\nContent-Type: text/plain\n\nText.", 'eml', $damaged,
          'headers of no mail');
    fails($mail->('application/pkcs7-mime; smime-type=enveloped-data', 'x'),
          'eml', 'document_encrypted', 'a mail that is locked');

    my $deep = 'text';
    $deep = $part->($multi->('mixed', "b$_", $deep)) for 1 .. 40;
    fails("From: x\r\n$deep", 'eml', 'document_limit', 'parts in parts');

    $deep = "From: x\r\n\r\ny";
    $deep = "From: x\r\nContent-Type: message/rfc822\r\n\r\n$deep" for 1 .. 40;
    fails($deep, 'eml', 'document_limit', 'mails in mails');
    fails($mail->($multi->('mixed', 'x', map {"\r\n"} 1 .. 20_001)), 'eml',
          'document_limit', 'too many parts');
    fails($mail->($multi->('mixed', 'x', map { $file->('text/plain', $_, $_) }
        1 .. 60)), 'eml', 'document_limit', 'too many attachments');

    my $bomb = docx(\('<w:document xmlns:w="w"><w:p>' . ' ' x 300_000_000));
    like(fails($mail->($multi->('mixed', 'x', $file->('application/x',
        'b.docx', $bomb))), 'eml', 'document_limit', 'a bomb in a mail'),
        qr/unpacks to more/, 'and which limit');
    undef $bomb;

    reads($mail->('text/plain', 'A "=?utf-8?B?' x 30_000), 'eml',
        ["$head\n" . 'A "=?utf-8?B?' x 30_000
         . "\n"], 'words without end');
    problem_is(post("Two exits.\n", $type{eml}), 415, undef,
               'text said to be mail');
}

is($http->get('/api/health/ready')->{status}, 200, 'the server is well');

$t->done;
