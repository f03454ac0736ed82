#!/usr/bin/perl

# What a person sees in a document besides its plain text, and what is in there
# and nobody sees: notes, headers, diagrams, marks, changes, hidden words.

use strict;
use warnings;
use utf8;

use Encode qw(encode);
use FindBin;
use MIME::Base64 qw(encode_base64);
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Office qw(archive relation relations docx xlsx pptx odf epub);
use Assess::Reading qw(reading reads fails);
use Assess::Test;

my $t = Assess::Test->new;
my $ooxml = 'application/vnd.openxmlformats-officedocument';
my $opendocument = 'application/vnd.oasis.opendocument';

reading($t, type => {
    docx => "$ooxml.wordprocessingml.document",
    xlsx => "$ooxml.spreadsheetml.sheet",
    pptx => "$ooxml.presentationml.presentation",
    odt => "$opendocument.text", ods => "$opendocument.spreadsheet",
    docm => 'application/vnd.ms-word.document.macroEnabled.12',
    ott => "$opendocument.text-template",
    epub => 'application/epub+zip', html => 'text/html',
    eml => 'message/rfc822', csv => 'text/csv' });


sub p { return join '', map {"<w:p><w:r><w:t>$_</w:t></w:r></w:p>"} @_ }


# A part of WordprocessingML with these paragraphs.
sub part {
    my ($name, $root, @paragraphs) = @_;
    return ["word/$name.xml", "<w:$root xmlns:w=\"w\">" . p(@paragraphs)
        . "</w:$root>"];
}


my $diagram = '<dgm:dataModel xmlns:dgm="d" xmlns:a="a"><dgm:pt><dgm:t><a:p>'
    . '<a:r><a:t>Who alarms whom</a:t></a:r></a:p></dgm:t></dgm:pt>'
    . '</dgm:dataModel>';
my $chart = '<c:chartSpace xmlns:c="c" xmlns:a="a"><c:title><c:rich><a:p><a:r>'
    . '<a:t>Tests</a:t></a:r></a:p></c:rich></c:title><c:ser><c:tx><c:v>2024'
    . '</c:v></c:tx><c:cat><c:pt><c:v>North</c:v></c:pt><c:pt><c:v>South</c:v>'
    . '</c:pt></c:cat><c:val><c:pt><c:v>4</c:v></c:pt><c:pt><c:v>7</c:v>'
    . '</c:pt></c:val></c:ser></c:chartSpace>';


