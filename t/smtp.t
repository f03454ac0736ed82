#!/usr/bin/perl

# E-mail about batches: what is sent, when it is sent again, and with what
# server.  Where ASSESS_MAILDEV names the program of the npm package maildev, it
# is sent to that, too.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::RealBin/lib";
use MIME::QuotedPrint qw(decode_qp);
use POSIX ();

use Assess::Contract;
use Assess::HTTP;
use Assess::Mailbox;
use Assess::Process qw(run_as slurp spawn wait_until end_all);
use Assess::Test;

my $dir = tempdir('assess-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

my ($status, $said) = run_as(undef, 'openssl', 'req', '-x509', '-newkey',
    'rsa:2048', '-nodes', '-days', 2, '-subj', '/CN=127.0.0.1', '-addext',
    'subjectAltName=IP:127.0.0.1', '-keyout', "$dir/key.pem", '-out',
    "$dir/cert.pem");
die "openssl: $said\n" if $status;

my $batch = '018f0000-0000-7000-8000-000000000001';
my $box = Assess::Mailbox->new;
my $safe = Assess::Mailbox->new(certificate => $dir);
my $start = Assess::Mailbox->new(certificate => $dir, starttls => 1);


sub server {
    my ($t, $smtp) = @_;

    my $extra = "assess_answer_cache off;\nassess_webhook_timeout 3s;\n"
              . "assess_webhook_retry 300ms 1h;\n$smtp\n";

    return $t ? $t->another(extra => $extra)
              : Assess::Test->new(extra => $extra);
}


my $t = server(undef, "assess_smtp @{[ $box->url ]} { from"
    . ' assess@example.org; tls off; }');


# As who concludes a batch writes it.
sub told {
    my ($to, %o) = @_;

    my $id = sprintf '018f0000-0000-7000-8000-%012d', 1000 + int rand 1e9;
    my $body = json({ type => $o{type} // 'batch.completed',
        timestamp => '2026-11-25T12:00:00.000Z', data => { batchId => $batch,
        status => 'completed', totalDocuments => 9, completedDocuments => 8,
        failedDocuments => 1, cancelledDocuments => 0, cost => 0.25,
        tokens => { input => 1000, output => 20 } } });

    $t->sql('insert into assess.notices (notice_id, tenant, subject_id, type,'
        . " happened_at, kind, target, origin, body) values ('$id', 'default',"
        . " '$batch', 'batch.completed', clock_timestamp(), 'email', '$to',"
        . " 'mail', '$body')");

    return $id;
}


sub notice {
    my ($id, $what) = @_;
    return $t->sql("select $what from assess.notices where notice_id = '$id'");
}


sub sent {
    my ($id) = @_;
    return wait_until(20, sub { notice($id, 'delivered') eq 't' });
}


# one mail
{
    my $id = told('me@example.net');
    ok(sent($id), 'sent');

    my ($mail, @more) = $box->got;
    is(scalar @more, 0, 'once');
    is($mail->{from}, 'assess@example.org', 'from');
    is($mail->{to}, 'me@example.net', 'to');

    my ($head, $body) = split /\r\n\r\n/, $mail->{data}, 2;
    like($head, qr/^Subject: Batch completed: 8 of 9 documents assessed\r$/m,
        'its subject');
    like($head, qr/^Message-ID: <\Q$id\E\@example\.org>\r$/m, 'its id');
    like($head, qr/^Auto-Submitted: auto-generated\r$/m, 'of a machine');

    my ($date) = $head =~ /^Date: (\w{3}, .*?) \+0000\r$/m;
    like($date, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d\z/, 'its date');

    my ($boundary) = $head =~ /boundary="(.*?)"/;
    my @parts = split /--\Q$boundary\E(?:--)?\r\n/, $body;
    is(scalar @parts, 3, 'two parts');

    my ($plain, $html) = map { decode_qp($_) } @parts[1, 2];
    like($plain, qr{^Content-Type: text/plain; charset=utf-8\n}, 'plain text');
    like($plain, qr/^Batch +\Q$batch\E$/m, 'which batch');
    like($plain, qr/^Failed +1$/m, 'what failed');
    like($plain, qr/^Cost +US\$ 0\.2500$/m, 'what it cost');
    like($html, qr{^Content-Type: text/html; charset=utf-8\n}, 'and HTML');
    like($html, qr{>Completed</td>\n<td>8</td>}, 'which says the same');
}


# of a batch
{
    my $doc = $t->upload('The exits are checked.', 'text/plain');
    question_set($t, 'fire', 1);

    my $a = $t->http->post('/api/assessments/batch', json => {
        documentIds => [$doc], questionSet => 'fire', provider => 'local',
        notifyEmail => 'batch@example.net' });
    is($a->{status}, 202, 'a batch') or diag($a->{body});

    ok(wait_until(30, sub { $box->got == 2 }), 'there is a mail of its end');
    my $mail = ($box->got)[1];
    is($mail->{to}, 'batch@example.net', 'to whom it names');
    like($mail->{data}, qr/^Subject: Batch completed: 1 of 1 documents/m,
        'which says so');
    like($mail->{data}, qr/^Batch +\Q$a->{json}{batchId}\E\r$/m, 'of which');
}


# what the server says
{
    my $id = told('busy@example.net');
    ok(sent($id), '451 is tried again');
    is(notice($id, 'tries'), 2, 'once');

    $id = told('nobody@example.net');
    ok(wait_until(20, sub { notice($id, 'ended_at is not null') eq 't' }),
        '550 ends it');
    is(notice($id, 'tries || chr(32) || delivered'), '1 false', 'at once');
    is($box->asked('nobody@example.net'), 1, 'it was asked once');

    $id = told('a@b>\\r\\nRCPT TO:<you@example.net');
    ok(wait_until(20, sub { notice($id, 'ended_at is not null') eq 't' }),
        'what is no address is given up');
    is(notice($id, 'last_error'), 'its address is none', 'and says so');
    is(scalar $box->got, 3, 'three mails in all');
}


# without TLS, where it is not allowed to be without
$t->server->quit;
{
    my $home = server($t, "assess_smtp @{[ $box->url ]} { from"
        . ' assess@example.org; }');
    my $id = told('tls@example.net');

    ok(wait_until(20, sub { notice($id, "coalesce(last_error, '')") ne '' }),
        'a server without TLS is not used');
    is($box->asked('tls@example.net'), 0, 'it hears of no recipient');
    $home->stop;
    $t->sql('delete from assess.notices');
}


# TLS and a password
for my $to ($safe, $start) {
    my $id = told('safe@example.net');
    my $home = server($t, "assess_smtp @{[ $to->url ]} { from"
        . ' assess@example.org; user me; password secret;'
        . " trusted_certificate $dir/cert.pem; }");

    ok(sent($id), 'by TLS, ' . $to->url) or diag(notice($id, 'last_error'));
    my ($mail) = $to->got;
    is($mail->{to}, 'safe@example.net', 'to whom it is for');
    is($mail->{auth}, ' me secret', 'with user and password');
    $home->stop;

    # nobody who is trusted
    $id = told('other@example.net');
    $home = server($t, "assess_smtp @{[ $to->url ]} { from"
        . ' assess@example.org; user me; password secret; }');
    ok(wait_until(20, sub { notice($id, "coalesce(last_error, '')") ne '' }),
        'a certificate of nobody that is trusted');
    is($to->asked('other@example.net'), 0, 'nothing is said to it');

    my $log = slurp($home->server->{home} . '/logs/error.log');
    unlike($log, qr/secret/, 'the password is not in the log');
    $home->stop;
    $t->sql('delete from assess.notices');
}


# no server of mail
{
    my $id = told('none@example.net');
    my $home = server($t, '');

    ok(wait_until(20, sub { notice($id, "coalesce(last_error, '')")
        eq 'no server of mail is configured' }), 'it waits for one');
    $home->stop;
    $t->sql('delete from assess.notices');
}


# a real one
SKIP: {
    my $maildev = $ENV{ASSESS_MAILDEV};
    skip 'ASSESS_MAILDEV names no maildev', 4 unless $maildev;

    my ($smtp, $web) = map { Assess::Test::free_port() } 1, 2;
    my $pid = spawn(log => "$dir/maildev.log", cwd => $dir, command =>
        ['node', $maildev, '--smtp', $smtp, '--web', $web, '--ip', '127.0.0.1']);
    my $mails = Assess::HTTP->new(port => $web);

    ok(wait_until(60, sub { my $a = $mails->get('/api/email') or return 0;
        return $a->{status} == 200 }), 'maildev is there')
        or diag(slurp("$dir/maildev.log"));

    my $id = told('me@example.net');
    my $home = server($t, "assess_smtp smtp://127.0.0.1:$smtp { from"
        . ' assess@example.org; tls off; }');
    ok(sent($id), 'it takes a mail');

    my $mail = $mails->get('/api/email')->{json}[0];
    is($mail->{subject}, 'Batch completed: 8 of 9 documents assessed',
        'and reads its subject');
    like($mail->{html} // '', qr{<td>\Q$batch\E</td>}, 'and its HTML');

    $home->stop;
    end_all([$pid], TERM => 5, KILL => 5);
}


$t->done;
