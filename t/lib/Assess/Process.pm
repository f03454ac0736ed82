package Assess::Process;

# Processes that are started here, and those that an earlier run left behind:
# nothing is ended that is not known by its id and by where it works.

use strict;
use warnings;

use Cwd qw(realpath);
use Exporter qw(import);
use POSIX qw(:sys_wait_h setsid);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(spawn run_as alive working_in end_all wait_until become
                    reachable slurp write_file);


sub slurp {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return;
    local $/;
    return scalar <$fh>;
}


sub write_file {
    my ($path, $text, $mode) = @_;

    unlink "$path.new";
    sysopen my $fh, "$path.new", POSIX::O_WRONLY | POSIX::O_CREAT
        | POSIX::O_EXCL, $mode // 0644 or die "$path.new: $!\n";
    print {$fh} $text;
    close $fh or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
}


# In a child: another user for good, its groups with it.
sub become {
    my ($user) = @_;

    my (undef, undef, $uid, $gid) = getpwnam $user
        or die "there is no user \"$user\"\n";

    $) = "$gid $gid";
    $( = $gid;
    $< = $uid;
    $> = $uid;

    die "cannot become \"$user\"\n" if $< != $uid || $> != $uid;
    $ENV{HOME} = '/';
}


# Starts a program in a session of its own, so that a terminal's Ctrl-C
# reaches only us and everything ends in its order.
sub spawn {
    my (%o) = @_;

    my $pid = fork;
    die "fork: $!\n" unless defined $pid;
    return $pid if $pid;

    eval {
        setsid();
        open STDIN, '<', '/dev/null' or die "/dev/null: $!\n";
        open STDOUT, '>>', $o{log} or die "$o{log}: $!\n";
        open STDERR, '>&', \*STDOUT or die "stderr: $!\n";
        chdir($o{cwd} // '/') or die "$o{cwd}: $!\n";
        %ENV = (%ENV, %{ $o{env} // {} });
        become($o{user}) if defined $o{user};
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP QUIT PIPE);
        no warnings 'exec';
        exec { $o{command}[0] } @{ $o{command} }
            or die "$o{command}[0]: $!\n";
    };

    print STDERR $@;
    POSIX::_exit(127);
}


# Runs a program to its end: (exit status, output).
sub run_as {
    my ($user, @command) = @_;

    my $pid = open my $out, '-|';
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        eval {
            chdir '/';
            open STDERR, '>&', \*STDOUT;
            become($user) if defined $user;
            no warnings 'exec';
            exec { $command[0] } @command or die "$command[0]: $!\n";
        };
        print STDERR $@;
        POSIX::_exit(127);
    }

    local $/;
    my $text = <$out>;
    close $out;

    return ($? >> 8 || ($? ? 128 : 0), $text // '');
}


# Whether a user can get at a path.
sub reachable {
    my ($user, $path) = @_;

    my $pid = fork;
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        my $good = eval {
            become($user);
            -d $path ? chdir $path : -r -x $path;
        };
        POSIX::_exit($good ? 0 : 1);
    }

    waitpid $pid, 0;
    return $? == 0;
}


# A zombie is not alive: it answers kill 0, and does nothing more.
sub alive {
    my ($pid) = @_;

    return 0 if waitpid($pid, WNOHANG) == $pid;

    my $stat = slurp("/proc/$pid/stat") or return 0;
    return $stat !~ /\) [ZX] [^)]*\z/;
}


# The ids of living programs of these names whose directory is this one.
sub working_in {
    my ($dir, @names) = @_;

    $dir = realpath($dir) // return;
    my @found;

    for my $proc (glob '/proc/[0-9]*') {
        my $cwd = readlink "$proc/cwd" // next;
        my $exe = readlink "$proc/exe" // next;

        $exe =~ s/ \(deleted\)\z//;
        $exe =~ s{.*/}{};

        next unless $cwd eq $dir && grep { $exe eq $_ } @names;

        my $pid = substr $proc, 6;
        push @found, $pid if alive($pid);
    }

    return @found;
}


sub wait_until {
    my ($seconds, $test) = @_;

    my $end = time + $seconds;

    until ($test->()) {
        return 0 if time > $end;
        sleep 0.02;
    }

    return 1;
}


# Ends processes: each signal in turn, with the seconds that it has.
sub end_all {
    my ($pids, @steps) = @_;

    while (my ($signal, $seconds) = splice @steps, 0, 2) {
        my @left = grep { alive($_) } @$pids or return 1;

        kill $signal, @left;
        return 1 if wait_until($seconds, sub { !grep { alive($_) } @left });
    }

    return !grep { alive($_) } @$pids;
}


1;
