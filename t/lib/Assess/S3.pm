package Assess::S3;

# An object storage to test against.  It believes no signature: it works each
# out anew as AWS's documentation has it ("Signature Calculations for the
# Authorization Header"), from the request as it came, and refuses what differs.
#
#   my $s3 = Assess::S3->new(buckets => ['docs']);
#   $s3->store('docs', 'a key', 'bytes', type => 'text/plain');
#   $s3->fault('503 2');
#   my @seen = $s3->requests;        # "GET /docs/a%20key 200"
#
# As a program, for tests in C: perl -It/lib -MAssess::S3 -e 'Assess::S3::serve'
# DIR BUCKET...; the port is in DIR/port.
#
# Faults, in DIR/fault: "503 N" answers the next N requests so, "cut BYTES N"
# breaks their bodies off, "hang N" says nothing, "ignore N" knows no ranges,
# "change N" gives objects another tag.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use Fcntl qw(:flock);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Time::Local qw(timegm);

our $ACCESS = 'ASSESSTESTKEY0000001';
our $SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLEKEY';
our $REGION = 'eu-test-1';


sub new {
    my ($class, %o) = @_;

    require Assess::Process;

    my $dir = tempdir('assess-s3-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $self = bless { dir => $dir, owner => $$ }, $class;

    (my $lib = __FILE__) =~ s{/Assess/S3\.pm\z}{};
    $lib = Cwd::realpath($lib);

    $self->{pid} = Assess::Process::spawn(log => "$dir/stderr", cwd => $dir,
        command => [$^X, "-I$lib", '-MAssess::S3', '-e', 'Assess::S3::serve',
                    $dir, @{ $o{buckets} }]);

    Assess::Process::wait_until(10, sub {
        return (_slurp("$dir/port") // '') =~ /^\d+\n\z/;
    }) or die "the storage has no port\n" . (_slurp("$dir/stderr") // '');

    ($self->{port}) = _slurp("$dir/port") =~ /(\d+)/;

    return $self;
}


sub port { return $_[0]{port} }
sub endpoint { return "http://127.0.0.1:$_[0]{port}" }


sub store {
    my ($self, $bucket, $key, $bytes, %o) = @_;

    _put($self->{dir}, $bucket, $key, $bytes, $o{type} // '');
}


sub object {
    my ($self, $bucket, $key) = @_;

    my $object = _get($self->{dir}, $bucket, $key);
    return $object && $object->{bytes};
}


sub fault {
    my ($self, $fault) = @_;

    _write("$self->{dir}/fault", $fault);
}


sub requests {
    my ($self) = @_;

    return split /\n/, _slurp("$self->{dir}/requests") // '';
}


sub DESTROY {
    my ($self) = @_;

    return unless $self->{pid} && $self->{owner} == $$;
    local ($?, $@);
    Assess::Process::end_all([$self->{pid}], TERM => 5, KILL => 5);
}


# ---- the server

sub serve {
    my ($dir, @buckets) = @ARGV;
    my %bucket = map { $_ => 1 } @buckets;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => 0, Listen => 64, Proto => 'tcp', ReuseAddr => 1)
        or die "listen: $!\n";

    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';
    $SIG{TERM} = sub { kill 'TERM', -getpgrp if getpgrp == $$; exit 0 };

    my $parent = getppid;
    _write("$dir/port", $listen->sockport . "\n");

    vec(my $in = '', fileno $listen, 1) = 1;

    # whoever started it is gone: so is it
    while (getppid == $parent) {
        next unless select(my $ready = $in, undef, undef, 1) > 0;

        my $client = $listen->accept or next;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            $SIG{TERM} = 'DEFAULT';
            close $listen;
            eval { 1 while _one($dir, $client, \%bucket) };
            print STDERR $@ if $@;
            POSIX::_exit(0);
        }

        close $client;
    }
}


sub _line {
    my ($client, $buf) = @_;

    while ($$buf !~ /\n/) {
        sysread $client, $$buf, 65536, length $$buf or return;
    }

    $$buf =~ s/^(.*?)\r?\n//s;
    return $1;
}


my $buf = '';

sub _one {
    my ($dir, $client, $bucket) = @_;

    my $first = _line($client, \$buf) // return 0;
    my ($method, $path) = $first =~ m{^([A-Z]+) (\S+) HTTP/1\.1\z}
        or die "not a request: $first\n";
    my (%header, @order);

    while (defined(my $line = _line($client, \$buf))) {
        last if $line eq '';
        my ($name, $value) = $line =~ /^([^:]+):[ \t]*(.*?)[ \t]*\z/ or die;
        $header{ lc $name } = $value;
    }

    syswrite $client, "HTTP/1.1 100 Continue\r\n\r\n"
        if lc($header{expect} // '') eq '100-continue';

    my $length = $header{'content-length'} // 0;

    while (length $buf < $length) {
        sysread $client, $buf, 65536, length $buf or return 0;
    }

    my $body = substr $buf, 0, $length, '';
    my $fault = _fault($dir);

    # for as long as the other side waits
    return 0 if $fault =~ /^hang/ && defined sysread $client, my $more, 1;

    my ($status, $headers, $answer)
        = $fault =~ /^(\d+)/ ? (_error($1, 'SlowDown', 'Again, later.'))
        : _answer($dir, $bucket, $method, $path, \%header, $body, $fault);

    open my $log, '>>', "$dir/requests" or die "requests: $!\n";
    print {$log} "$method $path $status"
        . (defined $header{range} ? " $header{range}" : '')
        . (defined $header{'if-match'} ? " if $header{'if-match'}" : '')
        . "\n";
    close $log;

    my $sent = $method eq 'HEAD' ? '' : $answer;
    my $cut = $fault =~ /^cut (\d+)/ && $status < 300;

    $sent = substr $sent, 0, $1 if $cut;

    my $text = "HTTP/1.1 $status x\r\n" . join('', map {
        "$_: $headers->{$_}\r\n" } sort keys %$headers)
        . ($status == 204 ? '' : 'Content-Length: ' . length($answer) . "\r\n")
        . "\r\n" . $sent;

    while (length $text) {
        my $n = syswrite $client, $text, 65536;
        return 0 unless defined $n;
        substr $text, 0, $n, '';
    }

    return !$cut;
}


# Why, for whoever looks at a test that failed: some of them want a refusal.
sub _refused {
    my ($dir, $why) = @_;

    open my $fh, '>>', "$dir/refused" or die "refused: $!\n";
    print {$fh} "$why\n";
    close $fh;
}


sub _error {
    my ($status, $code, $message) = @_;

    return ($status, { 'Content-Type' => 'application/xml' },
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>$code</Code>"
        . "<Message>$message</Message></Error>");
}


sub _answer {
    my ($dir, $bucket, $method, $path, $header, $body, $fault) = @_;

    my $wrong = _wrong($method, $path, $header, $body);

    if ($wrong) {
        _refused($dir, "$method $path: $wrong");
        return _error(403, $wrong =~ m{^(?:no|the) date} ? 'RequestTimeTooSkewed'
                           : 'SignatureDoesNotMatch', $wrong);
    }

    (my $plain = $path) =~ s/\?.*//s;
    $plain =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;

    # bucket.localhost, or the first part of the path
    my ($name, $key) = $header->{host} =~ /^([a-z0-9.-]+)\.localhost(?::|\z)/
        ? ($1, substr $plain, 1) : $plain =~ m{^/([^/]+)/(.*)\z}s;

    return _error(404, 'NoSuchBucket', 'There is none.')
        unless defined $name && $bucket->{$name};

    if ($method eq 'PUT') {
        _put($dir, $name, $key, $body, $header->{'content-type'} // '');
        return (200, { ETag => '"' . sha256_hex($body) . '"' }, '');
    }

    if ($method eq 'DELETE') {
        unlink _file($dir, $name, $key);
        return (204, {}, '');
    }

    my $object = _get($dir, $name, $key)
        or return _error(404, 'NoSuchKey', 'There is none.');

    my $bytes = $object->{bytes};
    my $etag = '"' . substr(sha256_hex($bytes . ($fault =~ /^change/ ? 'x' : '')),
                            0, 32) . '"';
    my %answer = (ETag => $etag);

    $answer{'Content-Type'} = $object->{type} if $object->{type} ne '';

    return _error(412, 'PreconditionFailed', 'It is another one.')
        if defined $header->{'if-match'} && $header->{'if-match'} ne $etag;

    if ($fault !~ /^ignore/ && ($header->{range} // '') =~ /^bytes=(\d+)-(\d*)\z/) {
        my ($from, $to) = ($1, $2 eq '' ? length($bytes) - 1 : $2);

        return _error(416, 'InvalidRange', 'There is none.')
            if $from >= length $bytes;

        $to = length($bytes) - 1 if $to >= length $bytes;
        $answer{'Content-Range'} = "bytes $from-$to/" . length $bytes;

        return (206, \%answer, substr $bytes, $from, $to - $from + 1);
    }

    return (200, \%answer, $bytes);
}


# What is wrong with the signature; '' when nothing is.
sub _wrong {
    my ($method, $path, $header, $body) = @_;

    my ($access, $date, $region, $signed, $signature)
        = ($header->{authorization} // '') =~ m{^AWS4-HMAC-SHA256[ ]
            Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,[ ]?
            SignedHeaders=([a-z0-9;-]+),[ ]?Signature=([0-9a-f]{64})\z}x
        or return 'no Authorization that can be read';

    return "another access key: $access" if $access ne $ACCESS;
    return "another region: $region" if $region ne $REGION;

    my $time = $header->{'x-amz-date'} // '';
    my @time = $time =~ /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\z/
        or return 'no date';

    return 'the dates differ' if substr($time, 0, 8) ne $date;
    return 'the date is far off' if abs(time - timegm(@time[5, 4, 3, 2],
        $time[1] - 1, $time[0])) > 900;

    my $sum = $header->{'x-amz-content-sha256'} // '';

    return 'the body is another one'
        if $sum ne 'UNSIGNED-PAYLOAD' && $sum ne sha256_hex($body);

    my @signed = split /;/, $signed;

    return 'the signed headers are not sorted'
        if join(';', sort @signed) ne $signed;

    # all x-amz- headers, the host, and the type where there is one
    for my $name ('host', grep { /^x-amz-/ } keys %$header) {
        return "\"$name\" is not signed" unless grep { $_ eq $name } @signed;
    }

    my ($uri, $query) = $path =~ /^([^?]*)(?:\?(.*))?\z/s;

    $uri =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    $uri =~ s{([^A-Za-z0-9\-._~/])}{sprintf '%%%02X', ord $1}ge;

    my $canonical = join "\n", $method, $uri,
        join('&', sort map { /=/ ? $_ : "$_=" } split /&/, $query // ''),
        (map { my $v = $header->{$_} // ''; $v =~ s/\s+/ /g; "$_:$v" } @signed),
        '', $signed, $sum;

    my $scope = "$date/$region/s3/aws4_request";
    my $text = join "\n", 'AWS4-HMAC-SHA256', $time, $scope,
        sha256_hex($canonical);

    my $key = "AWS4$SECRET";
    $key = hmac_sha256($_, $key) for $date, $region, 's3', 'aws4_request';

    return hmac_sha256_hex($text, $key) eq $signature ? ''
        : "another signature, for:\n$canonical";
}


sub _fault {
    my ($dir) = @_;

    open my $fh, '+<', "$dir/fault" or return '';
    flock $fh, LOCK_EX or die "flock: $!\n";

    my $fault = <$fh> // '';
    my ($what, $n) = $fault =~ /^(.*) (\d+)\s*\z/ or return '';

    if ($n == 0) {
        return '';
    }

    seek $fh, 0, 0;
    print {$fh} "$what " . ($n - 1) . "\n";
    truncate $fh, tell $fh;

    return $what;
}


# ---- objects, in files: a line with the type, and the bytes

sub _file {
    my ($dir, $bucket, $key) = @_;

    return "$dir/object-" . sha256_hex("$bucket/$key");
}


sub _put {
    my ($dir, $bucket, $key, $bytes, $type) = @_;

    _write(_file($dir, $bucket, $key), "$type\n$bytes");
}


sub _get {
    my ($dir, $bucket, $key) = @_;

    my $text = _slurp(_file($dir, $bucket, $key)) // return;
    my ($type, $bytes) = $text =~ /^(.*?)\n(.*)\z/s;

    return { type => $type, bytes => $bytes };
}


sub _slurp {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return;
    local $/;
    return scalar <$fh>;
}


sub _write {
    my ($path, $text) = @_;

    open my $fh, '>:raw', "$path.$$" or die "$path: $!\n";
    print {$fh} $text;
    close $fh or die "$path: $!\n";
    rename "$path.$$", $path or die "$path: $!\n";
}


1;