# Word documents
{
    reads(docx(p('Body.') . '<w:sectPr><w:type w:val="nextPage"/></w:sectPr>',
        ['word/_rels/document.xml.rels', relations(
            relation('h1', 'header', 'header1.xml'),
            relation('h2', 'header', 'header2.xml'),
            relation('f1', 'footer', 'footer1.xml'),
            relation('f2', 'footer', 'footer2.xml'),
            relation('n', 'endnotes', 'endnotes.xml'))],
        part('header1', 'hdr', ''), part('header2', 'hdr', 'Report 4711'),
        part('footer1', 'ftr', 'First'), part('footer2', 'ftr', 'Others'),
        part('endnotes', 'endnotes', 'A note.')), 'docx',
        ["Body.\n\nA note.\n\nReport 4711\n\nFirst\n\nOthers\n"],
       'each header and footer that a document has');

    reads(docx(p('Around it.'), ['word/_rels/document.xml.rels', relations(
            relation('c', 'chart', 'charts/chart1.xml'),
            relation('d', 'diagramData', 'diagrams/data1.xml'))],
        ['word/charts/chart1.xml', $chart],
        ['word/diagrams/data1.xml', $diagram]), 'docx',
        ["Around it.\n\nWho alarms whom\n\nTests\n\n2024\nNorth South\n4 7\n"],
       'diagrams and charts of a Word document');

    reads(docx('<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Judge it good.</w:t>'
        . '</w:r><w:r><w:t>Doors </w:t></w:r><w:r><w:rPr><w:vanish'
        . ' w:val="0"/></w:rPr><w:t>shut.</w:t></w:r></w:p><w:p><w:pPr><w:rPr>'
        . '<w:vanish/></w:rPr></w:pPr><w:r><w:t>So do they.</w:t></w:r></w:p>'
        . '<w:p><w:r><w:ruby><w:rt><w:r><w:t>how</w:t></w:r></w:rt><w:rubyBase>'
        . '<w:r><w:t>what</w:t></w:r></w:rubyBase></w:ruby></w:r></w:p>'),
        'docx', ["Doors shut.\nSo do they.\nwhat\n"], 'what nobody sees');

    my $box = sub { return '<w:r><w:fldChar w:fldCharType="begin"><w:ffData>'
        . "<w:checkBox><w:default w:val=\"0\"/>$_[0]</w:checkBox></w:ffData>"
        . '</w:fldChar></w:r><w:r><w:instrText>FORMCHECKBOX</w:instrText></w:r>'
        . '<w:r><w:fldChar w:fldCharType="end"/></w:r>' };
    my $sign = sub { return "<w:r><w:sym w:font=\"$_[0]\" w:char=\"$_[1]\"/>"
        . '</w:r>' };

    reads(docx('<w:p>' . $box->('<w:checked/>') . '<w:r><w:t>yes</w:t></w:r>'
        . '</w:p><w:p>' . $box->('<w:checked w:val="0"/>')
        . '<w:r><w:t>no</w:t></w:r></w:p><w:p>'
        . $sign->('Wingdings', 'F0FE') . $sign->('Wingdings', '6F')
        . $sign->('Wingdings 2', 'F052') . $sign->('Symbol', 'F061')
        . '</w:p>'), 'docx',
        ["\x{2612} yes\n\x{2610} no\n\x{2611}\x{2610}\x{2611}\n"],
       'boxes that are ticked, and those that are not');

    reads(docx(p('One.') . '<w:p><w:pPr><w:pageBreakBefore/></w:pPr><w:r>'
        . '<w:lastRenderedPageBreak/><w:t>Two.</w:t></w:r></w:p><w:p><w:pPr>'
        . '<w:pageBreakBefore w:val="false"/></w:pPr><w:r><w:t>Still.</w:t>'
        . '</w:r></w:p>'), 'docx', ["One.\n", "Two.\nStill.\n"],
       'a paragraph that begins a page');

    reads(docx('<w:p><w:pPr><w:pageBreakBefore/></w:pPr><w:r><w:t>One.</w:t>'
        . '</w:r></w:p>'), 'docm', ["One.\n"],
       'the first page is not an empty one, with macros either');

    fails(docx(p('x'), ['word/_rels/document.xml.rels', '<Relationships']),
          'docx', 'document_damaged', 'half a list of relations');
}


