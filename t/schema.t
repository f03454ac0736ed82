#!/usr/bin/perl

# The validator of t/openapi.t finds what is wrong: each keyword, with a value
# that it must take and one that it must not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP ();
use Test::More;

use Assess::Schema;

my $json = JSON::PP->new->allow_nonref;

my $schemas = Assess::Schema->new($json->decode('{"parts":{"id":'
    . '{"type":"string","pattern":"^[a-z]+$"},"a/b":{"const":1}}}'));

# schema, what fits, what does not
my @cases = (
    ['{"type":"string"}', ['""', '"1"'], ['1', 'null', '[]', '{}', 'true']],
    ['{"type":"number"}', ['1', '1.5', '-1e3'], ['"1"', 'true', 'null']],
    ['{"type":"integer"}', ['1', '1.0', '0'], ['1.5', '"1"']],
    ['{"type":"boolean"}', ['true', 'false'], ['1', '0', '"true"', 'null']],
    ['{"type":"null"}', ['null'], ['0', '""', 'false']],
    ['{"type":["string","null"]}', ['"a"', 'null'], ['1', '{}']],
    ['{"type":"array"}', ['[]'], ['{}']],
    ['{"enum":["a",1,null]}', ['"a"', '1', 'null'], ['"b"', '"1"', 'false']],
    ['{"const":"ok"}', ['"ok"'], ['"OK"', 'null']],
    ['{"required":["a"]}', ['{"a":null}', '[]'], ['{}', '{"b":1}']],
    ['{"properties":{"a":{"type":"string"}}}', ['{}', '{"a":"x","b":1}'],
        ['{"a":1}', '{"a":null}']],
    ['{"properties":{"a":{}},"additionalProperties":false}',
        ['{}', '{"a":1}'], ['{"b":1}', '{"a":1,"b":null}']],
    ['{"additionalProperties":{"type":"integer"}}', ['{"x":1}'], ['{"x":"1"}']],
    ['{"items":{"type":"integer"}}', ['[]', '[1,2]'], ['["1"]', '[1,null]']],
    ['{"minItems":1}', ['[1]', '{}'], ['[]']],
    ['{"maxItems":1}', ['[1]', '[]'], ['[1,2]']],
    ['{"pattern":"^[0-9]+$"}', ['"12"', '1'], ['"12a"', '""', '"12\n"']],
    ['{"format":"uuid"}', ['"01a214ce-70bb-76b0-8176-a0ab4d9853d3"', '1'],
        ['"01a214ce70bb76b08176a0ab4d9853d3"', '"x"',
         '"g1a214ce-70bb-76b0-8176-a0ab4d9853d3"']],
    ['{"format":"date-time"}', ['"2026-11-23T10:00:31.200Z"',
        '"2024-02-29T23:59:60+01:00"'],
        ['"2026-02-29T10:00:00Z"', '"2026-11-23 10:00:31Z"', '"2026-11-23"',
         '"2026-13-01T00:00:00Z"', '"2026-01-01T24:00:00Z"']],
    ['{"minLength":2}', ['"\u00e4\u00e4"', '1'], ['"a"', '""']],
    ['{"maxLength":2}', ['"\u00e4\u00e4"', '""'], ['"abc"']],
    ['{"minimum":0}', ['0', '1', '"-1"'], ['-1', '-0.1']],
    ['{"maximum":1}', ['1', '0.5'], ['1.1', '2']],
    ['{"oneOf":[{"type":"number"},{"minimum":5}]}', ['1', '"a"'],
        ['7']],
    ['{"anyOf":[{"type":"string"},{"type":"null"}]}', ['"a"', 'null'],
        ['1', '[]']],
    ['{"$ref":"#/parts/id"}', ['"abc"'], ['"ABC"', '1', 'null']],
    ['{"$ref":"#/parts/a~1b"}', ['1'], ['2']],
    ['{"type":"object","required":["a"],"properties":{"a":{"items":{"properties"'
        . ':{"b":{"maximum":1}}}}}}', ['{"a":[{"b":1}]}'], ['{"a":[{"b":2}]}']],
);

for my $case (@cases) {
    my ($text, $good, $bad) = @$case;
    my $schema = $json->decode($text);

    is(join(', ', $schemas->errors($schema, $json->decode($_))), '',
       "$text takes $_") for @$good;
    isnt(join(', ', $schemas->errors($schema, $json->decode($_))), '',
         "$text refuses $_") for @$bad;
}

is_deeply([$schemas->errors($json->decode('{"properties":{"a":{"items":'
    . '{"type":"string"}}}}'), $json->decode('{"a":["x",1]}'))],
    ['/a/1: is number, not string'], 'an error says where');

for my $text ('{"typ":"string"}', '{"$ref":"#/parts/none"}',
              '{"format":"colour"}', '{"$ref":"http://example.net/x"}')
{
    my $lived = eval { $schemas->errors($json->decode($text), 'a'); 1 };
    ok(!$lived, "$text is no schema that can be used") or diag($@);
}

done_testing();
