package Assess::Office;

# Office documents, made of what they are made of: archives of XML.

use strict;
use warnings;

use Compress::Raw::Zlib;

use Exporter qw(import);

our @EXPORT_OK = qw(archive docx xlsx pptx odf epub relation relations xml);

my $relations = 'http://schemas.openxmlformats.org/officeDocument/2006/'
    . 'relationships';


sub xml {
    my ($text) = @_;
    my %entity = ('<' => '&lt;', '>' => '&gt;', '&' => '&amp;',
                  '"' => '&quot;');
    $text =~ s/([<>&"])/$entity{$1}/g;
    return $text;
}


# A ZIP archive of [name, content, how] in this order: how => {stored => 1,
# flags => n, size => what it says of its size, deflated => bytes as they are}.
sub archive {
    my (@parts) = @_;

    my $out = '';
    my $list = '';

    for my $part (@parts) {
        my ($name, $content, $how) = @$part;
        my $data = $how->{deflated} // ($how->{stored} ? $content
                                                       : deflated($content));
        my $crc = $how->{crc} // crc32($content);
        my $entry = pack 'v5V3v2', 20, $how->{flags} // 0,
            $how->{stored} ? 0 : 8, 0, 0x21, $crc, length $data,
            $how->{size} // length $content, length $name, 0;

        $list .= "PK\1\2" . pack('v', 20) . $entry
            . pack('v3V2', 0, 0, 0, 0, length $out) . $name;
        $out .= "PK\3\4" . $entry . $name . $data;
    }

    return $out . $list . "PK\5\6" . pack('v4V2v', 0, 0, scalar @parts,
        scalar @parts, length $list, length $out, 0);
}


sub deflated {
    my ($content) = @_;

    my ($z) = Compress::Raw::Zlib::Deflate->new(
        -WindowBits => -MAX_WBITS(), -AppendOutput => 1);
    my $data = '';

    $z->deflate($content, $data);
    $z->flush($data);
    return $data;
}


sub relation {
    my ($id, $type, $target) = @_;

    return qq{<Relationship Id="$id" Type="$relations/$type"}
        . qq{ Target="$target"/>};
}


sub relations {
    return '<Relationships xmlns="http://schemas.openxmlformats.org/package/'
        . '2006/relationships">' . join('', @_) . '</Relationships>';
}


# body is WordprocessingML; others are parts more.
sub docx {
    my ($body, @others) = @_;

    my $document = ref $body ? $$body : '<?xml version="1.0"?><w:document'
        . ' xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/'
        . qq{main"><w:body>$body</w:body></w:document>};

    return archive(
        ['[Content_Types].xml', '<Types/>'],
        ['_rels/.rels', relations(relation('rId1', 'officeDocument',
                                           'word/document.xml'))],
        ['word/document.xml', $document], @others);
}


# Sheets as [name, SpreadsheetML of its rows].
sub xlsx {
    my ($sheets, %o) = @_;

    my $main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
    my $n = 0;
    my (@list, @relations, @parts);

    for my $sheet (@$sheets) {
        $n++;
        push @list, '<sheet name="' . xml($sheet->[0])
            . qq{" sheetId="$n" r:id="rId$n"/>};
        push @relations, relation("rId$n", 'worksheet',
                                  "worksheets/sheet$n.xml");
        push @parts, ["xl/worksheets/sheet$n.xml", qq{<worksheet xmlns="$main">}
            . "<sheetData>$sheet->[1]</sheetData></worksheet>"];
    }

    for my $part (qw(sharedStrings styles)) {
        next unless $o{$part};
        push @relations, relation("rId$part", $part, "/xl/$part.xml");
        push @parts, ["xl/$part.xml", $o{$part}];
    }

    return archive(
        ['[Content_Types].xml', '<Types/>'],
        ['_rels/.rels', relations(relation('rId1', 'officeDocument',
                                           'xl/workbook.xml'))],
        ['xl/workbook.xml', qq{<workbook xmlns="$main" xmlns:r="$relations">}
            . ($o{workbook} // '') . '<sheets>' . join('', @list)
            . '</sheets></workbook>'],
        ['xl/_rels/workbook.xml.rels', relations(@relations)], @parts);
}


# Slides of DrawingML; a slide is [its, its notes] where it has notes.
sub pptx {
    my (@slides) = @_;

    my $p = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/'
        . 'main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/'
        . qq{main" xmlns:r="$relations"};
    my $n = 0;
    my (@list, @relations, @parts);

    for my $slide (@slides) {
        my ($text, $notes) = ref $slide ? @$slide : ($slide);
        my $id = 255 + ++$n;

        # the order is that of the list, not that of the names
        my $name = 'slide' . (@slides - $n + 1) . '.xml';

        push @list, qq{<p:sldId id="$id" r:id="rId$n"/>};
        push @relations, relation("rId$n", 'slide', "slides/$name");
        push @parts, ["ppt/slides/$name",
            "<p:sld $p><p:cSld><p:spTree>$text</p:spTree></p:cSld></p:sld>"];

        next unless defined $notes;

        push @parts, ["ppt/slides/_rels/$name.rels", relations(relation('rId1',
            'notesSlide', "../notesSlides/notes$n.xml"))],
            ["ppt/notesSlides/notes$n.xml", "<p:notes $p>$notes</p:notes>"];
    }

    return archive(
        ['[Content_Types].xml', '<Types/>'],
        ['_rels/.rels', relations(relation('rId1', 'officeDocument',
                                           'ppt/presentation.xml'))],
        ['ppt/presentation.xml', "<p:presentation $p><p:sldIdLst>"
            . join('', @list) . '</p:sldIdLst></p:presentation>'],
        ['ppt/_rels/presentation.xml.rels', relations(@relations)], @parts);
}


# kind is text, spreadsheet or presentation; body is what is in office:body.
sub odf {
    my ($kind, $body, @others) = @_;

    my $ns = 'urn:oasis:names:tc:opendocument:xmlns:';

    return archive(
        ['mimetype', "application/vnd.oasis.opendocument.$kind",
         { stored => 1 }],
        ['content.xml', "<office:document-content xmlns:office=\"${ns}office:1.0"
            . "\" xmlns:text=\"${ns}text:1.0\" xmlns:table=\"${ns}table:1.0\""
            . " xmlns:draw=\"${ns}drawing:1.0\"><office:body><office:$kind>"
            . "$body</office:$kind></office:body></office:document-content>"],
        @others);
}


# Chapters as [name, XHTML of its body], in the order of the spine; a body that
# is a reference is all of the file.
sub epub {
    my ($chapters, @others) = @_;

    my $n = 0;
    my (@items, @refs, @parts);

    for my $chapter (@$chapters) {
        my ($name, $body) = @$chapter;
        $n++;
        unshift @items, qq{<item id="c$n" href="$name"}
            . ' media-type="application/xhtml+xml"/>';
        push @refs, qq{<itemref idref="c$n"/>};

        # of a URL to the name
        $name =~ s/%([0-9a-f]{2})/chr hex $1/gie;
        push @parts, ["OPS/$name", ref $body ? $$body : '<?xml'
            . ' version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'
            . "<head><title/></head><body>$body</body></html>"];
    }

    return archive(
        ['mimetype', 'application/epub+zip', { stored => 1 }],
        ['META-INF/container.xml', '<container><rootfiles><rootfile'
            . ' full-path="OPS/book.opf"/></rootfiles></container>'],
        ['OPS/book.opf', '<package xmlns="http://www.idpf.org/2007/opf">'
            . '<manifest><item id="cover" href="cover.png"'
            . ' media-type="image/png"/>' . join('', @items) . '</manifest>'
            . '<spine><itemref idref="cover"/>' . join('', @refs)
            . '</spine></package>'],
        @parts, @others);
}


1;
