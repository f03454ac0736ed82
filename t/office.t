#!/usr/bin/perl

# Office documents: their text, page by page, as a reader would have it; and
# those that are damaged, locked, or made to do harm.

use strict;
use warnings;
use utf8;

use Encode qw(encode);
use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Office qw(archive docx xlsx pptx odf);
use Assess::Reading qw(reading post job reads fails document_id);
use Assess::Test;

my $t = Assess::Test->new(extra => "    assess_extract_limits pages=50"
    . " memory=256m time=20s;\n");
my $http = $t->http;
my %type = (
    docx => 'application/vnd.openxmlformats-officedocument'
        . '.wordprocessingml.document',
    xlsx => 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    pptx => 'application/vnd.openxmlformats-officedocument'
        . '.presentationml.presentation',
    odt => 'application/vnd.oasis.opendocument.text',
    ods => 'application/vnd.oasis.opendocument.spreadsheet',
    odp => 'application/vnd.oasis.opendocument.presentation');
reading($t, type => \%type);


sub p { return join '', map {"<w:p><w:r><w:t>$_</w:t></w:r></w:p>"} @_ }


# Word documents
{
    my $cell = sub { return '<w:tc>' . p(@_) . '</w:tc>' };
    my $body = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>'
        . 'Fire doors</w:t></w:r></w:p>'
        . '<w:p><w:r><w:t xml:space="preserve">All doors &amp; </w:t></w:r>'
        . '<w:r><w:t>exits are tes</w:t></w:r><w:r><w:t>ted.</w:t></w:r>'
        . '<w:del><w:r><w:t>Never.</w:t></w:r></w:del></w:p>'
        . '<w:p><w:r><w:t>One</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t>'
        . '</w:r></w:p><w:tbl><w:tr>' . $cell->('Stair') . $cell->('Tested')
        . '</w:tr><w:tr>' . $cell->('1', 'north') . $cell->('yes')
        . '</w:tr></w:tbl>' . p('Last of one.')
        . '<w:p><w:r><w:br w:type="page"/></w:r><w:r>'
        . '<w:lastRenderedPageBreak/><w:t>Page two.</w:t></w:r></w:p>'
        . '<w:p><w:r><w:t>It goes on </w:t><w:lastRenderedPageBreak/>'
        . '<w:t>behind the break.</w:t></w:r></w:p>';

    reads(docx($body), 'docx', [
        "Fire doors\n\nAll doors & exits are tested.\nOne two\nthree\n\n"
            . "Stair | Tested\n1 north | yes\n\nLast of one.\n",
        "Page two.\nIt goes on\n", "behind the break.\n"],
       'headings, runs, tables and pages of a Word document');

    reads(docx('<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>An item</w:t>'
        . '</w:r></w:p><w:tbl><w:tr>' . $cell->('') . $cell->('of two')
        . '</w:tr><w:tr>' . $cell->('') . $cell->('') . '</w:tr></w:tbl>'),
        'docx', ["- An item\n\n| of two\n"],
       'items of a list, and cells without text');

    my $twice = '<mc:AlternateContent xmlns:mc="m"><mc:Choice><w:txbxContent>'
        . p('In a box.') . '</w:txbxContent></mc:Choice><mc:Fallback>'
        . p('In a box.') . '</mc:Fallback></mc:AlternateContent>';

    reads(docx('<w:p><w:r><w:t>Around it.</w:t></w:r><w:r>' . $twice
        . '</w:r></w:p>'), 'docx', ["Around it.\nIn a box.\n"],
       'what is told twice is read once');

    my $notes = docx(p('Body.'), ['word/_rels/document.xml.rels',
        Assess::Office::relations(
            Assess::Office::relation('f', 'footnotes', 'footnotes.xml'),
            Assess::Office::relation('h', 'header', 'header1.xml'))],
        ['word/footnotes.xml', '<w:footnotes xmlns:w="w">' . p('A note.')
            . '</w:footnotes>'],
        ['word/header1.xml', '<w:hdr xmlns:w="w">' . p('On each page')
            . '</w:hdr>']);

    reads($notes, 'docx', ["Body.\n\nA note.\n\nOn each page\n"],
       'notes and headers come behind the text');

    reads(docx(encode('UTF-8', p("Gr\x{fc}\x{df}e \x{6d88}\x{9632}"))),
        'application/octet-stream', ["Gr\x{fc}\x{df}e \x{6d88}\x{9632}\n"],
       'in any script, and without a word of its kind');
}


