#!/usr/bin/perl

# Pictures of text and scanned pages, whichever way up they are; and those that
# are damaged, or made to do harm.

use strict;
use warnings;
use utf8;

use Compress::Zlib qw(compress crc32);
use FindBin;
use MIME::Base64 qw(encode_base64);
use lib "$FindBin::RealBin/lib";

use Assess::Contract qw(json problem_is);
use Assess::Pictures qw(picture tiff pdf);
use Assess::Process qw(slurp write_file);
use Assess::Reading qw(reading post pages);
use Assess::Test;

my @words = ('All fire doors close by themselves.',
             'The stairs are kept free of goods and chairs.',
             'Emergency lighting is tested every month.',
             'There are twelve smoke detectors in the building.');

my $t = Assess::Test->new(extra => "    assess_extract_limits pages=5"
    . " cpu=20s time=120s;\n");
my $http = $t->http;
my $dir = $t->dir;
reading($t, seconds => 180);


# A quarter turn clockwise.
sub turned {
    my ($p) = @_;
    my ($width, $height, $rows) = @$p;
    my @columns = ('') x $width;

    for my $y (reverse 0 .. $height - 1) {
        my @row = split //, substr $rows, $y * $width, $width;
        $columns[$_] .= $row[$_] for 0 .. $width - 1;
    }

    return [$height, $width, join '', @columns];
}


sub chunk {
    my ($type, $data) = @_;
    return pack('N', length $data) . $type . $data
        . pack 'N', crc32($type . $data);
}


sub png {
    my ($width, $height, $rows) = @{ $_[0] };
    my $data = join '', map { "\0" . substr $rows, $_ * $width, $width }
        0 .. length($rows) / ($width || 1) - 1;

    return "\x89PNG\r\n\x1a\n"
        . chunk('IHDR', pack 'N2C5', $width, $height, 8, 0, 0, 0, 0)
        . chunk('IDAT', compress($data)) . chunk('IEND', '');
}


sub bmp {
    my ($width, $height, $rows) = @{ $_[0] };
    my $data = join '', map { substr($rows, $_ * $width, $width)
        . "\0" x (-$width % 4) } reverse 0 .. $height - 1;

    return 'BM' . pack('V3', 1078 + length $data, 0, 1078)
        . pack('V3v2V6', 40, $width, $height, 1, 8, 0, length $data, 0, 0, 256,
               0) . join('', map { pack 'C4', $_, $_, $_, 0 } 0 .. 255) . $data;
}


# Codes of eight bits: 128 clears the table before they would become longer.
sub gif {
    my ($width, $height, $rows) = @{ $_[0] };
    my $codes = join '', (map {"\x80$_"} ($rows =~ tr/\0-\xff/\0\0-\x7f/r,
        '')[0] =~ /(.{1,126})/gs), "\x81";

    return 'GIF89a' . pack('v2C3', $width, $height, 0xf6, 0, 0)
        . join('', map { pack 'C3', ($_ * 2) x 3 } 0 .. 127)
        . ',' . pack('v4C', 0, 0, $width, $height, 0) . "\7"
        . join('', map { chr(length) . $_ } $codes =~ /(.{1,255})/gs) . "\0;";
}


# An HEIC of these pictures; how is for the program that makes it.
sub heic {
    my ($how, @pictures) = @_;
    my @files = map {"$dir/$_.png"} 0 .. $#pictures;

    write_file($files[$_], $pictures[$_]) for 0 .. $#files;
    Assess::Pictures::run("heif-enc $how @files -o $dir/made.heic >/dev/null");
    return slurp("$dir/made.heic");
}


# Part of a picture.
sub part {
    my ($p, $from, $width, $height) = @_;

    return [$width, $height, join '', map { substr $p->[2],
        $_ * $p->[0] + $from, $width } 0 .. $height - 1];
}


sub box {
    my ($type, @data) = @_;
    my $data = join '', @data;
    return pack('N', 8 + length $data) . $type . $data;
}


