package Assess::Mailbox;

# A server of mail: what it gets is written down, what it refuses is said by the
# name of whom it is for: nobody@ never, busy@ at first.
#
#   my $box = Assess::Mailbox->new;                          # smtp://
#   my $box = Assess::Mailbox->new(certificate => DIR);      # smtps://
#   $box->url; $box->got;                   # {from, to, auth, data}, ...
#
# With TLS it is openssl's server that listens, one connection after the other;
# DIR has cert.pem and key.pem.  Then it wants a password: me, secret.

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
    my $self = bless { dir => $dir, owner => $$, tls => $o{certificate},
                       port => Assess::Test::free_port() }, $class;

    (my $lib = Cwd::realpath(__FILE__)) =~ s{/Assess/Mailbox\.pm\z}{};

    $self->{pid} = Assess::Process::spawn(log => "$dir/stderr", cwd => $dir,
        command => [$^X, "-I$lib", '-MAssess::Mailbox', '-e',
                    'Assess::Mailbox::serve', $dir, $self->{port},
                    $o{certificate} // ()]);

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
    my ($dir, $port, $certificate) = @ARGV;

    $SIG{PIPE} = 'IGNORE';
    return _serve_tls($dir, $port, $certificate) if defined $certificate;

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
            _session($dir, $client, $client, 0);
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
        $server = open2(my $out, my $in, 'openssl', 's_server', '-accept',
            "127.0.0.1:$port", '-cert', "$certificate/cert.pem", '-key',
            "$certificate/key.pem", '-naccept', 1, '-quiet');

        _say("$dir/ready", '');
        _session($dir, $out, $in, 1);

        close $in;
        waitpid $server, 0;
    }
}


sub _say {
    my ($file, $text) = @_;

    open my $fh, '>>', $file or die "$file: $!\n";
    syswrite $fh, "$text\n";
    close $fh;
}


sub _session {
    my ($dir, $in, $out, $tls) = @_;

    my %mail;
    my $answer = sub { print {$out} map {"$_\r\n"} @_; $out->flush };

    $answer->('220 mailbox');

    while (defined(my $line = <$in>)) {
        $line =~ s/\r?\n\z//;

        if ($line =~ /^EHLO /i) {
            $answer->('250-mailbox', ($tls ? '250-AUTH PLAIN' : ()), '250 8BITMIME');

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
            $answer->($tls && ($mail{auth} // '') ne ' me secret'
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
