package Assess::Uploads;

# Many clients that upload at once and are slow, in a process of their own: they
# send most of it, rate bytes a second together or as fast as it is taken, then
# a byte now and then, and the rest when they are told to.
#
#   my $uploads = Assess::Uploads->new($port, clients => 64, bytes => 50e6,
#                                      rate => 200e6);
#   $uploads->held;                # all but a little of each is sent
#   $uploads->go_on;               # the rest, too
#   my @status = $uploads->ended;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use constant { LITTLE => 4096, PIECE => 65536, TRICKLE => 0.1, PATIENCE => 600 };


sub new {
    my ($class, $port, %o) = @_;

    pipe my $said, my $says or die "pipe: $!\n";
    pipe my $told, my $tells or die "pipe: $!\n";

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        close $_ for $said, $tells;
        $SIG{PIPE} = 'IGNORE';
        alarm PATIENCE;

        my $good = eval { _clients($port, $says, $told, %o); 1 };
        print {$says} "failed: $@" unless $good;
        close $says;
        require POSIX;
        POSIX::_exit(!$good);
    }

    close $_ for $says, $told;
    return bless { pid => $pid, said => $said, tells => $tells }, $class;
}


sub _line {
    my ($self, $what) = @_;

    my $line = readline($self->{said}) // 'nothing';
    die "uploads: $line" unless $line =~ s/^$what ?//;
    chomp $line;
    return $line;
}


sub held { return $_[0]->_line('held') }


sub go_on { syswrite $_[0]{tells}, "on\n" }


# The status of each answer.
sub ended {
    my ($self) = @_;

    my @status = split / /, $self->_line('ended');
    $self->end;
    return @status;
}


sub end {
    my ($self) = @_;

    return unless $self->{pid};
    kill 'KILL', $self->{pid};
    waitpid delete $self->{pid}, 0;
}


sub DESTROY {
    my ($self) = @_;
    local $?;
    $self->end;
}


sub _clients {
    my ($port, $says, $told, %o) = @_;

    my $letters = 'The alarm is tested each week. ' x (PIECE / 31 + 1);
    my @all = map { _client($port, $_, $o{bytes}) } 1 .. $o{clients};
    my $left = @all;
    my $select = IO::Select->new(map { $_->{sock} } @all);
    my %by = map { fileno $_->{sock} => $_ } @all;

    my $begun = time;
    my $sent = 0;

    while ($left) {
        my $early = $o{rate} ? $sent / $o{rate} - (time - $begun) : 0;
        sleep $early if $early > 0;

        for my $sock ($select->can_write(10)) {
            my $c = $by{fileno $sock};

            my $before = $c->{left};
            _send($c, \$letters, $c->{left} - LITTLE);
            $sent += $before - $c->{left};
            next if $c->{left} > LITTLE;
            $select->remove($sock);
            $left--;
        }
    }

    syswrite $says, "held\n";

    my $wait = IO::Select->new($told);
    until ($wait->can_read(TRICKLE)) {
        $_->{left} > 1 and _send($_, \$letters, 1) for @all;
    }

    for my $c (@all) {
        $c->{sock}->blocking(1);
        _send($c, \$letters, $c->{left}) while $c->{left};
    }

    my @status = map { (readline($_->{sock}) // '')
                       =~ /^HTTP\S+ (\d+)/ ? $1 : 'none' } @all;
    syswrite $says, "ended @status\n";
}


sub _client {
    my ($port, $n, $bytes) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp') or die "connect: $!\n";
    my $head = "upload $n of many\n";

    print {$sock} "POST /api/documents HTTP/1.1\r\nHost: a\r\n"
        . "Connection: close\r\nContent-Type: text/plain\r\nContent-Length: "
        . "$bytes\r\n\r\n$head";
    $sock->flush;
    $sock->blocking(0);

    return { sock => $sock, left => $bytes - length $head };
}


sub _send {
    my ($c, $letters, $most) = @_;

    my $n = syswrite $c->{sock}, $$letters, $most < PIECE ? $most : PIECE;
    $c->{left} -= $n // 0;
    die "an upload was broken off: $!\n" unless defined $n || $!{EAGAIN};
}


1;
