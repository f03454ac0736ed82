package Assess::Mailbox;

# A server of mail: what it gets is written down, what it refuses is said by the
# name of whom it is for: nobody@ never, busy@ at first.
#
#   my $box = Assess::Mailbox->new;                          # smtp://
#   my $box = Assess::Mailbox->new(certificate => DIR);      # smtps://
#   my $box = Assess::Mailbox->new(certificate => DIR, starttls => 1);
#   $box->url; $box->got;                   # {from, to, auth, data}, ...
#
# With TLS it is openssl's server that listens, one connection after the other,
# or that is asked after STARTTLS; DIR has cert.pem and key.pem.  Then it wants
# a password: me, secret.

use strict;
use warnings;

use IO::Handle;
use IO::Socket::INET;
use IPC::Open2 qw(open2);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX ();

my $coder = JSON::PP->new->canonical;


sub new {
    my ($class, %o) = @_;

    require Assess::Process;
    require Cwd;
    require File::Temp;

    my $dir = File::Temp::tempdir('assess-w-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $self = bless { dir => $dir, owner => $$,
                       tls => $o{certificate} && !$o{starttls},
                       port => Assess::Test::free_port() }, $class;

    (my $lib = Cwd::realpath(__FILE__)) =~ s{/Assess/Mailbox\.pm\z}{};

    $self->{pid} = Assess::Process::spawn(log => "$dir/stderr", cwd => $dir,
        command => [$^X, "-I$lib", '-MAssess::Mailbox', '-e',
                    'Assess::Mailbox::serve', $dir, $self->{port},
                    $o{certificate} // (), $o{starttls} // ()]);

    # a connection would be one that openssl waits for
    Assess::Process::wait_until(10, sub { -e "$dir/ready" })
        or die "the mailbox did not start\n"
        . (Assess::Process::slurp("$dir/stderr") // '');

    return $self;
}


sub url {
    my ($self) = @_;

    return ($self->{tls} ? 'smtps' : 'smtp') . "://127.0.0.1:$self->{port}";
}


sub got {
    my ($self) = @_;

    return map { $coder->decode($_) } split /\n/,
           Assess::Process::slurp("$self->{dir}/got") // '';
}


# Recipients that were named, taken or not.
sub asked {
    my ($self, $who) = @_;

    return scalar grep { $_ eq $who } split /\n/,
           Assess::Process::slurp("$self->{dir}/asked") // '';
}


sub DESTROY {
    my ($self) = @_;

    return unless $self->{pid} && $self->{owner} == $$;
    local ($?, $@);
    Assess::Process::end_all([$self->{pid}], TERM => 5, KILL => 5);
}


# ---- the server

sub serve {
    my ($dir, $port, $certificate, $starttls) = @ARGV;

    $SIG{PIPE} = 'IGNORE';
    return _serve_tls($dir, $port, $certificate)
        if defined $certificate && !$starttls;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 64, Proto => 'tcp', ReuseAddr => 1)
        or die "listen: $!\n";
    my $parent = getppid;

    $SIG{CHLD} = 'IGNORE';
    _say("$dir/ready", '');

    vec(my $in = '', fileno $listen, 1) = 1;

    # whoever started it is gone: so is it
    while (getppid == $parent) {
        next unless select(my $ready = $in, undef, undef, 1) > 0;

        my $client = $listen->accept or next;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            _session($dir, $client, $client, certificate => $certificate);
            POSIX::_exit(0);
        }
    }
}


sub _serve_tls {
    my ($dir, $port, $certificate) = @_;

    my $parent = getppid;
    my $server;

    local $SIG{TERM} = sub { kill 'TERM', $server if $server; POSIX::_exit(0) };

    while (getppid == $parent) {
        $server = _openssl(\my $out, \my $in, $port, $certificate);

        _say("$dir/ready", '');
        _session($dir, $out, $in, tls => 1);

        close $in;
        waitpid $server, 0;
    }
}


sub _openssl {
    my ($out, $in, $port, $certificate) = @_;

    return open2($$out, $$in, 'openssl', 's_server', '-accept',
        "127.0.0.1:$port", '-cert', "$certificate/cert.pem", '-key',
        "$certificate/key.pem", '-naccept', 1, '-quiet');
}


# From here on openssl speaks with the client, by a process that carries the
# bytes between the two.
sub _starttls {
    my ($dir, $client, $certificate) = @_;

    my $spare = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
        Proto => 'tcp', ReuseAddr => 1) or die "listen: $!\n";
    my $port = $spare->sockport;
    close $spare;

    local $SIG{CHLD} = 'DEFAULT';
    my $server = _openssl(\my $out, \my $in, $port, $certificate);
    my $tls;

    for (1 .. 500) {
        $tls = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
            PeerPort => $port) and last;
        select undef, undef, undef, 0.02;
    }

    my $pump = fork // die "fork: $!\n";

    if ($pump == 0) {
        my %other = (fileno $client => $tls, fileno $tls => $client);
        my $open = 1;

        while ($open) {
            vec(my $ready = '', fileno $client, 1) = 1;
            vec($ready, fileno $tls, 1) = 1;
            select($ready, undef, undef, undef);

            for my $from (grep { vec $ready, fileno $_, 1 } $client, $tls) {
                my $n = sysread $from, my $bytes, 65536;

                $open = $n && syswrite $other{ fileno $from }, $bytes;
                last unless $open;
            }
        }

        POSIX::_exit(0);
    }

    close $tls;
    _session($dir, $out, $in, tls => 1, met => 1);
    close $in;

    kill 'TERM', $server;
    waitpid $_, 0 for $server, $pump;
}


