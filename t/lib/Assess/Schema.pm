package Assess::Schema;

# A validator of JSON Schema 2020-12, for the keywords that docs/openapi.json
# uses; a schema with any other keyword is an error of its own, so that none
# is taken for checked.
#
#   my $schemas = Assess::Schema->new($document);
#   my @wrong = $schemas->errors({ '$ref' => '#/components/schemas/Job' }, $data);
#
# Data as JSON::PP decodes it: numbers that were never used as text, booleans
# as objects.

use strict;
use warnings;

use B ();
use JSON::PP ();

my $canonical = JSON::PP->new->canonical->allow_nonref;

# what says nothing about validity
my %note = map { $_ => 1 } qw(description title default example examples
                              deprecated);

my %check = (
    '$ref' => \&_ref, type => \&_type, enum => \&_enum, const => \&_const,
    required => \&_required, properties => \&_properties,
    additionalProperties => \&_additional, items => \&_items,
    minItems => \&_min_items, maxItems => \&_max_items,
    pattern => \&_pattern, format => \&_format, minLength => \&_min_length,
    maxLength => \&_max_length, minimum => \&_minimum, maximum => \&_maximum,
    oneOf => \&_one_of, anyOf => \&_any_of,
);


sub new {
    my ($class, $document) = @_;

    return bless { document => $document }, $class;
}


# What is wrong with the data, each with its JSON pointer; nothing when it is
# valid.
sub errors {
    my ($self, $schema, $data, $at) = @_;

    $at //= '';
    my @errors;

    for my $keyword (sort keys %$schema) {
        next if $note{$keyword};

        my $check = $check{$keyword}
            or die "the schema at \"$at\" has the keyword \"$keyword\", which"
                   . " is not known here\n";

        push @errors, $check->($self, $schema->{$keyword}, $data, $at, $schema);
    }

    return @errors;
}


# The part of the document that a reference names.
sub resolve {
    my ($self, $ref) = @_;

    my ($path) = $ref =~ m{^#/(.*)} or die "reference \"$ref\" is not local\n";
    my $part = $self->{document};

    for my $name (split m{/}, $path) {
        $name =~ s/~1/\//g;
        $name =~ s/~0/~/g;
        $part = ref $part eq 'HASH' ? $part->{$name} : undef;
        die "reference \"$ref\" leads nowhere\n" if !defined $part;
    }

    return $part;
}


# object, array, string, number, boolean or null
sub kind {
    my ($data) = @_;

    return 'null' if !defined $data;
    return 'object' if ref $data eq 'HASH';
    return 'array' if ref $data eq 'ARRAY';
    return 'boolean' if JSON::PP::is_bool($data);

    my $flags = B::svref_2object(\$data)->FLAGS;
    return 'string' if $flags & B::SVf_POK || !($flags & (B::SVf_IOK | B::SVf_NOK));
    return 'number';
}


sub _ref {
    my ($self, $ref, $data, $at) = @_;

    return $self->errors($self->resolve($ref), $data, $at);
}


sub _type {
    my ($self, $types, $data, $at) = @_;

    my $kind = kind($data);

    for my $type (ref $types ? @$types : $types) {
        return if $type eq $kind;
        return if $type eq 'integer' && $kind eq 'number' && $data == int $data;
    }

    return "$at: is $kind, not " . join(' or ', ref $types ? @$types : $types);
}


sub _enum {
    my ($self, $values, $data, $at) = @_;

    my $text = $canonical->encode($data);
    return if grep { $canonical->encode($_) eq $text } @$values;
    return "$at: $text is none of " . $canonical->encode($values);
}


sub _const {
    my ($self, $value, $data, $at) = @_;

    return _enum($self, [$value], $data, $at);
}


sub _required {
    my ($self, $names, $data, $at) = @_;

    return if kind($data) ne 'object';
    return map {"$at: lacks \"$_\""} grep { !exists $data->{$_} } @$names;
}


sub _properties {
    my ($self, $properties, $data, $at) = @_;

    return if kind($data) ne 'object';
    return map { $self->errors($properties->{$_}, $data->{$_}, "$at/$_") }
           grep { exists $data->{$_} } sort keys %$properties;
}


sub _additional {
    my ($self, $allowed, $data, $at, $schema) = @_;

    return if kind($data) ne 'object';

    my @others = grep { !exists(($schema->{properties} // {})->{$_}) }
                 sort keys %$data;

    return map { $self->errors($allowed, $data->{$_}, "$at/$_") } @others
        if kind($allowed) eq 'object';
    return if $allowed;
    return map {"$at: has \"$_\", which is not known"} @others;
}


sub _items {
    my ($self, $schema, $data, $at) = @_;

    return if kind($data) ne 'array';
    return map { $self->errors($schema, $data->[$_], "$at/$_") } 0 .. $#$data;
}


sub _min_items {
    my ($self, $min, $data, $at) = @_;

    return if kind($data) ne 'array' || @$data >= $min;
    return "$at: has fewer than $min items";
}


sub _max_items {
    my ($self, $max, $data, $at) = @_;

    return if kind($data) ne 'array' || @$data <= $max;
    return "$at: has more than $max items";
}


sub _pattern {
    my ($self, $pattern, $data, $at) = @_;

    return if kind($data) ne 'string';

    # in ECMA-262 a dollar is the very end
    (my $perl = $pattern) =~ s/(?<!\\)\$(?=\)|\z)/\\z/g;
    return if $data =~ /$perl/;
    return "$at: \"$data\" does not match $pattern";
}


sub _format {
    my ($self, $format, $data, $at) = @_;

    return if kind($data) ne 'string' || $format eq 'binary';

    if ($format eq 'uuid') {
        return if $data =~ /\A[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\z/;

    } elsif ($format eq 'date-time') {
        return if _date_time($data);

    } else {
        die "the format \"$format\" is not known here\n";
    }

    return "$at: \"$data\" is no $format";
}


sub _date_time {
    my ($text) = @_;

    my ($y, $m, $d, $h, $min, $s) = $text =~ /\A(\d{4})-(\d\d)-(\d\d)T
        (\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)\z/x or return 0;

    my @days = (31, ($y % 4 == 0 && ($y % 100 != 0 || $y % 400 == 0)) ? 29 : 28,
                31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

    return $m >= 1 && $m <= 12 && $d >= 1 && $d <= $days[$m - 1]
        && $h <= 23 && $min <= 59 && $s <= 60;
}


sub _min_length {
    my ($self, $min, $data, $at) = @_;

    return if kind($data) ne 'string' || length $data >= $min;
    return "$at: is shorter than $min";
}


sub _max_length {
    my ($self, $max, $data, $at) = @_;

    return if kind($data) ne 'string' || length $data <= $max;
    return "$at: is longer than $max";
}


sub _minimum {
    my ($self, $min, $data, $at) = @_;

    return if kind($data) ne 'number' || $data >= $min;
    return "$at: $data is below $min";
}


sub _maximum {
    my ($self, $max, $data, $at) = @_;

    return if kind($data) ne 'number' || $data <= $max;
    return "$at: $data is above $max";
}


sub _one_of {
    my ($self, $schemas, $data, $at) = @_;

    my $valid = grep { !$self->errors($_, $data, $at) } @$schemas;

    return if $valid == 1;
    return "$at: fits $valid of " . @$schemas . ' schemas, not one';
}


sub _any_of {
    my ($self, $schemas, $data, $at) = @_;

    my @all;

    for my $schema (@$schemas) {
        my @errors = $self->errors($schema, $data, $at) or return;
        push @all, @errors;
    }

    return ("$at: fits none of " . @$schemas . ' schemas', @all);
}


1;
