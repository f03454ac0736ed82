
#include "assess_stem.h"

#include <string.h>


typedef struct {
    const char  *suffix;
    size_t       len;
    const char  *by;
    size_t       nby;
} assess_stem_rule_t;

#define assess_stem_rule(suffix, by)                                         \
    { suffix, sizeof(suffix) - 1, by, sizeof(by) - 1 }

#define assess_stem_is(w, len, suffix)                                       \
    assess_stem_ends(w, len, suffix, sizeof(suffix) - 1)


static const assess_stem_rule_t  assess_stem_step2[] = {
    assess_stem_rule("ational", "ate"), assess_stem_rule("tional", "tion"),
    assess_stem_rule("enci", "ence"), assess_stem_rule("anci", "ance"),
    assess_stem_rule("izer", "ize"), assess_stem_rule("bli", "ble"),
    assess_stem_rule("alli", "al"), assess_stem_rule("entli", "ent"),
    assess_stem_rule("eli", "e"), assess_stem_rule("ousli", "ous"),
    assess_stem_rule("ization", "ize"), assess_stem_rule("ation", "ate"),
    assess_stem_rule("ator", "ate"), assess_stem_rule("alism", "al"),
    assess_stem_rule("iveness", "ive"), assess_stem_rule("fulness", "ful"),
    assess_stem_rule("ousness", "ous"), assess_stem_rule("aliti", "al"),
    assess_stem_rule("iviti", "ive"), assess_stem_rule("biliti", "ble"),
    assess_stem_rule("logi", "log"),
    { NULL, 0, NULL, 0 }
};

static const assess_stem_rule_t  assess_stem_step3[] = {
    assess_stem_rule("icate", "ic"), assess_stem_rule("ative", ""),
    assess_stem_rule("alize", "al"), assess_stem_rule("iciti", "ic"),
    assess_stem_rule("ical", "ic"), assess_stem_rule("ful", ""),
    assess_stem_rule("ness", ""),
    { NULL, 0, NULL, 0 }
};

/* longer ones before those that they end in */

static const assess_stem_rule_t  assess_stem_step4[] = {
    assess_stem_rule("ement", ""), assess_stem_rule("ance", ""),
    assess_stem_rule("ence", ""), assess_stem_rule("able", ""),
    assess_stem_rule("ible", ""), assess_stem_rule("ment", ""),
    assess_stem_rule("ant", ""), assess_stem_rule("ent", ""),
    assess_stem_rule("ism", ""), assess_stem_rule("ate", ""),
    assess_stem_rule("iti", ""), assess_stem_rule("ous", ""),
    assess_stem_rule("ive", ""), assess_stem_rule("ize", ""),
    assess_stem_rule("ion", ""), assess_stem_rule("al", ""),
    assess_stem_rule("er", ""), assess_stem_rule("ic", ""),
    assess_stem_rule("ou", ""),
    { NULL, 0, NULL, 0 }
};


static int
assess_stem_consonant(const char *w, size_t i)
{
    int  consonant;

    switch (w[i]) {

    case 'a': case 'e': case 'i': case 'o': case 'u':
        return 0;

    case 'y':

        /* one that follows a consonant is a vowel: count a run of them */

        consonant = 1;

        while (i > 0 && w[i - 1] == 'y') {
            consonant = !consonant;
            i--;
        }

        if (i > 0 && strchr("aeiou", w[i - 1]) == NULL) {
            consonant = !consonant;
        }

        return consonant;

    default:
        return 1;
    }
}


/* The m of the paper: how often a consonant follows a vowel. */

static int
assess_stem_measure(const char *w, size_t len)
{
    int     m, consonant, before;
    size_t  i;

    m = 0;
    before = 1;

    for (i = 0; i < len; i++) {
        consonant = assess_stem_consonant(w, i);
        m += consonant && !before;
        before = consonant;
    }

    return m;
}


static int
assess_stem_vowel(const char *w, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!assess_stem_consonant(w, i)) {
            return 1;
        }
    }

    return 0;
}


static int
assess_stem_double(const char *w, size_t len)
{
    return len > 1 && w[len - 1] == w[len - 2]
           && assess_stem_consonant(w, len - 1);
}


