#!/usr/bin/perl

# Two servers, one of which takes writes: the connection string names both.
# While neither does nothing is taken; when the other one does it is used.

use strict;
use warnings;

use File::Temp qw(tempdir);

use Assess::Cluster;
use Assess::Contract qw(problem_is);
use Assess::Jobs qw(document question_set started start_job);
use Assess::Process qw(run_as wait_until write_file slurp);
use Assess::Test;

my $dir = tempdir('assess-f-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

my @clusters;

for my $i (0, 1) {
    mkdir "$dir/$i" or die "$dir/$i: $!\n";
    mkdir "$dir/$i/logs" or die "$dir/$i/logs: $!\n";
    push @clusters, Assess::Cluster->new(home => "$dir/$i");
}

END {
    my $status = $?;
    for my $c (@clusters) {
        eval { $c->remove; 1 } or warn $@;
    }
    $? = $status;
}

my ($first, $second) = @clusters;

$first->start;
$second->_create;

my $conninfo = "host=$first->{socket},$second->{socket} port=5432,5432"
    . ' user=assess dbname=assess target_session_attrs=read-write';
my $t = Assess::Test->new(database => $conninfo, extra =>
    "assess_heartbeat 100ms;\n");
my $http = $t->http;

question_set($t, 'ten', 10);

my $document = document($t);
my $job = start_job($t, document => $document, set => 'ten');
my $known = do { $t->wait_job($job);
                 $http->get("/api/assessments/job/$job")->{body} };
my $stream = $http->events('/api/assessments/progress');


# The second one becomes what the first is, and neither takes writes.
sub demoted {
    $first->stop;

    my ($status, $text) = run_as($first->{user}, 'sh', '-c',
        "rm -rf $second->{data}/* && cp -a $first->{data}/. $second->{data}/"
        . " && touch $first->{data}/standby.signal"
        . " $second->{data}/standby.signal");
    die $text if $status;

    write_file("$second->{dir}/created", '');
    $_->start for $first, $second;
}


sub starts {
    return started($t, document => $document, set => 'ten');
}


is(starts()->{status}, 202, 'the first one is used');
ok(wait_until(30, sub { $first->sql('select count(*) from'
    . " assess.assessment_jobs where status in ('queued', 'processing')") == 0 }),
    'until all is done');

demoted();

my $a = starts();
problem_is($a, 503, undef, 'a start while both only read');
ok($a->{headers}{'retry-after'}, 'is told when to come again');
problem_is($http->post('/api/documents', body => 'refused', headers =>
    { 'Content-Type' => 'text/plain' }), 503, undef, 'a document');
problem_is($http->get('/api/health/ready'), 503, undef, 'it is not ready');
is($http->get("/api/assessments/job/$job")->{body}, $known,
    'what is known is told');

$second->sql_as('postgres', 'postgres', 'select pg_promote()');

ok(wait_until(20, sub { starts()->{status} == 202 }),
    'starts are taken when the second one takes writes');
cmp_ok($second->sql('select count(*) from assess.assessment_jobs'), '>',
    $first->sql('select count(*) from assess.assessment_jobs'),
    'and are there');
is($second->sql("select count(*) from assess.documents where bytes = 7"), 0,
    'what was refused is not');
ok(wait_until(30, sub { $second->sql('select count(*) from'
    . " assess.assessment_jobs where status in ('queued', 'processing')") == 0 }),
    'jobs run there');
ok($stream->until(sub { $_[0]{event} eq 'complete'
    && $_[0]{json}{jobId} ne $job }), 'the stream tells of them');
$stream->close;


# One connection string without a wish for writes: what only reads is left.
{
    my $one = $t->another(database => $second->conninfo, env => {},
        extra => "assess_heartbeat 100ms;\n");

    is($one->http->post('/api/assessments/start', json => { documentId =>
        $document, questionSet => 'ten' })->{status}, 202, 'another server');
    $t->server->stop;

    $second->stop;
    ok(open(my $fh, '>', "$second->{data}/standby.signal"), 'a standby again');
    close $fh;
    $second->start;

    $a = undef;
    ok(wait_until(20, sub {
        $a = $one->http->post('/api/assessments/start', json =>
            { documentId => $document, questionSet => 'ten' });
        return $a && $a->{status} == 503
            && $a->{json}{detail} =~ /takes no writes/;
    }), 'a start says that it takes no writes')
        or diag($a->{json}{detail});
    is($one->http->get('/api/assessments/jobs')->{status}, 200,
        'what is read is read');
    problem_is($one->http->get('/api/health/ready'), 503, undef,
        'it is not ready');

    $second->sql_as('postgres', 'postgres', 'select pg_promote()');
    ok(wait_until(20, sub { $one->http->post('/api/assessments/start', json =>
        { documentId => $document, questionSet => 'ten' })->{status} == 202 }),
        'until it takes them');
}

$t->done;
