package Assess::Bench::Report;

# What was measured: rows that are printed as they come, kept as JSON for each
# benchmark, and written as a page for all of them.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use JSON::PP ();
use List::Util qw(max min);
use POSIX qw(strftime);

use Assess::Process qw(run_as slurp write_file);

my $repo = abs_path(dirname(__FILE__) . '/../../../..');
my $json = JSON::PP->new->utf8->canonical->pretty;

my $line = "%-46s %11s %-24s %11s %7s %9s %s\n";


sub new {
    my ($class, $build) = @_;

    make_path("$build/bench/results");
    return bless { dir => "$build/bench/results", rows => [], notes => [] },
        $class;
}


sub begin {
    my ($self, $name) = @_;

    @$self{qw(name rows notes)} = ($name, [], []);
    printf $line, "-- $name", 'ours', 'compared with', 'that', 'ratio',
        'target', '';
}


# what; unit; ours => a value or one of each round; against, that => the same
# of what it is compared with; target => '>= 2.5' or '<= 1.3', of the ratio.
sub row {
    my ($self, %o) = @_;

    my @ours = ref $o{ours} ? @{ $o{ours} } : $o{ours};
    my @that = ref $o{that} ? @{ $o{that} } : $o{that} // ();
    my $ours = median(@ours);
    my $that = @that ? median(@that) : undef;
    my $ratio;

    if (@that == @ours && @that > 1) {
        $ratio = median(map { $that[$_] ? $ours[$_] / $that[$_] : () } 0 .. $#ours);
    } elsif ($that) {
        $ratio = $ours / $that;
    }

    my %row = (what => $o{what}, unit => $o{unit} // '', ours => $ours,
        from => min(@ours), to => max(@ours), rounds => scalar @ours,
        against => $o{against} // '', that => $that, ratio => $ratio,
        target => $o{target} // '', held => _held($ratio, $o{target}));

    push @{ $self->{rows} }, \%row;
    printf $line, @{ _cells(\%row) }{qw(what ours against that ratio target held)};

    return $ratio;
}


# Whether something holds that is no ratio.
sub fact {
    my ($self, $what, $good, $said) = @_;

    push @{ $self->{rows} }, { what => $what, said => $said,
                               held => $good ? 1 : 0 };
    printf "%-46s %s%s\n", $what, $said, $good ? '' : '   NOT HELD';
}


sub note {
    my ($self, $text) = @_;

    push @{ $self->{notes} }, $text;
    print "   ($text)\n";
}


# Kept until the page is written.
sub end {
    my ($self, $took) = @_;

    write_file("$self->{dir}/$self->{name}.json", $json->encode({
        name => $self->{name}, rows => $self->{rows}, took => $took,
        notes => $self->{notes}, date => strftime('%Y-%m-%d', gmtime) }));
}


sub median {
    my @sorted = sort { $a <=> $b } @_;

    return @sorted % 2 ? $sorted[$#sorted / 2]
        : ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}


sub _held {
    my ($ratio, $target) = @_;

    return undef unless defined $target && defined $ratio;
    my ($op, $bound) = $target =~ /^([<>])= ([\d.]+)\z/
        or die "no target: $target\n";

    return ($op eq '<' ? $ratio <= $bound : $ratio >= $bound) ? 1 : 0;
}


sub _cells {
    my ($row) = @_;

    return { %$row, ours => _number($row->{ours}, $row->{unit}),
        that => defined $row->{that} ? _number($row->{that}, $row->{unit}) : '',
        ratio => defined $row->{ratio} ? sprintf('%.2f', $row->{ratio}) : '',
        held => !defined $row->{held} ? '' : $row->{held} ? 'held' : 'NOT HELD' };
}


sub _number {
    my ($value, $unit) = @_;

    my $text = sprintf $value >= 100 ? '%.0f' : $value >= 10 ? '%.1f' : '%.2f',
        $value;

    1 while $text =~ s/^(\d+)(\d{3})/$1,$2/;
    return $unit eq '' || $unit =~ m{^/} ? "$text$unit" : "$text $unit";
}


# The page: from what was measured last of each benchmark in this order.
# titles => {name => text}.
sub write_page {
    my ($self, $path, $order, $titles) = @_;

    my $text = slurp("$repo/t/bench/page.md") // die "t/bench/page.md: $!\n";
    my @parts;

    for my $name (@$order) {
        my $data = slurp("$self->{dir}/$name.json") // next;
        push @parts, _part($json->decode($data), $titles->{$name});
    }

    my $machine = join "\n", map {"- $_"} machine($self->{peers});

    $text =~ s/\@MACHINE\@\n/$machine\n/;
    $text =~ s/\@RESULTS\@\n/join "\n\n", @parts/e;
    write_file($path, $text);
}


sub _part {
    my ($data, $title) = @_;

    my $text = "## $title\n\n`t/bin/bench $data->{name}`, $data->{date}\n\n"
        . "| what | ours | rounds | compared with | that | ratio | target | |\n"
        . "|---|---|---|---|---|---|---|---|\n";

    for my $row (@{ $data->{rows} }) {

        if (defined $row->{said}) {
            $text .= "| $row->{what} | $row->{said} | | | | | | "
                . ($row->{held} ? 'held' : '**not held**') . " |\n";
            next;
        }

        my $cell = _cells($row);
        my $rounds = $row->{rounds} > 1 ? "$row->{rounds}: "
            . _number($row->{from}, '') . ' to ' . _number($row->{to}, '') : '';

        $cell->{held} = '**not held**' if $cell->{held} eq 'NOT HELD';
        $text .= "| $row->{what} | $cell->{ours} | $rounds | $row->{against}"
            . " | $cell->{that} | $cell->{ratio} | $row->{target}"
            . " | $cell->{held} |\n";
    }

    $text =~ s/ +\|/ |/g;
    $text .= "\n" . join "\n", map {"- $_"} @{ $data->{notes} }
        if @{ $data->{notes} };

    return $text =~ s/\s*\z/\n/r;
}


# Lines about the machine and the versions of all that took part.
sub machine {
    my ($peers) = @_;

    my ($model) = (slurp('/proc/cpuinfo') // '') =~ /^model name\s*: (.*)/m;
    my $cores = () = (slurp('/proc/cpuinfo') // '') =~ /^processor\s*:/mg;
    my ($memory) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    my ($kernel) = run('uname', '-r') =~ /^([\d.]+)/;
    my ($name) = (slurp('/etc/os-release') // '') =~ /^PRETTY_NAME="?([^"\n]+)/m;
    my ($nginx) = run('nginx', '-v') =~ m{nginx/(\S+)};
    my ($postgres) = run('pg_config', '--version') =~ /([\d.]+)/;
    my ($commit) = run('git', '-C', $repo, 'describe', '--always', '--dirty');

    return (sprintf('%d cores of %s, %.0f GB, Linux %s, %s', $cores,
            $model // 'an unknown processor', $memory / 1024 / 1024,
            $kernel // '', $name // ''),
        "ngx_assess $commit, nginx " . ($nginx // '?') . ', PostgreSQL '
            . ($postgres // '?') . ' (fsync and synchronous_commit on)',
        $peers ? $peers->versions : ());
}


sub run {
    my ($status, $text) = run_as(undef, @_);

    chomp $text;
    return $status ? '' : $text;
}


1;
