#!/usr/bin/perl

# Readers of documents that do harm, or come to harm: each end has a code of its
# own, none leaves a process, and none is tried for ever.  The program is the
# real one, but for one reader that does what the document says: see
# lib/bad_reader.c.

use strict;
use warnings;

use Compress::Zlib qw(compress);
use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(changed_conf question_set start_job);
use Assess::Process qw(slurp wait_until write_file);
use Assess::Reading qw(readers);
use Assess::Test;

my $kept = 'a real one';

changed_conf(sub { s{/assess-extract(?=")}{/bad/assess-extract}; return });

my $t = Assess::Test->new(env => { ASSESS_JOBS => 8 }, extra =>
    "    assess_extract_limits memory=128m cpu=3s time=300s output=1m;\n");
my $http = $t->http;
my $set = question_set($t, 'box', 1);
my $made = 0;

# not in a sanitizer's build
my $limited = `$t->{home}{server}{extract} --check` =~ /^memory limit yes$/m;


# A document of its own that tells its reader what to do.
sub told {
    my ($act) = @_;

    $made++;
    return $t->upload("<html><p>$act of $made</p></html>", 'text/html');
}


# A page that draws this, and a form that it may draw; its table of contents is
# left to the reader.
sub pdf_of {
    my ($content, $filter, $form) = @_;

    my $more = $form ? '5 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]'
        . '/Length ' . length($form->[0]) . "/Filter[$form->[1]]>>stream\n"
        . "$form->[0]\nendstream endobj\n" : '';

    return "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        . "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
        . '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents'
        . ' 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont'
        . '/Helvetica>>>>/XObject<</X 5 0 R>>>>>>endobj' . "\n4 0 obj<</Length " . length($content)
        . "/Filter[$filter]>>stream\n$content\nendstream endobj\n"
        . $more . "trailer<</Root 1 0 R>>\n%%EOF\n";
}


sub started { return start_job($t, document => $_[0], set => $set) }


sub failed {
    my ($id, $code, $message, $what) = @_;

    my $job = $t->wait_job($id);

    is($job->{status}, 'failed', $what);
    is($job->{error}{code}, $code, "$what: $code");
    like($job->{error}{message}, $message, "$what: what to do");
    return $job;
}


sub retry {
    my $a = $http->post("/api/assessments/job/$_[0]/retry");
    is($a->{status}, 202, 'it is run again');
}


# How many were tried, and how many were told what another one found.
sub tried {
    my ($code, @ids) = @_;

    my @jobs = map { $t->wait_job($_) } @ids;
    my @others = grep { $_->{error}{message} =~ /another job found/ } @jobs;

    is(scalar(grep { $_->{error}{code} eq $code } @jobs), scalar @jobs,
       'all end with its code');
    return @jobs - @others;
}


# --- each end, and good ones between them

for my $case (
    ['a process', 'fork', 'document_forbidden', qr/sandbox ended it/],
    ['a connection', 'socket', 'document_forbidden', qr/sandbox ended it/],
    ['a program', 'exec', 'document_forbidden', qr/sandbox ended it/],
    ['too much memory', 'memory', 'document_limit',
     qr/more than 128 MB of memory.*memory= of assess_extract_limits/],
    ['too much CPU time', 'spin', 'document_limit',
     qr/longer than 3 s of CPU time.*cpu= of assess_extract_limits/],
    ['a crash', 'crash', 'document_crashed', qr/crashed on it/],
    ['an end of its own', 'exit', 'document_crashed', qr/crashed on it;/],
    ['nonsense', 'talk', 'document_damaged', qr/nonsense/],
    ['too much text', 'flood', 'document_limit',
     qr/more than 1048576 bytes of text.*output= of assess_extract_limits/])
{
    my ($what, $act, $code, $message) = @$case;

    next if $act eq 'memory' && !$limited;
    failed(started(told($act)), $code, $message, $what);
}

# readers that are what they should be

failed(started($t->upload(pdf_of(compress('BT /F 9 Tf 9 395 Td 0.00095 TL '
    . "(exits) ' " x 400_000 . 'ET'), '/FlateDecode'), 'application/pdf')),
    'document_limit', qr/more than 128 MB of memory/,
    'a page that is too full')
    if $limited;

failed(started($t->upload(pdf_of('/X Do', '', ["\x81" x 256, '/RL' x 6]),
    'application/pdf')), 'document_limit', qr/longer than 3 s of CPU time/,
    'a bomb of run lengths');
failed(started($t->upload(pdf_of("\x81" x 256, '/RL' x 6),
    'application/pdf')), 'document_limit', qr/a page of a PDF to more/,
    'one that is the page itself');

is($t->wait_job(started(told('nothing')))->{status}, 'completed',
   'a good one');


# --- killed, and tried once more for each time that somebody asks

{
    my $id = told('wait');
    my $job = started($id);

    for my $attempt (1, 2) {
        my @all;

        ok(wait_until(20, sub { @all = readers($t); return @all == 1 }),
           'its reader runs');
        kill 'KILL', @all;

        my $ended = failed($job, 'document_killed', qr/killed by the system/,
                           'a reader that is killed');
        is($ended->{attempt}, $attempt, "attempt $attempt");
        is(join(' ', readers($t)), '', 'none runs any more');
        retry($job) if $attempt == 1;
    }

    my $again = started($id);
    my @all;

    ok(wait_until(20, sub { @all = readers($t); return @all == 1 }),
       'another job may have more luck');
    is($http->delete("/api/assessments/job/$again")->{status}, 202,
       'it is cancelled');
    ok(wait_until(20, sub { !readers($t) }), 'its reader ends');
}


# --- one that would fail again does it once, whoever else wants it

for my $case (
    ['document_crashed', 'a crash', sub { told('crash') }],
    ['document_damaged', 'damage', sub {
        $t->upload('%PDF-1.4 ' . ++$made, 'application/pdf') }])
{
    my ($code, $what, $make) = @$case;
    my $id = $make->();
    my @jobs = map { started($id) } 1 .. 30;

    is(tried($code, @jobs), 1, "thirty jobs at once: $what once");
    is(tried($code, started($id)), 0, 'none for the next one');

    retry($_) for @jobs;
    is(tried($code, @jobs), 1, 'thirty that are run again: once more');
    is(tried($code, started($id)), 0, 'and none for the next one');
    is(tried($code, started($make->())), 1, 'another document is another one');

    $t->server->reload;
    is(tried($code, started($id)), 1, 'a new configuration begins anew');
}


# --- too much time

{
    my $conf = $t->home->{env}{ASSESS_EXTRA};
    my $text = slurp($conf);

    $text =~ s/time=300s/time=1s/ or die "no limit of time\n";
    write_file($conf, $text);
    $t->server->reload;

    failed(started(told('wait')), 'document_limit',
           qr/longer than 1 s of time.*time= of assess_extract_limits/,
           'too much time');
    is(join(' ', readers($t)), '', 'none runs any more');
}


# --- what the machine has of it is told, at the start

sub log_text { return slurp($t->server->{home} . '/logs/error.log') }

like(log_text(), qr/\[notice\].*sandbox of seccomp and Landlock \(version \d/,
     'a sandbox that is whole')
    if log_text() !~ /no Landlock here|no seccomp here/;

for my $case (
    ['seccomp no\nlandlock 4\nmemory limit yes\n', 'crit',
     qr/no seccomp here/, qr/no Landlock/, 'no seccomp'],
    ['seccomp yes\nlandlock 0\nmemory limit yes\n', 'warn',
     qr/no Landlock here/, qr/no seccomp/, 'no Landlock'],
    ['seccomp yes\nlandlock 4\nmemory limit no\n', 'warn',
     qr/without a limit of memory/, qr/no seccomp|no Landlock/, 'no limit'],
    ['', 'crit', qr/does not say what its sandbox has/, qr/no seccomp/,
     'no word'])
{
    my ($said, $level, $message, $not, $what) = @$case;
    my $program = $t->dir . '/program';

    write_file($program, "#!/bin/sh\nprintf '$said'\n", 0755);

    my $conf = $t->server->{home} . '/nginx.conf';
    my $text = slurp($conf);
    my $old = length log_text();

    $text =~ s/^(\s*assess_extract) [^;]+;/$1 $program;/m or die "no program\n";
    write_file($conf, $text, 0600);
    $t->server->reload;

    my @lines = grep { /assess: / } split /\n/, substr log_text(), $old;

    is(scalar(grep { /\[$level\] / && $_ =~ $message } @lines), 1,
       "$what: told once") or diag(join "\n", @lines);
    is(scalar(grep { $_ =~ $not } @lines), 0, "$what: and nothing else");
}

$t->done;
