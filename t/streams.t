#!/usr/bin/perl

# Many streams at once, each of which gets what it asked for, and nothing else:
# more followers than are served in one turn, of several tenants, narrowed to
# one job, to several, to a document; some of them leave while events come.

use strict;
use warnings;

use Assess::Jobs qw(write_events collect);
use Assess::Test;

my $t = Assess::Test->new;
my $http = $t->http;
my $path = '/api/assessments/progress';

my $id = sub { sprintf '00000000-0000-7000-8000-%012d', $_[0] };
my $of = sub { return join ' ', map { $_->{id} // () } @_ };


# A stream that begins after what there is, and has begun.
sub stream {
    my ($query, %headers) = @_;

    my $stream = $http->events("$path?$query", %headers);
    $stream->until(sub { $_[0]{event} eq 'connected' }, 20)
        or die "no stream\n";
    return $stream;
}


my @all = map { stream('') } 1 .. 100;
my @other = map { stream('', 'X-Tenant' => 'other') } 1 .. 3;
my @one = map { stream('jobId=' . $id->(1)) } 1 .. 40;
my $two = stream(join '&', map { 'jobId=' . $id->($_) } 1, 2);
my $document = stream('documentId=' . $id->(9));
my $both = stream('documentId=' . $id->(9) . '&jobId=' . $id->(2));
my $foreign = stream('jobId=' . $id->(1), 'X-Tenant' => 'other');
my $user = stream('user=nobody');

my @ids;

for my $round (1 .. 6) {

    # some of those who are to get it go away
    $_->close for splice(@all, 0, 5), splice(@one, 0, 5);

    push @ids, { job => $_, id => write_events($t, 1, job => $id->($_),
                 document => $_ == 3 ? $id->(9) : $id->(0)) } for 1 .. 3;
    push @ids, { job => 0, tenant => 'other',
                 id => write_events($t, 1, tenant => 'other') };
    write_events($t, 150, job => $id->(4)) if $round == 3;
}

my $end = write_events($t, 1, type => 'complete', job => $id->(1));
my $two_end = write_events($t, 1, type => 'complete', job => $id->(2));
my $other_end = write_events($t, 1, tenant => 'other');
my $mark = write_events($t, 1, job => $id->(3), document => $id->(9));

my $want = sub {
    my ($test) = @_;
    return join ' ', map { $_->{id} } grep { $test->($_) } @ids;
};


# --- each gets its own

my $ones = $want->(sub { $_[0]{job} == 1 }) . " $end";
my $not = grep { $of->(collect($_)) ne $ones } @one;
is($not, 0, 'streams of one job get its events and end');

is($of->(collect($two)),
    $want->(sub { $_[0]{job} =~ /^[12]\z/ }) . " $end $two_end",
    'a stream of two jobs gets those of both, in order');

my $until = sub {
    my ($last) = @_;
    return sub { ($_[0]{id} // 0) == $last };
};

my @same = map { $of->(collect($_, $until->($mark), 20)) } @all;
is(scalar @same, 70, 'the others of the tenant are still there');
is(scalar(grep { $_ ne $same[0] } @same), 0, 'all of them get the same');

my %others = map { $_->{id} => 1 } grep { $_->{tenant} } @ids;
$others{$other_end} = 1;
is($same[0], join(' ', grep { !$others{$_} } $ids[0]{id} .. $mark),
    'which is every event of the tenant');

my $others = join ' ', sort { $a <=> $b } keys %others;
is(scalar(grep { $of->(collect($_, $until->($other_end), 20)) ne $others }
          @other), 0, 'another tenant gets its own');

is($of->(collect($document, $until->($mark), 20)),
    $want->(sub { $_[0]{job} == 3 }) . " $mark", 'a document has its own');
is($of->(collect($both, $until->($mark), 20)),
    $want->(sub { $_[0]{job} =~ /^[23]\z/ }) . " $two_end $mark",
    'a document and a job: those of either');


# --- and nothing else

$t->server->reload;
is($of->(collect($foreign, undef, 20)), '',
    'a job of another tenant is nothing to follow');
is($of->(collect($user, undef, 20)), '', 'no events of another user');

$_->close for @all, @other, @one, $two, $document, $both, $foreign, $user;

$t->done;
