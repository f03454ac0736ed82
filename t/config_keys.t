#!/usr/bin/perl

# The keys of providers, from wherever they come: no message, log, job or event
# shows one, and several servers of one nginx have them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IO::Handle;
use IO::Socket::INET;
use POSIX ();
use Test::More;

use Assess::Conf qw($dir check provider setting);
use Assess::Process qw(slurp write_file);
use Assess::Test;


subtest 'keys' => sub {
    my $secret = 'sk-' . 'Q7' x 12;
    write_file("$dir/good.key", "$secret\r\n");

    for my $key ('env:ASSESS_T_KEY', 'file:good.key', "file:$dir/good.key",
                 $secret)
    {
        my $what = $key eq $secret ? 'text' : $key;

        # alone, and with a mistake after it, whose message is about the key's
        # own line, the next, or the end of the block
        for my $rest ('url http://h; model m;', 'url http://h;', 'modle m;',
                      "api_key $key;", '}')
        {
            my ($status, $said) = check(provider('x', "type openai;\n"
                . "api_key $key;\n$rest\n"), ASSESS_T_KEY => $secret);

            is($status == 0 ? 1 : 0, $rest =~ /model m/ ? 1 : 0,
               "api_key $what; $rest");
            unlike($said, qr/\Q$secret\E/, 'it is not shown');
        }
    }

    for my $bad ("$secret \"", "api_key=$secret") {
        my ($status, $said) = check(setting("$bad;"));
        cmp_ok($status, '!=', 0, 'a key in the wrong place');
        unlike($said, qr/modle.*\Q$secret\E/, 'it is not shown');
    }

    my $log = join '', map { slurp($_) // '' } glob "$dir/logs/*";
    cmp_ok(length $log, '>', 0, 'there are logs');

    # an unknown directive is told by nginx up to the first character that no
    # directive has
    my @shown = grep { /\Q$secret\E/ } split /\n/, $log;
    is(join("\n", @shown), '', 'no log has it');
};


# A provider that says the key it was given in its refusal, as some do; another
# server and another location of the same nginx.
my $t;

subtest 'keys and several servers, running' => sub {
    my $secret = 'sk-' . 'Z9' x 12;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Listen => 16, Proto => 'tcp') or die "no socket: $!\n";
    my $url = 'http://127.0.0.1:' . $listen->sockport;
    my $echo = echo_keys($listen);

    write_file("$dir/run.key", "$secret\n");
    chmod 0755, $dir;

    my $port = Assess::Test::free_port();
    $t = Assess::Test->new(env => { T_API_KEY => $secret }, extra => <<"END");
error_log $dir/logs/run.log debug;
assess_provider env { type openai; url $url; model m; api_key env:T_API_KEY; }
assess_provider file { type openai; url $url; model m; api_key file:$dir/run.key; }
server {
    listen 127.0.0.1:$port;
    location /a/ { assess_api; assess_tenant one; }
    location /b { assess_api; assess_tenant two; }
}
END

    my $http = $t->http;
    my $id = $t->upload('The person is Ada.', 'text/plain');

    is($http->put('/api/question-sets/s', json => { questions =>
        [{ id => 'a', text => 'Who is the person?' }] })->{status}, 201,
        'a set of questions');

    for my $provider (qw(env file)) {
        my $a = $http->post('/api/assessments/start', json => { documentId => $id,
            questionSet => 's', provider => $provider });
        my $job = $t->wait_job($a->{json}{jobId});

        is($job->{error}{code}, 'provider_refused', "$provider: refused")
            or diag(explain($job));
        unlike($job->{error}{message}, qr/\Q$secret\E/, 'the job is silent');
    }

    is(echoed($echo), 2, 'the provider was given the key each time');

    my $log = join '', map { slurp($_) // '' } "$dir/logs/run.log",
              glob $t->home->{home} . '/logs/*';
    like($log, qr/\[debug\]/, 'the log has all there is');
    my @shown = grep { /\Q$secret\E/ } split /\n/, $log;
    is(join("\n", @shown), '', 'no log has the key');
    is($t->sql("select count(*) from assess.assessment_progress_events where"
        . " data like '%$secret%'"), 0, 'no event has it');

    # /a/ and /b are two tenants' own, with their own prefixes
    my $other = Assess::HTTP->new(port => $port);
    my $a = $other->post('/a/documents', body => 'One.',
                         headers => { 'Content-Type' => 'text/plain' });

    is($a->{status}, 201, 'another server has the API');
    like($a->{headers}{location}, qr{^/a/documents/}, 'with its prefix');
    is($other->get($a->{headers}{location})->{status}, 200, 'it can be read');
    (my $there = $a->{headers}{location}) =~ s{^/a/}{/b/};
    is($other->get($there)->{status}, 404, 'another location, another tenant');
    is($other->get('/b/documents')->{json}{total}, 0, 'which has nothing');
    is($other->get('/bc/documents')->{status}, 404, 'a prefix is a prefix');
    is($other->get('/api/documents')->{status}, 404, 'and no other');
};


my $echo_pid;

END {
    kill 'TERM', $echo_pid if $echo_pid;
}


# The provider in a process of its own, and how many keys it has seen.
sub echo_keys {
    my ($listen) = @_;

    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid) {
        $echo_pid = $pid;
        close $listen;
        close $write;
        return { pid => $pid, read => $read };
    }

    $SIG{TERM} = sub { POSIX::_exit(0) };
    $write->autoflush(1);

    while (my $client = $listen->accept) {
        my $in = '';
        1 while $in !~ /\r\n\r\n/ && sysread $client, $in, 65536, length $in;

        my ($key) = $in =~ /^authorization: Bearer (\S+)/mi;
        print $write defined $key ? "key\n" : "none\n";

        my $body = '{"error":{"message":"Incorrect API key provided: '
            . ($key // '') . '","code":"invalid_api_key"}}';
        print $client "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/"
            . "json\r\nConnection: close\r\nContent-Length: " . length($body)
            . "\r\n\r\n$body";
        close $client;
    }

    POSIX::_exit(0);
}


sub echoed {
    my ($echo) = @_;

    kill 'TERM', $echo->{pid};
    waitpid $echo->{pid}, 0;
    undef $echo_pid;

    my $fh = $echo->{read};
    return scalar grep { $_ eq "key\n" } <$fh>;
}


$t->done;
