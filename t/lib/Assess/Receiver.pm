package Assess::Receiver;

# A receiver of webhooks: what it answers is said by the path, what it got is
# written down.
#
#   my $receiver = Assess::Receiver->new(hosts => ['127.0.0.2']);
#   $receiver->url('/ok');                  # on the first of its hosts
#   $receiver->got;                         # {path, id, ..., body, status}, ...
#
# /ok, /status/N, /half (every other delivery of a notice gets 500), /later (429
# and Retry-After at first), /slow (takes its time), /hang, /redirect, /endless.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Time::HiRes qw(sleep time);

use Assess::Web qw(say_to there);

our @ISA = ('Assess::Web');

my $coder = JSON::PP->new->canonical;


# What has come, in its order, of one path or of all.
sub got {
    my ($self, $path) = @_;

    my @all = map { $coder->decode($_) } $self->lines('got');

    return grep { !defined $path || $_->{path} eq $path } @all;
}


# Whether one of the signatures is that of the secret, as a receiver looks.
sub signed {
    my ($got, $secret) = @_;

    my $key = decode_base64($secret =~ s/^whsec_//r);
    my $want = 'v1,' . encode_base64(hmac_sha256(
        "$got->{id}.$got->{timestamp}.$got->{body}", $key), '');

    return scalar grep { $_ eq $want } split / /, $got->{signature} // '';
}


# ---- the server

sub serve { return Assess::Web::serve_as(__PACKAGE__, @ARGV) }


sub one {
    my ($class, $dir, $client) = @_;

    my $in = '';

    while ($in !~ /\r\n\r\n/) {
        sysread $client, $in, 65536, length $in or return;
    }

    my ($head, $body) = split /\r\n\r\n/, $in, 2;
    my ($path) = $head =~ m{^POST (\S+) HTTP/1\.1\r\n} or die "no POST: $head\n";
    my ($length) = $head =~ /^content-length: *(\d+)/mi or die "no length\n";

    while (length $body < $length) {
        sysread $client, $body, 65536, length $body or return;
    }

    my %got = (path => $path, host => $client->sockhost, at => time,
               body => $body, head => $head);

    for my $name (qw(id timestamp signature)) {
        ($got{$name}) = $head =~ /^webhook-$name: *(.*?)\r?$/mi;
    }

    my $status = _status($dir, $path, $got{id} // 'none');

    $got{status} = $status;
    say_to("$dir/got", $coder->encode(\%got));

    if ($path eq '/hang') {
        sleep 0.05 while getppid != 1 && -d $dir && there($client);
        return;
    }

    sleep 0.4 if $path =~ m{^/slow};

    my $more = $status == 302 ? "Location: /stolen\r\n"
             : $status == 429 ? "Retry-After: 2\r\n" : '';

    my $answer = "HTTP/1.1 $status x\r\nConnection: close\r\n$more";

    if ($path eq '/endless') {
        syswrite $client, "$answer\r\n";
        1 while syswrite $client, 'x' x 65536;
        return;
    }

    syswrite $client, "${answer}Content-Length: 2\r\n\r\nok";
    shutdown $client, 1;
}


# How often one has come is a file of its own: each connection has a process.
sub _status {
    my ($dir, $path, $id) = @_;

    say_to("$dir/n-$id", $path) if $id =~ /^[0-9a-f-]+\z/;
    my $n = () = _slurp("$dir/n-$id") =~ /\n/g;

    return $1 if $path =~ m{^/status/(\d+)};
    return 302 if $path eq '/redirect';
    return $n % 2 ? 500 : 200 if $path =~ m{^/slow/half|^/half};
    return $n == 1 ? 429 : 200 if $path eq '/later';
    return 200;
}


sub _slurp {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/;
    return scalar <$fh>;
}


1;
