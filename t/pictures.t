#!/usr/bin/perl

# Scanned pages that a model is shown: those that its passages stand on, small,
# as WebP, and where that cannot be done as they are.

use strict;
use warnings;

use Compress::Zlib qw(compress crc32);
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use lib "$FindBin::RealBin/lib";

use Assess::Contract qw(json);
use Assess::Jobs qw(changed_conf events_in_log start_job);
use Assess::Pictures qw(picture tiff pdf);
use Assess::Process qw(slurp write_file);
use Assess::Provider;
use Assess::Test;

my ($images, $program) = ('', 'assess-extract');

changed_conf(sub {
    s{type openai;}{type openai; $images};
    s{/assess-extract(?=")}{/$program};
    return;
});

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env },
    extra => "assess_answer_cache 1h;\n");
my $http = $t->http;
my $dir = $t->dir;

my @trees = qw(alder birch cedar);
my ($made, %scan) = (0);

for my $tree (@trees) {
    $scan{$tree} = picture($dir, "The $tree stands here.",
                           "Behind that $tree is an exit.");
    $scan{jpeg} = slurp("$dir/page.jpg");
}


# What the server has, from now on.
sub with {
    ($images, $program) = @_;

    $t->server->configure;
    $t->server->reload;
}


sub set {
    my ($name, @trees) = @_;

    my $a = $http->put("/api/question-sets/$name", json => { questions =>
        [map { { id => "q.$_", text => "Where is the $_?" } } @trees] });
    die "question set: $a->{status}\n" if $a->{status} !~ /^20/;
    return $name;
}


