package Assess::Jobs;

# What tests of jobs and of their progress need: something to assess, and the
# event log to compare a stream with.

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();
use Time::HiRes qw(time);

use Assess::Process qw(slurp wait_until write_file);
use Assess::Server;

our @EXPORT_OK = qw(document question_set start_job started events_in_log
                    write_events collect is_log changed_conf vm_rss fds
                    ended_type UUID);

use constant UUID => qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

my $made = 0;


# A new document each time: a text that speaks to the questions below.
sub document {
    my ($t, %headers) = @_;

    $made++;
    my $text = join "\n\n", map {
        "Paragraph $_ of plan $made-$$. The fire doors of stair $_ are tested"
        . " every month, and extinguisher number $_ hangs next to exit $_."
    } 1 .. 40;

    return $t->upload($text, 'text/plain', filename => "plan-$made.txt",
        headers => \%headers);
}


sub question_set {
    my ($t, $name, $n, %headers) = @_;

    my @questions = map { { id => "q$_", text =>
        "Are the fire doors of stair $_ tested?" } } 1 .. $n;

    my $a = $t->http->with(%headers)->put("/api/question-sets/$name",
        json => { questions => \@questions });

    die "question set: $a->{status} $a->{body}\n" if $a->{status} !~ /^20/;
    return $name;
}


# The answer to a start; o: document, set, body (more keys), headers, timeout.
sub started {
    my ($t, %o) = @_;

    return $t->http->with(%{ $o{headers} // {} })->request('POST',
        '/api/assessments/start', timeout => $o{timeout} // 60,
        json => { documentId => $o{document}, questionSet => $o{set},
                  %{ $o{body} // {} } });
}


sub start_job {
    my ($t, %o) = @_;

    my $a = started($t, %o);
    die 'start: ' . ($a ? "$a->{status} $a->{body}" : 'no answer') . "\n"
        unless $a && $a->{status} == 202;
    return $a->{json}{jobId};
}


sub ended_type {
    return $_[0] =~ /^(?:complete|error|cancelled)\z/;
}


# All events of a tenant above an id, as {id, event, data}.
sub events_in_log {
    my ($t, $after, $tenant) = @_;

    $tenant //= 'default';

    my $text = $t->sql('select event_id || chr(9) || type || chr(9) || data'
        . ' from assess.assessment_progress_events'
        . " where tenant = '$tenant' and event_id > $after order by event_id");

    return map {
        my ($id, $type, $data) = split /\t/, $_, 3;
        { id => $id, event => $type, data => $data };
    } split /\n/, $text;
}


# Events by hand, as another instance's or a killed worker's would get into
# the log; o: job, document, type, tenant, pad (bytes).  Returns the last id.
sub write_events {
    my ($t, $n, %o) = @_;

    my $none = '00000000-0000-7000-8000-000000000000';
    my $type = $o{type} // 'progress';
    my $job = $o{job} // $none;
    my $document = $o{document} // $none;
    my $tenant = $o{tenant} // 'default';
    my $pad = 'x' x ($o{pad} // 0);

    return $t->sql('with c as (update assess.event_counter'
        . " set value = value + $n returning value), w as ("
        . ' insert into assess.event_log (first_id, last_id, types, tenants,'
        . ' users, job_ids, document_ids, batch_ids, data)'
        . " select c.value - $n + i, c.value - $n + i, array['$type'],"
        . " array['$tenant'], array[null]::text[], array['$job'::uuid],"
        . " array['$document'::uuid], array[null]::uuid[],"
        . " array[format('{\"type\":\"$type\",\"jobId\":\"$job\",\"n\":%s,"
        . "\"pad\":\"$pad\"}', i)] from c, generate_series(1, $n) i)"
        . ' select value from c');
}


# Events until one satisfies the test (with it), or until the end of the
# stream or of the time.
sub collect {
    my ($stream, $test, $seconds) = @_;

    my @events;
    my $end = time + ($seconds // 60);

    while (defined(my $event = $stream->next($end - time))) {
        push @events, $event;
        last if $test && $test->($event);
    }

    return @events;
}


# A stream gave exactly what the log has, in its order.
sub is_log {
    my ($events, $log, $name) = @_;

    my @got = map {"$_->{id} $_->{event} $_->{data}"}
              grep { defined $_->{id} } @$events;
    my @log = map {"$_->{id} $_->{event} $_->{data}"} @$log;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    # is_deeply would print both of them
    my $same = "@got" eq "@log";

    Test::More::ok($same, "$name (" . @log . ' events)')
        or Test::More::diag('got ' . @got . ': ' . _ids(@got) . "\nlog "
            . @log . ': ' . _ids(@log));

    return $same;
}


sub _ids {
    my @ids = map { (split / /)[0] } @_;

    return @ids > 12 ? "@ids[0 .. 5] ... @ids[-6 .. -1]" : "@ids";
}


# Servers started from now on have this done to their configuration.
sub changed_conf {
    my ($change) = @_;

    my $configure = Assess::Server->can('configure');

    no warnings 'redefine';
    *Assess::Server::configure = sub {
        my ($self) = @_;

        $configure->($self);

        local $_ = slurp("$self->{home}/nginx.conf");
        $change->();
        write_file("$self->{home}/nginx.conf", $_, 0600);

        return $self;
    };
}


# What a process has for itself, in kilobytes: the zone fills up by and by, and
# is no one's.
sub vm_rss {
    my ($pid) = @_;

    my ($kb) = (slurp("/proc/$pid/status") // '') =~ /^RssAnon:\s*(\d+)/m;
    return $kb // 0;
}


sub fds {
    my ($pid) = @_;

    return scalar(() = glob "/proc/$pid/fd/*");
}


1;
