package Assess::HTTP;

# A small HTTP/1.1 client: what a test sends is what it wrote, nothing more.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


sub new {
    my ($class, %o) = @_;

    return bless {
        port => $o{port}, headers => $o{headers} // {},
        timeout => $o{timeout} // 30,
    }, $class;
}


# The same server with other standing headers: another tenant, another user.
sub with {
    my ($self, %headers) = @_;

    return bless { %$self, headers => { %{ $self->{headers} }, %headers } },
        ref $self;
}


sub get    { my $self = shift; return $self->request('GET', @_) }
sub post   { my $self = shift; return $self->request('POST', @_) }
sub put    { my $self = shift; return $self->request('PUT', @_) }
sub delete { my $self = shift; return $self->request('DELETE', @_) }


# request(method, path, body => bytes, json => data, headers => {...})
# returns {status, reason, headers (names in lower case), body, json}.
sub request {
    my ($self, $method, $path, %o) = @_;

    my %headers = (Host => "127.0.0.1:$self->{port}", Connection => 'close',
                   %{ $self->{headers} }, %{ $o{headers} // {} });

    my $body = $o{body};

    if (exists $o{json}) {
        $body = $json->encode($o{json});
        $headers{'Content-Type'} //= 'application/json';
    }

    $headers{'Content-Length'} //= length $body if defined $body;

    my $head = "$method $path HTTP/1.1\r\n";

    for my $name (sort keys %headers) {
        $head .= "$name: $headers{$name}\r\n" if defined $headers{$name};
    }

    return $self->raw("$head\r\n" . ($body // ''), %o, head => $method eq 'HEAD');
}


# Bytes as they are; undef is returned where no answer comes.
sub raw {
    my ($self, $bytes, %o) = @_;

    my $end = time + ($o{timeout} // $self->{timeout});
    my $sock = $self->connect or return;

    _write($sock, $bytes, $end);
    shutdown $sock, 1 if $o{half_close};

    my $in = '';

    while (time < $end) {
        my $n = _read($sock, \$in, $end);
        last if !$n;
        last if $o{head} && $in =~ /\r\n\r\n/;
        last if _complete($in);
    }

    return parse($in);
}


sub connect {
    my ($self) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{port}, Proto => 'tcp', Timeout => 10);
}


# A server that refuses early stops reading; its answer is read all the same.
sub _write {
    my ($sock, $bytes, $end) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $done = 0;

    $sock->blocking(0);

    while ($done < length $bytes && time < $end) {
        IO::Select->new($sock)->can_write(1) or next;
        my $n = syswrite $sock, $bytes, 65536, $done;
        next if !defined $n && ($!{EAGAIN} || $!{EINTR});
        return if !defined $n;
        $done += $n;
    }
}


sub _read {
    my ($sock, $in, $end) = @_;

    my $left = $end - time;
    return 0 if $left <= 0 || !IO::Select->new($sock)->can_read($left);

    return sysread $sock, $$in, 65536, length $$in;
}


sub _complete {
    my ($in) = @_;

    my ($head, $rest) = split /\r\n\r\n/, $in, 2;
    return 0 if !defined $rest;

    return length $rest >= $1 if $head =~ /^content-length:\s*(\d+)/mi;
    return 0;
}


sub parse {
    my ($in) = @_;

    # 100 Continue and other interim answers come before the one that counts
    1 while $in =~ s{\AHTTP/1\.1 1\d\d .*?\r\n\r\n}{}s;

    my ($head, $body) = split /\r\n\r\n/, $in, 2;
    return if !defined $body;

    my ($first, @lines) = split /\r\n/, $head;
    return unless $first =~ m{^HTTP/1\.[01] (\d{3}) ?(.*)};

    my %a = (status => $1, reason => $2, headers => {}, raw => $head);

    for my $line (@lines) {
        my ($name, $value) = split /:\s*/, $line, 2;
        $name = lc $name;
        $a{headers}{$name} = exists $a{headers}{$name}
            ? "$a{headers}{$name}, $value" : $value;
    }

    if (lc($a{headers}{'transfer-encoding'} // '') eq 'chunked') {
        ($body, $a{truncated}) = _dechunk($body);

    } elsif (defined $a{headers}{'content-length'}
             && length $body < $a{headers}{'content-length'})
    {
        $a{truncated} = 1;
    }

    $a{body} = $body;

    if (($a{headers}{'content-type'} // '') =~ m{^application/(?:\S+\+)?json}) {
        $a{json} = eval { $json->decode($body) };
    }

    return \%a;
}


sub _dechunk {
    my ($in) = @_;

    my $out = '';

    while ($in =~ s/\A([0-9A-Fa-f]+)[^\r\n]*\r\n//) {
        my $n = hex $1;

        return ($out, 0) if $n == 0;
        return ($out . $in, 1) if length $in < $n + 2;

        $out .= substr $in, 0, $n;
        substr $in, 0, $n + 2, '';
    }

    return ($out, 1);
}


# multipart/form-data out of [name, value] and [name, bytes, filename, type].
sub multipart {
    my (@parts) = @_;

    my $boundary = 'assess' . join '', map { int rand 10 } 1 .. 24;
    my $body = '';

    for my $part (@parts) {
        my ($name, $bytes, $filename, $type) = @$part;

        $body .= "--$boundary\r\nContent-Disposition: form-data; name=\"$name\"";
        $body .= "; filename=\"$filename\"" if defined $filename;
        $body .= "\r\n";
        $body .= "Content-Type: $type\r\n" if defined $type;
        $body .= "\r\n$bytes\r\n";
    }

    return (body => "$body--$boundary--\r\n", headers =>
        { 'Content-Type' => "multipart/form-data; boundary=$boundary" });
}


# A stream of Server-Sent Events; see Assess::HTTP::Events below.
sub events {
    my ($self, $path, %headers) = @_;

    my $sock = $self->connect or return;
    %headers = (Host => "127.0.0.1:$self->{port}",
                Accept => 'text/event-stream', %{ $self->{headers} }, %headers);

    _write($sock, join('', "GET $path HTTP/1.1\r\n",
        (map {"$_: $headers{$_}\r\n"} sort keys %headers), "\r\n"), time + 10);

    return Assess::HTTP::Events->new($sock, $self->{timeout});
}


package Assess::HTTP::Events;

use Time::HiRes qw(time);


# status and headers are there once the first line of the answer is.
sub new {
    my ($class, $sock, $timeout) = @_;

    my $self = bless { sock => $sock, in => '', text => '', queue => [],
                       id => undef, retry => undef, comments => 0 }, $class;
    my $end = time + $timeout;

    until ($self->{in} =~ /\r\n\r\n/) {
        Assess::HTTP::_read($sock, \$self->{in}, $end) or return $self;
    }

    my ($head, $rest) = split /\r\n\r\n/, $self->{in}, 2;
    my $answer = Assess::HTTP::parse("$head\r\n\r\n");

    @$self{qw(status headers)} = @$answer{qw(status headers)};
    $self->{chunked} = ($self->{headers}{'transfer-encoding'} // '') eq 'chunked';
    $self->{in} = $rest;
    $self->_take;

    return $self;
}


# The next event {event, id, data, json}; undef when the time is up or the
# stream has ended (then "ended" is set).
sub next {
    my ($self, $timeout) = @_;

    my $end = time + ($timeout // 10);

    until (@{ $self->{queue} }) {
        return if $self->{ended};

        my $n = Assess::HTTP::_read($self->{sock}, \$self->{in}, $end);
        return if time >= $end && !$n;

        if (!$n) {
            $self->{ended} = 1;
            return;
        }

        $self->_take;
    }

    return shift @{ $self->{queue} };
}


# Events until one satisfies the test; undef when none did in time.
sub until {
    my ($self, $test, $timeout) = @_;

    my $end = time + ($timeout // 30);

    while (defined(my $event = $self->next($end - time))) {
        return $event if $test->($event);
    }

    return;
}


sub close {
    my ($self) = @_;

    close $self->{sock} if $self->{sock};
    $self->{ended} = 1;
}


sub _take {
    my ($self) = @_;

    if ($self->{chunked}) {

        while ($self->{in} =~ /\A([0-9A-Fa-f]+)[^\r\n]*\r\n/) {
            my ($n, $head) = (hex $1, $+[0]);

            last if length $self->{in} < $head + $n + 2;

            $self->{text} .= substr $self->{in}, $head, $n;
            substr $self->{in}, 0, $head + $n + 2, '';
            $self->{ended} = 1 if $n == 0;
        }

    } else {
        $self->{text} .= $self->{in};
        $self->{in} = '';
    }

    while ($self->{text} =~ s/\A(.*?)\n\n//s) {
        $self->_event($1);
    }
}


sub _event {
    my ($self, $block) = @_;

    my (%event, @data);

    for my $line (split /\n/, $block) {
        if ($line =~ /^:/) {
            $self->{comments}++;
            next;
        }

        my ($name, $value) = split /: ?/, $line, 2;
        $value //= '';

        if ($name eq 'data') {
            push @data, $value;
        } elsif ($name eq 'retry') {
            $self->{retry} = $value;
        } else {
            $event{$name} = $value;
        }
    }

    $self->{id} = $event{id} if defined $event{id};
    return unless @data;

    $event{event} //= 'message';
    $event{data} = join "\n", @data;
    $event{json} = eval { $json->decode($event{data}) };

    push @{ $self->{queue} }, \%event;
}


1;
