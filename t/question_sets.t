#!/usr/bin/perl

# Question sets: stored in versions, checked to the last key.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Test;

my $t = Assess::Test->new;
my $http = $t->http;


sub put { return $http->put("/api/question-sets/$_[0]", json => $_[1]) }

sub with { return { questions => [{ id => 'a', text => 'b', @_ }] } }


# versions
{
    my $set = {
        title => 'Über fire', instructions => "Be strict.\nQuote.",
        questions => [
            { id => 'q.1', text => 'Are exits "checked"?', guidance => 'Weekly',
              category => 'exits', weight => 1.5 },
            { id => 'Q_2', text => 'Is the alarm tested?' },
            { id => '-3', text => 'Third', weight => 0 },
        ],
    };

    my $a = put('fire', $set);
    is($a->{status}, 201, 'a new set');

    my $s = $a->{json};
    is(json([sort keys %$s]), json([sort qw(questionSetId name version title
        instructions questions createdAt)]), 'the keys of a QuestionSet');
    is_id($s->{questionSetId}, 'questionSetId');
    is_time($s->{createdAt}, 'createdAt');
    is($s->{name}, 'fire', 'name');
    is(json($s->{version}), 1, 'version, a number');
    is($s->{title}, $set->{title}, 'title');
    is($s->{instructions}, $set->{instructions}, 'instructions');
    is(json($s->{questions}), json($set->{questions}),
        'the questions, in their order, with the keys that were given');

    $a = put('fire', $set);
    is($a->{status}, 200, 'an identical one');
    is(json($a->{json}), json($s), 'is the same');

    my $two = { questions => $set->{questions} };
    $a = put('fire', $two);
    is($a->{status}, 201, 'a change');
    is($a->{json}{version}, 2, 'is the next version');
    is($a->{json}{title}, undef, 'without a title');
    isnt($a->{json}{questionSetId}, $s->{questionSetId}, 'with an id of its own');

    $a = put('fire', $set);
    is($a->{status}, 201, 'the first again, which is not the newest');
    is($a->{json}{version}, 3, 'is the next version, too');

    my @reversed = reverse @{ $set->{questions} };
    is(put('fire', { %$set, questions => \@reversed })->{json}{version}, 4,
        'another order is another version');

    is($http->get('/api/question-sets/fire')->{json}{version}, 4, 'the newest');
    is(json($http->get('/api/question-sets/fire?version=1')->{json}), json($s),
        'an older one as it was');
    problem_is($http->get('/api/question-sets/fire?version=5'), 404, undef,
        'a version that is not there');
    problem_is($http->get('/api/question-sets/none?version=1'), 404, undef,
        'a set that is not there');

    $a = $http->with('X-Tenant' => 'other')->get('/api/question-sets/fire');
    problem_is($a, 404, undef, 'a set of another tenant');
    is($http->with('X-Tenant' => 'other')->put('/api/question-sets/fire',
        json => $set)->{json}{version}, 1, 'its own versions begin at one');
}


# what can be in one
{
    is(put('min', with())->{status}, 201, 'the least');
    is(put('A.z_0-9', with())->{status}, 201, 'a name of all that is allowed');
    is(put('n' x 64, with(id => 'i' x 64))->{status}, 201, 'the longest names');

    my @many = map { +{ id => "q$_", text => "Question $_?" } } 1 .. 2000;
    my $a = put('many', { questions => \@many });
    is($a->{status}, 201, '2000 questions');
    is(scalar @{ $a->{json}{questions} }, 2000, 'are all there');

    untouched($t, 'too many', sub {
        push @many, { id => 'more', text => 'One more?' };
        problem_is(put('more', { questions => \@many }), 400, '/questions',
            '2001 questions');
    });

    $a = $http->put('/api/question-sets/cased', body =>
        '{"questions":[{"id":"a","text":"x"},{"id":"A","text":"y"}]}',
        headers => { 'Content-Type' => 'Application/JSON' });
    is($a->{status}, 201, 'ids that differ in case are two');
}


