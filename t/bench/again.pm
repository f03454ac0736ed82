package Bench::Again;

# 20 documents, and the same 20 again: nothing is asked.

use strict;
use warnings;

use Assess::Bench::Proc qw(now);


sub run {
    my ($b) = @_;

    my $provider = $b->provider('--delay-ms', 500);
    my $home = $b->home(env => { $provider->env }, answer_cache => '1d');
    my $set = $home->put_questions(110);
    my @documents = map { $home->upload("Plan $_. There is a fire alarm.\n"
        x 50) } 1 .. 20;
    my (@took, @asked);

    for (1 .. 2) {
        my $begun = now();
        $home->begin($_, $set) for @documents;
        $home->idle;
        push @took, now() - $begun;
        push @asked, $provider->stats->{requests};
    }

    $b->report->fact('requests to the provider', $asked[1] == $asked[0],
        "$asked[0] the first time, " . ($asked[1] - $asked[0]) . ' the second');
    $b->report->row(what => '20 documents, the second time', unit => 's',
        ours => $took[1], against => 'the first time', that => $took[0],
        target => '<= 0.1');
}


1;
