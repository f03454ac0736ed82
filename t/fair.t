#!/usr/bin/perl

# The order of the queue: priority, then from whom fewest jobs run; a start does
# not wait behind somebody's thousands, users have equal shares, a place in the
# queue is what it says, and limits hold for all instances together.

use strict;
use warnings;

use Assess::Jobs qw(document question_set start_job);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 20);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 1 });


# By tenant: the document of each user, made once.
my %document;

sub starts {
    my ($tenant, $user, $n, %body) = @_;

    my %headers = ('X-Tenant' => $tenant, 'X-User' => $user);

    if (!$document{$tenant}) {
        question_set($t, 'one', 1, %headers);
        $document{$tenant} = document($t, %headers);
    }

    return map { start_job($t, document => $document{$tenant}, set => 'one',
        headers => \%headers, body => \%body) } 1 .. $n;
}

# Nothing begins while a job hangs at the provider.
sub held {
    $provider->control(mode => 'hang');
    my ($job) = starts('holder', 'h', 1, priority => 100);

    wait_until(20, sub { (job('holder', $job)->{stage} // '') eq 'llm_processing' })
        or die "the job does not begin\n";

    $provider->control(mode => 'ok');
    return $job;
}

sub release {
    $t->http->with('X-Tenant' => 'holder')
        ->delete("/api/assessments/job/$_[0]");
}

sub job {
    my ($tenant, $id) = @_;

    return $t->http->with('X-Tenant' => $tenant)
        ->get("/api/assessments/job/$id")->{json};
}

# The jobs of these tenants in the order in which they began.
sub begun {
    my $tenants = join ',', map { "'$_'" } @_;

    ok(wait_until(120, sub { !$t->sql('select count(*) from'
        . " assess.assessment_jobs where tenant in ($tenants)"
        . " and status in ('queued', 'processing')") }), 'all of them end');

    return split /\n/, $t->sql('select job_id from assess.assessment_jobs'
        . " where tenant in ($tenants) and completed_at is not null"
        . " and status = 'completed' order by started_at, job_id");
}


subtest 'a start does not wait behind those of others' => sub {
    my $first = held();
    my @many = starts('many', 'u', 40);
    my @late = (starts('single', 'v', 1), starts('many', 'w', 1));
    release($first);

    my @order = begun('many', 'single');
    my %at = map { $order[$_] => $_ } 0 .. $#order;

    is(scalar @order, 42, 'all have run');
    cmp_ok($at{$late[0]}, '<=', 1, "another tenant's is at once there");
    cmp_ok($at{$late[1]}, '<=', 3, "another user's too");
};


subtest 'users have equal shares, whatever they have waiting' => sub {
    my $first = held();
    my %of;

    for my $user (1 .. 6) {
        $of{$_} = $user for starts('users', "user $user", 5 + $user % 3 * 5);
    }

    release($first);

    my (%n, $worst);
    $worst = 0;

    for my $id (begun('users')) {
        $n{$of{$id}}++;

        # until the first one has nothing left
        last if $n{3} && $n{3} == 5;
        my @n = sort { $a <=> $b } map { $_ // 0 } @n{1 .. 6};
        $worst = $n[-1] - $n[0] if $n[-1] - $n[0] > $worst;
    }

    cmp_ok($worst, '<=', 1, 'none is ahead by more than one');
};


subtest 'a place in the queue is the turn that comes' => sub {
    my $first = held();
    my @jobs = ((map { [a => $_] } starts('a', 'u', 5)),
                (map { [b => $_] } starts('b', 'u', 3)),
                (map { [b => $_] } starts('b', 'v', 2)),
                (map { [c => $_] } starts('c', 'u', 2, priority => 5)),
                (map { [a => $_] } starts('a', 'v', 2, priority => -5)));

    my %place = map { $_->[1] => job(@$_)->{queuePosition} // 0 } @jobs;
    is(join(' ', sort { $a <=> $b } values %place), join(' ', 1 .. 14),
        'each has one of its own');

    release($first);
    my @order = begun(qw(a b c));

    is_deeply([map { $place{$_} } @order], [1 .. 14],
        'in which they have their turns');
};


subtest 'limits are those of all instances' => sub {
    my $extra = "assess_tenant_jobs 3;\n";
    my $s = Assess::Provider->new('--delay-ms', 30);
    my $two = Assess::Test->new(env => { $s->env, ASSESS_JOBS => 8 },
        extra => $extra);
    $two->another(env => { $s->env, ASSESS_JOBS => 8 },
        extra => $extra);

    question_set($two, 'one', 1);
    my $document = document($two);
    my @jobs = map { start_job($two, document => $document, set => 'one') }
        1 .. 60;

    my $most = 0;

    ok(wait_until(120, sub {
        my $now = $two->sql('select running from assess.lanes');
        $most = $now if $now > $most;
        return $two->sql('select queued + running from assess.lanes') == 0;
    }), 'all of them end');

    is($most, 3, 'three run at once, and never more');
    is($s->stats->{peakInFlight}, 3, 'as the provider sees it');
    $two->done;
};


$t->done;
