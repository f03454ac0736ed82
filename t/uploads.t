#!/usr/bin/perl

# Uploads from many slow clients at once: each body is once on disk, the worker
# does not grow, and others are served.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Bench::Proc qw(peak reset_peak);
use Assess::Jobs qw(question_set start_job);
use Assess::Process qw(slurp wait_until);
use Assess::Test;
use Assess::Uploads;

use constant { CLIENTS => 16, BYTES => 3_000_000, SLACK => 24 << 20 };

my $t = Assess::Test->new;
my $http = $t->http;
my $set = question_set($t, 'uploads', 1);
my ($worker) = $t->server->workers;
my $temp = $t->server->{home} . '/temp';


# Files below the server's temporary folder that the worker has open, without a
# name as well; [path, bytes] of each.
sub open_files {
    return map { my $path = readlink($_) // '';
        $path =~ m{^\Q$temp\E/} ? [$path =~ s/ \(deleted\)\z//r, -s $_ // 0]
        : () } glob "/proc/$worker/fd/*";
}


sub named_files {
    return grep { -f } glob "$temp/*/* $temp/*/*/*";
}


# What any client does meanwhile.
sub others {
    my ($what) = @_;

    my $id = $t->upload("A small one, $what.", 'text/plain');
    my $job = $t->wait_job(start_job($t, document => $id, set => $set));

    is($job->{status}, 'completed', "$what: an upload, a start, its status");
    is($http->get('/api/documents')->{status}, 200, "$what: a list");
}


others('before');
my $stored = $t->sql('select sum(length(data)) from assess.document_contents');

reset_peak($worker);
my $before = peak($worker);

my $uploads = Assess::Uploads->new($t->server->{port}, clients => CLIENTS,
                                   bytes => BYTES);
$uploads->held;

my @files;
ok(wait_until(60, sub {
    @files = open_files();
    my $sum = 0;
    $sum += $_->[1] for @files;
    return $sum > CLIENTS * (BYTES - 100_000);
}), 'nearly all of it is there');

is(scalar @files, CLIENTS, 'one file for each body');
is(scalar(grep { $_->[0] !~ m{^\Q$temp\E/body/} } @files), 0,
   'where nginx puts bodies');
is(scalar(grep { $_->[1] > BYTES } @files), 0, 'none is longer than its body');

others('while they trickle');
cmp_ok(peak($worker) - $before, '<', SLACK, 'no body is in memory');

$uploads->go_on;
is_deeply([grep { $_ ne '201' } $uploads->ended], [], 'all of them are stored');
others('behind them');

cmp_ok(peak($worker) - $before, '<', SLACK, 'nor was one on its way')
    or diag((peak($worker) - $before) . ' bytes more');
ok(wait_until(10, sub { !open_files() && !named_files() }),
   'no temporary file is left') or diag(join ' ', named_files());

my $small = length('A small one, while they trickle.')
    + length('A small one, behind them.');

is($t->sql('select sum(length(data)) from assess.document_contents') - $stored,
   CLIENTS * BYTES + $small, 'each body is once in the database');
is($t->sql('select count(*) from assess.documents where bytes = ' . BYTES),
   CLIENTS, 'whole');



# a store that takes its time with each piece: who comes last waits for long
{
    $t->sql('create function assess.slow() returns trigger language plpgsql as'
        . ' $$ begin perform pg_sleep(0.04 * (length(new.data) > 100000)::int);'
        . ' return new; end $$');
    $t->sql('create trigger slow before insert on assess.document_contents'
        . ' for each row execute function assess.slow()');

    my $many = Assess::Uploads->new($t->server->{port}, clients => 2 * CLIENTS,
                                    bytes => BYTES - 1);
    $many->held;
    $many->go_on;
    others('while they are stored');

    is_deeply([grep { $_ ne '201' } $many->ended], [],
              'large ones stand in line, and none is sent away');

    # some in line, whose clients go
    my $gone = Assess::Uploads->new($t->server->{port}, clients => CLIENTS,
                                    bytes => BYTES - 2);
    $gone->held;
    $gone->go_on;
    ok(wait_until(30, sub { $t->sql('select count(*) from assess.documents'
        . ' where bytes = ' . (BYTES - 2)) > 0 }), 'the first one is stored');
    $gone->end;

    ok(wait_until(30, sub { !open_files() }), 'and of those who are gone'
        . ' nothing is left') or diag(scalar(open_files()) . ' files');
    others('behind them all');
}

$t->sql('drop trigger slow on assess.document_contents');


# What took long to be sent is not refused for a moment of the store.

my $made = 0;

# Uploads of which a byte is still to come.
sub almost_sent {
    $made++;

    my $many = Assess::Uploads->new($t->server->{port}, clients => 4,
                                    bytes => BYTES - 2 - $made);
    $many->held;
    return $many;
}

sub small {
    return $http->post('/api/documents', body => "A small one, $_[0].",
        headers => { 'Content-Type' => 'text/plain' });
}

{
    my $many = almost_sent();
    my $end = $t->cluster->held(
        'lock table assess.document_contents in access exclusive mode');

    $many->go_on;
    is(small('while a lock is held')->{status}, 503,
       'who has sent little is refused soon');
    $end->();
    is_deeply([grep { $_ ne '201' } $many->ended], [],
              'who has sent much waits for longer');
}

{
    my $many = almost_sent();

    $t->cluster->stop;
    is(small('without a store')->{status}, 503, 'the store is away');
    $many->go_on;
    is(small('and still without')->{status}, 503, 'and still is');
    $t->cluster->start;
    is_deeply([grep { $_ ne '201' } $many->ended], [],
              'it is waited for until it is back');
}

{
    my $many = almost_sent();
    my $documents = $t->sql('select count(*) from assess.documents');

    my @frozen = $t->cluster->processes;

    kill 'STOP', @frozen;
    $many->go_on;
    is_deeply([grep { $_ ne '503' } $many->ended], [], 'but not for ever');
    kill 'CONT', @frozen;
    ok(wait_until(30, sub {
        $http->get('/api/health/ready')->{status} == 200
    }), 'when it is back');
    is($t->sql('select count(*) from assess.documents'), $documents,
       'nothing is left of them');
    ok(wait_until(30, sub { !open_files() }), 'nor a file');
    others('behind that');
}

$t->done;
