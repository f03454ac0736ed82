#!/usr/bin/perl

# Counters while jobs and documents come and go, and a worker is killed: what is
# kept counted, and what the API tells, is at each moment what the rows say.

use strict;
use warnings;

use Assess::Jobs qw(question_set);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

use constant { JOBS => 120, DOCUMENTS => 12 };

my $provider = Assess::Provider->new('--delay-ms', 30);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_JOBS => 6, ASSESS_LEASE => 2 });
my $http = $t->http;

$t->allow_alarm(qr/exited on signal 9/);
question_set($t, 'few', 10);

# "queued processing failed total reviewed", as the rows are and as it is kept,
# in one snapshot
my $both = q{
    select (select concat_ws(' ', count(*) filter (where status = 'queued'),
            count(*) filter (where status = 'processing'),
            count(*) filter (where status = 'failed'))
            from assess.assessment_jobs where tenant = 'default')
        || ' ' || (select concat_ws(' ', count(*), count(*) filter (where
            reviewed)) from assess.documents where tenant = 'default'),
        (select concat_ws(' ', coalesce(sum(jobs) filter (where status =
            'queued'), 0), coalesce(sum(jobs) filter (where status =
            'processing'), 0), coalesce(sum(jobs) filter (where status =
            'failed'), 0)) from assess.job_counts where tenant = 'default')
        || ' ' || (select concat_ws(' ', coalesce(sum(total), 0),
            coalesce(sum(reviewed), 0)) from (select total, reviewed from
            assess.document_counts where tenant = 'default' union all
            select total, reviewed from assess.document_changes
            where tenant = 'default') c)
};

sub told {
    my $c;

    # the worker that is asked may be the one that is killed
    wait_until(20, sub { my $a = $http->get('/api/assessments/counters');
        $a && $a->{status} == 200 && ($c = $a->{json}) }) or die "no counters\n";

    return join ' ', @$c{qw(queued processing failed totalDocs reviewed)};
}


# All three of one moment: nobody can commit a change of any of it meanwhile.
sub look {
    my $go_on = $t->cluster->held('lock table assess.documents in share mode;'
        . ' select from assess.event_counter for update');
    my @now = (split(/\|/, $t->sql($both)), told());

    $go_on->();
    return @now;
}


# Somebody who uploads, starts and cancels, until there were so many.
sub load {
    my @documents;

    for my $n (1 .. JOBS) {
        if ($n % (JOBS / DOCUMENTS) == 1) {
            push @documents, $t->upload("Document $n has a fire alarm.\n",
                                        'text/plain', filename => "$n.txt");
        }

        my $a = $http->post('/api/assessments/start', json => {
            documentId => $documents[-1], questionSet => 'few' });

        next unless $a && $a->{status} == 202;
        $http->delete("/api/assessments/job/$a->{json}{jobId}")
            if $n % 7 == 0;
    }
}

my $child = fork // die "fork: $!\n";

if (!$child) {
    $SIG{$_} = 'DEFAULT' for qw(INT TERM);
    eval { load(); 1 } or print STDERR $@;
    require POSIX;
    POSIX::_exit(0);
}

my ($looks, $killed, @wrong, %seen) = (0, 0);

ok(wait_until(120, sub {
    my ($rows, $kept, $told) = look();

    push @wrong, "$kept is kept, $told is told, $rows are there"
        if $rows ne $kept || $rows ne $told;
    $seen{$rows} = 1;

    if (++$looks == 8) {
        $killed = kill 'KILL', ($t->server->workers)[0];
    }

    return $rows =~ /^0 0 / && waitpid($child, 1) == $child;
}), 'all of them end');

is(join("\n", @wrong), '', "right at each of $looks looks");
cmp_ok(scalar keys %seen, '>', 10, 'at which it was something else');
is($killed, 1, 'and once a worker was killed');

# a job of the worker that was killed may have to wait for its lease
ok(wait_until(60, sub { told() =~ /^0 0 / }), 'then nothing is left to do');

my $gone = $http->get('/api/documents?limit=1')->{json}{documents}[0];

is($http->delete("/api/documents/$gone->{documentId}")->{status}, 204,
    'a document is deleted, with its jobs');
is(join(', ', look()), join(', ', (told()) x 3), 'of which all know');

$provider->stop;
$t->done;
