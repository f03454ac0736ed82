package Assess::Source;

# A web server to fetch documents from, well behaved and otherwise: what it does
# is said by the path.
#
#   my $source = Assess::Source->new(hosts => ['127.0.0.2', '127.0.0.1']);
#   $source->url('/text');                  # on the first of its hosts
#   $source->requests;                      # "127.0.0.2 /text"
#
# As a program, for tests in C: perl -It/lib -MAssess::Source -e
# 'Assess::Source::serve' DIR HOST...; the port, the same on all, is in DIR/port.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Assess::Web qw(say_to there);

our @ISA = ('Assess::Web');
our $TEXT = "The fire exits are checked each week.\n";


# What was asked for, by the address that was asked.
sub requests {
    return $_[0]->lines('requests');
}


# Connections whose other side went away before the end.
sub broken {
    return $_[0]->lines('broken');
}


# ---- the server

sub serve { return Assess::Web::serve_as(__PACKAGE__, @ARGV) }


sub one {
    my ($class, $dir, $client) = @_;

    my $head = '';

    while ($head !~ /\r\n\r\n/) {
        sysread $client, $head, 65536, length $head or return;
    }

    my ($path) = $head =~ m{^GET (\S+) HTTP/1\.1\r\n} or die "no GET: $head\n";

    say_to("$dir/requests", $client->sockhost . " $path");
    say_to("$dir/heads", $head);

    # whoever would read it may have gone, and the folder too
    _answer($client, $path) or -d $dir && say_to("$dir/broken", $path);

    # with no bytes unread, so that it is an end and not a reset
    shutdown $client, 1;
}


# All of it written: 1.  Who went away is noticed, at the latest with the next
# bytes.
sub _write {
    my ($client, $text) = @_;

    while (length $text) {
        my $n = syswrite $client, $text, 65536;
        return 0 unless defined $n;
        substr $text, 0, $n, '';
    }

    return 1;
}


sub _whole {
    my ($client, $status, $body, @headers) = @_;

    return _write($client, join "\r\n", "HTTP/1.1 $status x", @headers,
        'Content-Length: ' . length $body, 'Connection: close', '', $body);
}


sub _answer {
    my ($client, $path) = @_;

    my $type = 'Content-Type: text/plain';

    return _whole($client, 200, $TEXT, $type) if $path =~ m{^/text\b};
    return _whole($client, 200, '', $type) if $path eq '/empty';
    return _whole($client, 200, "\x1f\x8b\x08binary", 'Content-Type: text/plain')
        if $path eq '/binary';

    # what is not true of it
    return _whole($client, 200, $TEXT, 'Content-Type: application/pdf')
        if $path eq '/lies.txt';
    return _whole($client, 200, $TEXT, "Content-Type: text/pl\xe4in")
        if $path eq '/odd';
    return _whole($client, 200, $TEXT) if $path eq '/untyped';

    return _whole($client, 200, $TEXT, $type, 'Content-Disposition: attachment;'
        . ' filename="plain.txt"; filename*=UTF-8\'\'Gr%C3%B6%C3%9Fe.txt')
        if $path eq '/named';
    return _whole($client, 200, $TEXT, $type, 'Content-Disposition: attachment;'
        . ' filename="../../etc/passwd"') if $path eq '/badly/named';
    return _whole($client, 200, $TEXT, $type, 'Content-Disposition: "')
        if $path eq '/worse/named.txt';

    return _whole($client, $1, 'no', $type) if $path =~ m{^/status/(\d+)};
    return _whole($client, 206, $TEXT, $type) if $path eq '/part';

    return _whole($client, 302, 'elsewhere', "Location: $path")
        if $path eq '/loop';
    return _whole($client, 302, 'x' x 100_000, 'Location: /text')
        if $path eq '/redirect/long';
    return _whole($client, $1, '', "Location: " . _decode($2))
        if $path =~ m{^/redirect/(\d+)/(.*)\z};
    return _whole($client, 302, '', 'Location: ' . ($1 > 1 ? '/hops/' . ($1 - 1)
                                                     : '/text'))
        if $path =~ m{^/hops/(\d+)\z};

    return _whole($client, 200, 'x' x $1, $type) if $path =~ m{^/length/(\d+)\z};

    # says more than it sends
    return _write($client, "HTTP/1.1 200 x\r\n$type\r\nContent-Length: "
        . ($1 // 1000) . "\r\n\r\n" . ('x' x 100))
        if $path =~ m{^/cut(?:/(\d+))?\z};

    # as little as a few bytes that are many: nothing is to unpack them
    return _whole($client, 200, _bomb(), $type, 'Content-Encoding: gzip')
        if $path eq '/bomb';
    return _whole($client, 200, $TEXT, $type, 'Content-Encoding: identity')
        if $path eq '/identity';

    return _chunked($client, $1) if $path =~ m{^/chunked/(\d+)\z};
    return _endless($client, "HTTP/1.1 200 x\r\n$type\r\n\r\n", 'x' x 65536)
        if $path eq '/endless';
    return _endless($client, "HTTP/1.1 200 x\r\n", "X-More: more\r\n" x 1000)
        if $path eq '/headers';

    if ($path eq '/hang') {
        sleep 0.05 while there($client);
        return 0;
    }

    if ($path eq '/slow') {
        _write($client, "HTTP/1.1 200 x\r\n$type\r\n\r\n") or return 0;
        sleep 0.05 while there($client) && _write($client, 'x');
        return 0;
    }

    return _whole($client, 404, 'none', $type);
}


sub _decode {
    my ($text) = @_;

    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $text;
}


sub _bomb {
    require IO::Compress::Gzip;

    my ($plain, $packed) = (' ' x 10_000_000, '');
    IO::Compress::Gzip::gzip(\$plain, \$packed);
    return $packed;
}


sub _chunked {
    my ($client, $left) = @_;

    _write($client, "HTTP/1.1 200 x\r\nContent-Type: text/plain\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n") or return 0;

    while ($left > 0) {
        my $n = $left < 50_000 ? $left : 50_000;

        _write($client, sprintf("%x\r\n", $n) . ('x' x $n) . "\r\n")
            or return 0;
        $left -= $n;
    }

    return _write($client, "0\r\n\r\n");
}


sub _endless {
    my ($client, $head, $more) = @_;

    _write($client, $head) or return 0;
    1 while _write($client, $more);
    return 0;
}


1;
