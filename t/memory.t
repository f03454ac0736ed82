#!/usr/bin/perl

# A long document does not need memory as it is long: not in nginx's worker, but
# for its text and what is made of it, and not in its readers.

use strict;
use warnings;

use Compress::Zlib qw(compress);
use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Jobs qw(question_set start_job);
use Assess::Pictures qw(picture pdf);
use Assess::Process qw(slurp wait_until);
use Assess::Reading qw(readers);
use Assess::Test;

use constant MB => 1024;                # of kilobytes
use constant PAGES => 619;

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4 }, extra =>
    "    assess_extract_limits memory=128m time=600s cpu=120s;\n");
my $http = $t->http;
my $set = question_set($t, 'memory', 50);

# a sanitizer's memory is its own
if (`$t->{home}{server}{extract} --check` !~ /^memory limit yes$/m) {
    $t->done;
    exit;
}


# The most that a process has had, in kilobytes.
sub peak {
    my ($pid) = @_;

    my ($kb) = (slurp("/proc/$pid/status") // '') =~ /^VmHWM:\s+(\d+)/m;
    return $kb // 0;
}


# The job on a document, once it has ended, and the most that one of its readers
# had.
sub run_job {
    my ($bytes, $type) = @_;

    my $id = start_job($t, document => $t->upload($bytes, $type), set => $set);
    my $most = 0;
    my $job;

    wait_until(300, sub {
        for my $peak (map { peak($_) } readers($t)) {
            $most = $peak if $peak > $most;
        }

        $job = $http->get("/api/assessments/job/$id")->{json};
        return $job->{status} !~ /^(?:queued|processing)\z/;
    });

    return ($job, $most);
}


# Fifty lines of ten words on each page: 3 KB, as pages of prose have.
sub long_pdf {
    my ($n) = @_;

    srand 619;
    my @words = map { join '', map { chr 97 + rand 26 } 1 .. 2 + rand 8 }
                1 .. 20_000;

    return pdf(map {
        my $page = $_;
        join ") Tj /F 4 Tf 0 -5 Td (", "Manual, page $page of $n",
             map { join ' ', map { $words[rand @words] } 1 .. 10 } 1 .. 50;
    } 1 .. $n);
}


my ($worker) = $t->server->workers;

# what any job needs is there after one
my ($job) = run_job('<p>The fire doors of stair 1 are tested.</p>',
                    'text/html');
is($job->{status}, 'completed', 'a small document');


# --- scanned ones: a reader has one page, however many there are

my ($width, $height, $rows) = @{ picture($t->dir, 'The alder stands here.') };
my $scan = ['FlateDecode', $width, $height, compress($rows)];
my %most;

my $idle = peak($worker);

for my $n (1, 24) {
    ($job, $most{$n}) = run_job(pdf("$n scans", ($scan) x $n),
                                'application/pdf');
    is($job->{status}, 'completed', "$n scanned pages");
}

diag("readers of scans had $most{1} and $most{24} KB");

cmp_ok($most{24}, '<', 100 * MB, 'their readers are in the limit');
cmp_ok($most{24}, '<', $most{1} + 8 * MB, 'of many pages as of one');
cmp_ok(peak($worker) - $idle, '<', 4 * MB, 'and the worker has the text alone');


# --- a long one, of text

my $pdf = long_pdf(PAGES);
my $long;

$idle = peak($worker);

($job, $long) = run_job($pdf, 'application/pdf');

is($job->{status}, 'completed', PAGES . ' pages');
is($t->sql('select count(*) from assess.document_pages p join'
    . ' assess.assessment_jobs j using (document_id) where j.job_id ='
    . " '$job->{jobId}' and text like '%, page ' || page || ' of %'"), PAGES,
    'are all there');
cmp_ok($t->sql('select sum(length(text)) from assess.document_pages'), '>',
       1_500_000, 'and have something on them');

my $grown = peak($worker) - $idle;
diag("the worker grew by $grown KB, a reader had $long KB");

cmp_ok($grown, '>', 0, 'a worker needs memory for them');
cmp_ok($grown, '<', 40 * MB, 'of less than 40 MB');
cmp_ok($long, '>', 0, 'a reader was seen');
cmp_ok($long, '<', 64 * MB, 'and had half of what it may have at most');

$t->done;
