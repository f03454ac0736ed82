#!/usr/bin/perl

# Documents of many scanned pages: several are read at once, in the CPUs that
# there are, each with limits of its own, and others need not wait for all of
# them.

use strict;
use warnings;

use Compress::Zlib qw(compress);
use FindBin;
use Time::HiRes qw(time);
use lib "$FindBin::RealBin/lib";

use Assess::Jobs qw(changed_conf events_in_log question_set start_job);
use Assess::Pictures qw(picture tiff pdf);
use Assess::Process qw(slurp wait_until write_file);
use Assess::Reading qw(reading pages fails readers document_id);
use Assess::Test;

my $limits = 'assess_extract_limits cpu=2s time=300s pages=100';

my $t = Assess::Test->new(env => { ASSESS_JOBS => 6 },
    extra => "assess_cpu_tasks 2;\n$limits;\n");
my $http = $t->http;
my $set = question_set($t, 'scans', 1);
my @name = qw(alder birch cedar elder hazel larch maple poplar);
my $made = 0;
reading($t, seconds => 300);

# a worker is killed
$t->allow_alarm(qr/exited on signal 9/);
$t->allow_alarm(qr/shared memory zone "assess" was locked by/);


# Other values of the two directives, for what follows.
sub configured {
    my ($text) = @_;

    write_file($t->home->{env}{ASSESS_EXTRA},
               "assess_answer_cache off;\n$text;\n");
    $t->server->reload;
}


# A scan that has been made once serves many documents.
my @scan = map {
    my ($width, $height, $rows) = @{ picture($t->dir, "The $_ stands here.",
        "Behind the $_ is an exit.") };
    ['FlateDecode', $width, $height, compress($rows)];
} @name;

# A document of its own each time, of n scanned pages; the first one is text.
sub scans {
    my ($n) = @_;

    $made++;
    return pdf("Document $made.", map { $scan[$_ % @scan] } 0 .. $n - 1);
}


