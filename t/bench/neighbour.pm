package Bench::Neighbour;

# A static and a proxied location of the same nginx, one request after the
# other: idle, and under each of the other loads.  Beside them, how late whoever
# asks is woken by its timer, though it goes before all others: what the kernel
# and the machine take, whatever nginx does.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Assess::Process qw(spawn end_all write_file);

use constant QUESTIONS => 110;


sub run {
    my ($b) = @_;

    my $stub = do { require "$Assess::Server::REPO/t/bench/model.pm";
                    Bench::Model::stub($b) };
    my $behind = $b->nginx('server { listen 127.0.0.1:@PORT@; location / {'
        . ' return 200 "an answer from behind\n"; } }', first => 1);
    my $home = home($b, $stub, $behind->{port});

    my @loads = (
        ['submissions'       => \&submissions],
        ['model work'        => \&asking],
        ['small jobs'        => \&small],
        ['event streams'     => \&streams],
        ['extraction'        => \&extraction],
    );

    for my $load (@loads) {
        my ($what, $begin) = @$load;
        my %got;

        for my $round ($b->rounds) {
            probe($b, $home, $got{idle} //= {});
            my $end = $begin->($b, $home, $round);
            probe($b, $home, $got{loaded} //= {});
            $end->();
            $home->forget_jobs;
            sleep 1;
        }

        for my $place ('static', 'proxied') {
            for my $part ([p50 => 'median'], [p99 => '99th percentile']) {
                $b->report->row(what => "$place, $part->[1]: $what",
                    unit => 'us', ours => $got{loaded}{"$place $part->[0]"},
                    against => 'idle', that => $got{idle}{"$place $part->[0]"},
                    target => $part->[0] eq 'p99' ? '<= 1.2' : undef);
            }
        }

        $b->report->row(what => "a timer of a task that goes first is late, 99th"
            . " percentile: $what", unit => 'us', ours => $got{loaded}{late},
            against => 'idle', that => $got{idle}{late});
    }
}


sub home {
    my ($b, $stub, $behind) = @_;

    my $port = Assess::Test::free_port();
    my $files = $b->place;

    write_file("$files/file", 'x' x 4096 . "\n");

    my $home = $b->home(env => { %{ $stub->{env} }, ASSESS_JOBS => 200 },
        tune => { worker_connections => 16384 }, extra => <<"CONF");
upstream behind { server 127.0.0.1:$behind; keepalive 16; }
server {
    listen 127.0.0.1:$port;
    location = /file { root $files; }
    location = /behind {
        proxy_pass http://behind;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }
}
CONF

    # as docs/operations.md says for a machine that has both
    if (open my $fh, '>', '/proc/' . $home->server->{pid} . '/autogroup') {
        syswrite $fh, '-20';
        close $fh;
    }

    $home->{plain} = $port;
    $home->{set} = $home->put_questions(QUESTIONS);
    $home->{one} = $home->put_questions(1);
    $home->{text} = $home->upload(Bench::Model::text(1));

    return $home;
}


sub probe {
    my ($b, $home, $into) = @_;

    for my $pair ([static => '/file'], [proxied => '/behind']) {
        my $got = $b->run_program('probe', $home->{plain}, $pair->[1], 2, 1000);

        die "$got->{failed} requests failed\n" if $got->{failed};
        push @{ $into->{"$pair->[0] $_"} }, $got->{$_} for qw(p50 p99);
        push @{ $into->{late} }, $got->{late99};
    }
}


# POSTs in the background, until what is returned is called.
sub posts {
    my ($b, $home, $bodies, $count, @how) = @_;

    my $pid = spawn(command => [$b->program('post'), $home->port,
        '/api/assessments/start', $bodies, $count, @how],
        log => "$home->{place}/post.log", cwd => $home->{place});
    my $end = sub { end_all([$pid], TERM => 5, KILL => 5) };

    $b->at_end($end);
    sleep 0.5;
    return $end;
}


# As many starts as are taken, each a job of one question; 200 of them run.
sub submissions {
    my ($b, $home) = @_;

    return posts($b, $home, $b->write_bodies({ documentId => $home->{text},
        questionSet => $home->{one}, provider => 'openai' }), 1_000_000, 64);
}


sub asking {
    my ($b, $home) = @_;

    return posts($b, $home, $b->write_bodies({ documentId => $home->{text},
        questionSet => $home->{set} }), 2000, 16);
}


sub small {
    my ($b, $home) = @_;

    return posts($b, $home, $b->write_bodies({ documentId => $home->{text},
        questionSet => $home->{one}, provider => 'local' }), 1_000_000, 16,
        2000);
}


# 1,000 streams that get 70 events a second each.
sub streams {
    my ($b, $home) = @_;

    my $streams = $b->streams($home->port, '/api/assessments/progress',
                              '-n', 1000);
    my $end = posts($b, $home, $b->write_bodies({ documentId => $home->{text},
        questionSet => $home->{one}, provider => 'local' }), 1000, 4, 10);

    return sub { $end->(); $streams->end };
}


sub extraction {
    my ($b, $home, $round) = @_;

    my $pdf = $b->sample;
    my @documents = map { $home->upload("$pdf\n% $round $_\n",
        'application/pdf') } 1 .. 200;

    return posts($b, $home, $b->write_bodies(map { { documentId => $_,
        questionSet => $home->{set}, provider => 'local' } } @documents),
        200, 8);
}


1;
