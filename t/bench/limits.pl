#!/usr/bin/perl

# A provider with hard limits, asked for as much as it gives, for a minute and
# more: how much of its rate is used, and how many requests are one too many.
#
#   t/bench/limits.pl [kind=bucket|sliding|fixed] [burst=N] [inFlight=50]
#                     [perMinute=600] [delay=MS] [headers=1] [retryAfter=1]
#                     [minutes=1] [workers=2] [concurrency=64] [jobs=N]

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
use List::Util qw(min);
use Time::HiRes qw(sleep time);

use Assess::Home;
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test ();

my %o = (kind => 'bucket', burst => 0, inFlight => 50, perMinute => 600,
         delay => 500, headers => 0, retryAfter => 0, minutes => 1,
         workers => 2, concurrency => 64);

for (@ARGV) {
    /^(\w+)=(\w+)\z/ && (exists $o{$1} || $1 eq 'jobs')
        or die "no such setting: $_\n";
    $o{$1} = $2;
}

my $dir = tempdir('assess-b-XXXXXX', TMPDIR => 1);
chmod 0755, $dir;
my ($home, $provider);

$| = 1;
local $SIG{INT} = local $SIG{TERM} = sub { exit 1 };

END {
    my $status = $?;
    if ($home) {
        eval { $home->stop('stop'); $home->cluster->remove; 1 } or warn $@;
    }
    $provider->stop if $provider;
    remove_tree($dir);
    $? = $status;
}


# Each job is 20 requests; more of them than can be done in the time.
my $most = min($o{perMinute} || 1e9, 60_000 / $o{delay} * ($o{inFlight} || 1e9));
my $jobs = $o{jobs} || int(($most * $o{minutes} + $o{burst} + 600) / 20) + 8;

$provider = Assess::Provider->new('--delay-ms', $o{delay});
mkdir "$dir/home" or die $!;
$home = Assess::Home->new(home => "$dir/home", port => Assess::Test::free_port(),
    quiet => 1, env => { %ENV, $provider->env, ASSESS_WORKERS => $o{workers},
        ASSESS_CONCURRENCY => $o{concurrency}, ASSESS_JOBS => 32 });
$home->start;

my $http = $home->http;
my @questions = map { { id => "Q$_",
    text => "Is there a fire alarm in part $_?" } } 1 .. 100;

$http->put('/api/question-sets/limits', json => { questions => \@questions });

# Each has a document of its own, so that no answer is there already.
sub begin {
    my ($n) = @_;

    my $a = $http->post('/api/documents', headers => {
        'Content-Type' => 'text/plain' }, body => "Fire alarm number $n.\n");
    $a = $http->post('/api/assessments/start', json => { documentId =>
        $a->{json}{documents}[0]{documentId}, questionSet => 'limits' });
    die "not started\n" unless $a && $a->{status} == 202;
}

$provider->control(limits => {
    inFlight => 0 + $o{inFlight}, perMinute => 0 + $o{perMinute},
    kind => $o{kind}, burst => 0 + $o{burst},
    headers => $o{headers} ? JSON::PP::true : JSON::PP::false,
    retryAfter => $o{retryAfter} ? JSON::PP::true : JSON::PP::false });

my $begun = time;
begin($_) for 1 .. $jobs;

my @before = (0, 0);

for my $minute (1 .. $o{minutes}) {
    sleep 60 * $minute - (time - $begun);

    my $limits = $provider->stats->{limits};
    my $accepted = $limits->{accepted} - $before[0];
    my $throttled = $limits->{throttled} - $before[1];

    printf "%-8s delay %4d ms%s%s, minute %d: %4d accepted, %5.1f %% of %d; "
        . "%3d throttled (%d crowded in all), %.1f %%\n", $o{kind}, $o{delay},
        $o{headers} ? ', headers' : '', $o{retryAfter} ? ', retry-after' : '',
        $minute, $accepted, 100 * $accepted / $most, $most, $throttled,
        $limits->{crowded}, 100 * $throttled / (($accepted + $throttled) || 1);
    @before = @$limits{qw(accepted throttled)};
}

my $c = $http->get('/api/assessments/counters')->{json};
printf "  jobs: %d queued, %d processing, %d completed, %d failed\n",
    map { $c->{$_} // 0 } qw(queued processing completed failed);
