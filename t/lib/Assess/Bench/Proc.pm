package Assess::Bench::Proc;

# What processes take: CPU time, memory, and how busy the machine is.

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Assess::Process qw(slurp);

our @EXPORT_OK = qw(cpu cpu_main tree pss anon peak reset_peak busy now);

my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());


# Seconds, of the clock that the programs below t/bench print as well.
sub now { return clock_gettime(CLOCK_MONOTONIC) }


# CPU seconds of these processes, with those of their children that have ended.
sub cpu {
    my $sum = 0;

    for my $pid (@_) {
        my $stat = slurp("/proc/$pid/stat") // next;
        my @field = split ' ', $stat =~ s/.*\) //sr;

        $sum += $_ for @field[11 .. 14];
    }

    return $sum / $tick;
}


# These processes, and all that they have started and that still runs.
sub tree {
    return map { my $pid = $_; ($pid, tree(map { split ' ', slurp($_) // '' }
                 glob "/proc/$pid/task/*/children")) } @_;
}


# CPU seconds of a process's first thread: of nginx's, that is its event loop.
sub cpu_main {
    my ($pid) = @_;

    my ($ns) = (slurp("/proc/$pid/task/$pid/schedstat") // '') =~ /^(\d+)/;
    return ($ns // 0) / 1e9;
}


# Bytes of memory of these processes, a shared page counted once among all.
sub pss  { return rollup('Pss', @_) }

# Those of their own: no file, no shared memory.
sub anon { return rollup('Pss_Anon', @_) }


sub rollup {
    my ($key, @pids) = @_;
    my $sum = 0;

    for my $pid (@pids) {
        my ($kb) = (slurp("/proc/$pid/smaps_rollup") // '')
                   =~ /^\Q$key\E:\s+(\d+)/m;
        $sum += $kb // 0;
    }

    return $sum * 1024;
}


# The most bytes that a process has had resident, since it was reset.
sub peak {
    my ($pid) = @_;

    my ($kb) = (slurp("/proc/$pid/status") // '') =~ /^VmHWM:\s+(\d+)/m;
    return ($kb // 0) * 1024;
}


sub reset_peak {
    my ($pid) = @_;

    open my $fh, '>', "/proc/$pid/clear_refs" or return;
    print {$fh} "5\n";
    close $fh;
}


# CPU seconds of the whole machine: (those used, those there were).
sub busy {
    my ($line) = slurp('/proc/stat') =~ /^cpu +(.*)/m;
    my @field = split ' ', $line;
    my $idle = $field[3] + $field[4];
    my $all = 0;

    $all += $_ for @field[0 .. 7];
    return (($all - $idle) / $tick, $all / $tick);
}


1;
