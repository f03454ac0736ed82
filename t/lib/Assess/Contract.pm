package Assess::Contract;

# What the tests of the HTTP contract have in common: is this answer the
# problem that it should be, what is in the database, and small documents.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use Test::More;

use Assess::Process qw(slurp wait_until);

our @EXPORT = qw(problem_is untouched idle rows open_files temp_files json pdf
                 pdf_encrypted question_set start job_is is_time is_id UNKNOWN
                 wait_until slurp);

# an id that nobody has
use constant UNKNOWN => '018f0000-0000-7000-8000-000000000000';

my $ID = qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z/;
my $TIME = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/;

my $coder = JSON::PP->new->canonical->allow_nonref;

# RFC 9110 where it has one
my %TITLE = (
    400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden',
    404 => 'Not Found', 405 => 'Method Not Allowed', 409 => 'Conflict',
    411 => 'Length Required', 413 => 'Content Too Large',
    415 => 'Unsupported Media Type', 416 => 'Range Not Satisfiable',
    422 => 'Unprocessable Content', 429 => 'Too Many Requests',
    500 => 'Internal Server Error', 502 => 'Bad Gateway',
    503 => 'Service Unavailable', 504 => 'Gateway Timeout',
);


# JSON with its keys in order and its types as they are.
sub json { return $coder->encode($_[0]) }


sub is_id {
    my ($value, $name) = @_;
    like($value, $ID, "$name is an id");
}


sub is_time {
    my ($value, $name) = @_;
    like($value, $TIME, "$name is a time with milliseconds");
}


