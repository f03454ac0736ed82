package Assess::Faults::Ledger;

# The provider's account (t/lib/provider_log.h) held against what was done to
# the processes that asked: which questions were answered more than once, and
# what excuses it.
#
# An answer that was sent to its end may be asked for again only if it cannot
# have been saved.  What excuses a repetition is the fate of the process that
# got the first answer, between its asking and the moment by which the answer
# must be in the database:
#
#   killed    that process was killed, or told to stop at once
#   frozen    it stood still long enough to lose its lease
#   left      it was told to quit, and the database was away until it was gone
#   woken     the process that asked again had just stood still, and sent what
#             it was about to send when it was stopped
#
# All times are seconds of the monotonic clock.

use strict;
use warnings;

use List::Util qw(max min);

use Assess::Process qw(slurp);

# How long an answer may be under way from the provider's socket to its
# commit, in a machine that is busy; how long after the database is back; how
# long a process that is woken takes to send what it was about to send.
use constant {
    SAVING => 0.5,
    SAVING_AFTER_OUTAGE => 2,
    WAKING => 0.25,
    CLOCK => 0.02,
};


# lease: seconds; killed: {pid => [from, to]}, frozen: {pid => [[from, to]]},
# left: {pid => [told, gone]}, away: [[from, to]] of the database, silent:
# [[from, to]] of the provider, which reads later what was sent meanwhile.
sub new {
    my ($class, %o) = @_;

    return bless { lease => $o{lease}, killed => $o{killed} // {},
        frozen => $o{frozen} // {}, left => $o{left} // {},
        away => [sort { $a->[0] <=> $b->[0] } @{ $o{away} // [] }],
        silent => $o{silent} // [],
        requests => [], by_number => {} }, $class;
}


sub read_file {
    my ($self, $path) = @_;

    my $text = slurp($path) // die "$path: $!\n";
    return $self->read_text($text);
}


sub read_text {
    my ($self, $text) = @_;

    for my $line (split /\n/, $text) {
        my ($type, $time, $number, @rest) = split / /, $line;

        $time /= 1e6;

        if ($type eq 'Q') {
            my ($pid, $path, $name, @ids) = @rest;
            my $r = { number => $number, pid => $pid, read => $time,
                      asked => $self->_sent($time), path => $path, name => $name, ids => \@ids };

            push @{ $self->{requests} }, $r;
            $self->{by_number}{$number} = $r;
            next;
        }

        my $r = $self->{by_number}{$number}
            or die "the account has no request $number\n";

        die "request $number ends twice in the account\n"
            if defined $r->{ended};

        $r->{ended} = $time;
        @$r{qw(status input output)} = @rest if $type eq 'A';
    }

    return $self;
}


# The earliest that it can have been.
sub _sent {
    my ($self, $read) = @_;

    my ($silent) = grep { $_->[0] <= $read && $_->[1] >= $read - WAKING }
                   @{ $self->{silent} };

    return $silent ? $silent->[0] : $read;
}


sub requests { return @{ $_[0]{requests} } }


# Sent to its end, and not an error.
sub answers {
    my ($self) = @_;

    return grep { ($_->{status} // 0) == 200 } $self->requests;
}


# By when the answer to a request must have been saved.
sub deadline {
    my ($self, $r) = @_;

    my $end = $r->{ended} + SAVING;

    for my $away (@{ $self->{away} }) {
        $end = max($end, $away->[1] + SAVING_AFTER_OUTAGE)
            if $away->[0] <= $end && $away->[1] >= $r->{ended} - SAVING;
    }

    return $end;
}


# What excuses that an answered request is sent again; undef where nothing
# does.
sub excuse {
    my ($self, $r) = @_;

    my ($pid, $deadline) = ($r->{pid}, $self->deadline($r));

    # a process that was gone when it was looked for
    my @killed = $pid ? ($self->{killed}{$pid} // ())
                      : values %{ $self->{killed} };

    for my $k (@killed) {
        return 'killed' if $k->[0] <= $deadline
            && $k->[1] >= $r->{asked} - CLOCK;
    }

    for my $f (@{ $self->{frozen}{$pid} // [] }) {
        return 'frozen' if $f->[0] <= $deadline
            && $f->[1] >= $r->{asked} - WAKING
            && $f->[1] - $f->[0] >= $self->{lease} / 2;
    }

    if (my $left = $self->{left}{$pid}) {
        my ($told, $gone) = @$left;

        for my $away (@{ $self->{away} }) {
            return 'left' if $away->[0] <= $gone && $away->[1] >= $told
                && $gone <= max($deadline, $away->[1] + SAVING_AFTER_OUTAGE)
                && $gone >= $r->{ended} - CLOCK;
        }
    }

    return;
}


# Whether a process had just come back from standing still: what it sent then
# it had decided before.  One that is gone by now may have been any.
sub just_woken {
    my ($self, $r) = @_;

    my $frozen = $self->{frozen};
    my @all = $r->{pid} ? $frozen->{ $r->{pid} } // () : values %$frozen;

    return scalar grep { $_->[1] >= $r->{asked} - WAKING
                         && $_->[0] <= $r->{read} } map { @$_ } @all;
}


# Every repetition {name, id, first, again, excuse (undef without)}: a pair of
# requests for a question of which the first was answered.
sub repetitions {
    my ($self) = @_;

    my (%asked, @found);

    for my $r ($self->requests) {
        push @{ $asked{"$r->{name} $_"} }, $r for @{ $r->{ids} };
    }

    for my $key (sort keys %asked) {
        my @all = @{ $asked{$key} };
        my ($name, $id) = split / /, $key;

        for my $i (1 .. $#all) {
            for my $first (grep { ($_->{status} // 0) == 200 }
                           @all[0 .. $i - 1])
            {
                push @found, { name => $name, id => $id, first => $first,
                    again => $all[$i], excuse => $self->excuse($first)
                        // ($self->just_woken($all[$i]) ? 'woken' : undef) };
            }
        }
    }

    return @found;
}


# Repetitions of a question that was in the database by then: nothing excuses
# them but a process that had stood still when it sent them.  saved: {"name
# id" => monotonic time of the transaction that wrote the answer}.
sub asked_though_saved {
    my ($self, $saved) = @_;

    my @found;

    for my $r ($self->requests) {
        for my $id (@{ $r->{ids} }) {
            my $at = $saved->{"$r->{name} $id"} // next;

            push @found, { name => $r->{name}, id => $id, again => $r,
                           excuse => $self->just_woken($r) ? 'woken' : undef,
                           saved => $at }
                if $r->{asked} > $at + CLOCK;
        }
    }

    return @found;
}


# Whether tokens of a job are a sum over its answers: each that was got once
# counts; of those that were got more than once, any, but each question once.
sub accounts_for {
    my ($self, $name, $input, $output) = @_;

    my $of = $self->{of} //= do {
        my %of;
        push @{ $of{ $_->{name} } }, $_ for $self->answers;
        \%of;
    };

    my @answers = @{ $of->{$name} // [] };
    my (%times, @once, @more);

    $times{$_}++ for map { @{ $_->{ids} } } @answers;

    for my $r (@answers) {
        push @{ (grep { $times{$_} > 1 } @{ $r->{ids} }) ? \@more : \@once },
            $r;
    }

    for my $r (@once) {
        $input -= $r->{input};
        $output -= $r->{output};
    }

    # too many to try: at least one of each and at most all
    if (@more > 16) {
        my $most = 0;
        $most += $_->{input} for @more;
        return $input > 0 && $input <= $most;
    }

    my %sums = ('0 0' => 1);

    for my $r (@more) {
        for my $sum (keys %sums) {
            my ($i, $o) = split / /, $sum;
            $sums{ ($i + $r->{input}) . ' ' . ($o + $r->{output}) } = 1;
        }
    }

    return exists $sums{"$input $output"} && (!@more || $input > 0);
}


1;