# A page each: a scan of what is said of a tree, twice as large if wanted, or a
# text.
sub document {
    my ($large, @pages) = @_;

    $made++;
    return pdf("Document $made of trees.", map {
        my ($width, $height, $rows) = @{ $scan{$_} // [] };
        !$scan{$_} ? $_ : $large ? scan(@{ twice($scan{$_}) })
                                 : scan($width, $height, $rows);
    } @pages);
}


sub scan {
    my ($width, $height, $rows) = @_;
    return ['FlateDecode', $width, $height, compress($rows)];
}


# Each dot becomes four.
sub twice {
    my ($width, $height, $rows) = @{ $_[0] };

    $rows =~ s/(.)/$1$1/gs;

    return [$width * 2, $height * 2, join '', map {
        my $row = substr $rows, $_ * $width * 2, $width * 2;
        "$row$row";
    } 0 .. $height - 1];
}


sub png {
    my ($width, $height, $rows) = @{ $_[0] };
    my $data = join '', map { "\0" . substr $rows, $_ * $width, $width }
        0 .. $height - 1;

    return "\x89PNG\r\n\x1a\n" . join '', map {
        my ($type, $data) = @$_;
        pack('N', length $data) . $type . $data . pack 'N', crc32($type . $data)
    } ['IHDR', pack 'N2C5', $width, $height, 8, 0, 0, 0, 0],
      ['IDAT', compress($data)], ['IEND', ''];
}


# Runs a job; what the model was told last: words and pictures, each as
# [page, type, bytes].  With cached nothing is asked.
sub asked {
    my ($what, $bytes, $set, %o) = @_;

    my $type = $o{type} // 'application/pdf';
    my $before = $provider->stats->{requests};
    my $document = $o{document} // $t->upload($bytes, $type);
    my $id = start_job($t, document => $document, set => $set);
    my $job = $t->wait_job($id, 120);
    my $stats = $provider->stats;

    is($job->{status}, 'completed', "$what: a job completes")
        or diag(json($job->{error}));
    is($stats->{requests} - $before, $o{cached} ? 0 : 1,
       $o{cached} ? 'nothing is asked' : 'one request');

    my @messages = @{ JSON::PP->new->decode($stats->{last})->{messages} };
    my $content = $messages[-1]{content};
    my @parts = ref $content ? @$content : ();
    my $words = @parts ? (shift @parts)->{text} : $content;
    my @pictures;

    while (my ($name, $picture) = splice @parts, 0, 2) {
        my ($page) = $name->{text} =~ /^Page (\d+) of the document/;
        my ($type, $data) = $picture->{image_url}{url}
            =~ m{^data:image/(\w+);base64,([\w+/]+=*)\z};

        push @pictures, [$page, $type, decode_base64($data // '')];
    }

    return { job => $id, document => $document, words => $words,
             rules => $messages[0]{content}, pictures => \@pictures };
}


# Width and height, as the header of lossy WebP has them.
sub webp_size {
    my ($bytes) = @_;

    my ($size, $tag, $width, $height) = $bytes
        =~ /\ARIFF(....)WEBPVP8 ....(...)\x9d\x01\x2a(..)(..)/s or return;

    return if unpack('V', $size) + 8 != length $bytes
              || unpack('C', $tag) & 1;
    return (unpack('v', $width) & 0x3fff, unpack('v', $height) & 0x3fff);
}


sub pages_are {
    my ($asked, $what, @pages) = @_;

    return is(join(' ', map { $_->[0] } @{ $asked->{pictures} }), "@pages",
              $what);
}


sub steps {
    my ($asked) = @_;

    return map {
        $_->{data} =~ /"jobId":"$asked->{job}".*"stage":"(\w+)","step":"([^"]+)"/
            ? "$1: $2" : ()
    } events_in_log($t, 0);
}


sub logged { return slurp($t->server->{home} . '/logs/error.log') // '' }


my $birch = set('birch', 'birch');
my $all = set('all', @trees);
my $text = set('text', 'plane');
my $document = document(0, @trees, 'The plane stands at the gate.');


# --- nothing is shown, if nobody wants it

my $plain = asked('off', $document, $birch);

like($plain->{words}, qr/birch stands here/, 'the passages are sent');
pages_are($plain, 'and no picture');
unlike($plain->{rules}, qr/picture/, 'nor is one told of');
is(scalar(grep {/Compressing/} steps($plain)), 0, 'none is made');


# --- the page that a passage stands on

with('images 2;', 'assess-extract');

my $one = asked('on', undef, $birch, document => $plain->{document});

pages_are($one, 'the page of the passage, of a text that was there', 3);
like($one->{words}, qr/birch stands here/, 'beside the passages');
like($one->{rules}, qr/given as pictures/, 'the model is told of it');
is($one->{pictures}[0][1], 'webp', 'it is WebP');

my ($width, $height) = webp_size($one->{pictures}[0][2]);

cmp_ok(abs($width - $scan{birch}[0]), '<=', 2, 'as large as the scan is')
    or diag("$width x $height");
cmp_ok(length($one->{pictures}[0][2]), '<', 100_000, 'and small');

my @steps = steps($one);

is((grep {/Compressing/} @steps)[0],
   'extracting: Compressing pictures, 0 of 1', 'that it is made is told');
is(join(' ', map { (split /:/)[0] } @steps)
   =~ /^extracting .*vector_lookup/ ? 1 : 0, 1, 'before the search');

asked('the same again', undef, $birch, document => $plain->{document},
      cached => 1);

pages_are(asked('a page of text', undef, $text,
                document => $plain->{document}), 'is no picture');


# --- the best ones, not more than may be

my $two = asked('three questions', undef, $all,
                document => $plain->{document});

pages_are($two, 'those of two, for one has an answer', 2, 4);

$two = asked('all of them', document(0, @trees), $all);
pages_are($two, 'as many as may be', 2, 3);


# --- large ones

my $large = asked('a large scan', document(1, 'cedar'), set('c', 'cedar'));

pages_are($large, 'is shown', 2);
($width, $height) = webp_size($large->{pictures}[0][2]);
cmp_ok($width, '>=', 2040, 'as large as may be');
cmp_ok($width, '<=', 2048, 'and not larger') or diag("$width x $height");

my $image = asked('a large image', png(twice($scan{alder})), set('a', 'alder'),
                  type => 'image/png');

pages_are($image, 'is shown', 1);
is(join('x', webp_size($image->{pictures}[0][2])),
   '2048x' . int(2048 * $scan{alder}[1] / $scan{alder}[0] + 0.5),
   'made smaller');

my $tiff = asked('a TIFF', tiff([map { $scan{$_} } @trees]), $birch,
                 type => 'image/tiff');

pages_are($tiff, 'is shown page by page', 2);


# --- what cannot be made smaller

with('images 2;', 'bad/assess-extract');

my $jpeg = $scan{jpeg} . "\0behind it";
my $original = asked('a JPEG', $jpeg, set('j', 'cedar'), type => 'image/jpeg');

pages_are($original, 'is shown all the same', 1);
is($original->{pictures}[0][1], 'jpeg', 'as JPEG');
ok($original->{pictures}[0][2] eq $jpeg, 'byte for byte');

$original = asked('a scan', document(0, 'alder', 'birch'), $birch);
pages_are($original, 'is shown all the same', 3);
is($original->{pictures}[0][1], 'png', 'as PNG');
like($original->{pictures}[0][2], qr/\A\x89PNG\r\n.*IEND....\z/s, 'all of it');


# --- nor sent as it is

my $log = length logged();
my $none = asked('one that is too long', $scan{jpeg} . "\0" x 4_200_000,
                 $birch = set('long', 'cedar'), type => 'image/jpeg');

pages_are($none, 'is left out');
like($none->{words}, qr/cedar stands here/, 'the text is sent');
like(substr(logged(), $log), qr/\[warn\].*job $none->{job}: (?#
     )page 1 is not sent as a picture: it is larger than 4 MB/,
     'the log says why');

with('images 2;', 'assess-extract');
pages_are(asked('later', undef, $birch, document => $none->{document}),
          'what was answered without is no answer to it', 1);

is($http->get('/api/health/ready')->{status}, 200, 'the server is well');

$t->done;
