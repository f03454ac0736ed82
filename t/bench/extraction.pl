#!/usr/bin/perl

# Jobs over real PDFs, none of which has been read before, with the provider
# "local": how busy they keep the cores, and what CPU time they take beside
# that of bare pdftotext over the same files.
#
#   t/bench/extraction.pl DIRECTORY QUESTIONS.json [jobs=100] [slots=8]
#
# DIRECTORY holds *.pdf, which are taken in turn, each time with another comment
# at its end.  QUESTIONS is {"questions":[{"id","question" or "text",...}]}.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $repo;
BEGIN { $repo = abs_path(dirname(__FILE__) . '/../..'); }
use lib "$repo/t/lib";

use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX qw(sysconf _SC_CLK_TCK);
use Time::HiRes qw(sleep time);

use Assess::Home;
use Assess::Process qw(slurp wait_until write_file);
use Assess::Test ();

my ($from, $questions, @settings) = @ARGV;
my %o = (jobs => 100, slots => 8);

for (@settings) {
    /^(\w+)=(\d+)\z/ && exists $o{$1} or die "no such setting: $_\n";
    $o{$1} = $2;
}

my @files = defined $from ? sort glob "$from/*.pdf" : ();
die "usage: $0 DIRECTORY QUESTIONS.json [jobs=N] [slots=N]\n"
    if !@files || !defined $questions;

my $dir = tempdir('assess-b-XXXXXX', TMPDIR => 1);
chmod 0755, $dir;
my $home;

$| = 1;
local $SIG{INT} = local $SIG{TERM} = sub { exit 1 };

END {
    my $status = $?;
    if ($home) {
        eval { $home->stop('stop'); $home->cluster->remove; 1 } or warn $@;
    }
    remove_tree($dir);
    $? = $status;
}


# CPU seconds of processes and of those that they have waited for.
sub cpu {
    my $ticks = 0;

    for my $pid (@_) {
        my $stat = slurp("/proc/$pid/stat") // next;
        my @f = split ' ', $stat =~ s/.*\) //sr;
        $ticks += $f[$_] for 11 .. 14;
    }

    return $ticks / sysconf(_SC_CLK_TCK);
}


# Seconds that all cores were busy, and that there were.
sub cores {
    my (undef, @t) = split ' ', (split /\n/, slurp('/proc/stat'))[0];
    my $all = 0;

    $all += $_ for @t[0 .. 7];
    return (($all - $t[3] - $t[4]) / sysconf(_SC_CLK_TCK),
            $all / sysconf(_SC_CLK_TCK));
}


# Processes, and all that they have started, of this moment.
sub tree {
    return map { my $pid = $_; ($pid, tree(map { split ' ', slurp($_) // '' }
                 glob "/proc/$pid/task/*/children")) } @_;
}


# All of them with pdftotext, as many at once as there are cores.
sub bare {
    my $cores = () = slurp('/proc/cpuinfo') =~ /^processor\s*:/mg;
    my @before = times;
    my @left = glob "$dir/pdf/*.pdf";
    my $running = 0;

    while (@left || $running) {
        if (@left && $running < $cores) {
            my $file = shift @left;
            my $pid = fork // die "fork: $!\n";

            if ($pid == 0) {
                open STDERR, '>', '/dev/null';
                exec "pdftotext", $file, "$dir/bare.$$.txt"
                    or POSIX::_exit(127);
            }
            $running++;

        } else {
            wait;
            die "pdftotext failed\n" if $?;
            $running--;
        }
    }

    my @after = times;
    unlink glob "$dir/bare.*";
    return $after[2] - $before[2] + $after[3] - $before[3];
}


mkdir "$dir/$_" or die $! for qw(home pdf);

write_file(sprintf("$dir/pdf/%04d.pdf", $_),
           slurp($files[$_ % @files]) . "\n% document $_\n")
    for 0 .. $o{jobs} - 1;

$home = Assess::Home->new(home => "$dir/home", quiet => 1,
    port => Assess::Test::free_port(),
    env => { %ENV, ASSESS_JOBS => $o{slots}, ASSESS_PROVIDER => 'local',
             OPENAI_API_KEY => '', ANTHROPIC_API_KEY => '',
             ASSESS_EXTRA => "$dir/extra.conf" });
write_file("$dir/extra.conf", "assess_answer_cache off;\n");
$home->start;

my $http = $home->http;
my $set = decode_json(slurp($questions) // die "$questions: $!\n");
my @set = map { my $q = $_; { id => $q->{id},
    text => $q->{text} // $q->{question},
    map { defined $q->{$_} && !ref $q->{$_} && $q->{$_} ne ''
          ? ($_ => $q->{$_}) : () } qw(guidance category) } }
    @{ $set->{questions} };

my $a = $http->put('/api/question-sets/bench', json => { questions => \@set });
die "no question set: $a->{status} $a->{body}\n" if $a->{status} !~ /^20/;

my @documents = map {
    my $a = $http->post('/api/documents', body => slurp($_),
                        headers => { 'Content-Type' => 'application/pdf' });
    die "no document: $a->{status}\n" if $a->{status} !~ /^20/;
    $a->{json}{documents}[0]{documentId};
} glob "$dir/pdf/*.pdf";

my $bare = bare();

my ($master) = $home->server->{pid};
my @workers = split ' ', slurp("/proc/$master/task/$master/children") // '';

# what was uploaded is on the disk, and no part of the figures
$home->cluster->sql_as('postgres', 'postgres', 'CHECKPOINT');

my @cores = cores();
my @before = (cpu(tree(@workers)), cpu(tree($home->cluster->{pid})));
my $begun = time;

for (@documents) {
    my $a = $http->post('/api/assessments/start',
        json => { documentId => $_, questionSet => 'bench' });
    die "not started: $a->{status} $a->{body}\n" if $a->{status} != 202;
}

wait_until(300, sub {
    sleep 0.05;
    my $c = $http->get('/api/assessments/counters')->{json};
    return $c->{queued} + $c->{processing} == 0;
}) or die "jobs do not end\n";

my $took = time - $begun;
my @after = (cpu(tree(@workers)), cpu(tree($home->cluster->{pid})));
my @idle = cores();
my $counters = $http->get('/api/assessments/counters')->{json};

die "$counters->{failed} jobs failed\n" if $counters->{failed};

my ($nginx, $database) = map { $after[$_] - $before[$_] } 0, 1;

printf "%d jobs of %d questions over %d PDFs in %.2f s\n", $o{jobs},
    scalar @set, scalar @files, $took;
printf "  cores busy                 %6.1f %%\n",
    100 * ($idle[0] - $cores[0]) / ($idle[1] - $cores[1]);
printf "  pdftotext                  %6.2f s CPU\n", $bare;
printf "  nginx and its children     %6.2f s CPU  %5.2f of pdftotext\n",
    $nginx, $nginx / $bare;
printf "  PostgreSQL                 %6.2f s CPU  %5.2f\n", $database,
    $database / $bare;
printf "  together                   %6.2f s CPU  %5.2f\n",
    $nginx + $database, ($nginx + $database) / $bare;
