#!/usr/bin/perl

# Old office documents, DOC and XLS: their text, page by page, as that of their
# successors; and those that are damaged, locked, or made to do harm.

use strict;
use warnings;
use utf8;

use Encode qw(encode);
use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Office qw(docx);
use Assess::Old qw(ole doc doc_streams xls xls_stream record sst);
use Assess::Reading qw(reading post reads fails document_id);
use Assess::Test;

my $t = Assess::Test->new(extra => "    assess_extract_limits pages=50"
    . " memory=256m time=20s;\n");
my $http = $t->http;
my %type = (doc => 'application/msword', xls => 'application/vnd.ms-excel',
    docx => 'application/vnd.openxmlformats-officedocument'
        . '.wordprocessingml.document');
my $damaged = 'document_damaged';
reading($t, type => \%type);


# A cell: its record, place and style, and what else it has.
sub cell {
    my ($type, $row, $column, $style, $data) = @_;
    return record($type, pack('v3', $row, $column, $style) . $data);
}


sub string { return Assess::Old::string($_[0], 'v') }
sub number { return cell(0x203, @_[0 .. 2], pack 'd<', $_[3]) }


# Word documents
{
    my $cells = { table => 1 };
    my $row = { table => 1, row_end => 1 };
    my $inner = { table => 1, depth => 1 };
    my @text = (["Fire doors\r", { style => 1 }],
        ["All doors & exits are \x{201c}tested\x{201d}.\r"],
        ["Gr\xfc\xdfe \x{6d88}\x{9632} \x{1f600}\r"],
        ["One\ttwo\x0bthree\x1efour\x1ffive\r"],
        ["An item\r", { list => 1, tabs => 1 }],
        ["\r", { list => 1 }],
        ["Numbered\r", { level => 1, list => 1, many_tabs => 1 }]);

    reads(doc(\@text), 'doc', ["Fire doors\n\n"
        . "All doors & exits are \x{201c}tested\x{201d}.\n"
        . "Gr\x{fc}\x{df}e \x{6d88}\x{9632} \x{1f600}\n"
        . "One two\nthree-fourfive\n- An item\n\nNumbered\n"],
          'headings, lists and lines of a Word document');

    reads(doc([[["Seen", \' hidden', \\' deleted', " words\r"]],
        ["A \x13 HYPERLINK \"x\" \x13 in \x14 no \x15\x14link\x15"
         . " and\x13 XE \x15 more\r"], ["\x15\x14stray\r"]]), 'doc',
        ["Seen words\nA link and more\nstray\n"],
          'what is hidden, was deleted, and codes of fields');

    my @styles = ([0, 1, 0xfff], [1, 1, 0], [62, 1, 0], [4094, 1, 0, 1],
        [4094, 1, 3], [4094, 1, 3, 0x81], [65, 2, 0xfff],
        [4094, 2, 6, 1], [4094, 1, 8, 0x81]);
    reads(doc([["Title\r", { style => 2 }], ["Heading\r", { style => 1 }],
        ["hidden\r", { style => 3 }], ["of it\r", { style => 4 }],
        ["Not so.\r", { style => 5 }], ["round\r", { style => 8 }],
        [["no ", [0x81, 6, 'Only '], [0, 6, 'this'], [0x80, 6, ' no'], "\r"],
         { style => 3 }], [["It ", [0x80, 7, 'no'], [0x81, 6, 'no'], [0x81, 7,
         "is.\r"]]]], styles => \@styles), 'doc',
        ["Title\n\nHeading\n\nNot so.\nround\nOnly this\nIt is.\n"],
          'what is hidden by styles');

    reads(doc([["Before.\r"], ["Stair\7", $cells], ["Tested\7", $cells],
        ["\7", { %$row, shape => 1 }], ["1\r", $cells], ["north\7", $cells],
        ["\7", $cells], ["yes\7", $cells], ["\7", { %$row, huge => 1 }],
        ["in a\r", { %$inner, inner_cell => 1 }],
        ["in b\r", { %$inner, inner_cell => 1 }],
        ["\r", { %$inner, inner_end => 1 }], ["out\7", $cells],
        ["last\7", $cells], ["\7", $row], ["After.\r"]]), 'doc',
        ["Before.\n\nStair | Tested\n1 north | | yes\nin a in b out | last\n\n"
         . "After.\n"], 'tables, and those in tables');

    reads(doc([["One.\x0cTwo.\r"], ["Goes on.\x0c", { section => 0 }],
        ["Still.\x0c", { section => 2 }], ["Three.\r"],
        ["Four.\r", { page => 1 }], ["a\x0cb\7", $cells], ["\7", $row]]), 'doc',
        ["One.\n", "Two.\nGoes on.\nStill.\n", "Three.\n",
         "Four.\n\na b\n"], 'pages and sections');

    reads(doc([["One.\2 More.\x0cTwo.\2\r"], ["Three.\x0cFour.\r"]],
        footnotes => [[["\2 A note.\r"]], [["\2 Another\r"], ["one.\r"]]],
        headers => [["\3\r"], ["On each\r"], ["page \x13 PAGE \x141\x15\r"]],
        macros => [["no\r"]], comments => [["No.\r"]],
        endnotes => [["\2 At the end.\r"]], boxes => [["In a box.\r"]],
        header_boxes => [["Above.\r"]]), 'doc',
        ["One. More.\n\nA note.\n", "Two.\nThree.\n\nAnother\none.\n",
         "Four.\n\nIn a box.\n\nAt the end.\n\nOn each\npage 1\n\nAbove.\n"],
          'notes on their page, and what else stands outside of the text');

    reads(doc(\@text, shift => 12, pad => 8000,
        deeper => [['WordDocument', 'x'], ['1Table', 'y']]), 'doc',
        ["Fire doors\n\n"
        . "All doors & exits are \x{201c}tested\x{201d}.\n"
        . "Gr\x{fc}\x{df}e \x{6d88}\x{9632} \x{1f600}\n"
        . "One two\nthree-fourfive\n- An item\n\nNumbered\n"],
          'large sectors, and a document in the document');

    reads(doc([["Word.\r"]], table => '0Table', streams => [['1Table', 'x']]),
          'application/octet-stream', ["Word.\n"],
          'a table of another name, and no word of the kind');

    reads(doc([map { ["Line $_\r", $_ % 100 ? {} : { style => 2 }] } 1 .. 700]),
        'doc', [join '', map { $_ % 100 ? "Line $_\n"
            : "\nLine $_\n" . ($_ < 700 ? "\n" : '') } 1 .. 700],
          'many paragraphs');
}


