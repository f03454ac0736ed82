#!/usr/bin/perl

# The documentation agrees with itself and with the source: links lead
# somewhere, tables name what there is.

use strict;
use warnings;

use FindBin;
use JSON::PP ();
use lib "$FindBin::RealBin/lib";
use Test::More;

use Assess::Process qw(slurp);

my $repo = "$FindBin::RealBin/..";
my @files = ('README.md', map { s{^\Q$repo\E/}{}r } glob("$repo/docs/*.md"),
             'docs/examples/sample/README.md');
my %text = map { $_ => slurp("$repo/$_") } @files;
my $api = JSON::PP->new->utf8->decode(slurp("$repo/docs/openapi.json"));


# The anchors of a file's headings, as GitHub makes them.
sub anchors {
    my ($text) = @_;

    $text =~ s/^```.*?^```//msg;
    my @headings = map { lc } $text =~ /^#+ (.*)$/mg;

    for (@headings) {
        s/`//g;
        s/[^\w\- ]//g;
        tr/ /-/;
    }

    return { map { $_ => 1 } @headings };
}


subtest 'links' => sub {
    for my $file (@files) {
        my ($folder) = $file =~ m{^(.*/)};
        my $text = $text{$file};

        ok(length $text, "$file is there");
        $text =~ s/^```.*?^```//msg;

        while ($text =~ /\[[^\]]+\]\(\s*([^)\s]+)\s*\)/g) {
            my $link = $1;
            next if $link =~ /^https?:/;

            my ($path, $anchor) = split /#/, $link, 2;
            my $target = $path eq '' ? $file : ($folder // '') . $path;
            1 while $target =~ s{[^/]+/\.\./}{};

            ok(-e "$repo/$target", "$file: $link") or next;
            ok(anchors($text{$target} // slurp("$repo/$target"))->{$anchor},
               "$file: $link is a heading") if defined $anchor;
        }
    }
};


subtest 'the directives of the README' => sub {
    my @table = $text{'README.md'} =~ /^\| \[(\w+)\]\(docs\/directives\.md#\1\)/mg;
    my @all = $text{'docs/directives.md'} =~ /^## (assess_\w+)$/mg;

    cmp_ok(scalar @all, '>', 10, 'there are directives');
    is_deeply([sort @table], [sort @all], 'all of them, and no other');
};


subtest 'error codes' => sub {
    my @codes = @{ $api->{components}{schemas}{JobError}{properties}{code}{enum} };
    my ($table) = $text{'docs/operations.md'}
        =~ /^## When a job fails\n(.*?)(?=^## |\z)/ms;
    my @told = ($table // '') =~ /^\| `(\w+)` \|/mg;

    is_deeply([sort @told], [sort @codes], 'operations.md explains each');
};


subtest 'variables of make run' => sub {
    my %told = map { $_ => 1 } $text{'README.md'} =~ /`((?:ASSESS|OPENAI)_\w+)`/g;
    my $source = join '', map { slurp("$repo/t/lib/Assess/$_.pm") }
                 qw(Home Server);

    # those of tests and of providers that are not there
    my %known = map { $_ => 1 } $source =~ /\b((?:ASSESS|OPENAI)_[A-Z_]+)\b/g;
    delete @known{qw(ASSESS_BUILD ASSESS_EMBEDDING_MODEL)};
    delete $known{$_} for grep { /_\z/ } keys %known;

    is_deeply([sort grep { !$told{$_} } keys %known], [],
              'the README names each');
};


done_testing();
