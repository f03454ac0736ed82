
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
    assess_term_pt   fn;
    void            *ctx;
    assess_word_t    part;
    assess_word_t    whole;          /* with the parts before the hyphens */
    assess_word_t    before;         /* a word with only spaces behind it */
    int              hyphens;
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


/* The first bytes as a number that compares as they do. */

static uint64_t
assess_terms_key(const char word[ASSESS_STOP_LEN])
{
    uint64_t  key;

    memcpy(&key, word, ASSESS_STOP_LEN);

    return be64toh(key);
}


static int
assess_terms_stop(const assess_word_t *word)
{
    size_t    low, high, mid;
    uint64_t  key, stop;

    if (word->len >= ASSESS_STOP_LEN) {
        return 0;
    }

    /* what is behind the word is of another one */

    key = assess_terms_key(word->data) & (UINT64_MAX << (64 - 8 * word->len));

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


/* "table 3" says more than both apart */

static void
assess_terms_numbered(assess_lexer_t *lx, const assess_word_t *number)
{
    char    pair[2 * ASSESS_TERM_LEN + 1];
    size_t  n;

    n = lx->before.len + 1 + number->len;

    if (lx->before.len == 0 || n > ASSESS_TERM_LEN) {
        return;
    }

    memcpy(pair, lx->before.data, lx->before.len);
    pair[lx->before.len] = ' ';
    memcpy(pair + lx->before.len + 1, number->data, number->len);

    lx->fn(lx->ctx, pair, n, 0);
}


static void
assess_terms_emit(assess_lexer_t *lx, assess_word_t *word)
{
    int     stop;
    size_t  i;

    if (word->len == 0) {
        return;
    }

    stop = assess_terms_stop(word);

    for (i = 0; i < word->len; i++) {
        if (word->data[i] < 'a' || word->data[i] > 'z') {
            break;
        }
    }

    if (i == word->len && !stop) {
        word->len = assess_stem(word->data, word->len);
    }

    lx->fn(lx->ctx, word->data, word->len, stop);

    if (word->data[0] >= '0' && word->data[0] <= '9') {
        assess_terms_numbered(lx, word);

    } else if (!stop) {
        lx->before = *word;
        return;
    }

    lx->before.len = 0;
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
    }

    lx->whole.len = 0;
    lx->hyphens = 0;
    lx->last = ASSESS_CH_OTHER;
}


static void
assess_terms_end_wide(assess_lexer_t *lx)
{
    if (lx->nwide && !lx->paired) {
        lx->fn(lx->ctx, lx->wide, lx->nwide, 0);
    }

    lx->nwide = 0;
    lx->paired = 0;
}


static void
assess_terms_put(assess_word_t *word, const char *data, size_t len)
{
    if (word->len + len <= ASSESS_TERM_LEN) {
        memcpy(word->data + word->len, data, len);
        word->len += len;
    }
}


static void
assess_terms_wide(assess_lexer_t *lx, uint32_t cp)
{
    char    pair[8];
    size_t  n;

    assess_terms_end(lx);

    memcpy(pair, lx->wide, lx->nwide);
    n = assess_ch_put(pair + lx->nwide, cp);

    if (lx->nwide) {
        lx->fn(lx->ctx, pair, lx->nwide + n, 0);
        lx->paired = 1;
    }

    memcpy(lx->wide, pair + lx->nwide, n);
    lx->nwide = n;
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
assess_terms_char(assess_lexer_t *lx, uint32_t cp)
{
    char         out[4];
    size_t       n;
    const char  *latin;
    assess_ch_e  ch;

    ch = assess_ch_class(cp);

    if (ch == ASSESS_CH_MARK) {
        return;
    }

    if (ch == ASSESS_CH_WIDE) {
        assess_terms_wide(lx, cp);
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
        assess_terms_put(&lx->part, latin, strlen(latin));
        assess_terms_put(&lx->whole, latin, strlen(latin));

    } else {
        n = assess_ch_put(out, cp);
        assess_terms_put(&lx->part, out, n);
        assess_terms_put(&lx->whole, out, n);
    }

    lx->last = ch;
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
            assess_terms_put(&lx->part, ".", 1);
            assess_terms_put(&lx->whole, ".", 1);
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

    assess_terms_part(lx);
    lx->hyphens = 1;

    return at;
}


/* ASCII letters and digits, most of any text, a run at a time; its end. */

static const char *
assess_terms_run(assess_lexer_t *lx, const char *p, const char *end)
{
    char         run[ASSESS_TERM_LEN];
    size_t       n, part, whole;
    const char  *q;

    part = ASSESS_TERM_LEN - lx->part.len;
    whole = ASSESS_TERM_LEN - lx->whole.len;

    for (q = p, n = 0; q < end && (unsigned char) *q < 0x80
         && assess_ch_alnum(assess_ch_class((unsigned char) *q)); q++)
    {
        if (n < ASSESS_TERM_LEN) {
            run[n++] = (char) assess_ch_lower((unsigned char) *q);
        }
    }

    if (q == p) {
        return p;
    }

    assess_terms_end_wide(lx);

    /* as much as there is room for */

    assess_terms_put(&lx->part, run, n < part ? n : part);
    assess_terms_put(&lx->whole, run, n < whole ? n : whole);

    lx->last = assess_ch_class((unsigned char) q[-1]);

    return q;
}


void
assess_terms(const char *data, size_t len, assess_term_pt fn, void *ctx)
{
    char             room[4];
    uint32_t         cp, part;
    const char      *p, *q, *end, *next, *stop;
    assess_ch_e      ch;
    assess_lexer_t   lx;

    memset(&lx, 0, sizeof(assess_lexer_t));

    lx.fn = fn;
    lx.ctx = ctx;
    lx.last = ASSESS_CH_OTHER;

    p = data;
    end = data + len;

    while ((p = assess_terms_run(&lx, p, end)) < end) {

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
            assess_terms_char(&lx, cp);
            continue;
        }

        for (stop = q + strlen(q); q < stop; /* void */) {
            q += assess_ch_next(q, stop, &part);
            assess_terms_char(&lx, part);
        }
    }

    assess_terms_end_wide(&lx);
    assess_terms_end(&lx);
}