/* consonant, vowel, consonant that is not w, x or y: "hop" of "hoping" */

static int
assess_stem_cvc(const char *w, size_t len)
{
    return len > 2 && assess_stem_consonant(w, len - 1)
           && !assess_stem_consonant(w, len - 2)
           && assess_stem_consonant(w, len - 3)
           && strchr("wxy", w[len - 1]) == NULL;
}


static int
assess_stem_ends(const char *w, size_t len, const char *suffix, size_t n)
{
    return len > n && w[len - 1] == suffix[n - 1]
           && memcmp(w + len - n, suffix, n) == 0;
}


static size_t
assess_stem_plural(char *w, size_t len)
{
    if (assess_stem_is(w, len, "sses") || assess_stem_is(w, len, "ies")) {
        return len - 2;
    }

    if (w[len - 1] == 's' && w[len - 2] != 's') {
        return len - 1;
    }

    return len;
}


static size_t
assess_stem_past(char *w, size_t len)
{
    size_t  stem;

    if (assess_stem_is(w, len, "eed")) {
        return assess_stem_measure(w, len - 3) > 0 ? len - 1 : len;
    }

    if (assess_stem_is(w, len, "ed")) {
        stem = len - 2;

    } else if (assess_stem_is(w, len, "ing")) {
        stem = len - 3;

    } else {
        return len;
    }

    if (!assess_stem_vowel(w, stem)) {
        return len;
    }

    if (assess_stem_is(w, stem, "at") || assess_stem_is(w, stem, "bl")
        || assess_stem_is(w, stem, "iz"))
    {
        w[stem++] = 'e';

    } else if (assess_stem_double(w, stem)) {

        if (strchr("lsz", w[stem - 1]) == NULL) {
            stem--;
        }

    } else if (assess_stem_measure(w, stem) == 1
               && assess_stem_cvc(w, stem))
    {
        w[stem++] = 'e';
    }

    return stem;
}


/* The rule for the end of a word, or NULL. */

static const assess_stem_rule_t *
assess_stem_find(const char *w, size_t len, const assess_stem_rule_t *rules)
{
    const assess_stem_rule_t  *r;

    for (r = rules; r->suffix; r++) {
        if (assess_stem_ends(w, len, r->suffix, r->len)) {
            return r;
        }
    }

    return NULL;
}


static size_t
assess_stem_replace(char *w, size_t len, const assess_stem_rule_t *rules)
{
    const assess_stem_rule_t  *r;

    r = assess_stem_find(w, len, rules);

    if (r == NULL || assess_stem_measure(w, len - r->len) == 0) {
        return len;
    }

    memcpy(w + len - r->len, r->by, r->nby);

    return len - r->len + r->nby;
}


static size_t
assess_stem_drop(const char *w, size_t len)
{
    size_t                     stem;
    const assess_stem_rule_t  *r;

    r = assess_stem_find(w, len, assess_stem_step4);

    if (r == NULL) {
        return len;
    }

    stem = len - r->len;

    if (assess_stem_measure(w, stem) < 2
        || (assess_stem_is(w, len, "ion") && w[stem - 1] != 's'
            && w[stem - 1] != 't'))
    {
        return len;
    }

    return stem;
}


static size_t
assess_stem_final(const char *w, size_t len)
{
    int  m;

    if (w[len - 1] == 'e') {

        m = assess_stem_measure(w, len - 1);

        if (m > 1 || (m == 1 && !assess_stem_cvc(w, len - 1))) {
            len--;
        }
    }

    if (w[len - 1] == 'l' && assess_stem_double(w, len)
        && assess_stem_measure(w, len - 1) > 1)
    {
        len--;
    }

    return len;
}


size_t
assess_stem(char *w, size_t len)
{
    if (len < 3) {
        return len;
    }

    len = assess_stem_plural(w, len);
    len = assess_stem_past(w, len);

    if (w[len - 1] == 'y' && assess_stem_vowel(w, len - 1)) {
        w[len - 1] = 'i';
    }

    len = assess_stem_replace(w, len, assess_stem_step2);
    len = assess_stem_replace(w, len, assess_stem_step3);
    len = assess_stem_drop(w, len);

    return assess_stem_final(w, len);
}
