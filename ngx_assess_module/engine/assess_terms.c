
#include "assess_terms.h"
#include "assess_fold.h"
#include "assess_stem.h"

#include <endian.h>
#include <string.h>


#define ASSESS_STOP_LEN  8           /* a stop word and a NUL at least */


typedef struct {
    char     data[ASSESS_TERM_LEN];
    size_t   len;
} assess_word_t;

typedef struct {
    assess_word_pt   fn;
    void            *ctx;
    const char      *data;
    const char      *end;            /* of what belongs to a word so far */
    assess_word_t    part;
    assess_word_t    whole;          /* with the parts before the hyphens */
    assess_word_t    before;         /* a word with only spaces behind it */
    int              hyphens;        /* the whole is more than the part */
    assess_ch_e      last;           /* of the character before, in a word */
    char             wide[8];        /* one, to make a pair with the next */
    size_t           nwide;
    int              paired;
} assess_lexer_t;


/*
 * Words that stand in any text, and those that only ask.  Sorted.  English;
 * in other languages a term's rarity has to do.
 */

static const char  assess_stop_words[][ASSESS_STOP_LEN] = {
    "a", "about", "above", "after", "again", "all", "also", "am", "an", "and",
    "any", "are", "as", "at", "be", "because", "been", "before", "being",
    "below", "between", "both", "but", "by", "can", "could", "did", "do",
    "does", "doing", "down", "during", "each", "few", "for", "from",
    "further", "had", "has", "have", "having", "he", "her", "here", "hers",
    "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just",
    "may", "me", "might", "more", "most", "must", "my", "no", "nor", "not",
    "now", "of", "off", "on", "once", "only", "or", "other", "our", "ours",
    "out", "over", "own", "same", "shall", "she", "should", "so", "some",
    "such", "than", "that", "the", "their", "theirs", "them", "then",
    "there", "these", "they", "this", "those", "through", "to", "too",
    "under", "until", "up", "very", "was", "we", "were", "what", "when",
    "where", "whether", "which", "while", "who", "whom", "whose", "why",
    "will", "with", "would", "you", "your", "yours"
};


/* ASCII letters, in lower case, and digits; 0 for all else. */

