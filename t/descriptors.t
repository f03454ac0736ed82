#!/usr/bin/perl

# More requests at once than there are descriptors for: they wait for each
# other, and that is all that comes of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Jobs qw(document question_set start_job);
use Assess::Process qw(slurp write_file);
use Assess::Provider;
use Assess::Test;
use JSON::PP ();

my $provider = Assess::Provider->new('--delay-ms', 400);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 8,
    ASSESS_CONCURRENCY => 2000, ASSESS_QUESTIONS_PER_BATCH => 1 });

question_set($t, 'sixty', 60);
question_set($t, 'one', 1);

# its text is there from now on
my $document = document($t);
$t->wait_job(start_job($t, document => $document, set => 'one'), 60);


# Eight jobs of sixty requests in a new worker that may have so many files and
# connections.
sub run {
    my ($files, $connections) = @_;

    my $conf = $t->server->{home} . '/nginx.conf';
    my $text = slurp($conf);

    $text =~ s/worker_rlimit_nofile\s+\d+/worker_rlimit_nofile $files/;
    $text =~ s/worker_connections\s+\d+/worker_connections $connections/;
    write_file($conf, $text, 0600);
    $t->server->reload;

    $provider->control(reset => JSON::PP::true(), delayMs => 400);

    my @jobs = map { start_job($t, document => $document, set => 'sixty') }
               1 .. 8;
    my @ends = map { $t->wait_job($_, 120)->{status} } @jobs;
    my $stats = $provider->stats;
    my $state = $t->http->get('/api/health/ready')->{json}{providers}{openai};

    is("@ends", join(' ', ('completed') x 8), 'all jobs are completed');
    is($stats->{requests}, 480, 'each request was sent once');
    is($state->{circuit}, 'closed', 'the provider was not taken to be down');
    is($state->{failures}, 0, 'nor to have failed');

    diag("at most $stats->{peakInFlight} in flight");
    return $stats->{peakInFlight};
}


# what nginx may need for itself is left to it
cmp_ok(run(600, 250), '<=', 350, 'requests leave descriptors to nginx');

# which may be more than it said, so that they run out altogether
cmp_ok(run(300, 16), '<', 200, 'no more than there are descriptors');

# and all is as before when there are some again
cmp_ok(run(4096, 1024), '>', 200, 'with plenty, all are sent at once');

$t->done;
