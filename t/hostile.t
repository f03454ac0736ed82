#!/usr/bin/perl

# Each document that is made to do harm: it ends, for a reason that is told, at
# little cost; nothing is left of it, and good ones are assessed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Hostile qw(hostile hostile_kinds);
use Assess::Jobs qw(question_set start_job);
use Assess::Process qw(slurp wait_until);
use Assess::Test;

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4 });
my $http = $t->http;
my $set = question_set($t, 'hostile', 1);
my $build = $ENV{ASSESS_BUILD} || "$FindBin::RealBin/../build";
my $pdf = slurp("$build/sample/fire-risk-assessment.pdf")
    // die "no sample: run \"make sample\"\n";

# not in a sanitizer's build, which takes more memory, and longer
my $plain = `$t->{home}{server}{extract} --check` =~ /^memory limit yes$/m;

# what there is to say of most of them; of others that they are read
my %end = (
    'DOCX cut off' => qr/^document_damaged/,
    'DOCX of elements in elements' => qr/^document_limit.*deep/,
    'DOCX with a billion laughs' => qr/^document_damaged.*document type/,
    'DOCX with a file of ours' => qr/^document_damaged.*document type/,
    'DOCX with a bomb' => qr/^document_limit.*unpacks/,
    'DOCX with a bomb that lies' => qr/^document_limit.*than it says/,
    'DOCX with a bomb in good XML' => qr/^document_limit.*200 times/,
    'DOCX with a password' => qr/^document_encrypted/,
    'ODT with a password' => qr/^document_encrypted/,
    'PDF with a password' => qr/^document_encrypted/,
    'PDF of random bytes' => qr/^document_damaged/,
    'PDF that draws itself' => qr/^document_without_text/,
    'PDF that draws twice as much each time' =>
        qr/^document_limit.*a page of the document takes longer/,
    'PDF with a bomb' => qr/^document_limit.*128 MB/,
    'PDF with a bomb in a bomb' => qr/^document_limit.*128 MB/,
    'PDF with a lie about its pages' => qr/^document_damaged/,
    'PDF with a lie about its pages, below none' => qr/^document_damaged/,
    'PDF with a loop of pages' => qr/^document_without_text/,
    'PDF with a page of a kilometre' => qr/^document_without_text/,
    'EPUB of one chapter again and again' => qr/^(?:completed|document_dam)/,
    'RTF of groups in groups' => qr/^document_limit.*deep/,
    'a mail in a mail in a mail' => qr/^document_limit.*deep/,
    'a mail of many parts' => qr/^document_limit.*parts/,
    'a picture cut off' => qr/^document_damaged/,
    'a picture that is a bomb' => qr/^document_without_text/,
    'a picture that says it is large' => qr/^document_limit.*pixels/,
    'a picture with a lie about its size' => qr/^document_limit.*pixels/,
    map({ $_ => qr/^(?:completed|document_(?:damaged|limit|without_text))/ }
        'PDF cut off', 'PDF with wrong bytes',
        'PDF with a page a hundred thousand times'));

my @all = map { hostile($_, $pdf) } 0 .. hostile_kinds() - 1;


sub memory {
    my ($kb) = slurp('/proc/' . ($t->server->workers)[0] . '/status')
               =~ /^VmRSS:\s+(\d+)/m;
    return $kb;
}


sub parent {
    return (slurp("/proc/$_[0]/stat") // '') =~ /\) \S (\d+)/ ? $1 : 0;
}


# Children of the program that is a child of a worker.
sub readers {
    my %worker = map { $_ => 1 } $t->server->workers;
    my %program = map { $_ => 1 } grep { $worker{ parent($_) } }
                  $t->server->processes;

    return grep { $program{ parent($_) } } map { substr $_, 6 }
           glob '/proc/[0-9]*';
}


# Each of them once, all at once; and good ones between them.
sub round {
    my ($n, $check) = @_;
    my (@jobs, @good);

    for my $i (0 .. $#all) {
        my $d = hostile($i + @all * $n, $pdf);

        # once is enough of those that take seconds
        next if $n && $d->{name} =~ /draws twice|picture that is a bomb/;

        my $id = $t->upload($d->{bytes}, $d->{type});

        push @jobs, [$d->{name}, start_job($t, document => $id, set => $set)];
        push @good, start_job($t, set => $set, document =>
            $t->upload("$pdf\n% $n $i\n", 'application/pdf')) if $i % 4 == 0;
    }

    for my $job (@jobs) {
        my ($name, $id) = @$job;
        my $end = $t->wait_job($id, 120);
        my $said = $end->{status} eq 'completed' ? 'completed'
            : "$end->{error}{code}: $end->{error}{message}";

        like($said, $end{$name} // qr/^completed/, $name) if $check;
    }

    my @states = map { $t->wait_job($_, 120)->{status} } @good;

    is(scalar(grep { $_ ne 'completed' } @states), 0,
       scalar(@good) . ' good ones between them are assessed');
    ok(wait_until(10, sub { !readers() }), 'no reader is left');
}


round(0, $plain);

my $before = memory();
round(1);
my $grown = memory() - $before;

cmp_ok($grown, '<', 16384, 'what they took of memory is given back')
    or diag("$grown KB more") if $plain;

$t->done;
