#!/usr/bin/perl

# Resuming a stream: nothing is missing and nothing comes twice, wherever what
# is missing has to be taken from.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Assess::Jobs qw(document question_set start_job events_in_log write_events
                    collect is_log changed_conf);
use Assess::Process qw(wait_until);
use Assess::Test;

changed_conf(sub { s/(assess_zone\s+assess) 32m/$1 1m/ });

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4 });
my $http = $t->http;
my $path = '/api/assessments/progress';

question_set($t, 'ten', 10);


sub newest { return $t->sql('select value from assess.event_counter') }

# what a stream that resumes after an id has, up to another one
sub resumed {
    my ($after, $upto, %o) = @_;

    my $stream = $http->events($o{path} // $path, 'Last-Event-ID' => $after);
    my @events = collect($stream, sub { ($_[0]{id} // 0) == $upto }, 60);

    $stream->close;
    return @events;
}


# --- out of the ring

my $live = $http->events($path);
my $jobs = 6;
start_job($t, document => document($t), set => 'ten') for 1 .. $jobs;

my @all = collect($live, sub { $jobs -= $_[0]{event} eq 'complete'; !$jobs });
my @log = events_in_log($t, 0);
is_log(\@all, \@log, 'a stream that was there has all');

for my $i (0, 1, int(@log / 2), $#log - 1) {
    my ($connected, @events) = resumed($log[$i]{id}, newest());
    is($connected->{event}, 'connected', "resumed after $log[$i]{id}");
    is_log(\@events, [@log[$i + 1 .. $#log]], 'all above it');
}

my @zero = resumed(0, newest());
is_log(\@zero, \@log, 'from the very beginning');

my $stream = $http->events("$path?lastEventId=$log[3]{id}");
is($stream->next->{event}, 'connected', 'by the parameter');
is($stream->next(10)->{id}, $log[4]{id}, 'what is next');
$stream->close;

$stream = $http->events("$path?lastEventId=1", 'Last-Event-ID' => $log[7]{id});
is($stream->next->{event}, 'connected', 'by both');
is($stream->next(10)->{id}, $log[8]{id}, 'the header wins');
$stream->close;

$stream = $http->events("$path?lastEventId=$log[3]{id}", 'Last-Event-ID' => '');
$stream->next;
is($stream->next(10)->{id}, $log[4]{id}, 'an empty header is none');
$stream->close;


# --- what cannot be resumed

for my $bad ('x', '1x', '-1', '1.0', '99999999999999999999', newest() + 1000) {
    $stream = $http->events($path, 'Last-Event-ID' => $bad);
    my $first = $stream->next;
    is($first->{event}, 'reset', "$bad is answered with reset");
    ok(!defined $first->{id}, 'without an id');
    is($first->{data}, '{"type":"reset"}', 'as it is written down');
    is($stream->next->{event}, 'connected', 'then it goes on');
    $stream->close;
}

$stream = $http->events("$path?lastEventId=");
is($stream->next->{event}, 'reset', 'an empty parameter is no id');
my $mark = write_events($t, 1);
ok($stream->until(sub { ($_[0]{id} // 0) == $mark }, 20),
    'after a reset new events come');
$stream->close;


# --- events that nobody handed over: written by hand

$live = $http->events($path);
$live->next;
my $before = newest();
my $start = time;
write_events($t, 1, pad => 10);
my $event = $live->until(sub { defined $_[0]{id} }, 20);
my $took = time - $start;
is($event && $event->{id}, $before + 1,
    'an event of another instance is fetched from the log');
diag(sprintf 'after %.2f s', $took) if $took > 2;

# below an event that was handed over it is a gap, which holds that one back
my $job = start_job($t, document => document($t), set => 'ten');
write_events($t, 3, pad => 10);
my @rest = collect($live, sub { $_[0]{event} eq 'complete' });
$mark = write_events($t, 1);
push @rest, collect($live, sub { ($_[0]{id} // 0) == $mark }, 20);
is_log([$event, @rest], [events_in_log($t, $before)],
    'gaps are filled, in order');


# --- more than the ring has: from the log

my @long = resumed(0, newest());
my $many = 4000;
$before = newest();
$mark = write_events($t, $many, pad => 200);
@long = collect($live, sub { ($_[0]{id} // 0) == $mark }, 60);
@log = events_in_log($t, $before);
is(scalar @log, $many, 'many events');
is_log(\@long, \@log, 'more at once than the ring has slots');

@long = resumed($before, $mark);
is_log(\@long, \@log, 'resumed from what is only in the log');

@long = resumed($mark - 10, $mark);
is_log(\@long, [@log[-10 .. -1]], 'from what is in the ring');

# narrowed ones look through the same log
$stream = $http->events("$path?jobId=$job", 'Last-Event-ID' => 0);
my @narrow = collect($stream);
ok($stream->{ended}, 'a job that ended, its events only in the log');
is_log(\@narrow, [grep { $_->{data} =~ /"jobId":"$job"/ }
    events_in_log($t, 0)], 'all of them, and the end');

# large events: each more than an eighth of the ring
$before = newest();
$mark = write_events($t, 5, pad => 60000);
@long = collect($live, sub { ($_[0]{id} // 0) == $mark }, 60);
is_log(\@long, [events_in_log($t, $before)], 'events too large for the ring');

# between them small ones, by jobs, at the same time
$before = newest();
$job = start_job($t, document => document($t), set => 'ten');
$mark = write_events($t, 2, pad => 60000);
$t->wait_job($job);
$mark = write_events($t, 1);
@long = collect($live, sub { ($_[0]{id} // 0) == $mark }, 60);
is_log(\@long, [events_in_log($t, $before)], 'and small ones between');


# --- a slow reader: others are not held up, and it gets everything

{
    my $slow = $http->events($path);
    my ($pid) = $t->server->workers;
    $slow->next;

    my $kb = Assess::Jobs::vm_rss($pid);
    $before = newest();

    for my $round (1 .. 10) {
        $mark = write_events($t, 1000, pad => 1000);
        ok(scalar(grep { ($_->{id} // 0) == $mark }
            collect($live, sub { ($_[0]{id} // 0) == $mark }, 60)),
            "others have round $round") if $round == 1 || $round == 10;
    }

    my $grown = Assess::Jobs::vm_rss($pid) - $kb;
    cmp_ok($grown, '<', 8192,
        'ten megabytes of events do not pile up for it') unless
        $ENV{ASAN_OPTIONS};

    my @slow = collect($slow, sub { ($_[0]{id} // 0) == $mark }, 60);
    is_log(\@slow, [events_in_log($t, $before)],
        'it gets everything when it reads again');

    # and is in step after that
    $mark = write_events($t, 1);
    is(($slow->until(sub { defined $_[0]{id} }, 20) // {})->{id}, $mark,
        'and what comes then');
    $slow->close;
}


# --- what the log does not have any more

$before = newest();
$t->sql('with x as (delete from assess.event_log'
    . " where last_id <= $before - 100)"
    . " update assess.event_counter set pruned = $before - 100");

$stream = $http->events($path, 'Last-Event-ID' => 1);
is($stream->next->{event}, 'reset', 'older than what is kept');
$stream->close;

# in the zone there is more, which nobody needs to miss
@long = resumed($before - 120, $before);
is($long[0]{event}, 'connected', 'older than the log, but known');
is(join(' ', map { $_->{id} // () } @long),
    join(' ', $before - 119 .. $before), 'and without a hole');

@long = resumed($before - 100, $before);
is($long[0]{event}, 'connected', 'the oldest that is kept is the next one');
is_log(\@long, [events_in_log($t, $before - 100)], 'and all above');


# --- over a reload, and over a full restart

$before = newest();
my $waiting = $http->events($path, 'Last-Event-ID' => $before);
$waiting->next;
$job = start_job($t, document => document($t), set => 'ten');
my @part = collect($waiting, sub { ($_[0]{json}{stage} // '') eq 'extracting' });
$t->server->reload;
push @part, collect($waiting);
ok($waiting->{ended}, 'a reload ends the stream');
$t->wait_job($job);
$mark = write_events($t, 1);
push @part, resumed($waiting->{id}, $mark);
is_log(\@part, [events_in_log($t, $before)],
    'the new worker goes on where the old one ended');

# without a zone's memory: another nginx, another zone
$before = newest();
$live = $http->events($path);
$live->next;
$job = start_job($t, document => document($t), set => 'ten');
@part = collect($live, sub { ($_[0]{json}{stage} // '') eq 'vector_lookup' });
$t->server->quit;
push @part, collect($live, undef, 10);
ok($live->{ended}, 'so does quit');
$t->server->start;
$t->wait_job($job);
$mark = write_events($t, 1);
push @part, resumed($live->{id}, $mark);
is_log(\@part, [events_in_log($t, $before)], 'nor does a restart');

is(($http->get("/api/assessments/job/$job") // {})->{json}{status},
    'completed', 'the status is known');

$t->done;
