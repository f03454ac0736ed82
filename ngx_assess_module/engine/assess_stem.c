
#include "assess_stem.h"

#include <string.h>


typedef struct {
    const char  *suffix;
    const char  *by;
} assess_stem_rule_t;


static const assess_stem_rule_t  assess_stem_step2[] = {
    { "ational", "ate" }, { "tional", "tion" }, { "enci", "ence" },
    { "anci", "ance" }, { "izer", "ize" }, { "bli", "ble" },
    { "alli", "al" }, { "entli", "ent" }, { "eli", "e" },
    { "ousli", "ous" }, { "ization", "ize" }, { "ation", "ate" },
    { "ator", "ate" }, { "alism", "al" }, { "iveness", "ive" },
    { "fulness", "ful" }, { "ousness", "ous" }, { "aliti", "al" },
    { "iviti", "ive" }, { "biliti", "ble" }, { "logi", "log" },
    { NULL, NULL }
};

static const assess_stem_rule_t  assess_stem_step3[] = {
    { "icate", "ic" }, { "ative", "" }, { "alize", "al" },
    { "iciti", "ic" }, { "ical", "ic" }, { "ful", "" }, { "ness", "" },
    { NULL, NULL }
};

/* longer ones before those that they end in */

static const char *const  assess_stem_step4[] = {
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism",
    "ate", "iti", "ous", "ive", "ize", "ion", "al", "er", "ic", "ou", NULL
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
assess_stem_ends(const char *w, size_t len, const char *suffix)
{
    size_t  n;

    n = strlen(suffix);

    return len > n && memcmp(w + len - n, suffix, n) == 0;
}


static size_t
assess_stem_plural(char *w, size_t len)
{
    if (assess_stem_ends(w, len, "sses") || assess_stem_ends(w, len, "ies")) {
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

    if (assess_stem_ends(w, len, "eed")) {
        return assess_stem_measure(w, len - 3) > 0 ? len - 1 : len;
    }

    if (assess_stem_ends(w, len, "ed")) {
        stem = len - 2;

    } else if (assess_stem_ends(w, len, "ing")) {
        stem = len - 3;

    } else {
        return len;
    }

    if (!assess_stem_vowel(w, stem)) {
        return len;
    }

    if (assess_stem_ends(w, stem, "at") || assess_stem_ends(w, stem, "bl")
        || assess_stem_ends(w, stem, "iz"))
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


static size_t
assess_stem_replace(char *w, size_t len, const assess_stem_rule_t *rules)
{
    size_t                     stem, n;
    const assess_stem_rule_t  *r;

    for (r = rules; r->suffix; r++) {

        if (!assess_stem_ends(w, len, r->suffix)) {
            continue;
        }

        stem = len - strlen(r->suffix);

        if (assess_stem_measure(w, stem) == 0) {
            return len;
        }

        n = strlen(r->by);
        memcpy(w + stem, r->by, n);

        return stem + n;
    }

    return len;
}


static size_t
assess_stem_drop(const char *w, size_t len)
{
    size_t              stem;
    const char *const  *s;

    for (s = assess_stem_step4; *s; s++) {

        if (!assess_stem_ends(w, len, *s)) {
            continue;
        }

        stem = len - strlen(*s);

        if (assess_stem_measure(w, stem) < 2) {
            return len;
        }

        if (strcmp(*s, "ion") == 0 && w[stem - 1] != 's'
            && w[stem - 1] != 't')
        {
            return len;
        }

        return stem;
    }

    return len;
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
