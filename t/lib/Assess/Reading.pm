package Assess::Reading;

# What becomes of documents when they are read: their text, page by page, or
# why there is none.  Of the one server that reading() names.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use Test::More ();

use Assess::Contract qw(json);
use Assess::Jobs qw(question_set start_job);
use Assess::Process qw(slurp);

our @EXPORT_OK = qw(reading post job pages reads fails document_id readers);

my $json = JSON::PP->new->utf8;
my ($t, $set, $id, %type, $seconds);


# type: the media type of each name that stands for a kind of document; seconds
# that a document may take.
sub reading {
    my ($test, %o) = @_;

    $t = $test;
    $set = question_set($t, 'reading', 1);
    %type = %{ $o{type} // {} };
    $seconds = $o{seconds} // 60;
}


# The document of the last job.
sub document_id { return $id }


# The answer to an upload; kind is one of the names above or a media type.
sub post {
    my ($bytes, $kind) = @_;

    return $t->http->post('/api/documents', body => $bytes,
        headers => { 'Content-Type' => $type{$kind} // $kind });
}


# The job on a document of these bytes, once it has ended.
sub job {
    my ($bytes, $kind) = @_;

    my $a = post($bytes, $kind);
    die "$kind: $a->{status} $a->{body}\n" unless $a->{status} == 201;

    $id = $a->{json}{documents}[0]{documentId};

    return $t->wait_job(start_job($t, document => $id, set => $set), $seconds);
}


# The texts of its pages; it must be read.
sub pages {
    my ($bytes, $kind, $what) = @_;

    my $job = job($bytes, $kind);

    Test::More::is($job->{status}, 'completed', "$what: it is read")
        or Test::More::diag(json($job->{error}));

    return $json->decode($t->sql(
        'select coalesce(json_agg(text order by page), \'[]\')'
        . " from assess.document_pages where document_id = '$id'"));
}


# The texts of its pages are these.
sub reads {
    my ($bytes, $kind, $pages, $what) = @_;

    return Test::More::is(json(pages($bytes, $kind, $what)),
                          json($pages), $what);
}


# Its job fails with this code: the message.
sub fails {
    my ($bytes, $kind, $code, $what) = @_;

    my $job = job($bytes, $kind);

    Test::More::is($job->{status}, 'failed', $what);
    Test::More::is($job->{error}{code}, $code, "$what: $code")
        or Test::More::diag(json($job->{error}));

    return $job->{error}{message};
}


sub parent {
    return (slurp("/proc/$_[0]/stat") // '') =~ /\) \S (\d+)/ ? $1 : 0;
}


# The readers at work in a test's server: children of the program, which is a
# child of a worker.
sub readers {
    my ($server) = map { $_->server } @_;
    my %worker = map { $_ => 1 } $server->workers;
    my %program = map { $_ => 1 } grep { $worker{ parent($_) } }
                  $server->processes;

    return grep { $program{ parent($_) } } map { substr $_, 6 }
           glob '/proc/[0-9]*';
}


1;