# An HEIC of tiles of one size beside each other, as telephones make them.
sub tiles {
    my (@tiles) = @_;

    my ($width, $height) = @{ $tiles[0] };
    my $n = @tiles;
    my ($config, @items);

    for my $tile (@tiles) {
        my $bytes = heic('-q 60', png($tile));
        my ($head) = $bytes =~ /(.{4})hvcC/s or die "no hvcC\n";

        $config = substr $bytes, index($bytes, 'hvcC') - 4, unpack 'N', $head;
        push @items, substr $bytes, index($bytes, 'mdat') + 4;
    }

    push @items, pack 'C4n2', 0, 0, 0, $n - 1, $n * $width, $height;

    my $meta = sub {
        my ($at) = @_;
        my $locations = '';

        for my $i (0 .. $n) {
            $locations .= pack 'n3N2', $i + 1, 0, 1, $at, length $items[$i];
            $at += length $items[$i];
        }

        return box('meta', "\0" x 4,
            box('hdlr', "\0" x 8, 'pict', "\0" x 13),
            box('pitm', pack 'Nn', 0, $n + 1),
            box('iloc', pack('NCCn', 0, 0x44, 0, $n + 1), $locations),
            box('iinf', pack('Nn', 0, $n + 1), map { box('infe',
                pack 'Nn2a4x', 2 << 24 | ($_ <= $n ? 1 : 0), $_, 0,
                $_ <= $n ? 'hvc1' : 'grid') } 1 .. $n + 1),
            box('iref', "\0" x 4, box('dimg', pack 'n*', $n + 1, $n, 1 .. $n)),
            box('iprp', box('ipco', $config,
                box('ispe', pack 'N3', 0, $width, $height),
                box('ispe', pack 'N3', 0, $n * $width, $height),
                box('irot', "\1")),
                box('ipma', pack('N2', 0, $n + 1),
                    (map { pack 'nC3', $_, 2, 0x81, 2 } 1 .. $n),
                    pack 'nC3', $n + 1, 2, 3, 0x84)));
    };

    my $type = box('ftyp', 'heic', "\0" x 4, 'mif1heic');

    return $type . $meta->(length($type . $meta->(0)) + 8)
        . box('mdat', @items);
}


# A picture of 16 bits for each dot.
sub deep {
    my ($width, $height, $rows) = @{ $_[0] };
    my $data = join '', map { "\0" . join '', map { $_ x 2 } split //,
        substr $rows, $_ * $width, $width } 0 .. $height - 1;

    return "\x89PNG\r\n\x1a\n"
        . chunk('IHDR', pack 'N2C5', $width, $height, 16, 0, 0, 0, 0)
        . chunk('IDAT', compress($data)) . chunk('IEND', '');
}


# What the bytes are must be enough: each page has just these lines.
sub reads {
    my ($bytes, $what, @pages) = @_;

    my $text = pages($bytes, 'application/octet-stream', $what);

    s/\s*\n\s*/\n/g, s/\A\s+|\s+\z//g for @$text;
    is(json($text), json([map { join "\n", @$_ } @pages]), "$what: its text");
}


sub fails {
    my ($bytes, $code, $what) = @_;

    return Assess::Reading::fails($bytes, 'application/octet-stream', $code,
                                  $what);
}


my $second = picture($dir, map {"Page two. $_"} @words[0, 1]);
my $picture = picture($dir, @words);
my $jpeg = slurp("$dir/page.jpg");
my ($width, $height, $rows) = @$picture;

# kinds of pictures
reads(png($picture), 'PNG', [@words]);
reads($jpeg, 'JPEG', [@words]);
reads(bmp($picture), 'BMP', [@words]);
reads(gif($picture), 'GIF', [@words]);
reads(tiff([$picture, $second]), 'a TIFF of two pages', [@words],
      [map {"Page two. $_"} @words[0, 1]]);

# HEIC
{
    my $one = heic('-q 60', png($picture));

    reads($one, 'HEIC', [@words]);
    reads(heic('-q 60 -b 10', deep($picture)), 'HEIC of 10 bits', [@words]);
    reads(heic('-q 60', png($picture), png($second)), 'an HEIC of two',
          [@words], [map {"Page two. $_"} @words[0, 1]]);

    reads(tiles(map { part($picture, $_ * 800, 800, 1166) } 0, 1),
          'an HEIC of tiles, turned', [@words]);

    fails(substr($one, 0, length($one) / 2), 'document_damaged',
          'half an HEIC');
    fails("\0\0\0\x18ftypheic\0\0\0\0mif1heic", 'document_damaged',
          'the head of an HEIC');

    (my $odd = $one) =~ s/hvcC.{30}/'hvcC' . "\xff" x 30/es;
    fails($odd, 'document_damaged', 'an HEIC with a broken head of its video');

    (my $huge = $one) =~ s/(ispe\0{4}).{8}/$1 . pack 'N2', 60_000, 60_000/ges;
    like(fails($huge, 'document_limit', 'a huge HEIC'), qr/pixels/,
         'and which limit');

    # what would be read with threads is not, and nothing is ended for it
    my $other = heic('-A -q 60', png($second));
    problem_is(post($other, 'image/heif'), 415, undef, 'AVIF said to be HEIC');
    $other =~ s/ftypavif/ftypmif1/;
    $other =~ s/avifmif1miaf/heicmif1mif1/;
    fails($other, 'document_damaged', 'AVIF within HEIC');

    like(post($one, 'image/heic')->{status}, qr/^20[01]\z/,
         'an HEIC said to be one');
    like(post($one, 'image/heif')->{status}, qr/^20[01]\z/,
         'by its other name');
    problem_is(post($one, 'video/mp4'), 415, undef,
               'an HEIC said to be a film');
}

# which way up
{
    my $turned = $picture;

    for my $degrees (90, 180, 270) {
        $turned = turned($turned);
        reads(png($turned), "turned by $degrees degrees", [@words]);
    }
}