static const unsigned char  assess_terms_ascii[256] = {
    ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    ['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z'
};


/* The first bytes as a number that compares as they do. */

static uint64_t
assess_terms_key(const char word[ASSESS_STOP_LEN])
{
    uint64_t  key;

    memcpy(&key, word, ASSESS_STOP_LEN);

    return be64toh(key);
}


static int
assess_terms_stop(const char *word, size_t len)
{
    char      padded[ASSESS_STOP_LEN];
    size_t    low, high, mid;
    uint64_t  key, stop;

    if (len >= ASSESS_STOP_LEN) {
        return 0;
    }

    memset(padded, 0, sizeof(padded));
    memcpy(padded, word, len);
    key = assess_terms_key(padded);

    low = 0;
    high = sizeof(assess_stop_words) / sizeof(assess_stop_words[0]);

    while (low < high) {
        mid = (low + high) / 2;
        stop = assess_terms_key(assess_stop_words[mid]);

        if (key == stop) {
            return 1;
        }

        if (key < stop) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return 0;
}


size_t
assess_terms_word(char *word, size_t len, int *stop)
{
    size_t  i;

    *stop = assess_terms_stop(word, len);

    if (*stop) {
        return len;
    }

    for (i = 0; i < len; i++) {
        if (word[i] < 'a' || word[i] > 'z') {
            return len;
        }
    }

    return assess_stem(word, len);
}


static void
assess_terms_give(assess_lexer_t *lx, const char *text, size_t len, int word)
{
    lx->fn(lx->ctx, text, len, word, (size_t) (lx->end - lx->data));
}


/* "table 3" says more than both apart */

static void
assess_terms_numbered(assess_lexer_t *lx, const assess_word_t *number)
{
    int     stop;
    char    pair[2 * ASSESS_TERM_LEN + 1];
    size_t  n;

    if (lx->before.len == 0) {
        return;
    }

    memcpy(pair, lx->before.data, lx->before.len);
    n = assess_terms_word(pair, lx->before.len, &stop);

    if (stop || n + 1 + number->len > ASSESS_TERM_LEN) {
        return;
    }

    pair[n++] = ' ';
    memcpy(pair + n, number->data, number->len);

    assess_terms_give(lx, pair, n + number->len, 0);
}


static void
assess_terms_emit(assess_lexer_t *lx, const assess_word_t *word)
{
    if (word->len == 0) {
        return;
    }

    assess_terms_give(lx, word->data, word->len, 1);

    if (word->data[0] >= '0' && word->data[0] <= '9') {
        assess_terms_numbered(lx, word);
        lx->before.len = 0;

    } else {
        memcpy(lx->before.data, word->data, word->len);
        lx->before.len = word->len;
    }
}


static void
assess_terms_part(assess_lexer_t *lx)
{
    assess_terms_emit(lx, &lx->part);
    lx->part.len = 0;
}


static void
assess_terms_end(assess_lexer_t *lx)
{
    assess_terms_part(lx);

    if (lx->hyphens) {
        assess_terms_emit(lx, &lx->whole);
        lx->hyphens = 0;
    }

    lx->last = ASSESS_CH_OTHER;
}


static void
assess_terms_end_wide(assess_lexer_t *lx)
{
    if (lx->nwide && !lx->paired) {
        assess_terms_give(lx, lx->wide, lx->nwide, 0);
    }

    lx->nwide = 0;
    lx->paired = 0;
}


static void
assess_terms_add(assess_word_t *word, const char *data, size_t len)
{
    if (word->len + len <= ASSESS_TERM_LEN) {
        memcpy(word->data + word->len, data, len);
        word->len += len;
    }
}


static void
assess_terms_put(assess_lexer_t *lx, const char *data, size_t len)
{
    assess_terms_add(&lx->part, data, len);

    if (lx->hyphens) {
        assess_terms_add(&lx->whole, data, len);
    }
}


static void
assess_terms_wide(assess_lexer_t *lx, uint32_t cp, const char *end)
{
    char    pair[8];
    size_t  n;

    assess_terms_end(lx);
    lx->end = end;

    memcpy(pair, lx->wide, lx->nwide);
    n = assess_ch_put(pair + lx->nwide, cp);

    if (lx->nwide) {
        assess_terms_give(lx, pair, lx->nwide + n, 0);
        lx->paired = 1;
    }

    memcpy(lx->wide, pair + lx->nwide, n);
    lx->nwide = n;
}


/* ASCII letters and digits, as many as there is room for. */

static void
assess_terms_more(assess_word_t *word, const char *p, const char *end)
{
    for ( /* void */ ; p < end && word->len < ASSESS_TERM_LEN; p++) {
        word->data[word->len++] =
                            (char) assess_terms_ascii[(unsigned char) *p];
    }
}


/* Latin letters that do not decompose, as they are written without them */

static const char *
assess_terms_latin(uint32_t cp)
{
    switch (cp) {
    case 0xdf: return "ss";
    case 0xe6: return "ae";
    case 0xf0: return "d";
    case 0xf8: return "o";
    case 0xfe: return "th";
    case 0x111: return "d";
    case 0x131: return "i";
    case 0x142: return "l";
    case 0x153: return "oe";
    default: return NULL;
    }
}


static void
assess_terms_char(assess_lexer_t *lx, uint32_t cp, const char *end)
{
    char         out[4];
    const char  *latin;
    assess_ch_e  ch;

    ch = assess_ch_class(cp);

    if (ch == ASSESS_CH_MARK) {
        return;
    }

    if (ch == ASSESS_CH_WIDE) {
        assess_terms_wide(lx, cp, end);
        return;
    }

    assess_terms_end_wide(lx);

    if (!assess_ch_alnum(ch)) {
        assess_terms_end(lx);

        if (ch != ASSESS_CH_SPACE && ch != ASSESS_CH_BREAK) {
            lx->before.len = 0;
        }

        return;
    }

    cp = assess_ch_lower(cp);
    latin = cp < 0x80 ? NULL : assess_terms_latin(cp);

    if (latin) {
        assess_terms_put(lx, latin, strlen(latin));

    } else {
        assess_terms_put(lx, out, assess_ch_put(out, cp));
    }

    lx->last = ch;
    lx->end = end;
}


/*
 * What follows at p: at once, or with lines also at the start of the next
 * one.  Looks no further than a line's indentation may be.
 */

static assess_ch_e
assess_terms_ahead(const char *p, const char *end, int lines, const char **at)
{
    int          i, blank, broken;
    size_t       n;
    uint32_t     cp;
    assess_ch_e  ch;

    blank = 0;
    broken = 0;

    for (i = 0; p < end && i < 32; i++) {

        n = assess_ch_next(p, end, &cp);
        ch = assess_ch_class(cp);

        if (lines && (ch == ASSESS_CH_SPACE || cp == '\r')) {
            blank = 1;

        } else if (lines && ch == ASSESS_CH_BREAK && !broken) {
            broken = 1;

        } else {
            *at = p;
            return blank && !broken ? ASSESS_CH_OTHER : ch;
        }

        p += n;
    }

    return ASSESS_CH_OTHER;
}


/*
 * What may stand inside of a word; where the word goes on, or NULL where it
 * ends here.
 */

static const char *
assess_terms_inner(assess_lexer_t *lx, uint32_t cp, assess_ch_e ch,
    const char *p, const char *end)
{
    const char  *at;

    if (ch == ASSESS_CH_SINGLE || ch == ASSESS_CH_NONE
        || cp == '.' || cp == ',')
    {
        if (assess_terms_ahead(p, end, 0, &at)
            != (cp == '.' || cp == ',' ? ASSESS_CH_DIGIT : ASSESS_CH_LETTER))
        {
            return ch == ASSESS_CH_NONE ? p : NULL;
        }

        if (cp != '.' && cp != ',') {
            return p;
        }

        if (lx->last != ASSESS_CH_DIGIT) {
            return NULL;
        }

        if (cp == '.') {
            assess_terms_put(lx, ".", 1);
        }

        return p;
    }

    if (ch != ASSESS_CH_HYPHEN && ch != ASSESS_CH_SOFT) {
        return NULL;
    }

    if (ch == ASSESS_CH_SOFT
        && assess_terms_ahead(p, end, 0, &at) == ASSESS_CH_LETTER)
    {
        return p;
    }

    if (lx->last != ASSESS_CH_LETTER
        || assess_terms_ahead(p, end, 1, &at) != ASSESS_CH_LETTER)
    {
        return NULL;
    }

    if (!lx->hyphens) {
        memcpy(lx->whole.data, lx->part.data, lx->part.len);
        lx->whole.len = lx->part.len;
        lx->hyphens = 1;
    }

    assess_terms_part(lx);

    return at;
}


/* ASCII letters and digits, most of any text, a run at a time; its end. */

static const char *
assess_terms_run(assess_lexer_t *lx, const char *p, const char *end)
{
    const unsigned char  *q, *stop;

    q = (const unsigned char *) p;
    stop = (const unsigned char *) end;

    if (q == stop || assess_terms_ascii[*q] == 0) {
        return p;
    }

    assess_terms_end_wide(lx);

    while (q < stop && assess_terms_ascii[*q]) {
        q++;
    }

    assess_terms_more(&lx->part, p, (const char *) q);

    if (lx->hyphens) {
        assess_terms_more(&lx->whole, p, (const char *) q);
    }

    lx->last = assess_ch_class(q[-1]);
    lx->end = (const char *) q;

    return (const char *) q;
}


void
assess_words(const char *data, size_t len, assess_word_pt fn, void *ctx)
{
    char             room[4];
    uint32_t         cp, part;
    const char      *p, *q, *end, *next, *stop;
    assess_ch_e      ch;
    assess_lexer_t   lx;

    lx.fn = fn;
    lx.ctx = ctx;
    lx.data = data;
    lx.end = data;
    lx.part.len = 0;
    lx.before.len = 0;
    lx.hyphens = 0;
    lx.last = ASSESS_CH_OTHER;
    lx.nwide = 0;
    lx.paired = 0;

    p = data;
    end = data + len;

    while ((p = assess_terms_run(&lx, p, end)) < end) {

        /* what ends most words */

        if ((*p == ' ' || *p == '\n') && lx.nwide == 0) {
            assess_terms_end(&lx);
            p++;
            continue;
        }

        p += assess_ch_next(p, end, &cp);
        ch = assess_ch_class(cp);

        if (!assess_ch_alnum(ch) && ch != ASSESS_CH_WIDE
            && lx.last != ASSESS_CH_OTHER)
        {
            next = assess_terms_inner(&lx, cp, ch, p, end);

            if (next) {
                p = next;
                continue;
            }
        }

        /* Chinese and Japanese go on over the end of a line */

        if (lx.nwide && (ch == ASSESS_CH_BREAK || ch == ASSESS_CH_NONE)) {
            continue;
        }

        q = assess_ch_decompose(cp, room);

        if (q == NULL) {
            assess_terms_char(&lx, cp, p);
            continue;
        }

        for (stop = q + strlen(q); q < stop; /* void */) {
            q += assess_ch_next(q, stop, &part);
            assess_terms_char(&lx, part, p);
        }
    }

    assess_terms_end_wide(&lx);
    assess_terms_end(&lx);
}
