package Bench::Extraction;

# 100 jobs on PDFs that nobody has read before, provider local: the CPU that
# all of it takes, against bare pdftotext over the same files.
# ASSESS_BENCH_PDFS is a folder with PDFs; without it, it is the sample.
# ASSESS_BENCH_QUESTIONS is a file with a set to ask, {"questions": [...]}.

use strict;
use warnings;

use JSON::PP;

use Assess::Bench::Proc qw(cpu tree);
use Assess::Process qw(slurp write_file);

use constant { JOBS => 100, QUESTIONS => 20, LONGEST => 300 };


sub run {
    my ($b) = @_;

    my @files = files($b);
    my (@ours, @bare);

    for ($b->rounds) {
        push @ours, $b->apart(sub { jobs($b, @files) });
        push @bare, bare($b, @files);
    }

    my $of = sub { my ($key, @all) = @_; [map { $_->{$key} } @all] };
    my $lost = 0;

    $lost += JOBS - $_->{completed} for @ours;
    $b->report->fact('jobs not completed', !$lost, $lost);
    $b->report->row(what => 'CPU of nginx and its children', unit => 's',
        ours => $of->('cpu', @ours), against => 'pdftotext',
        that => $of->('cpu', @bare), target => '<= 1.3');
    $b->report->row(what => 'time of ' . JOBS . ' jobs', unit => 's',
        ours => $of->('seconds', @ours), against => 'pdftotext on each core',
        that => $of->('seconds', @bare));
    $b->report->row(what => 'CPU used, of all cores', unit => '%',
        ours => $of->('busy', @ours), against => 'the target', that => 85,
        target => '>= 1');
    $b->report->row(what => 'CPU of PostgreSQL', unit => 's',
        ours => $of->('postgres', @ours));
    $b->report->note(scalar(@files) . ' different files, '
        . ($ENV{ASSESS_BENCH_PDFS} ? 'real ones' : 'all like the sample')
        . ', ' . ($ENV{ASSESS_BENCH_QUESTIONS} ? 'a real set of'
                  : QUESTIONS) . ' questions');
}


sub questions {
    my ($home) = @_;

    my $path = $ENV{ASSESS_BENCH_QUESTIONS} // '';
    return $home->put_questions(QUESTIONS) if $path eq '';

    my $set = decode_json(slurp($path) // die "$path: $!\n");
    my @questions = map { my $q = $_; { id => $q->{id},
        text => $q->{text} // $q->{question},
        map { defined $q->{$_} && !ref $q->{$_} && $q->{$_} ne ''
              ? ($_ => $q->{$_}) : () } qw(guidance category) } }
        @{ $set->{questions} };
    my $a = $home->http->put('/api/question-sets/real',
                             json => { questions => \@questions });

    die "no question set: $a->{body}\n" if $a->{status} !~ /^20/;
    return 'real';
}


# 100 files that differ: the same PDF with another comment at its end is
# another document, of the same text.
sub files {
    my ($b) = @_;

    my $place = $b->place;
    my @pdfs = $ENV{ASSESS_BENCH_PDFS} ? glob "$ENV{ASSESS_BENCH_PDFS}/*.pdf"
        : ();

    die "no PDF in $ENV{ASSESS_BENCH_PDFS}\n"
        if $ENV{ASSESS_BENCH_PDFS} && !@pdfs;

    return map { my $path = "$place/$_.pdf";
        my $bytes = @pdfs ? slurp($pdfs[$_ % @pdfs]) : $b->sample;
        write_file($path, "$bytes\n% $_\n");
        $path } 0 .. JOBS - 1;
}


sub jobs {
    my ($b, @files) = @_;

    my $home = $b->home;
    my $set = questions($home);
    my @documents = map { $home->upload(slurp($_), 'application/pdf') } @files;
    my $bodies = $b->write_bodies(map { { documentId => $_,
                                          questionSet => $set } } @documents);
    my $streams = $b->streams($home->port, '/api/assessments/progress',
                              '-c', JOBS, '-t', LONGEST);
    my $nginx = cpu(tree($home->worker));
    my $postgres = cpu($home->cluster->processes);
    my $posted = $b->post($home->port, '/api/assessments/start', $bodies,
                          JOBS, 8);
    my $reached = eval { $streams->reached };

    # what starts the readers runs on: it has waited for them
    my $cpu = cpu(tree($home->worker)) - $nginx;
    my $theirs = cpu($home->cluster->processes) - $postgres;
    my $seconds = $reached ? $reached->{time} - $posted->{start} : LONGEST;
    my $cores = () = slurp('/proc/cpuinfo') =~ /^processor\s*:/mg;

    return { cpu => $cpu, postgres => $theirs, seconds => $seconds,
        busy => 100 * ($cpu + $theirs) / $seconds / $cores,
        completed => $home->sql('select count(*) from assess.assessment_jobs'
            . " where status = 'completed'") };
}


# As many at once as there are cores.
sub bare {
    my ($b, @files) = @_;

    my $before = (times)[2] + (times)[3];
    my $begun = Assess::Bench::Proc::now();

    open my $xargs, '|-', 'xargs -P $(nproc) -n 1 sh -c'
        . q{ 'exec pdftotext -q "$0" /dev/null'} or die "xargs: $!\n";
    print {$xargs} join "\n", @files, '';
    close $xargs or die "pdftotext failed\n";

    return { cpu => (times)[2] + (times)[3] - $before,
             seconds => Assess::Bench::Proc::now() - $begun };
}


1;