# scans in PDF
{
    my $upside = turned(turned($picture));

    reads(pdf(['DCTDecode', $width, $height, $jpeg], 'Typed text.',
              ['FlateDecode', @$upside[0, 1], compress($upside->[2])]),
          'a PDF of scans and text', [@words], ['Typed text.'], [@words]);
    reads(pdf(['DCTDecode', $width, $height, 'nothing'], 'Typed text.'),
          'a PDF with a broken scan', [], ['Typed text.']);
    fails(pdf(['FlateDecode', 8, 8, compress("\xff" x 64)]),
          'document_without_text', 'a PDF of a blank page');
}

# pictures and scans in a mail
sub mail {
    my (@files) = @_;
    return "From: a\@b\nTo: b\@c\nSubject: Pictures\n"
        . "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nSee here.\n"
        . join('', map { my ($type, $name, $bytes) = @$_;
            "--x\nContent-Type: $type\nContent-Disposition: inline;"
            . " filename=$name\nContent-Transfer-Encoding: base64\n\n"
            . encode_base64($bytes) } @files) . "--x--\n";
}

my @head = ('From: a@b', 'To: b@c', 'Subject: Pictures', 'See here.');

reads(mail(['image/png', 'a.png', png($picture)],
    ['application/octet-stream', 'b.HEIC', heic('-q 60', png($second))],
    ['application/pdf', 'c.pdf', pdf('Typed text.',
     ['DCTDecode', $width, $height, $jpeg])]), 'a mail of pictures',
    [@head], ['a.png', @words], ['b.HEIC', map {"Page two. $_"} @words[0, 1]],
    ['c.pdf', 'Typed text.'], [@words]);
like(fails(mail(['image/png', 'a.png', png([60_000, 60_000, ''])]),
    'document_limit', 'a huge picture in a mail'), qr/pixels/,
    'and which limit');

# damaged ones, and those made to do harm
fails(substr(png($picture), 0, 2000), 'document_damaged', 'half a PNG');
fails(png([0, 0, '']), 'document_damaged', 'a PNG of no size');
fails("\x89PNG\r\n\x1a\n", 'document_damaged', 'a PNG of nothing');
fails("II*\0\xff\xff\xff\xff", 'document_damaged', 'a TIFF without a page');
fails("GIF89a\0\0\0\0", 'document_damaged', 'a GIF of no size');
fails("\xff\xd8\xff\xe0\0\x10JFIF", 'document_damaged', 'the head of a JPEG');
fails("RIFF\4\0\0\0WEBPVP8 ", 'document_damaged', 'the head of a WebP');
fails(tiff([$picture, [0, 0, '']]), 'document_damaged',
      'a TIFF with an empty page');
fails(png([600, 300, "\xff" x 180_000]), 'document_without_text',
      'a blank picture');

for my $huge ([60_000, 60_000], [2**31, 2**31], [2**32 - 1, 1]) {
    like(fails(png([@$huge, '']), 'document_limit', "a PNG of @$huge"),
         qr/pixels/, 'and which limit');
}

like(fails(tiff([[20_000, 20_000, '']]), 'document_limit', 'a huge TIFF'),
     qr/pixels/, 'and which limit');
like(fails('GIF89a' . pack('v2', 65535, 65535) . "\0\0\0", 'document_limit',
     'a huge GIF'), qr/pixels/, 'and which limit');
like(fails('BM' . pack('V3', 100, 0, 54) . pack('V3v2V6', 40, 60_000, 60_000,
     1, 8, (0) x 6), 'document_limit', 'a huge BMP'), qr/pixels/,
     'and which limit');

like(fails(tiff([([8, 8, "\xff" x 64]) x 2], 1), 'document_limit',
     'a TIFF whose pages go in a circle'), qr/pages/, 'and which limit');

# what they claim to be
problem_is(post(png($picture), 'text/plain'), 415, undef,
           'a PNG said to be text');
problem_is(post('text', 'image/png'), 415, undef, 'text said to be a PNG');
like(post(png($picture), 'image/png')->{status}, qr/^20[01]\z/,
     'a PNG said to be one');

# the least memory that can be given
write_file("$dir/0/extra.conf", "assess_extract_limits memory=128m;\n");
$t->server->reload;
reads(png(part($second, 0, 1600, 1166)), 'little memory',
      [map {"Page two. $_"} @words[0, 1]]);

# a language that is not there
{
    write_file("$dir/0/extra.conf", "assess_ocr_languages eng+xyz;\n");
    $t->server->reload;

    my $scan = compress($second->[2]);

    like(fails(png($second), 'document_ocr_unavailable', 'no such language'),
         qr/"eng\+xyz"/, 'and which');
    fails(pdf(['FlateDecode', @$second[0, 1], $scan]),
          'document_ocr_unavailable', 'nor for a scan');
    reads(pdf('Typed text.', ['FlateDecode', @$second[0, 1], $scan]),
          'a page of text is read', ['Typed text.'], []);
    reads(mail(['image/png', 'a.png', png($second)]),
          'a mail is read without its pictures', [@head], ['a.png',
          '(This file is a picture, and what reads pictures is not there.)']);
}

is($http->get('/api/health/ready')->{status}, 200, 'the server is well');

$t->done;
