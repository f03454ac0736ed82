#!/usr/bin/perl

# Documents in a directory: what is in there belongs to a document, or is known
# not to, whatever happens; what the directory cannot do is told and waited for.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Copy qw(copy);
use File::Find qw(find);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::RealBin/lib";
use Time::HiRes qw(sleep time);

use Assess::Contract;
use Assess::HTTP;
use Assess::Jobs qw(start_job changed_conf);
use Assess::Process qw(slurp wait_until write_file);
use Assess::Test;

my $dir = tempdir('assess-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $store = "$dir/store";
my $conf = "assess_storage directory $store;\n";

chmod 0755, $dir;
made($store);

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4, ASSESS_LEASE => 1 },
    extra => $conf);
my $http = $t->http;

# nginx's own words for workers that this test kills
$t->allow_alarm(qr/exited on signal 9/);
$t->allow_alarm(qr/shared memory zone "assess" was locked by/);


# A directory that workers can write to.
sub made {
    my ($path) = @_;

    mkdir $path, 0700 or die "$path: $!\n";
    return if $> != 0;

    my (undef, undef, $uid, $gid) = getpwnam 'www-data';
    chown $uid, $gid, $path or die "$path: $!\n";
}


# What is in the directory besides its mark, by the names that rows have.
sub objects {
    my ($root) = @_;

    my @found;
    $root //= $store;

    find(sub {
        push @found, substr $File::Find::name, 1 + length $root
            if -f && $_ ne 'assess-storage';
    }, $root);

    @found = sort @found;
    return @found;
}


sub owned { return split /\n/, $t->sql('select object from assess.documents'
                                       . ' where object is not null order by 1') }

sub strays { return $t->sql('select count(*) from assess.stray_objects') }


# Nothing is left that no document has, by itself and soon.
sub clean {
    my ($name) = @_;

    my @wrong;

    ok(wait_until(20, sub {
        my %owned = map { $_ => 1 } owned();

        @wrong = grep { !$owned{$_} } objects();
        return !@wrong && strays() == 0;
    }), "$name: each object is a document's") or diag("@wrong; " . strays());

    my %there = map { $_ => 1 } objects();
    is(join(' ', grep { !$there{$_} } owned()), '', "$name: each document has its");
}