# An answer that is an error: RFC 9457 with this status and, where a pointer
# is given, with it; undef: there is none.
sub problem_is {
    my ($a, $status, $pointer, $name) = @_;

    my @wrong;

    if (!$a) {
        fail("$name: an answer");
        return;
    }

    my $p = $a->{json};
    my ($type) = ($a->{headers}{'content-type'} // 'none') =~ /^([^;]*)/;

    push @wrong, "status $a->{status}" if $a->{status} != $status;
    push @wrong, "type $type" if $type ne 'application/problem+json';

    if (ref $p ne 'HASH') {
        push @wrong, "no JSON object: $a->{body}";

    } else {
        push @wrong, 'another status inside' if ($p->{status} // 0) != $status;
        push @wrong, 'status is no number' if json($p->{status}) =~ /"/;
        push @wrong, 'no type' if ($p->{type} // '') eq '';
        push @wrong, 'title ' . ($p->{title} // 'none')
            if ($p->{title} // '') ne ($TITLE{$status} // 'none');
        push @wrong, 'no detail' if ($p->{detail} // '') eq '';

        my $e = $p->{errors};

        if (defined $pointer) {
            push @wrong, 'pointer ' . ($e ? $e->[0]{pointer} // 'none' : 'none')
                if !$e || ($e->[0]{pointer} // '') ne $pointer;
            push @wrong, 'an error without detail'
                if $e && grep { ($_->{detail} // '') eq '' } @$e;

        } elsif ($e && grep { ($_->{pointer} // '') !~ m{^/} } @$e) {
            push @wrong, 'a pointer that is none: ' . $e->[0]{pointer};
        }
    }

    push @wrong, 'no Retry-After' if $status =~ /^(?:429|503)\z/
        && ($a->{headers}{'retry-after'} // '') !~ /^\d+\z/;
    push @wrong, 'no Allow' if $status == 405 && !$a->{headers}{allow};

    is(join('; ', @wrong), '', "$name: $status") or diag($a->{body});
}


# How many rows each table has, as text that can be compared; but for those of
# counts, which are added up now and then.
sub rows {
    my ($t) = @_;

    return $t->sql(<<'END');
select string_agg(c.relname || '=' || (xpath('/row/n/text()', query_to_xml(
    format('select count(*) as n from assess.%I', c.relname),
    false, true, '')))[1]::text, ' ' order by c.relname)
from pg_class c where c.relnamespace = 'assess'::regnamespace
    and c.relkind = 'r'
    and c.relname not in ('document_changes', 'document_counts')
END
}


sub temp_files {
    my ($t) = @_;

    my @found;
    my @look = $t->server->{home} . '/temp';

    while (defined(my $path = shift @look)) {
        if (-d $path && !-l $path) {
            push @look, glob "$path/*";
        } else {
            push @found, $path;
        }
    }

    return @found;
}


# Descriptors of the workers on deleted or temporary files, and on sockets
# of clients: what a call may leave behind.
sub open_files {
    my ($t) = @_;

    my $port = sprintf '%04X', $t->server->{port};
    my $home = $t->server->{home};
    my @found;

    for my $pid ($t->server->workers) {
        for my $fd (glob "/proc/$pid/fd/*") {
            my $to = readlink $fd // next;
            push @found, $to if $to =~ m{^\Q$home\E/temp/};
        }
    }

    return @found;
}


# Every job has ended, so that nothing is written any more.
sub idle {
    my ($t) = @_;

    wait_until(60, sub {
        return $t->sql("select count(*) from assess.assessment_jobs where status"
            . " in ('queued', 'processing')") == 0;
    }) or die "jobs do not end\n";
}


# What is done in between leaves no row and no file.
sub untouched {
    my ($t, $name, $do) = @_;

    my $before = rows($t);
    $do->();

    is(rows($t), $before, "$name: no row is left");

    # a body is closed by the thread that has read it, after its answer
    my @left;
    wait_until(10, sub {
        @left = (temp_files($t), open_files($t));
        return !@left;
    });
    is(join(' ', @left), '', "$name: no file is left");
}


sub _pdf {
    my ($pages, $objects, $trailer) = @_;

    my $out = "%PDF-1.4\n";
    my @at;

    for my $i (0 .. $#$objects) {
        push @at, length $out;
        $out .= ($i + 1) . " 0 obj\n$objects->[$i]\nendobj\n";
    }

    my $xref = length $out;
    my $n = @$objects + 1;

    $out .= "xref\n0 $n\n0000000000 65535 f \n";
    $out .= sprintf "%010d 00000 n \n", $_ for @at;

    return $out . "trailer\n<< /Size $n /Root 1 0 R $trailer >>\n"
        . "startxref\n$xref\n%%EOF\n";
}


sub _objects {
    my (@pages) = @_;

    my @objects = ('<< /Type /Catalog /Pages 2 0 R >>', undef,
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>');
    my @kids;

    for my $text (@pages) {
        my $y = 760;
        my $stream = '';

        for my $line (split /\n/, $text) {
            $line =~ s/([\\()])/\\$1/g;
            $stream .= "BT /F1 11 Tf 50 $y Td ($line) Tj ET\n";
            $y -= 16;
        }

        push @objects, '<< /Length ' . length($stream)
            . " >>\nstream\n${stream}endstream";
        my $content = @objects;
        push @objects, '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]'
            . " /Contents $content 0 R /Resources << /Font << /F1 3 0 R >> >> >>";
        push @kids, @objects . ' 0 R';
    }

    $objects[1] = "<< /Type /Pages /Kids [@kids] /Count " . @kids . ' >>';
    return \@objects;
}


# A PDF of these pages; a page of '' has no text.
sub pdf {
    return _pdf(scalar @_, _objects(@_), '');
}


# One that asks for a password nobody knows.
sub pdf_encrypted {
    my $objects = _objects(@_);

    push @$objects, '<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <'
        . ('5a' x 32) . '> /U <' . ('c3' x 32) . '> >>';

    return _pdf(scalar @_, $objects, '/Encrypt ' . @$objects . ' 0 R /ID [<'
        . ('17' x 16) . '> <' . ('17' x 16) . '>]');
}


# A set of n questions about the words of the documents here.
sub question_set {
    my ($t, $name, $n, $http) = @_;

    my @about = qw(exits alarm lighting extinguishers training doors signs
                   storage assembly detectors);
    my $a = ($http // $t->http)->put("/api/question-sets/$name", json => {
        questions => [map { +{ id => "q$_",
            text => "Is there a record of the $about[$_ % 10] number $_?" } }
            1 .. $n] });

    die 'question set: ' . ($a ? "$a->{status} $a->{body}" : 'no answer')
        . "\n" unless $a && $a->{status} =~ /^20[01]\z/;
    return $a->{json};
}


# A job started: its answer to the start.
sub start {
    my ($t, $document, $set, %more) = @_;

    my $http = delete $more{http} // $t->http;
    my $a = $http->post('/api/assessments/start', json =>
        { documentId => $document, questionSet => $set, %more });

    die 'start: ' . ($a ? "$a->{status} $a->{body}" : 'no answer') . "\n"
        unless $a && $a->{status} == 202;
    return $a->{json};
}


# A Job has the keys of the contract and the right types in them.
sub job_is {
    my ($job, $status, $name) = @_;

    is(join(' ', sort keys %$job), join(' ', sort qw(jobId assessmentId
        documentId batchId user status stage progress totalBatches
        completedBatches queuePosition attempt priority estimatedCompletion
        estimateQuality tokens cost priceVersion maxCost error createdAt
        startedAt completedAt metadata)), "$name: the keys of a Job");

    my @wrong;
    my %type = (progress => 'int', totalBatches => 'int', cost => 'num',
        completedBatches => 'int', attempt => 'int', priority => 'int',
        status => 'text', jobId => 'id', assessmentId => 'id',
        documentId => 'id', batchId => 'id?', user => 'text?',
        stage => 'text?', queuePosition => 'int?', maxCost => 'num?',
        priceVersion => 'text?',
        estimatedCompletion => 'time?', estimateQuality => 'text?', createdAt => 'time',
        startedAt => 'time?', completedAt => 'time?');
    my %like = (int => qr/\A-?\d+\z/, num => qr/\A-?[\d.]+(?:[eE][-+]?\d+)?\z/,
        text => qr/\A".+"\z/s);

    for my $key (sort keys %type) {
        my ($type, $null) = $type{$key} =~ /(\w+)(\??)/;
        my $value = $job->{$key};

        next if !defined $value && $null;
        push @wrong, "$key=" . json($value) unless defined $value
            && ($type eq 'id' ? $value =~ $ID
                : $type eq 'time' ? $value =~ $TIME
                : json($value) =~ $like{$type});
    }

    push @wrong, 'tokens=' . json($job->{tokens})
        unless json($job->{tokens}) =~ /\A\{"input":\d+,"output":\d+\}\z/;
    push @wrong, 'metadata' unless ref $job->{metadata} eq 'HASH';
    push @wrong, 'error=' . json($job->{error}) unless !defined $job->{error}
        || json([sort keys %{ $job->{error} }]) eq '["code","message"]';
    push @wrong, 'no error of a failed one'
        if $job->{status} eq 'failed' && !$job->{error};
    push @wrong, "progress $job->{progress}"
        if $job->{progress} < 0 || $job->{progress} > 100;

    is(join('; ', @wrong), '', "$name: the types of a Job");
    is($job->{status}, $status, "$name: its status") if defined $status;
}


1;
