package Assess::Old;

# Old office documents, made of what they are made of: streams in a compound
# file ([MS-CFB]), and in these the tables of Word ([MS-DOC]) and the records of
# Excel ([MS-XLS]).

use strict;
use warnings;

use Encode qw(encode);
use Exporter qw(import);

our @EXPORT_OK = qw(ole doc doc_streams xls xls_stream record sst);

my ($end, $free, $table) = (0xfffffffe, 0xffffffff, 0xfffffffd);


# A compound file of [name, bytes] in this order; shift => 12: sectors of 4096
# bytes; deeper => streams that are not at the top; round => the first stream
# follows itself.
sub ole {
    my ($streams, %o) = @_;

    my $shift = $o{shift} // 9;
    my $size = 1 << $shift;
    my (@fat, @minifat, @entries);
    my ($sectors, $mini) = ('', '');

    # the first sector of these bytes, or the end where there are none
    my $add = sub {
        my ($bytes) = @_;
        return $end unless length $bytes;

        my $first = @fat;
        $sectors .= $bytes . "\0" x (-length($bytes) % $size);
        push @fat, scalar @fat + 1 while length($sectors) > @fat * $size;
        $fat[-1] = $end;
        return $first;
    };

    for my $stream (@$streams, @{ $o{deeper} // [] }) {
        my ($name, $bytes) = @$stream;
        my $first;

        if (length $bytes < 4096) {
            $first = @minifat;
            $mini .= $bytes . "\0" x (-length($bytes) % 64);
            push @minifat, scalar @minifat + 1
                while length($mini) > @minifat * 64;
            $minifat[-1] = $end if length $bytes;

        } else {
            $first = $add->($bytes);
            $fat[$first] = $first if $o{round} && !@entries;
        }

        push @entries, [$name, 2, $first, length $bytes, $free, $free];
    }

    # each is the right one of the one before it
    $entries[$_ - 1][4] = $_ + 1 for 1 .. @$streams - 1;

    if ($o{deeper}) {
        push @entries, ['Objects', 1, 0, 0, $free, @$streams + 1];
        $entries[@$streams - 1][4] = @entries;
    }

    my $root = ['Root Entry', 5, $add->($mini), length $mini, $free, 1];
    my $minifat = $add->(pack 'V*', @minifat);
    my $directory = '';

    for my $entry ($root, @entries) {
        my ($name, $type, $first, $bytes, $right, $child) = @$entry;
        my $utf16 = encode('UTF-16LE', "$name\0");

        $directory .= pack 'a64 v C2 V3 x16 V x16 V3', $utf16, length $utf16,
            $type, 1, $free, $right, $child, 0, $first, $bytes, 0;
    }

    my $at = $add->($directory);
    my $n = 1;

    $n++ while $n * $size / 4 < @fat + $n;
    push @fat, ($table) x $n;

    my @parts = @fat - $n .. @fat - 1;
    push @fat, ($free) x ($n * $size / 4 - @fat);

    my $head = pack 'a8 x16 v5 x6 V9', "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3e,
        $shift == 12 ? 4 : 3, 0xfffe, $shift, 6, 0, $n, $at, 0, 4096, $minifat,
        $minifat == $end ? 0 : 1, $end, 0;

    $head .= pack 'V109', @parts, ($free) x (109 - @parts);

    return $head . "\0" x ($size - 512) . $sectors . pack 'V*', @fat;
}


# --- Word

# Code and value of what a paragraph may be.
my %codes = (
    table => pack('vC', 0x2416, 1), row_end => pack('vC', 0x2417, 1),
    depth => pack('vV', 0x6649, 2), inner_end => pack('vC', 0x244c, 1),
    inner_cell => pack('vC', 0x244b, 1), list => pack('vv', 0x460b, 1),
    level => pack('vC', 0x2640, 0), page => pack('vC', 0x2407, 1),
    tabs => pack('vC/a', 0xc615, "\0\1xyz"),
    many_tabs => pack('vC4x4x3', 0xc615, 255, 1, 0, 0),
    shape => pack('vva3', 0xd608, 4, "\0\0\0"));


# Styles of [number that Word gives it, kind, the one it is made from, what it
# says of being hidden]; kind 1 is of paragraphs, 2 of letters.
sub styles {
    return pack('v/a', pack 'v9', scalar @_, 10, (0) x 7) . join '', map {
        my ($id, $kind, $base, $says) = @$_;
        my $list = defined $says ? pack 'vC', 0x083c, $says : '';
        my $style = pack('v5', $id, $kind | $base << 4, 0, 0, 0)
            . pack('v', 1) . "S\0\0\0"
            . ($kind == 1 ? pack 'v a5x', 5, "\0\0\x07\x24\0" : '')
            . pack('v', length $list) . $list;
        pack('v', length $style) . $style . "\0" x (length($style) % 2) } @_;
}


# A document of paragraphs [text, {what it is}], each with the mark that ends
# it; a text may be a list of strings, and of references to those that are
# hidden, references to references to those that were deleted, or lists of what
# they say of being hidden, the style of their letters, and a string.
# Other stories: footnotes, endnotes, headers, boxes, comments, macros, each a
# list of such paragraphs, but footnotes a list of lists.  A character \2 is the
# place of a footnote.  Where a paragraph has section => n, a section ends, and
# the next one begins so: 0 on the same page, 2 on another one.
sub doc {
    my ($main, %o) = @_;
    my ($word, $tables, $data) = doc_streams($main, %o);

    return ole([['WordDocument', $word . "\0" x ($o{pad} // 4096)],
        [$o{table} // '1Table', $tables], length $data ? ['Data', $data] : (),
        @{ $o{streams} // [] }], %o);
}


sub doc_streams {
    my ($main, %o) = @_;

    my @footnotes = @{ $o{footnotes} // [] };
    my @stories = ($main, [map { @$_ } @footnotes],
        map { $o{$_} // [] } qw(headers macros comments endnotes boxes
                                header_boxes));

    my $text_at = 1024;
    my ($text, $cp) = ('', 0);
    my (@counts, @pieces, @paragraphs, @runs, @refs, @sections);

    for my $story (@stories) {
        my $first = $cp;

        for my $paragraph (@$story) {
            my ($parts, $is) = @$paragraph;
            my $at = $text_at + length $text;

            for my $part (ref $parts eq 'ARRAY' ? @$parts : $parts) {
                my $string = ref $part eq 'ARRAY' ? $part->[2]
                    : ref $part ? $$part : $part;

                # what has one byte in Windows-1252 has one here
                my $wide = $string =~ /[^\x00-\x7f\xa0-\xff]/;
                my $bytes = $wide ? encode('UTF-16LE', $string)
                                  : encode('iso-8859-1', $string);
                my $fc = $text_at + length $text;

                push @pieces, [$cp, $wide ? $fc : $fc * 2 | 0x40000000];
                push @runs, [$fc, $fc + length $bytes, ref $part eq 'ARRAY'
                    ? pack 'vCvv', 0x083c, $part->[0], 0x4a30, $part->[1]
                    : ref $part eq 'SCALAR' ? pack 'vC', 0x083c, 1
                    : ref $part ? pack 'vC', 0x0800, 0x81 : ''];

                while ($story == $main && $string =~ /\x02/g) {
                    push @refs, $cp + pos($string) - 1;
                }

                $text .= $bytes;
                $cp += $wide ? length($bytes) / 2 : length $bytes;
            }

            push @paragraphs, [$at, $text_at + length $text, $is // {}];
            push @sections, [$cp, $is->{section}] if exists $is->{section};
        }

        push @counts, $cp - $first;
    }

    # where there is more than the text, one more ends all of it
    if ($cp > $counts[0]) {
        push @pieces, [$cp++, 2 * ($text_at + length $text) | 0x40000000];
        $text .= "\r";
    }

    my $word = "\0" x $text_at . $text;
    $word .= "\0" x (-length($word) % 512);

    my ($data, @tables) = ('');

    # 2.9.23 and 2.9.175; a few to a page, so that there are several of them
    my $pages = sub {
        my ($size, $each, @entries) = @_;
        my (@from, @numbers, $last);

        while (my @some = splice @entries, 0, 8) {
            my $page = pack('V*', map({ $_->[0] } @some), $some[-1][1])
                . "\0" x ($size * @some);
            my $rest = 510;

            for my $i (0 .. $#some) {
                my $bytes = $each->($some[$i]);
                next unless length $bytes;

                $rest = ($rest - length $bytes) & ~1;
                substr $page, 4 * (@some + 1) + $size * $i, 1, chr($rest / 2);
                $page .= "\0" x ($rest - length $page) if length $page < $rest;
                substr $page, $rest, length $bytes, $bytes;
            }

            $page .= "\0" x (511 - length $page);
            push @from, $some[0][0];
            push @numbers, length($word) / 512;
            $last = $some[-1][1];
            $word .= $page . chr @some;
        }

        return pack 'V*', @from, $last, @numbers;
    };

    $tables[13] = $pages->(13, sub {
        my ($is) = $_[0][2];
        my $list = join '', map { $codes{$_} }
            grep { exists $codes{$_} } sort keys %$is;

        if ($is->{huge}) {
            my $at = length $data;
            $data .= pack('v', length $list) . $list;
            $list = pack 'vV', 0x6646, $at;
        }

        $list = pack('v', $is->{style} // 0) . $list;

        # an odd number of bytes has one length, an even number another
        return length($list) % 2 ? chr((length($list) + 1) / 2) . $list
                                 : "\0" . chr(length($list) / 2) . $list;
    }, @paragraphs);

    $tables[12] = $pages->(1, sub {
        my $list = $_[0][2];
        return length $list ? pack 'C/a', $list : '';
    }, @runs);

    # the first one begins on a page of its own in any case
    if (@sections) {
        my @ends = ((map { $_->[0] } @sections), $counts[0]);
        my @kinds = (2, map { $_->[1] } @sections);
        my @at;

        for my $kind (@kinds) {
            push @at, length $word;
            $word .= pack 'vvC', 3, 0x3009, $kind;
        }

        $tables[6] = pack('V*', 0, @ends)
            . join '', map { pack 'vVvV', 0, $_, 0, $free } @at;
    }

    if (@footnotes) {
        my ($at, @ends) = (0);

        for my $note (@footnotes) {
            for my $paragraph (@$note) {
                $at += length for ref $paragraph->[0] ? @{ $paragraph->[0] }
                                                      : $paragraph->[0];
            }
            push @ends, $at;
        }

        $tables[2] = pack('V*', @refs, $counts[0]) . pack 'v*', (1) x @refs;
        $tables[3] = pack 'V*', 0, @ends, $at + 1;
    }

    $tables[1] = styles(@{ $o{styles} }) if $o{styles};

    # what changed by pieces comes first, and says nothing here
    $tables[33] = pack('Cva3', 1, 3, "\x16\x24\0") . "\2" . pack 'V/a',
        pack('V*', (map { $_->[0] } @pieces), $cp)
        . join '', map { pack 'vVv', 0, $_->[1], 0 } @pieces;

    my $all = 'x' x 16;

    for my $i (0 .. $#tables) {
        next unless defined $tables[$i];
        substr $word, 154 + 8 * $i, 8, pack 'V2', length $all,
            length $tables[$i];
        $all .= $tables[$i];
    }

    my $flags = 0x1000 | ($o{flags} // 0)
        | (($o{table} // '1Table') eq '1Table' ? 0x200 : 0);

    substr $word, 0, 12, pack 'v6', $o{magic} // 0xa5ec, $o{version} // 0xc1,
        0, 0x0409, 0, $flags;
    substr $word, 32, 2, pack 'v', 14;
    substr $word, 62, 2, pack 'v', 22;
    substr $word, 76, 4 * @counts, pack 'V*', @counts;
    substr $word, 152, 2, pack 'v', 93;

    return ($word, $all, $data);
}


# --- Excel

sub record {
    my ($type, $data) = @_;
    return pack 'v2a*', $type, length $data, $data;
}


# A string of BIFF8: size is the format of its length.
sub string {
    my ($text, $size) = @_;
    my $wide = $text =~ /[^\x00-\xff]/;

    return pack("$size C", length $text, $wide ? 1 : 0)
        . encode($wide ? 'UTF-16LE' : 'iso-8859-1', $text);
}


# The strings that cells share, in records of at most so many bytes; one that
# is a reference has letters of several kinds, and says how it sounds.
sub sst {
    my ($most, @strings) = @_;
    my @records = (pack 'V2', (scalar @strings) x 2);

    for my $string (@strings) {
        my $text = ref $string ? $$string : $string;
        my $wide = $text =~ /[^\x00-\xff]/ ? 1 : 0;
        my $head = pack 'vC', length $text, $wide | (ref $string ? 12 : 0);

        $head .= pack 'vV', 2, 6 if ref $string;
        push @records, '' if length($records[-1]) + length($head) > $most;
        $records[-1] .= $head;

        for my $letter (split //, $text) {

            # what goes on says anew how wide it is
            if (length($records[-1]) + 2 > $most) {
                $wide = $wide || $letter =~ /[^\x00-\xff]/ ? 1 : 0;
                push @records, chr $wide;
            }

            $records[-1] .= encode($wide ? 'UTF-16LE' : 'iso-8859-1', $letter);
        }

        for my $byte (ref $string ? split //, 'RUNRUN12sounds' : ()) {
            push @records, '' if length $records[-1] >= $most;
            $records[-1] .= $byte;
        }
    }

    return record(0xfc, shift @records)
        . join '', map { record(0x3c, $_) } @records;
}


# A workbook of sheets [name, records, kind]; globals => records of the whole,
# biff => 5.
sub xls {
    my ($sheets, %o) = @_;

    my $old = ($o{biff} // 8) == 5;
    my $stream = xls_stream($sheets, %o);

    return ole([[$old ? 'Book' : 'Workbook', $stream . "\0" x ($o{pad} // 0)],
                @{ $o{streams} // [] }], %o);
}


sub xls_stream {
    my ($sheets, %o) = @_;

    my $old = ($o{biff} // 8) == 5;
    my $bof = sub {
        return record(0x809, $old ? pack 'v4', 0x500, $_[0], 0, 0
                                  : pack 'v4V2', 0x600, $_[0], 0, 0, 0, 0);
    };
    my @names = map { $old ? pack('C/a', $_->[0]) : string($_->[0], 'C') }
        @$sheets;
    my $globals = $bof->(5) . ($o{globals} // '');
    my $at = length($globals) + 4;

    $at += 10 + length for @names;

    for my $i (0 .. $#$sheets) {
        my (undef, $records, $kind) = @{ $sheets->[$i] };

        $globals .= record(0x85, pack('VCC', $at, 0, $kind // 0) . $names[$i]);
        $at += length($bof->(16)) + length($records) + 4;
    }

    return $globals . record(10, '') . join '', map {
        $bof->(16) . $_->[1] . record(10, '') } @$sheets;
}


1;
