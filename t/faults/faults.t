#!/usr/bin/perl

# Faults at random moments while jobs run; at the end nothing is lost and
# nothing was paid twice.  The short form of it; make faults is the long one.
#
#   FAULTS_SEED=N FAULTS_JOBS=30 FAULTS_COUNT=12 FAULTS_GAP=1.5
#   FAULTS_KINDS="worker_kill reload"    or all, see Assess::Faults::Kinds
#   FAULTS_KEEP=DIRECTORY                for logs, the account, the events

use strict;
use warnings;

use Assess::Faults;
use Assess::Test;

my $seed = $ENV{FAULTS_SEED} || 1 + int rand 1_000_000;
my $kinds = $ENV{FAULTS_KINDS} || 'all';

my $f = Assess::Faults->new(seed => $seed, jobs => $ENV{FAULTS_JOBS} || 30,
    count => $ENV{FAULTS_COUNT} // 12, gap => $ENV{FAULTS_GAP} || 1.2,
    $kinds eq 'all' ? () : (kinds => [split ' ', $kinds]),
    tell => sub { note($_[0]) });

note("FAULTS_SEED=$seed");
$SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM);

$f->run;

my $good = 1;

my @checks = $f->checks;
$f->keep($ENV{FAULTS_KEEP}) if $ENV{FAULTS_KEEP};

for my $check (@checks, ['no file is left', $f->leftovers]) {
    my ($name, @wrong) = @$check;

    ok(!@wrong, $name) or diag(join "\n", @wrong);
    $good = 0 if @wrong;
}

diag(join "\n", '', $f->summary);
diag("FAULTS_SEED=$seed", map {"\n$_"} @{ $f->{log} }) if !$good;

$f->done;
