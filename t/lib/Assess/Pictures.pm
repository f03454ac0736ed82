package Assess::Pictures;

# Pictures of lines of text, and documents made of them: scans.

use strict;
use warnings;

use Exporter qw(import);

use Assess::Process qw(slurp);

our @EXPORT_OK = qw(picture tiff pdf);


sub run {
    my ($command) = @_;
    system('bash', '-c', "set -o pipefail; $command") == 0
        or die "$command: $?\n";
}


# A picture of lines of text: [width, height, bytes of its rows].  It is left in
# the folder dir, too, as page.jpg.
sub picture {
    my ($dir, @lines) = @_;

    open my $f, '>', "$dir/page.roff" or die "page.roff: $!\n";
    print $f ".ll 6i\n.ps 14\n.vs 20\n.nf\n", map {"$_\n"} @lines;
    close $f or die "page.roff: $!\n";

    run("groff -Tpdf -P-pa5 -P-l $dir/page.roff >$dir/page.pdf");
    run("pdftoppm -r 200 -gray -singlefile $dir/page.pdf $dir/page");
    run("pdftoppm -r 200 -gray -jpeg -singlefile $dir/page.pdf $dir/page");

    my ($width, $height, $rows) = slurp("$dir/page.pgm")
        =~ /\AP5\s+(\d+)\s+(\d+)\s+255\s(.*)\z/s or die "no PGM\n";
    return [$width, $height, $rows];
}


# round: the last page is followed by the first one.
sub tiff {
    my ($pages, $round) = @_;

    my $out = "II*\0\0\0\0\0";
    my $link = 4;

    for my $p (@$pages) {
        my ($width, $height, $rows) = @$p;
        my $at = length $out;

        $out .= $rows . ("\0" x (length($rows) % 2));
        substr $out, $link, 4, pack 'V', length $out;
        $out .= pack 'v', 8;
        $out .= pack 'v2V2', @$_ for [256, 4, 1, $width], [257, 4, 1, $height],
            [258, 3, 1, 8], [259, 3, 1, 1], [262, 3, 1, 1], [273, 4, 1, $at],
            [278, 4, 1, $height], [279, 4, 1, length $rows];
        $link = length $out;
        $out .= pack 'V', 0;
    }

    substr $out, $link, 4, substr $out, 4, 4 if $round;
    return $out;
}


# One page of 595 by 420 points for each [filter, width, height, data]; a text
# is a page with that text.
sub pdf {
    my (@pages) = @_;

    my @objects = ('<</Type/Catalog/Pages 2 0 R>>', '',
        '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>');
    my @kids;

    for my $page (@pages) {
        my ($draw, $resource) = ("BT /F 12 Tf 50 300 Td ($page) Tj ET",
                                 '/Font<</F 3 0 R>>');

        if (ref $page) {
            my ($filter, $width, $height, $data) = @$page;
            push @objects, "<</Type/XObject/Subtype/Image/Width $width/Height"
                . " $height/ColorSpace/DeviceGray/BitsPerComponent 8/Filter"
                . "/$filter/Length " . length($data)
                . ">>stream\n$data\nendstream";
            ($draw, $resource) = ('595 0 0 420 0 0 cm /I Do',
                                  '/XObject<</I ' . @objects . ' 0 R>>');
        }

        push @objects, '<</Length ' . length($draw)
            . ">>stream\n$draw\nendstream";
        push @objects, '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 420]'
            . "/Resources<<$resource>>/Contents " . @objects . ' 0 R>>';
        push @kids, @objects . ' 0 R';
    }

    $objects[1] = '<</Type/Pages/Count ' . @kids . "/Kids[@kids]>>";

    my $out = "%PDF-1.7\n";
    my @at;

    for my $i (0 .. $#objects) {
        push @at, length $out;
        $out .= ($i + 1) . " 0 obj\n$objects[$i]\nendobj\n";
    }

    return $out . "xref\n0 " . (@at + 1) . "\n0000000000 65535 f \n"
        . join('', map { sprintf "%010d 00000 n \n", $_ } @at)
        . 'trailer<</Root 1 0 R/Size ' . (@at + 1) . ">>\nstartxref\n"
        . length($out) . "\n%%EOF\n";
}


1;