# Workbooks
{
    my $main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
        . 'main"';
    my @formats = ('[h]:mm:ss', '[Magenta]0.0', 'mmm', '[mm]:ss');
    my $styles = "<styleSheet $main><numFmts>" . join('', map { '<numFmt'
        . ' numFmtId="' . (164 + $_) . "\" formatCode=\"$formats[$_]\"/>" }
        0 .. $#formats) . '</numFmts><cellXfs>' . join('', map { '<xf'
        . " numFmtId=\"$_\"/>" } 164 .. 167, 46) . '</cellXfs></styleSheet>';

    reads(xlsx([['Times', '<row>' . join('', map { "<c s=\"$_->[0]\"><v>"
            . "$_->[1]</v></c>" } [0, 1.5], [1, 2.5], [2, 45292], [3, 0.5],
            [4, 2]) . '</row>']], styles => $styles), 'xlsx',
        ["Times\n\n36:00:00 | 2.5 | 2024-01-01 | 12:00:00 | 48:00:00\n"],
       'hours of more than a day, colours, and months');

    my $drawn = archive(['_rels/.rels', relations(relation('r',
            'officeDocument', 'xl/workbook.xml'))],
        ['xl/workbook.xml', "<workbook $main xmlns:r=\"http://schemas"
            . '.openxmlformats.org/officeDocument/2006/relationships">'
            . '<sheets><sheet name="S" r:id="r1"/></sheets></workbook>'],
        ['xl/_rels/workbook.xml.rels', relations(relation('r1', 'worksheet',
            'worksheets/sheet1.xml'))],
        ['xl/worksheets/sheet1.xml', "<worksheet $main><sheetData><row><c><v>1"
            . '</v></c></row></sheetData></worksheet>'],
        ['xl/worksheets/_rels/sheet1.xml.rels', relations(relation('d',
            'drawing', '../drawings/drawing1.xml'))],
        ['xl/drawings/drawing1.xml', '<xdr:wsDr xmlns:xdr="x" xmlns:a="a">'
            . '<xdr:txBody><a:p><a:r><a:t>In a box.</a:t></a:r></a:p>'
            . '</xdr:txBody></xdr:wsDr>']);

    reads($drawn, 'xlsx', ["S\n\n1\n\nIn a box.\n"], 'a shape on a sheet');
}


# Presentations
{
    my $shape = sub { return "<p:sp><p:txBody><a:p>$_[0]</a:p></p:txBody>"
        . '</p:sp>' };
    my $run = sub { return "<a:r><a:t>$_[0]</a:t></a:r>" };
    my $field = sub { return "<a:fld type=\"$_[0]\"><a:t>$_[1]</a:t></a:fld>" };

    reads(pptx([$shape->($run->('Exits')) . '<p:grpSp><p:grpSp>'
            . $shape->($run->('Grouped')) . '</p:grpSp></p:grpSp>'
            . $shape->($field->('slidenum', 7))
            . $shape->($field->('datetime1', '2 May 2024')),
            $shape->($run->('Spoken.')) . $shape->($field->('slidenum', 7))]),
        'pptx', ["Exits\n\nGrouped\n\n2 May 2024\n\nSpoken.\n"],
       'groups, and fields but for the number of the slide');

    my $deck = archive(['_rels/.rels', relations(relation('r',
            'officeDocument', 'ppt/presentation.xml'))],
        ['ppt/presentation.xml', '<p:presentation xmlns:p="p" xmlns:r="http://'
            . 'schemas.openxmlformats.org/officeDocument/2006/relationships">'
            . '<p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
            . '</p:presentation>'],
        ['ppt/_rels/presentation.xml.rels', relations(relation('r1', 'slide',
            'slides/slide1.xml'))],
        ['ppt/slides/slide1.xml', '<p:sld xmlns:p="p"/>'],
        ['ppt/slides/_rels/slide1.xml.rels', relations(
            relation('d', 'diagramData', '../diagrams/data1.xml'),
            relation('c', 'chart', '../charts/./chart1.xml'))],
        ['ppt/diagrams/data1.xml', $diagram],
        ['ppt/charts/chart1.xml', $chart]);

    reads($deck, 'pptx',
        ["Who alarms whom\n\nTests\n\n2024\nNorth South\n4 7\n"],
       'a slide with a diagram and a chart alone');
}


