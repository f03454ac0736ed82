package Assess::Provider;

# The provider to test against, t/lib/provider.c: started on a free port, told
# what to do wrong, asked what it saw.

use strict;
use warnings;

use File::Temp qw(tempdir);

use Assess::HTTP;
use Assess::Process qw(spawn alive end_all wait_until slurp);


sub new {
    my ($class, @options) = @_;

    my $build = $ENV{ASSESS_BUILD} || _repo() . '/build';
    my $dir = tempdir('assess-p-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $self = bless { dir => $dir }, $class;

    $self->{pid} = spawn(command => ["$build/provider", "$dir/port", @options],
        log => "$dir/log", cwd => $dir);

    wait_until(10, sub {
        die "the provider did not start:\n" . (slurp("$dir/log") // '')
            unless alive($self->{pid});
        return (slurp("$dir/port") // '') =~ /^\d+\n?\z/;
    }) or die "the provider has no port\n";

    ($self->{port}) = slurp("$dir/port") =~ /(\d+)/;
    $self->{http} = Assess::HTTP->new(port => $self->{port});

    return $self;
}


sub _repo {
    require Assess::Server;
    return $Assess::Server::REPO;
}


# What make run takes to use it.
sub env {
    my ($self) = @_;

    return (OPENAI_BASE_URL => "http://127.0.0.1:$self->{port}/v1",
            OPENAI_API_KEY => 'test-key', ASSESS_MODEL => 'test-model');
}


# See the head of provider.c for what can be said.
sub control {
    my ($self, %say) = @_;

    my $a = $self->{http}->post('/__control', json => \%say);
    die "the provider does not take this\n"
        unless $a && $a->{status} =~ /^2/;
}


sub stats {
    my ($self) = @_;

    my $a = $self->{http}->get('/__stats');
    die "the provider does not answer\n" unless $a && $a->{json};
    return $a->{json};
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} // return;
    local $?;
    end_all([$pid], TERM => 5, KILL => 5);
}


sub DESTROY { $_[0]->stop }


1;