sub started {
    my ($bytes, $type) = @_;

    my $id = $t->upload($bytes, $type // 'application/pdf');
    return start_job($t, document => $id, set => $set);
}


# What a job has said of its scanned pages so far, as [done, of, progress].
sub said {
    my ($job) = @_;

    my $step = qr/"step":"Reading scanned pages, (\d+) of (\d+)"/;
    my $said = qr/"stage":"extracting",$step,"progress":(\d+)/;

    return map {
        $_->{data} =~ /"jobId":"\Q$job\E".*$said/ ? [$1, $2, $3] : ()
    } events_in_log($t, 0);
}


sub is_reading {
    my ($job) = @_;

    ok(wait_until(60, sub { my @said = said($job); return @said }),
       'its scanned pages are read');
}


sub ended_at {
    my ($job) = @_;

    my ($event) = grep { $_->{data} =~ /"jobId":"\Q$job\E"/
                         && $_->{event} =~ /^(?:complete|error|cancelled)\z/ }
                  events_in_log($t, 0);
    return $event ? $event->{id} : undef;
}


# --- all pages, in their order, by two readers at once

{
    my $began = time;
    my $job = started(scans(32));
    my $most = 0;

    wait_until(120, sub {
        my $n = () = readers($t);

        $most = $n if $n > $most;
        return defined ended_at($job);
    });

    my $took = time - $began;

    is($t->wait_job($job)->{status}, 'completed', '32 scanned pages');
    is($most, 2, 'two are read at once, as many as there are CPUs');

    my $text = $t->sql('select string_agg(page || text, \' \' order by page)'
        . ' from assess.document_pages p join assess.assessment_jobs j'
        . " using (document_id) where j.job_id = '$job'");

    is(join(' ', $text =~ /(\d+)The (\w+) stands/g),
       join(' ', map { ($_ + 2, $name[$_ % @name]) } 0 .. 31),
       'each page has its text');

    my @said = said($job);

    is("@{ $said[0] // [] }", '0 32 0', 'that they are read is told at once');
    is(scalar(grep { $said[$_][0] <= $said[$_ - 1][0]
                     || $said[$_][2] < $said[$_ - 1][2] || $said[$_][1] != 32 }
              1 .. $#said), 0, 'and then how far it is');
    ok(@said > 1, 'more than once');
    cmp_ok(@said - 1, '<=', 2 * $took, 'but twice a second at most');

    # the limit is for each: together they took more, which must be so
    my $used = 0;

    for my $pid ($t->server->processes) {
        my @field = split ' ', (slurp("/proc/$pid/stat") // '') =~ s/.*\) //sr;
        $used = $field[13] if ($field[13] // 0) > $used;
    }

    ok($used > 200, 'together they took more CPU time than one may')
        or diag("$used ticks");
}


# --- a multi-page TIFF

{
    my @pictures = map { picture($t->dir, "The $_ stands here.") }
                   @name[0 .. 4];
    my $text = pages(tiff(\@pictures), 'image/tiff', 'a TIFF of five pages');

    is(join('|', map {s/\s+/ /gr} @$text),
       join('|', map {"The $_ stands here. "} @name[0 .. 4]), 'in its order');
}


# --- what was read of them is not read again

# How many of so many had been read before, as the runs of a job tell.
sub rescued {
    my ($job, $of) = @_;

    my $log = $http->get("/api/assessments/job/$job/logs?limit=200")->{json};

    return map {
        $_->{message} =~ /\A(\d+) of $of scanned pages had been read before\z/
            ? $1 : ()
    } @{ $log->{lines} };
}

sub read_of {
    my ($job, $n) = @_;

    ok(wait_until(60, sub { grep { $_->[0] >= $n } said($job) }),
       "$n of them are read");
}

sub is_whole {
    my ($job, $n) = @_;

    is($t->wait_job($job)->{status}, 'completed', 'the job completes');

    my $text = $t->sql('select string_agg(page || text, \' \' order by page)'
        . ' from assess.document_pages p join assess.assessment_jobs j'
        . " using (document_id) where j.job_id = '$job'");

    is(join(' ', $text =~ /(\d+)The (\w+) stands/g),
       join(' ', map { ($_ + 2, $name[$_ % @name]) } 0 .. $n - 1),
       'each page has its text');
    is($t->sql('select count(*) from assess.scanned_pages'), 0,
       'and what was kept is gone');
}

{
    configured("assess_cpu_tasks 1;\n$limits");

    my $job = started(scans(24));
    read_of($job, 3);
    $t->server->reload;
    read_of($job, 10);

    is($http->delete("/api/assessments/job/$job")->{status}, 202,
       'the job is cancelled');
    is($t->wait_job($job)->{status}, 'cancelled', 'in the middle');
    is($http->post("/api/assessments/job/$job/retry")->{status}, 202,
       'and run again');
    is_whole($job, 24);

    my @rescued = rescued($job, 24);

    is(scalar @rescued, 2, 'both went on');
    cmp_ok($rescued[0] // 0, '>=', 3, 'after the reload with what was read');
    cmp_ok($rescued[1] // 0, '>=', 10, 'and after the other run');
}

{
    my $job = started(scans(80));

    ok(wait_until(60, sub {
        $t->sql('select count(*) from assess.scanned_pages')
    }), 'pages are kept while others are read');

    my $kept = $t->sql('select count(*) from assess.scanned_pages');

    kill 'KILL', $t->server->workers;
    is_whole($job, 80);
    cmp_ok((rescued($job, 80))[0] // 0, '>=', $kept,
           'whoever takes over from a worker that died has them');
}


# --- a small one does not wait for a large one

{
    configured("assess_cpu_tasks 1;\n$limits");

    my $large = started(scans(80));
    is_reading($large);

    my $small = started('<p>A small one.</p>', 'text/html');
    my $scan = started(scans(1));

    is($t->wait_job($_)->{status}, 'completed', 'a small one completes')
        for $small, $scan;

    my ($last) = reverse said($large);
    my $done = $last->[0];
    ok($done < 80 && !defined ended_at($large),
       "when the large one had $done pages of 80");
    is(scalar(() = readers($t)) <= 1, 1, 'on one CPU');

    is($http->delete("/api/assessments/job/$large")->{status}, 202,
       'the large one is cancelled');
    ok(wait_until(20, sub { !readers($t) }), 'its reader ends');
    is($t->wait_job($large)->{status}, 'cancelled', 'so does the job');
}


# --- a reader that is killed, a page that takes too long, and all of them

{
    configured("assess_cpu_tasks 2;\n$limits");

    my $job = started(scans(30));
    is_reading($job);

    my @all;
    ok(wait_until(60, sub { @all = readers($t); return @all }), 'one runs');
    kill 'KILL', $all[0];

    my $ended = $t->wait_job($job);

    # it may just have been done when it was hit
    wait_until(60, sub {
        return 1 if $ended->{status} ne 'completed';
        $job = started(scans(30));
        is_reading($job);
        kill 'KILL', (readers($t))[0] // 0;
        $ended = $t->wait_job($job);
        return $ended->{status} ne 'completed';
    });

    is($ended->{error}{code}, 'document_killed', 'a reader that is killed');
    is(join(' ', readers($t)), '', 'the others end with it');
}

{
    srand 1;
    my $noise = join '', map { chr 255 * (rand > 0.5) } 1 .. 5000;
    my $rows = join '', map { $_ % 2 ? $noise : scalar reverse $noise }
               1 .. 5000;

    like(fails(pdf('Typed text.', $scan[0],
                   ['FlateDecode', 5000, 5000, compress($rows)]),
               'application/pdf', 'document_limit', 'a page of noise'),
         qr/^page 3 of the document, a scan, took longer than 2 s of CPU time/,
         'is named with its limit');
}

{
    configured("assess_cpu_tasks 1;\n$limits document=1s");

    like(fails(scans(30), 'application/pdf', 'document_limit',
               'many pages that take long together'),
         qr/longer than 1 s of time.*all its pages.*document= of assess_ex/,
         'and which limit');
    is(join(' ', readers($t)), '', 'none runs any more');
}

is($http->get('/api/health/ready')->{status}, 200, 'the server is well');

$t->done;
