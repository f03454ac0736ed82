package Assess::Faults::Load;

# Who uses the servers while they are ill-treated, each a process of its own:
# starters, which insist until they have their 202, and subscribers, which
# come back with the last id until they have seen the end.  What they were
# told is in their files.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use Assess::HTTP;
use Assess::Process qw(alive slurp write_file);

use constant STARTERS => 3;


# dir, ports (of the servers), seed, jobs, questions, pdf (bytes or undef).
sub new {
    my ($class, %o) = @_;

    my $self = bless { %o, pids => [], subscribers => [] }, $class;

    write_file("$self->{dir}/quota", '0');
    return $self;
}


# A child of ours ends without what its parent would do at its end.
sub _child {
    my ($self, $seed, $code) = @_;

    my $parent = $$;
    my $pid = fork;

    die "fork: $!\n" unless defined $pid;

    if ($pid) {
        push @{ $self->{pids} }, $pid;
        return;
    }

    my $done = eval {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM);
        $SIG{PIPE} = 'IGNORE';
        srand $self->{seed} * 1000 + $seed;
        $self->{parent} = $parent;
        $code->();
        1;
    };

    print STDERR "load: $@" unless $done;
    POSIX::_exit($done ? 0 : 1);
}


sub _orphaned { return getppid != $_[0]{parent} }


# The servers in turn, beginning with any.
sub _http {
    my ($self, %headers) = @_;

    $self->{turn} //= int rand 1000;
    my @ports = @{ $self->{ports} };

    return Assess::HTTP->new(port => $ports[ $self->{turn}++ % @ports ],
        timeout => 10, headers => { 'X-Tenant' => 'one', %headers });
}


sub tenant { return $_[0] % 2 ? 'one' : 'two' }

sub name { return sprintf 'faults-%05d.%s', $_[0], $_[1] ? 'pdf' : 'txt' }


sub _document {
    my ($self, $n) = @_;

    return ("$self->{pdf}\n% faults $n\n", 'application/pdf', name($n, 1))
        if $n % 25 == 7 && defined $self->{pdf};

    return (join("\n\n", map {
        "Paragraph $_ of plan $n. The fire doors of stair $_ are tested every"
        . " month, and extinguisher number $_ hangs next to exit $_."
    } 1 .. 12), 'text/plain', name($n, 0));
}


# Before anything goes wrong.
sub question_sets {
    my ($self) = @_;

    for my $tenant (qw(one two)) {
        my $a = $self->_http('X-Tenant' => $tenant)->put(
            '/api/question-sets/faults', json => { questions => [ map {
                { id => "q$_", text => "Are the fire doors of stair $_ tested?" }
            } 1 .. $self->{questions} ] });

        die "no question set\n" unless $a && $a->{status} =~ /^20/;
    }
}


# Jobs up to this number may be started.
sub allow {
    my ($self, $n) = @_;

    write_file("$self->{dir}/quota", $n);
}


sub starters {
    my ($self) = @_;

    for my $i (0 .. STARTERS - 1) {
        $self->_child($i, sub {
            open my $out, '>>', "$self->{dir}/starts.$i" or die "starts: $!\n";
            $out->autoflush(1);

            for my $group ($self->_groups($i)) {
                until (slurp("$self->{dir}/quota") >= $group->[0]) {
                    return if $self->_orphaned;
                    sleep 0.05;
                }

                (@$group > 1 ? $self->_start_batch($group, $out)
                             : $self->_start($group->[0], $out)) or return;
            }
        });
    }
}


# What a starter starts, in its order: every sixth time two at once, in a batch;
# they are of one tenant.
sub _groups {
    my ($self, $i) = @_;

    my (@groups, %taken);
    my $turn = 0;

    for (my $n = $i + 1; $n <= $self->{jobs}; $n += STARTERS) {
        my $other = $n + 2 * STARTERS;

        next if $taken{$n};

        if ($turn++ % 6 == 2 && $other <= $self->{jobs}) {
            push @groups, [$n, $other];
            $taken{$other} = 1;

        } else {
            push @groups, [$n];
        }
    }

    return @groups;
}