# Workbooks
{
    my $main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
        . 'main"';
    my $strings = "<sst $main><si><t>Exit</t></si><si><r><t>Te</t></r><r><t>sted"
        . '</t></r><rPh><t>how</t></rPh></si></sst>';
    my $styles = "<styleSheet $main><numFmts><numFmt numFmtId=\"164\""
        . ' formatCode="dd/mm/yyyy"/><numFmt numFmtId="165"'
        . ' formatCode="0.00&quot; days&quot;"/></numFmts><cellStyleXfs>'
        . '<xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>'
        . '<xf numFmtId="164"/><xf numFmtId="9"/><xf numFmtId="22"/>'
        . '<xf numFmtId="165"/><xf numFmtId="20"/></cellXfs></styleSheet>';
    my $rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v>'
        . '</c></row><row r="2"><c r="A2"><v>1</v></c><c r="C2" s="1"><v>45292'
        . '</v></c></row><row r="3"><c r="A3" s="2"><v>0.25</v></c>'
        . '<c r="B3" s="3"><v>36526.75</v></c><c r="C3" t="b"><v>1</v></c>'
        . '<c r="D3" t="inlineStr"><is><t>in line</t></is></c>'
        . '<c r="E3" s="4"><v>0.30000000000000004</v></c>'
        . '<c r="F3" s="5"><v>0.5</v></c><c r="G3"/></row><row r="4"><c r="A4"/>'
        . '</row><row><c t="str"><v>of a formula</v></c><c><v>2</v></c></row>';

    reads(xlsx([['Exits & doors', $rows], ['Empty', '']],
        sharedStrings => $strings, styles => $styles), 'xlsx', [
        "Exits & doors\n\nExit | Tested\n1 | | 2024-01-01\n"
        . "25% | 2000-01-01 18:00:00 | TRUE | in line | 0.3 | 12:00:00\n"
        . "of a formula | 2\n", "Empty\n"],
       'sheets, shared strings, dates and percents of a workbook');

    reads(xlsx([['A', '<row><c s="1"><v>0</v></c></row>']],
        styles => $styles, workbook => '<workbookPr date1904="1"/>'), 'xlsx',
        ["A\n\n1904-01-01\n"], 'days since 1904');
}


# Presentations
{
    my $shape = sub { return '<p:sp><p:txBody>' . join('', map {
        "<a:p><a:r><a:t>$_</a:t></a:r></a:p>" } @_) . '</p:txBody></p:sp>' };
    my $table = '<a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>Stair</a:t></a:r>'
        . '</a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r>'
        . '</a:p></a:txBody></a:tc></a:tr></a:tbl>';

    reads(pptx([$shape->('First', 'slide'), $shape->('Say it.')],
        $shape->('Second') . $table, '<p:sp/>'), 'pptx', [
        "First\nslide\n\nSay it.\n", "Second\n\nStair | 1\n", ''],
       'slides in their order, with notes and tables');
}


# OpenDocument
{
    reads(odf('text', '<text:h>Doors</text:h><text:p>One<text:s'
        . ' text:c="3"/>two<text:line-break/><text:span>three</text:span>'
        . '</text:p><office:annotation><text:p>no</text:p></office:annotation>'
        . '<text:list><text:list-item><text:p>item</text:p></text:list-item>'
        . '</text:list>'
        . '<table:table><table:table-row><table:table-cell><text:p>a</text:p>'
        . '</table:table-cell><table:table-cell><text:p>b</text:p>'
        . '</table:table-cell></table:table-row></table:table>'
        . '<text:p><text:soft-page-break/>Page two.</text:p>'), 'odt',
       ["Doors\n\nOne two\nthree\n- item\n\na | b\n", "Page two.\n"],
       'a text');

    reads(odf('spreadsheet', '<table:table table:name="Exits">'
        . '<table:table-row><table:table-cell><text:p>1</text:p>'
        . '</table:table-cell><table:table-cell'
        . ' table:number-columns-repeated="2"/><table:table-cell><text:p>4'
        . '</text:p></table:table-cell><table:table-cell'
        . ' table:number-columns-repeated="1000"/></table:table-row>'
        . '</table:table><table:table table:name="Two"/>'), 'ods',
       ["Exits\n\n1 | | | 4\n", "Two\n"], 'a spreadsheet');

    reads(odf('presentation', '<draw:page><draw:frame><text:p>One'
        . '</text:p></draw:frame></draw:page><draw:page><text:p>Two</text:p>'
        . '</draw:page>'), 'odp', ["One\n", "Two\n"], 'a presentation');
}