untouched($t, 'refused sets', sub {
    my @bad = (
        ['no questions', {}, '/questions'],
        ['none at all', { questions => [] }, '/questions'],
        ['questions that are no array', { questions => {} }, '/questions'],
        ['questions that are null', { questions => undef }, '/questions'],
        ['an unknown key', { %{ with() }, name => 'x' }, '/name'],
        ['a key to be escaped', { %{ with() }, 'a/b~c' => 1 }, '/a~1b~0c'],
        ['a key that is no ASCII', { %{ with() }, 'größe' => 1 }, '/größe'],
        ['a title that is a number', { %{ with() }, title => 5 }, '/title'],
        ['instructions that are a list', { %{ with() }, instructions => [] },
            '/instructions'],
        ['a question that is text', { questions => ['x'] }, '/questions/0'],
        ['a question without an id', { questions => [{ text => 'x' }] },
            '/questions/0/id'],
        ['a question without a text', { questions => [{ id => 'x' }] },
            '/questions/0/text'],
        ['an id that is a number', with(id => 5), '/questions/0/id'],
        ['an empty id', with(id => ''), '/questions/0/id'],
        ['an id that is too long', with(id => 'x' x 65), '/questions/0/id'],
        ['an id with a space', with(id => 'a b'), '/questions/0/id'],
        ['an id with a line end', with(id => "a\n"), '/questions/0/id'],
        ['an id that is no ASCII', with(id => 'é'), '/questions/0/id'],
        ['an empty text', with(text => ''), '/questions/0/text'],
        ['a blank text', with(text => " \t\n"), '/questions/0/text'],
        ['a text that is null', with(text => undef), '/questions/0/text'],
        ['a NUL', with(text => "a\0b"), undef],
        ['a guidance that is a number', with(guidance => 1),
            '/questions/0/guidance'],
        ['a category that is an object', with(category => {}),
            '/questions/0/category'],
        ['a weight that is text', with(weight => '1'), '/questions/0/weight'],
        ['a negative weight', with(weight => -1), '/questions/0/weight'],
        ['a weight that is true', with(weight => JSON::PP::true()),
            '/questions/0/weight'],
        ['an unknown key of a question', with(answer => 'x'),
            '/questions/0/answer'],
        ['the second is bad', { questions => [{ id => 'a', text => 'b' },
            { id => 'b', text => 5 }] }, '/questions/1/text'],
    );

    problem_is(put('bad', $_->[1]), 400, $_->[2], $_->[0]) for @bad;

    problem_is(put('bad', { questions => [map { +{ id => $_, text => 'x' } }
        qw(a b c b)] }), 422, '/questions/3/id', 'an id twice');

    for my $name ('a%20b', 'a%2Fb', '%C3%A9', 'a:b', 'x' x 65, 'a@1') {
        problem_is(put($name, with()), 404, undef, "the name $name");
    }
});


# lists
{
    my $mine = $http->with('X-Tenant' => 'lists');

    for my $name (qw(b a e d c)) {
        $mine->put("/api/question-sets/$name", json => with());
    }

    $mine->put('/api/question-sets/a', json => with(text => 'newer'));

    my $a = $mine->get('/api/question-sets');
    is(json([sort keys %{ $a->{json} }]),
        '["nextCursor","questionSets","total"]', 'the keys of a list');
    is(json($a->{json}{total}), 5, 'total counts sets, not versions');
    is($a->{json}{nextCursor}, undef, 'no next page');

    my ($one) = grep { $_->{name} eq 'a' } @{ $a->{json}{questionSets} };
    is(json([sort keys %$one]), json([sort qw(questionSetId name version title
        instructions questionCount createdAt)]),
        'without questions, with their count');
    is(json($one->{questionCount}), 1, 'a number');
    is($one->{version}, 2, 'the newest version');

    my %seen;
    my ($query, $pages) = ('?limit=2', 0);

    while ($pages++ < 5) {
        $a = $mine->get("/api/question-sets$query");
        $seen{ $_->{name} }++ for @{ $a->{json}{questionSets} };
        last unless defined $a->{json}{nextCursor};
        $query = "?limit=2&cursor=$a->{json}{nextCursor}";
    }

    is($pages, 3, 'three pages');
    is(json(\%seen), '{"a":1,"b":1,"c":1,"d":1,"e":1}', 'each once');
    is(json($http->with('X-Tenant' => 'nobody')->get('/api/question-sets')
        ->{json}), '{"nextCursor":null,"questionSets":[],"total":0}',
        'an empty list');
}

$t->done;
