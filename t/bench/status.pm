package Bench::Status;

# GET of a job's status, out of the shared zone: against nginx's own "return
# 200" with the same body and headers.

use strict;
use warnings;

use Time::HiRes qw(sleep);


sub run {
    my ($b) = @_;

    my $home = $b->home(env => { ASSESS_JOBS => 4 });
    my $job = $home->begin($home->upload("There is a fire alarm.\n"),
                           $home->put_questions(1));
    my $path = "/api/assessments/job/$job";

    $home->idle;

    my $a = $home->http->get($path);
    my $nginx = $b->nginx(same($a));
    my (@ours, @plain);

    die "no status\n" unless $a->{json}{status} eq 'completed';

    for ($b->rounds) {
        push @ours, $b->wrk($home->port, $path);
        push @plain, $b->wrk($nginx->{port}, '/');
    }

    $b->report->row(what => 'answers a second', unit => '/s',
        ours => [map { $_->{rate} } @ours], against => 'nginx, return 200',
        that => [map { $_->{rate} } @plain], target => '>= 0.6');
    $b->report->row(what => '99th percentile', unit => 'ms',
        ours => [map { $_->{p99} } @ours], against => 'nginx, return 200',
        that => [map { $_->{p99} } @plain]);
    polled($b, $home, $path);
}


# The same answer from nginx itself.
sub same {
    my ($a) = @_;

    my %own = map { $_ => 1 } qw(server date connection content-length
                                 content-type transfer-encoding);
    my $headers = join '', map {"add_header $_ '$a->{headers}{$_}' always;\n"}
                  grep { !$own{$_} } sort keys %{ $a->{headers} };
    my $body = $a->{body} =~ s/(['\\])/\\$1/gr;

    return <<"CONF";
    server { listen 127.0.0.1:\@PORT\@; location / {
        default_type $a->{headers}{'content-type'};
        $headers
        return 200 '$body'; } }
CONF
}


# A thousand dashboards: transactions meanwhile, beside those of an idle time.
sub polled {
    my ($b, $home, $path) = @_;

    my $count = sub {
        sleep 1.5;                  # PostgreSQL counts once a second
        return $home->sql('select xact_commit + xact_rollback from'
            . " pg_stat_database where datname = 'assess'");
    };

    my $before = $count->();
    sleep $b->seconds;
    my $idle = $count->();
    my $got = $b->wrk($home->port, $path, connections => 1000);
    my $after = $count->();

    my $more = ($after - $idle) - ($idle - $before);

    die "$got->{failed} were refused\n" if $got->{failed};
    $b->report->fact('transactions of 1,000 clients that poll',
        $more < $got->{n} / 1000, ($more > 0 ? $more : 0)
        . " more than while nobody does, for $got->{n} answers");
}


1;