# a quote of it is checked against its page
{
    my $doc = docx(p('The plan.') . '<w:p><w:r><w:br w:type="page"/><w:t>The'
        . ' fire doors of stair 1 are tested every month.</w:t></w:r></w:p>');
    my $job = job($doc, 'docx');
    my $got = $http->get("/api/assessments/job/$job->{jobId}/results");
    my $e = $got->{json}{answers}[0]{evidence}[0];

    is($e->{page}, 2, 'evidence has its page');
    ok($e->{verified}, 'and is verified');
    is($http->get('/api/documents/' . document_id())->{json}{pages}, 2,
       'the document has two');
}


# what it is not
{
    problem_is(post(docx(p('x')), 'application/pdf'), 415, undef,
               'a Word document said to be a PDF');
    problem_is(post(docx(p('x')), 'text/plain'), 415, undef,
               'a Word document said to be text');
    problem_is(post('text', $type{docx}), 415, undef,
               'text said to be a Word document');
    problem_is(post(archive(['a', 'b']), 'application/zip'), 415, undef,
               'an archive of something else');
    is(post(docx(p('y')), 'application/zip')->{status}, 201,
       'a Word document said to be an archive');
    is(post(docx(p('z')), $type{xlsx})->{status}, 201,
       'a Word document said to be a workbook');
}


# damaged, locked, or made to do harm
{
    my $good = docx(p('x' x 1000, 'y'));
    my $code = 'document_damaged';

    fails(substr($good, 0, length($good) / 2), 'docx', $code, 'half of one');
    fails(archive(['word/document.xml', '<w:document/>']), 'docx', $code,
          'one without its relations');
    fails(archive(['_rels/.rels', Assess::Office::relations(
        Assess::Office::relation('a', 'officeDocument', '../../etc/passwd'))]),
          'docx', $code, 'a part outside of the archive');
    fails(docx(\'<w:document><w:p>'), 'docx', $code, 'half an element');
    like(fails(docx(\('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        . '<document><body><p><r><t>&x;</t></r></p></body></document>')),
          'docx', $code, 'an entity of a file'),
         qr/declares a document type/, 'which is told');
    fails(docx(\('<!DOCTYPE d [<!ENTITY a "' . 'a' x 1000 . '">'
        . join('', map { my $b = chr(ord($_) + 1);
            "<!ENTITY $b \"" . "&$_;" x 100 . '">' } 'a' .. 'g')
        . ']><document><t>&h;</t></document>')), 'docx', $code,
          'entities of entities');
    fails(docx(\('<document>' . '<p>' x 5000 . '</p>' x 5000 . '</document>')),
          'docx', 'document_limit', 'elements in elements');
    fails(archive(['_rels/.rels', Assess::Office::relations(
        Assess::Office::relation('a', 'officeDocument', 'word/d.xml'))],
        ['word/d.xml', '<d/>', { flags => 1 }]), 'docx', 'document_encrypted',
          'a part with a password');
    fails(odf('text', '<text:p>x</text:p>', ['META-INF/manifest.xml',
        '<manifest:encryption-data/>']), 'odt', 'document_encrypted',
          'an OpenDocument text with a password');
    fails(docx(''), 'docx', 'document_without_text', 'one without words');

    my $bomb = "<w:document xmlns:w=\"w\"><w:p><w:r><w:t>" . ' ' x 300_000_000
        . '</w:t></w:r></w:p></w:document>';
    like(fails(docx(\$bomb), 'docx', 'document_limit', 'a bomb'),
         qr/unpacks to more/,
         'and which limit');
    undef $bomb;

    fails(archive(map { ["word/$_", ''] } 1 .. 20_001), 'docx',
          'document_limit', 'too many parts');
    fails(docx(p('x') . '<w:p><w:r><w:br w:type="page"/></w:r></w:p>' x 60),
          'docx', 'document_limit', 'too many pages');

    reads(archive(['_rels/.rels', Assess::Office::relations(
        Assess::Office::relation('a', 'officeDocument', 'word/d.xml'))],
        ['word/d.xml', '<w:d xmlns:w="w">' . p('The order of names.') . '</w:d>']),
        'docx', ["The order of names.\n"], 'any name of its main part');
}

is($http->get('/api/health/ready')->{status}, 200, 'the server is well');

$t->done;