# Workbooks
{
    my $style = sub { return record(0xe0, pack 'v2x16', 0, $_[0]) };
    my $globals = record(0x41e, pack('v', 164) . string('dd/mm/yyyy'))
        . record(0x41e, pack('v', 165) . string('0.00" days"'))
        . join('', map { $style->($_) } 0, 164, 9, 22, 165, 20)
        . sst(8224, 'Exit', \"Te\x{6d88}sted");
    my $cells = cell(0xfd, 0, 0, 0, pack 'V', 0)
        . cell(0xfd, 0, 1, 0, pack 'V', 1) . number(1, 0, 0, 1)
        . cell(0x27e, 1, 2, 1, pack 'V', 45292 << 2 | 2)
        . record(0xbd, pack 'v2 vVvV v', 2, 0, 2, 25 << 2 | 3, 3,
                 unpack('V', substr pack('d<', 36526.75), 4) & ~3, 1)
        . cell(0x205, 2, 2, 0, pack 'C2', 1, 0)
        . cell(0x204, 2, 3, 0, string("in line \xe9"))
        . number(2, 4, 4, 0.30000000000000004) . number(2, 5, 5, 0.5)
        . cell(0x201, 2, 6, 0, '')
        . cell(6, 3, 0, 0, "\0\0\0\0\0\0\xff\xff" . "\0" x 8)
        . record(0x4bc, 'shared') . record(0x207, string('of a formula'))
        . cell(6, 3, 1, 0, pack('d<', -2.5) . "\0" x 8)
        . cell(6, 3, 2, 0, "\1\0\0\0\0\0\xff\xff" . "\0" x 8)
        . cell(6, 3, 3, 0, "\2\0\x07\0\0\0\xff\xff" . "\0" x 8)
        . cell(6, 3, 4, 0, "\3\0\0\0\0\0\xff\xff" . "\0" x 8)
        . cell(0x205, 3, 5, 0, pack 'C2', 0x2a, 1)
        . record(0x207, string('of none'))
        . record(0x809, pack 'v4V2', 0x600, 32, 0, 0, 0, 0)
        . number(4, 0, 0, 77) . record(10, '')
        . number(9, 200, 0, 8);

    reads(xls([["Exits & doors", $cells], ['Chart', number(0, 0, 0, 1), 2],
               ["Leer \x{6d88}", '']], globals => $globals), 'xls', [
        "Exits & doors\n\nExit | Te\x{6d88}sted\n1 | | 2024-01-01\n"
            . "25% | 2000-01-01 18:00:00 | TRUE | in line \x{e9} | 0.3"
            . " | 12:00:00\nof a formula | -2.5 | FALSE | #DIV/0! | | #N/A\n"
            . '|' . ' |' x 49 . " 8\n", "Leer \x{6d88}\n"],
          'sheets are pages with rows of cells');

    reads(xls([['S', number(0, 0, 0, 1)]], globals => record(0x22, pack 'v', 1)
        . $style->(14)), 'xls', ["S\n\n1904-01-02\n"], 'days from 1904 on');

    # strings are cut anywhere
    my @strings = map { ('abc' x $_ . ($_ % 3 ? '' : "\x{6d88}"), \"x\xe9$_") }
        1 .. 60;

    for my $most (32, 33, 100) {
        reads(xls([['S', join '', map {
            cell(0xfd, $_, 0, 0, pack 'V', $_) } 0 .. $#strings]],
            globals => sst($most, @strings)), 'xls',
            [join "\n", "S\n", (map { ref ? $$_ : $_ } @strings), ''],
              "strings in records of $most bytes");
    }

    my $russian = sub { return encode('cp1251', $_[0]) };
    reads(xls([[$russian->("\x{41b}\x{438}\x{441}\x{442}"),
        cell(0x204, 0, 0, 0, pack 'v/a', $russian->("\x{412}\x{44b}"))
        . cell(0xd6, 0, 1, 0, pack('v/a', 'rich') . "\1\0\0")
        . cell(0x27e, 1, 0, 0, pack 'V', 45292 << 2 | 2)
        . cell(6, 1, 1, 0, "\0\0\0\0\0\0\xff\xff" . "\0" x 8)
        . record(0x207, pack 'v/a', 'text')]], biff => 5,
        globals => record(0x42, pack 'v', 1251)
        . record(0x41e, pack('v C/a', 164, 'yyyy'))
        . record(0xe0, pack 'v2x12', 0, 164)), 'xls',
        ["\x{41b}\x{438}\x{441}\x{442}\n\n\x{412}\x{44b} | rich\n"
         . "2024-01-01 | text\n"], 'a workbook of Excel 5.0');
}


# what they claim to be
{
    my $html = '<html><body><p>A page.</p></body></html>';

    reads($html, 'doc', ["A page.\n"], 'HTML said to be Word');
    reads('{\rtf1 Rich.}', 'doc', ["Rich.\n"], 'rich text said to be Word');
    reads(docx('<w:p><w:r><w:t>New.</w:t></w:r></w:p>'), 'doc', ["New.\n"],
          'a new document said to be an old one');
    reads("a\tb\n", 'xls', ["a\tb\n"], 'text said to be a workbook');
    reads(doc([["Word\r"]]), 'xls', ["Word\n"], 'Word said to be a workbook');

    my $content = '/api/documents/' . document_id() . '/content';
    is($http->get($content)->{headers}{'content-type'}, $type{xls},
       'the type is the client\'s');

    for my $case (['doc', doc([["No type.\r"]])], ['xls', xls([['No', '']])]) {
        my ($kind, $bytes) = @$case;
        my $a = $http->post('/api/documents',
            Assess::HTTP::multipart(['file', $bytes, 'a']));

        is($a->{json}{documents}[0]{contentType}, $type{$kind},
           "a type for $kind without one") or diag($a->{body});
    }

    problem_is(post(doc([["x\r"]]), 'text/plain'), 415, undef,
               'Word said to be text');
    problem_is(post(doc([["x\r"]]), 'application/pdf'), 415, undef,
               'Word said to be PDF');
    problem_is(post("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 'doc'), 415, undef,
               'a PNG said to be Word');
    problem_is(post(doc([["x\r"]]), 'docx'), 415, undef,
               'Word said to be a new document');
    problem_is(post(ole([['PowerPoint Document', 'x' x 9000]]),
        'application/octet-stream'), 415, undef, 'an old presentation');
}


# locked, too old, damaged
{
    my $word = doc([["Text.\r"]]);
    my $book = xls([['S', number(0, 0, 0, 1)]], pad => 5000);

    fails(doc([["x\r"]], flags => 0x100), 'doc', 'document_encrypted',
          'Word with a password');
    fails(xls([['S', '']], globals => record(0x2f, 'x' x 6)), 'xls',
          'document_encrypted', 'a workbook with a password');
    fails(ole([['EncryptedPackage', 'x' x 5000], ['EncryptionInfo', 'x']]),
          'docx', 'document_encrypted', 'a new document with a password');
    like(fails(doc([["x\r"]], magic => 0xa5dc, version => 0x65), 'doc',
         $damaged, 'Word 6.0'), qr/Word 97 to 2003.*save it as/, 'what to do');
    like(fails(ole([['PowerPoint Document', 'x' x 5000]]), 'doc', $damaged,
         'a presentation said to be Word'), qr/neither/, 'what it is not');

    fails(substr($_->[0], 0, length($_->[0]) / 2), $_->[1], $damaged,
          "half of $_->[1]") for [$word, 'doc'], [$book, 'xls'];
    fails(substr($word, 0, 600), 'doc', $damaged, 'the head of a document');
    fails(doc([["x\r"]], round => 1), 'doc', $damaged,
          'sectors that go in a circle');

    # numbers that cannot be: each is changed alone
    my ($main, $tables, $data) = doc_streams([["Text.\r"], ["More.\r"]]);
    my $broken = sub {
        my ($at, $bytes) = @_;
        my $copy = $main;
        substr $copy, $at, length $bytes, $bytes;
        return ole([['WordDocument', $copy . "\0" x 4096],
                    ['1Table', $tables]]);
    };

    for my $case ([154 + 33 * 8, 0xfffffff0, 'pieces outside of the table'],
                  [154 + 33 * 8 + 4, 0, 'no pieces'],
                  [154 + 33 * 8 + 4, 30, 'half of the pieces'],
                  [154 + 13 * 8 + 4, 0x7fffffff, 'paragraphs without end'],
                  [76, 0x7fffffff, 'more characters than there are'],
                  [80, 0xffffffff, 'notes of less than nothing'])
    {
        my ($at, $value, $what) = @$case;
        fails($broken->($at, pack 'V', $value), 'doc', $damaged, $what);
    }

    fails(ole([['Workbook', record(0x809, "\0\6\5\0") . record(0x85,
        pack('VCC', 0x7fffffff, 0, 0) . "\1\0S") . record(10, '')]]), 'xls',
          $damaged, 'a sheet that is not there');
    fails(ole([['Workbook', record(0x809, "\0\6\5\0")]]), 'xls', $damaged,
          'a workbook without end');
    fails(xls([['S', record(0x203, '') . pack 'v2', 0x203, 9999]]), 'xls',
          $damaged, 'a record without end');
    fails(doc([["\r"]]), 'doc', 'document_without_text', 'Word of no words');
    fails(doc([["x\x0c" x 60 . "\r"]]), 'doc', 'document_limit',
          'too many pages');
    fails(xls([map { ["S$_", ''] } 1 .. 60]), 'xls', 'document_limit',
          'too many sheets');
}

is($http->get('/api/health/ready')->{status}, 200, 'the server is well');

$t->done;
