package Bench::Hostile;

# Good documents alone, and as many of them with a thousand that are made to do
# harm between them: what the good ones lose.  Once somebody sends the same few
# again and again, and once each is one that nobody has read before.
# ASSESS_BENCH_HOSTILE is how many there are of each, ASSESS_BENCH_HOSTILE_FILES
# a folder of such documents to take instead of those made here, for the first.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Assess::Bench::Proc qw(cpu now tree);
use Assess::Hostile qw(hostile hostile_kinds);
use Assess::Process qw(slurp);

use constant { QUESTIONS => 5, LONGEST => 1800 };


sub run {
    my ($b) = @_;

    my $count = $ENV{ASSESS_BENCH_HOSTILE} || 1000;
    my $home = $b->home(env => { ASSESS_PROVIDER => 'local' });
    my $set = $home->put_questions(QUESTIONS);
    my $pdf = $b->sample;

    # what is there only once is there before anything is measured
    assess($b, $home, $set, good($home, $pdf, 'first', 20));

    my $alone = assess($b, $home, $set, good($home, $pdf, 'alone', $count));

    for my $again (1, 0) {
        my @bad = $again ? same($home, $pdf, $count)
                         : differing($home, $pdf, $count);

        mixed($b, $home, $set, $count, $alone, \@bad,
            good($home, $pdf, "mixed $again", $count),
            $again ? 'of a few again and again' : 'of which all differ');
    }
}


sub mixed {
    my ($b, $home, $set, $count, $alone, $bad, $good, $which) = @_;

    my $before = memory($home);
    my $mixed = assess($b, $home, $set, $good, $bad);
    my $after = memory($home);

    my $report = $b->report;
    my $stuck = ended($home, $bad);
    my @alarms = grep { /\[(?:alert|crit|emerg)\]/ } split /\n/,
                 slurp($home->server->{home} . '/logs/error.log') // '';

    $report->fact("good documents not assessed, with $count hostile ones"
        . " $which", $mixed->{completed} == $count,
        $count - $mixed->{completed});
    $report->fact('hostile ones without an end', !$stuck, $stuck);
    $report->fact('alarms in the error log', !@alarms, scalar @alarms);
    $report->row(what => "$count good documents", unit => '/s',
        ours => [$count / $mixed->{seconds}],
        against => 'without hostile ones between them',
        that => [$count / $alone->{seconds}], target => '>= 0.8');
    $report->row(what => 'CPU of nginx and its children', unit => 's',
        ours => [$mixed->{cpu}], against => 'the good ones alone',
        that => [$alone->{cpu}]);
    $report->row(what => 'memory of the worker behind them', unit => 'MB',
        ours => [$after], against => 'before', that => [$before]);
    $report->note("how those $which ended: " . ends($home, $bad));
}


# So many that differ: the same PDF with another comment at its end.
sub good {
    my ($home, $pdf, $name, $count) = @_;

    return [map { $home->upload("$pdf\n% $name $_\n", 'application/pdf') }
            1 .. $count];
}


# So many that differ, of each kind as many.
sub differing {
    my ($home, $pdf, $count) = @_;

    return map { stored($home, hostile($_, $pdf)) } 0 .. $count - 1;
}


# So many, of which there is only one of each kind; or of the files of a folder.
sub same {
    my ($home, $pdf, $count) = @_;

    my $first = 1000 * hostile_kinds();
    my $folder = $ENV{ASSESS_BENCH_HOSTILE_FILES};
    my @documents = $folder
        ? map { +{ name => $_, bytes => slurp($_),
                   type => 'application/octet-stream' } }
              grep { -s } glob "$folder/*"
        : map { hostile($first + $_, $pdf) } 0 .. hostile_kinds() - 1;
    my @ids = map { stored($home, $_) } @documents;

    die "none of these documents was stored\n" unless @ids;
    return map { $ids[$_ % @ids] } 0 .. $count - 1;
}


# The id of one that is stored; some are refused for their first bytes.
sub stored {
    my ($home, $document) = @_;

    my $a = $home->http->post('/api/documents', body => $document->{bytes},
        headers => { 'Content-Type' => $document->{type} });

    die "$document->{name}: $a->{status} $a->{body}\n"
        unless $a && $a->{status} =~ /^(?:20[01]|415)\z/;
    return $a->{status} == 415 ? () : $a->{json}{documents}[0]{documentId};
}


# Starts the good ones, evenly between the bad ones, and waits for the good.
sub assess {
    my ($b, $home, $set, $good, $bad) = @_;

    my @rest = @{ $bad // [] };
    my @all = map { my @one = ($_);
        push @one, shift @rest if @rest; @one } @$good;
    my $bodies = $b->write_bodies(map { { documentId => $_,
                                          questionSet => $set } } @all, @rest);
    my $cpu = cpu(tree($home->worker));
    my $posted = $b->post($home->port, '/api/assessments/start', $bodies,
                          @all + @rest, 8);
    my $list = join ',', map {"'$_'"} @$good;
    my $left;

    do {
        die "the good documents do not end\n"
            if now() > $posted->{start} + LONGEST;
        sleep 0.1;
        $left = $home->sql('select count(*) from assess.assessment_jobs where'
            . " document_id in ($list) and status in ('queued',"
            . " 'processing')");
    } while ($left);

    # what is left of the bad ones is none of theirs, but costs CPU
    my $seconds = now() - $posted->{start};
    $home->idle if $bad;

    return { seconds => $seconds, cpu => cpu(tree($home->worker)) - $cpu,
        completed => $home->sql('select count(*) from assess.assessment_jobs'
            . " where document_id in ($list) and status = 'completed'") };
}


sub memory {
    my ($home) = @_;

    my ($kb) = (slurp('/proc/' . $home->worker . '/status') // '')
               =~ /^VmRSS:\s+(\d+)/m;
    return $kb / 1024;
}


sub ended {
    my ($home, $bad) = @_;

    return $home->sql('select count(*) from assess.assessment_jobs where'
        . ' document_id in (' . join(',', map {"'$_'"} @$bad) . ') and status'
        . " not in ('completed', 'failed')");
}


sub ends {
    my ($home, $bad) = @_;

    return $home->sql("select string_agg(code || ' ' || n, ', ' order by n"
        . " desc) from (select coalesce(error_code, status) as code, count(*)"
        . ' as n from assess.assessment_jobs where document_id in ('
        . join(',', map {"'$_'"} @$bad) . ') group by 1) x');
}


1;