# Until it is answered as it should be; what the answers were is told.
sub _insist {
    my ($self, $n, $out, $want, $request) = @_;

    until ($self->_orphaned) {
        my $begun = time;
        my $a = $request->($self->_http('X-Tenant' => tenant($n)));
        my $took = time - $begun;

        if ($a && !$a->{truncated} && $a->{status} =~ $want) {
            return $a;
        }

        my $status = $a ? $a->{status} : 'none';
        my $after = $a && ($a->{headers}{'retry-after'} // '');

        # nobody there, away, or the first request of this key is under way
        printf {$out} "N %d %s %.3f %s\n", $n, $status, $took,
            $status eq '503' && $after !~ /^\d+\z/ ? 'without-retry-after'
            : substr($a ? $a->{body} : '', 0, 200) =~ s/\s+/_/gr;

        sleep 0.05 + rand 0.3;
    }

    return;
}


# The id of its document.
sub _store {
    my ($self, $n, $out) = @_;

    my ($bytes, $type, $name) = $self->_document($n);
    my $a = $self->_insist($n, $out, qr/^20[01]\z/, sub {
        $_[0]->post("/api/documents?filename=$name", body => $bytes,
            headers => { 'Content-Type' => $type });
    });

    return $a && $a->{json}{documents}[0]{documentId};
}


sub _start_batch {
    my ($self, $group, $out) = @_;

    my ($n) = @$group;
    my @documents;

    for my $each (@$group) {
        push @documents, $self->_store($each, $out) // return;
    }

    for my $time (1 .. (rand() < 0.5 ? 2 : 1)) {
        my $a = $self->_insist($n, $out, qr/^202\z/, sub {
            $_[0]->post('/api/assessments/batch',
                headers => { 'Idempotency-Key' => "faults-batch-$n" },
                json => { documentIds => \@documents, questionSet => 'faults' });
        }) or return;

        my $list = $self->_insist($n, $out, qr/^200\z/, sub {
            $_[0]->get("/api/assessments/jobs?batchId=$a->{json}{batchId}");
        }) or return;

        my %job = map { $_->{documentId} => $_->{jobId} }
                  @{ $list->{json}{jobs} };

        print {$out} join(' ', $time == 1 ? 'S' : 'R', $group->[$_], tenant($n),
            $job{ $documents[$_] } // 'none', $documents[$_]), "\n"
            for 0 .. $#$group;
    }

    return 1;
}


sub _start {
    my ($self, $n, $out) = @_;

    my ($bytes, $type, $name) = $self->_document($n);
    my %key = ('Idempotency-Key' => "faults-$n");
    my $start;

    if ($n % 2) {
        my $document = $self->_store($n, $out) or return;

        $start = sub {
            $_[0]->post('/api/assessments/start', headers => \%key, json =>
                { documentId => $document, questionSet => 'faults' });
        };

    } else {
        my %parts = Assess::HTTP::multipart(
            ['file', $bytes, $name, $type], ['questionSet', 'faults']);

        $start = sub {
            $_[0]->post('/api/assessments/start', body => $parts{body},
                headers => { %key, %{ $parts{headers} } });
        };
    }

    for my $time (1 .. (rand() < 0.2 ? 2 : 1)) {
        my $a = $self->_insist($n, $out, qr/^202\z/, $start) or return;

        print {$out} join(' ', $time == 1 ? 'S' : 'R', $n, tenant($n),
            @{ $a->{json} }{qw(jobId documentId)}), "\n";
    }

    return 1;
}


# What the starters were told: ({job, tenant, document, n}, ...); by type S at
# first, by type R when they asked again.
sub started {
    my ($self, $type) = @_;

    $type //= 'S';

    return map {
        my (undef, $n, $tenant, $job, $document) = split / /;
        { n => $n, tenant => $tenant, job => $job, document => $document };
    } grep { /^$type / } $self->_lines;
}


# Answers that were not the one wanted: ({status, took, detail}, ...).
sub refusals {
    my ($self) = @_;

    return map {
        my (undef, $n, $status, $took, $detail) = split / /, $_, 5;
        { n => $n, status => $status, took => $took, detail => $detail };
    } grep { /^N / } $self->_lines;
}


sub _lines {
    my ($self) = @_;

    return map { split /\n/, slurp($_) // '' } glob "$self->{dir}/starts.*";
}


# One for each tenant and server that has all, and some that follow a job or a
# document from soon after its start to its end, one after the other.
sub subscribers {
    my ($self) = @_;

    my $i = 0;

    for my $tenant (qw(one two)) {
        for my $port (@{ $self->{ports} }) {
            $self->_subscriber("all-$tenant-" . $i++, sub {
                $self->_follow_all($tenant, @_) });
        }
    }

    $self->_subscriber("jobs-$_", sub { $self->_follow_jobs(@_) }) for 1 .. 2;
    $self->_subscriber('document', sub { $self->_follow_document(@_) });
}


sub _subscriber {
    my ($self, $name, $code) = @_;

    push @{ $self->{subscribers} }, $name;

    $self->_child(100 + @{ $self->{subscribers} }, sub {
        open my $out, '>>', "$self->{dir}/saw.$name" or die "saw: $!\n";
        $out->autoflush(1);
        $code->($out);
    });
}


# One connection after the other, until it is told that there is no more (204)
# or the function says so.  Returns whether it came to an end.
sub _follow {
    my ($self, $path, $tenant, $out, $last, $enough) = @_;

    until ($self->_orphaned) {
        my $stream = $self->_http('X-Tenant' => $tenant)->events($path,
            defined $last ? ('Last-Event-ID' => $last) : ());
        my $status = $stream && $stream->{status};

        return 1 if $status && $status == 204;

        if ($status && $status != 200) {
            print {$out} "W status $status\n" if $status != 503;
        }

        if (!$status || $status != 200) {
            sleep 0.1;
            return 1 if $enough && $enough->($last);
            next;
        }

        until ($stream->{ended} || $self->_orphaned) {
            my $event = $stream->next(0.5);

            if (!$event) {
                return 1 if $enough && $enough->($last);
                next;
            }

            print {$out} "W reset\n" if $event->{event} eq 'reset';
            next unless defined $event->{id};

            $last = $event->{id};
            print {$out} join(' ', 'E', $last, $event->{event},
                $event->{json}{jobId} // '-'), "\n";
        }

        $stream->close;
        print {$out} "C\n";
        sleep 0.02 + rand 0.1;
    }

    return 0;
}


sub _until {
    my ($self, $tenant) = @_;

    return (slurp("$self->{dir}/until") // '') =~ /^\Q$tenant\E (\d+)$/m
        ? $1 : undef;
}


sub _follow_all {
    my ($self, $tenant, $out) = @_;

    $self->_follow('/api/assessments/progress', $tenant, $out, 0, sub {
        my $until = $self->_until($tenant) // return 0;
        return $_[0] >= $until;
    });
}


sub _newest {
    my ($self, $known) = @_;

    until ($self->_orphaned || defined $self->_until('one')) {
        my @started = $self->started;

        return @started[-2, -1] if @started > 1
            && !$known->{ $started[-1]{job} }++;
        sleep 0.1;
    }

    return;
}


sub _follow_jobs {
    my ($self, $out) = @_;

    my %known;

    # the newest two may be of two tenants
    while (my (undef, $start) = $self->_newest(\%known)) {
        my @jobs = grep { $_->{tenant} eq $start->{tenant} } $self->started;

        @jobs = @jobs[-3 .. -1] if @jobs > 3;
        print {$out} join(' ', 'J', map { $_->{job} } @jobs), "\n";

        $self->_follow('/api/assessments/progress?'
            . join('&', map {"jobId=$_->{job}"} @jobs), $start->{tenant},
            $out, undef, undef) or return;
    }
}


sub _follow_document {
    my ($self, $out) = @_;

    my %known;

    while (my (undef, $start) = $self->_newest(\%known)) {
        my $file = "$self->{dir}/saw.document";
        my $end = qr/^E \d+ (?:complete|error|cancelled) $start->{job}$/m;

        print {$out} "J $start->{job}\n";

        # a document may get another job: its stream does not end by itself
        $self->_follow("/api/events/$start->{document}", $start->{tenant},
            $out, 0, sub { slurp($file) =~ $end }) or return;
    }
}


# What each saw: {name, tenant or undef, wrong => [...], cuts, rounds =>
# [{jobs, seen}]}.
sub seen {
    my ($self) = @_;

    my @all;

    for my $name (@{ $self->{subscribers} }) {
        my %s = (name => $name, wrong => [], cuts => 0, rounds => []);

        $s{tenant} = $1 if $name =~ /^all-(one|two)-/;
        push @{ $s{rounds} }, { seen => [] } if $s{tenant};

        for my $line (split /\n/, slurp("$self->{dir}/saw.$name") // '') {
            my ($type, @rest) = split / /, $line;

            if ($type eq 'E') {
                push @{ $s{rounds}[-1]{seen} },
                    { id => $rest[0], type => $rest[1], job => $rest[2] };

            } elsif ($type eq 'J') {
                push @{ $s{rounds} }, { jobs => \@rest, seen => [] };

            } elsif ($type eq 'W') {
                push @{ $s{wrong} }, "@rest";

            } else {
                $s{cuts}++;
            }
        }

        push @all, \%s;
    }

    return @all;
}


# Tells subscribers what the last events are: {tenant => id}.
sub until {
    my ($self, %last) = @_;

    write_file("$self->{dir}/until", join '', map {"$_ $last{$_}\n"} keys %last);
}


sub running { return grep { alive($_) } @{ $_[0]{pids} } }


1;