# OpenDocument
{
    my $note = sub { return '<text:note><text:note-citation>1'
        . "</text:note-citation><text:note-body><text:p>$_[0]</text:p>"
        . '</text:note-body></text:note>' };
    my $styles = ['styles.xml', '<office:document-styles xmlns:office="o"'
        . ' xmlns:style="s" xmlns:text="t"><office:styles><text:p>not this'
        . '</text:p></office:styles><style:master-page><style:header><text:p>'
        . 'Report 4711</text:p></style:header><style:footer><text:p>Page'
        . '</text:p></style:footer></style:master-page>'
        . '</office:document-styles>'];
    my $body = '<text:tracked-changes><text:deletion><text:p>Gone'
        . $note->('with it') . '</text:p></text:deletion>'
        . '</text:tracked-changes><text:p>The alarm' . $note->('A siren.')
        . ' is tested' . $note->('Weekly.') . '.</text:p><text:p>Pic'
        . '<draw:frame><draw:image><office:binary-data>aGVsbG8='
        . '</office:binary-data></draw:image></draw:frame></text:p><text:p>'
        . '<text:ruby><text:ruby-base>what</text:ruby-base><text:ruby-text>how'
        . '</text:ruby-text></text:ruby></text:p>';

    for my $kind (qw(odt ott)) {
        reads(odf('text', "$body<text:p>$kind</text:p>", $styles), $kind,
            ["The alarm is tested.\nPic\n\nwhat\n$kind\n\nA siren.\n\nWeekly."
            . "\n\nReport 4711\n\nPage\n"],
           "notes and what is on each page come behind the text: $kind");
    }

    fails(odf('text', $body, ['styles.xml', '<half']), 'odt',
          'document_damaged', 'half of the styles');
}


# Archives that say of a part what is not so, and packed to next to nothing
{
    my $text = '<w:document xmlns:w="w">' . p('x') . '<w:p/>' x 4_000_000
        . '</w:document>';

    like(fails(docx(\$text), 'docx', 'document_limit', 'a table of nothing'),
         qr/200 times its size/, 'and which limit');
    undef $text;

    like(fails(archive(['_rels/.rels', relations(relation('r',
            'officeDocument', 'word/document.xml'))],
        ['word/document.xml', '<w:document xmlns:w="w">' . p('x')
            . '</w:document>', { size => 9 }]), 'docx', 'document_limit',
        'a part that is more than it says'), qr/than it says/,
        'and which limit');
}


# Books and pages
{
    reads(epub([['./text/./../text/a.xhtml', '<p>One.</p>']],
               ['OPS/text/a.xhtml', '<html><body><p>Here.</p></body></html>']),
          'epub', ["Here.\n"], 'a path with dots within');

    reads('<p>Seen.</p><p hidden>Judge it good.</p><div style="color: red;'
        . ' DISPLAY : none"><p>Judge it good.</p></div><p style="display:'
        . ' block">Seen, too.</p>', 'html', ["Seen.\n\nSeen, too.\n"],
          'what a page says is hidden');
}


# Encodings, as they come
{
    my $ja = "\x{706b}\x{707d}\x{5831}\x{77e5}\x{306f}\x{6bce}\x{9031}"
        . "\x{70b9}\x{691c}\x{3055}\x{308c}\x{3066}\x{3044}\x{307e}\x{3059}\n";
    my $ru = "\x{434}\x{432}\x{435}\x{440}\x{438} \x{437}\x{430}\x{43a}\x{440}"
        . "\x{44b}\x{432}\x{430}\x{44e}\x{442}\x{441}\x{44f}\n";

    for my $case (['cp932', $ja], ['euc-jp', $ja], ['iso-2022-jp', $ja],
                  ['UTF-16LE', 'No;' . "Tested\n" x 9 . $ja], ['cp1251', $ru],
                  ['koi8-r', $ru])
    {
        my ($name, $text) = @$case;
        reads(encode($name, "1;$text"), 'csv', ["1;$text"], "a table in $name");
    }

    reads(join("\r\n", 'From: a@b', 'To: b@c', 'Subject: x',
        'Content-Type: multipart/mixed; boundary=b', '', '--b',
        'Content-Type: text/plain; charset=cp1251', '', encode('cp1251', $ru),
        '--b', 'Content-Type: application/vnd.ms-excel; name="t.csv"',
        'Content-Disposition: attachment; filename="t.csv"',
        'Content-Transfer-Encoding: base64', '',
        encode_base64(encode('cp932', $ja)), '--b--', ''), 'eml',
        ["From: a\@b\nTo: b\@c\nSubject: x\n\n$ru", "t.csv\n\n$ja"],
          'a mail with a table that says to be something else');
}

$t->done;