sub _say {
    my ($file, $text) = @_;

    open my $fh, '>>', $file or die "$file: $!\n";
    syswrite $fh, "$text\n";
    close $fh;
}


sub _session {
    my ($dir, $in, $out, %o) = @_;

    my %mail;
    my $answer = sub { print {$out} map {"$_\r\n"} @_; $out->flush };

    # nobody is greeted again behind STARTTLS
    $answer->('220 mailbox') unless $o{met};

    while (defined(my $line = <$in>)) {
        $line =~ s/\r?\n\z//;

        if ($line =~ /^EHLO /i) {
            $answer->('250-mailbox', ($o{tls} ? '250-AUTH PLAIN'
                : $o{certificate} ? '250-STARTTLS' : ()), '250 8BITMIME');

        } elsif ($line =~ /^STARTTLS/i && $o{certificate}) {
            $answer->('220 go on');
            return _starttls($dir, $in, $o{certificate});

        } elsif ($line =~ /^AUTH PLAIN ?(.*)/i) {
            my $said = $1;

            if ($said eq '') {
                $answer->('334 ');
                chomp($said = <$in> // '');
            }

            $mail{auth} = decode_base64($said) =~ tr/\0/ /r;
            $answer->($mail{auth} eq ' me secret' ? '235 good' : '535 bad');

        } elsif ($line =~ /^MAIL FROM:<(.*?)>/i) {
            $mail{from} = $1;
            $answer->($o{tls} && ($mail{auth} // '') ne ' me secret'
                      ? '530 who are you' : '250 good');

        } elsif ($line =~ /^RCPT TO:<(.*?)>/i) {
            my $to = $mail{to} = $1;
            my $first = !-e "$dir/busy";

            _say("$dir/asked", $to);
            _say("$dir/busy", '') if $to =~ /^busy@/;
            $answer->($to =~ /^nobody@/ ? '550 no such mailbox'
                : $to =~ /^busy@/ && $first ? '451 not now' : '250 good');

        } elsif ($line =~ /^DATA/i) {
            $answer->('354 go on');
            $mail{data} = '';

            while (defined(my $text = <$in>)) {
                last if $text eq ".\r\n";
                $mail{data} .= $text =~ s/^\.//r;
            }

            _say("$dir/got", $coder->encode(\%mail));
            $answer->('250 good');

        } elsif ($line =~ /^QUIT/i) {
            $answer->('221 bye');
            last;

        } else {
            $answer->('502 what');
        }
    }
}


1;