sub post {
    my ($body, $query, %headers) = @_;
    return $http->post('/api/documents' . ($query // ''), body => $body,
        headers => { 'Content-Type' => 'text/plain', %headers });
}


# What a process had at most, in kilobytes.
sub peak { return (slurp("/proc/$_[0]/status") // '') =~ /^VmHWM:\s*(\d+)/m ? $1 : 0 }


sub lines_of {
    my ($pattern) = @_;
    return scalar grep { /$pattern/ } split /\n/,
        slurp($t->server->{home} . '/logs/error.log');
}


sub logged {
    my ($pattern, $name) = @_;
    ok(wait_until(10, sub { lines_of($pattern) }), $name);
}


my $text = join '', map {"Line $_ of what is stored in a file.\n"} 1 .. 30_000;


# --- stored, known, read in parts, deleted

my $id = do {
    my $a = post($text, '?filename=long.txt');
    is($a->{status}, 201, 'a document');

    my $d = $a->{json}{documents}[0];
    is($d->{sha256}, sha256_hex($text), 'with its sum');

    my @objects = objects();
    is(scalar @objects, 1, 'is a file');
    is("@objects", join(' ', owned()), 'which its row names');
    like($objects[0], qr{^[0-9a-f]{32}/(..)/\1[0-9a-f]{62}\.[0-9a-f-]{36}\z},
        'by its sum and an id');
    is(slurp("$store/$objects[0]"), $text, 'to the byte');
    is((stat "$store/$objects[0]")[2] & 0777, 0600, 'for nobody else');
    is($t->sql('select count(*) from assess.document_contents'), 0,
        'and nothing is in the database');

    is(post($text)->{status}, 200, 'the same bytes again');
    is(scalar objects(), 1, 'are the same file');

    my $other = $http->with('X-Tenant' => 'other')->post('/api/documents',
        body => $text, headers => { 'Content-Type' => 'text/plain' });
    is($other->{status}, 201, 'of another tenant they are another document');

    my @both = objects();
    is(scalar @both, 2, 'and another file');
    isnt((split m{/}, $both[0])[0], (split m{/}, $both[1])[0],
        'in a directory of its own');

    is($http->with('X-Tenant' => 'other')->delete('/api/documents/'
        . $other->{json}{documents}[0]{documentId})->{status}, 204, 'deleted');
    clean('the other tenant');
    is(join(' ', objects()), "@objects", 'the first tenant has its own');

    my $form = $http->post('/api/documents', Assess::HTTP::multipart(
        [file => 'two of a kind', 'a.txt', 'text/plain'],
        [file => 'two of a kind', 'b.txt', 'text/plain'],
        [file => "$text and more", 'c.txt', 'text/plain'],
        [file => $text, 'd.txt', 'text/plain']));
    is($form->{status}, 201, 'several, some of which are known');
    is(scalar objects(), 3, 'two are new');
    clean('several');

    $d->{documentId};
};

for my $range (['0-0', 0, 1], ['262140-262150', 262_140, 11],
    ['-7', length($text) - 7, 7], ['500000-', 500_000, length($text) - 500_000])
{
    my ($spec, $from, $n) = @$range;
    my $a = $http->get("/api/documents/$id/content",
        headers => { Range => "bytes=$spec" });

    is($a->{status}, 206, "bytes=$spec");
    ok($a->{body} eq substr($text, $from, $n), 'to the byte');
}

ok($http->get("/api/documents/$id/content")->{body} eq $text, 'the whole');


# --- only what is asked for is read

SKIP: {
    my ($worker) = $t->server->workers;
    my $read = sub { (slurp("/proc/$worker/io") // '') =~ /^rchar: (\d+)/m; $1 };

    skip 'there is no /proc/PID/io here', 6 unless defined $read->();

    my $peak = peak($worker);
    my $big = $t->upload('x' x (40 << 20), 'text/plain');
    my $before = $read->();

    $http->get("/api/documents/$big/content",
        headers => { Range => 'bytes=30000000-30000099' });
    cmp_ok($read->() - $before, '<', 1 << 20, 'a range is read without the rest');
    my ($in, $all) = ('', 0);
    my $sock = $http->connect;

    print {$sock} "GET /api/documents/$big/content HTTP/1.1\r\nHost: a\r\n"
        . "Connection: close\r\n\r\n";
    $sock->flush;
    $all += length $in while sysread $sock, $in, 1 << 20;
    cmp_ok($all, '>', 40 << 20, 'a large one, whole');
    cmp_ok(peak($worker), '<', $peak + (16 << 10), 'is nowhere whole in memory')
        if !defined $ENV{ASAN_OPTIONS};
    is($http->delete("/api/documents/$big")->{status}, 204, 'deleted');
    clean('a large one');
}


# --- a job reads the file itself

question_set($t, 'two', 2);

{
    my $temp = $t->server->{home} . '/temp/assess';
    my $page = $t->upload('<!DOCTYPE html><html><body><p>The fire doors of stair'
        . ' 1 are tested.</p></body></html>', 'text/html');

    # nowhere to copy it to
    rename $temp, "$temp.away" or die "rename: $!\n";

    for my $d ($id, $page) {
        is($t->wait_job(start_job($t, document => $d, set => 'two'))->{status},
            'completed', 'a job reads the file itself');
    }

    rename "$temp.away", $temp or die "rename: $!\n";
    clean('a job');
}


# --- a form that starts a job

{
    my $a = $http->post('/api/assessments/start', Assess::HTTP::multipart(
        [questionSet => 'two'], [file => 'with a start', 'a.txt', 'text/plain']));

    is($a->{status}, 202, 'uploaded and started');
    is($t->wait_job($a->{json}{jobId})->{status}, 'completed', 'and assessed');

    my @before = objects();
    $a = $http->post('/api/assessments/start', Assess::HTTP::multipart(
        [questionSet => 'none'], [file => 'refused', 'a.txt', 'text/plain']));
    is($a->{status}, 404, 'a start that is refused');
    is(join(' ', objects()), "@before", 'leaves no file');
    is(strays(), 0, 'and no row');
}


# --- the database refuses, with the file written

{
    my @before = objects();
    my $end = $t->cluster->held('lock table assess.documents in exclusive mode');
    my $a = post('nobody will have this');

    is($a->{status}, 503, 'a row that cannot be written');
    $end->();
    is(join(' ', objects()), "@before", 'leaves no file');
    clean('refused');
}


# --- killed between the file and the row

{
    my ($left, $tries);

    # the row waits for half a second, and is given up then
    for my $try (1 .. 10) {
        my @before = objects();
        my %before = map { $_ => 1 } @before;
        my $end = $t->cluster->held('lock table assess.documents in exclusive mode');
        my ($worker) = $t->server->workers;
        my $body = "killed $try";
        my $sock = $http->connect;

        print {$sock} "POST /api/documents HTTP/1.1\r\nHost: a\r\n"
            . "Content-Type: text/plain\r\nContent-Length: "
            . length($body) . "\r\n\r\n$body";
        $sock->flush;

        my $seen;
        for (1 .. 2000) {
            ($seen) = grep { !$before{$_} && !/\.new\z/ } objects();
            last if $seen;
            sleep 0.002;
        }

        kill 'KILL', $worker;
        wait_until(10, sub { !grep { $_ == $worker } $t->server->workers });
        $end->();
        $t->server->wait_ready(30);

        ($left) = grep { !$before{$_} } objects();
        last if $left;
    }

    ok($left, 'a worker dies between the file and the row');
    is($t->sql("select count(*) from assess.documents where object = '$left'"), 0,
        'no document has the file');
    is($t->sql('select storage from assess.stray_objects where object = '
        . "'$left' and due > now() + interval '30 minutes'"), 'directory',
        'the database knows of it');

    # somebody else's might be on its way
    my $gone = $t->upload('to be swept', 'text/plain');
    $http->delete("/api/documents/$gone");
    ok(wait_until(20, sub { strays() == 1 }), 'what is due is swept');
    ok(-e "$store/$left", 'what may be under way is not');

    write_file("$store/$left.new", 'half of it');
    $t->sql("update assess.stray_objects set due = now()");
    clean('after the time');
    ok(!-e "$store/$left" && !-e "$store/$left.new", 'it is swept, too');
}


# --- the same bytes come again before the sweep has come to the old ones

{
    my $again = $t->upload('again and again', 'text/plain');
    my ($old) = split /\n/, $t->sql('select object from assess.documents where'
        . " document_id = '$again'");

    my $end = $t->cluster->held('lock table assess.stray_objects in share mode');
    my $waiting = $http->connect;
    print {$waiting} "DELETE /api/documents/$again HTTP/1.1\r\nHost: a\r\n\r\n";
    $waiting->flush;
    $end->();
    wait_until(10, sub {
        $http->get("/api/documents/$again")->{status} == 404 });

    my $new = $t->upload('again and again', 'text/plain');
    clean('again');

    my ($object) = $t->sql('select object from assess.documents where'
        . " document_id = '$new'");
    isnt($object, $old, 'they are another object');
    is($http->get("/api/documents/$new/content")->{body}, 'again and again',
        'which the sweep leaves');
}


# --- the directory goes away

my $waiting = $t->upload('waits for its directory', 'text/plain');

{
    rename $store, "$store.away" or die "rename: $!\n";

    my $a = post('into nothing');
    problem_is($a, 503, undef, 'stored where nothing is');
    unlike($a->{body}, qr/\Q$dir\E/, 'the client learns no path');
    is($a->{headers}{'retry-after'}, 1, 'but when to come again');
    is(post($text)->{status}, 200, 'what is known is known all the same');

    $a = $http->get("/api/documents/$id/content");
    problem_is($a, 503, undef, 'read from nothing');
    unlike($a->{body}, qr/\Q$dir\E/, 'no path either');
    logged(qr/storage "directory" cannot be written: open "\Q$store\E" failed/,
        'the log has it');
    logged(qr/storage "directory" cannot be read: open "\Q$store\E" failed/,
        'of reading, too');
    is($http->get('/api/documents')->{status}, 200, 'all else goes on');

    $a = $http->get('/api/health/ready');
    is("$a->{status} $a->{json}{status} " . json($a->{json}{storages}),
        '200 degraded {"directory":{"read":false,"write":false}}',
        'and it is told who asks for it');

    my $job = start_job($t, document => $waiting, set => 'two');
    logged(qr/job $job: the content of the document cannot be read now/,
        'a job waits');

    # long enough for every try that a job has
    sleep 2;
    is($http->get("/api/assessments/job/$job")->{json}{status}, 'processing',
        'and does not fail');

    # an empty directory where the storage should be: nothing is mounted
    made($store);
    sleep 0.5;                       # nobody tries for a quarter of a second
    is(post('into another one')->{status}, 503, 'another directory in its place');
    is($http->get("/api/documents/$id/content")->{status}, 503,
        'in which nothing is missing');
    is(join(' ', objects()), '', 'nothing is written there');
    is($http->get("/api/assessments/job/$job")->{json}{status}, 'processing',
        'nor does the job fail for that');

    rmdir $store or die "rmdir: $!\n";
    rename "$store.away", $store or die "rename: $!\n";

    is($t->wait_job($job)->{status}, 'completed', 'it is back: the job completes');
    ok(wait_until(10, sub { post('into nothing')->{status} == 201 }),
        'documents are taken');
    logged(qr/storage "directory" can be (?:read|written) again/,
        'and the log says so');
    ok(wait_until(10, sub { $http->get("/api/documents/$id/content");
        $http->get('/api/health/ready')->{json}{status} eq 'ok' }), 'all is well');
    clean('back');
}

{
    my $job = do {
        my $d = $t->upload('cancelled while it waits', 'text/plain');
        rename $store, "$store.away" or die "rename: $!\n";
        start_job($t, document => $d, set => 'two');
    };

    logged(qr/job $job: the content/, 'another job waits');
    is($http->delete("/api/assessments/job/$job")->{status}, 202, 'cancelled');
    is($t->wait_job($job)->{status}, 'cancelled', 'it ends');

    rename "$store.away", $store or die "rename: $!\n";
}


# --- one object is gone, or damaged, for good

{
    my $d = $t->upload('will be lost', 'text/plain');
    my $object = $t->sql('select object from assess.documents where'
        . " document_id = '$d'");

    ok(wait_until(10, sub {
        $http->get("/api/documents/$d/content")->{status} == 200 }), 'it is there');

    unlink "$store/$object" or die "$object: $!\n";

    my $a = $http->get("/api/documents/$d/content");
    problem_is($a, 500, undef, 'its content is asked for');
    like($a->{json}{detail}, qr/missing from its storage.*backup/,
        'what to do is said');
    unlike($a->{body}, qr/\Q$dir\E/, 'but no path');
    logged(qr/storage "directory" lacks object "\Q$object\E"/, 'the log has its name');

    my $job = $t->wait_job(start_job($t, document => $d, set => 'two'));
    is($job->{status}, 'failed', 'a job on it fails');
    is($job->{error}{code}, 'document_missing', 'with its code');

    write_file("$store/$object", 'will be');
    $job = $t->wait_job(start_job($t, document => $d, set => 'two'));
    is($job->{error}{code} // $job->{status}, 'document_missing', 'cut short');
    is($http->get("/api/documents/$d/content")->{status}, 500, 'for readers, too');

    write_file("$store/$object", 'will be lost');
    $job = $t->wait_job(start_job($t, document => $d, set => 'two'));
    is($job->{status}, 'completed', 'restored');

    is($http->get("/api/documents/$id/content",
        headers => { Range => 'bytes=0-3' })->{body}, 'Line',
        'others were there all the time');
}


# --- no right to write

SKIP: {
    skip 'root is asked for nothing', 6
        if slurp($t->server->{home} . '/nginx.conf') =~ /^user root/m;

    my @dirs = ($store, grep { -d } glob("$store/* $store/*/*"));
    chmod 0500, @dirs;
    my $a = post('no right to write');
    problem_is($a, 503, undef, 'a directory that cannot be written to');
    logged(qr/cannot be written: .* Permission denied/, 'the log says why');
    is($http->get("/api/documents/$id/content")->{status}, 200, 'it can be read');

    chmod 0700, @dirs;
    ok(wait_until(10, sub { post('no right to write')->{status} == 201 }),
        'it can be written again');
    clean('no right');
}


# --- a disk that is full

SKIP: {
    skip 'a sanitizer is preloaded first', 7 if defined $ENV{ASAN_OPTIONS};

    my $build = $ENV{ASSESS_BUILD} || "$Assess::Server::REPO/build";
    copy("$build/full_disk.so", "$dir/full_disk.so") or die "full_disk.so: $!\n";
    chmod 0755, "$dir/full_disk.so";

    changed_conf(sub { s/^daemon/env LD_PRELOAD;\nenv FULL_DISK_BELOW;
env FULL_DISK_WHEN;\ndaemon/m });
    $t->server->quit;

    {
        local %ENV = (%ENV, LD_PRELOAD => "$dir/full_disk.so",
            FULL_DISK_BELOW => $store, FULL_DISK_WHEN => "$dir/full");
        $t->server->start;
    }

    my @before = objects();
    write_file("$dir/full", '');

    my $a = post($text . ' and more of it');
    problem_is($a, 503, undef, 'a full disk');
    logged(qr/cannot be written: .* No space left/, 'the log says why');
    is($http->get("/api/documents/$id/content",
        headers => { Range => 'bytes=0-3' })->{body}, 'Line', 'reading goes on');
    is(join(' ', objects()), "@before", 'no half of a file is left');

    unlink "$dir/full";
    ok(wait_until(10, sub { post($text . ' and more of it')->{status} == 201 }),
        'there is room again');
    clean('full');
}


# --- another configuration: documents are read where they are

{
    my $in_database = 'kept in the database';
    my $second = "$dir/second";
    my $reconf = sub {
        write_file($t->server->{env}{ASSESS_EXTRA}, $_[0]
            . "assess_answer_cache off;\n");
        $t->server->reload;
    };

    $reconf->("assess_storage postgresql;\n$conf");
    my $d = $t->upload($in_database, 'text/plain');
    is($t->sql('select count(*) from assess.document_contents'), 1,
        'new documents go into the database');
    ok($http->get("/api/documents/$id/content")->{body} eq $text,
        'an old one is in its directory');

    made($second);
    $reconf->("assess_storage directory $second name=second keep=1h;\n"
        . "assess_storage directory $store;\n");
    my $e = $t->upload('in the second one', 'text/plain');
    is(scalar objects($second), 1, 'new documents go into the first one named');
    is($http->get("/api/documents/$d/content")->{body}, $in_database,
        'that of the database is there');
    ok($http->get("/api/documents/$id/content")->{body} eq $text,
        'and that of the directory');

    is($http->delete("/api/documents/$e")->{status}, 204, 'deleted');
    is($http->delete("/api/documents/$waiting")->{status}, 204, 'in both');
    ok(wait_until(20, sub { strays() == 1 }), 'one is removed');
    is(scalar objects($second), 1, 'the other one is kept');
    $t->sql("update assess.stray_objects set due = now() - interval '2 hours'");
    ok(wait_until(20, sub { !objects($second) && strays() == 0 }),
        'for its time');

    $reconf->('');
    my $a = $http->get("/api/documents/$id/content");
    problem_is($a, 503, undef, 'a storage that is not configured any more');
    logged(qr/storage "directory" has documents and is not configured/,
        'the log says what to do');

    my $job = start_job($t, document => $t->upload('other', 'text/plain'),
        set => 'two');
    is($t->wait_job($job)->{status}, 'completed', 'all else works');

    # the second directory under the name of the first one
    $reconf->("assess_storage directory $second;\n");
    is($http->get("/api/documents/$id/content")->{status}, 503,
        'another storage under the same name');
    logged(qr/its "assess-storage" is not that of the storage/, 'is noticed');

    $reconf->($conf);
    ok($http->get("/api/documents/$id/content")->{body} eq $text, 'as before');
    is(lines_of(qr/\[crit\]|\[alert\] .*assess/), 0, 'and nothing worse was said');
}

$t->done;
