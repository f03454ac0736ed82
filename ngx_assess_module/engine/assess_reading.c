
#include "assess_reading.h"
#include "assess_fold.h"
#include "assess_sentence.h"

#include <string.h>


/* Where the spans of a passage begin, and how many; 0: not read. */
typedef struct {
    size_t   first;
    size_t   n;
} assess_reading_place_t;


/* Whether text may be cut before p: behind white space, in no broken word */

static int
assess_reading_cut_ok(const char *start, const char *p)
{
    uint32_t     cp;
    assess_ch_e  ch;
    const char  *q;

    q = p;

    do {
        if (q == start) {
            return 0;
        }

        q = assess_ch_prev(q, start);
        (void) assess_ch_next(q, p, &cp);
        ch = assess_ch_class(cp);

    } while (p - q < 32 && (ch == ASSESS_CH_SPACE || ch == ASSESS_CH_BREAK));

    return ch != ASSESS_CH_HYPHEN && ch != ASSESS_CH_DASH
           && ch != ASSESS_CH_SOFT && ch != ASSESS_CH_NONE;
}


static int
assess_reading_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}


/*
 * Where the first sentence of the text ends: at its mark, at an empty line,
 * or before it gets too long for a quote.
 */

static size_t
assess_reading_sentence(const char *data, size_t len, size_t most)
{
    size_t        i, n, mark, space;
    uint32_t      cp;
    assess_ch_e   ch, before;

    space = 0;
    before = ASSESS_CH_OTHER;

    for (i = 0; i < len; i += n) {

        /* letters, most of any text, end nothing */

        if (i < most && assess_reading_letter(data[i])) {
            before = ASSESS_CH_LETTER;
            n = 1;
            continue;
        }

        n = assess_ch_next(data + i, data + len, &cp);
        ch = assess_ch_class(cp);

        mark = assess_sentence_end(data, len, i);
        if (mark) {
            return i + mark;
        }

        if (cp == '\n' && i + 1 < len && data[i + 1] == '\n'
            && assess_reading_cut_ok(data, data + i))
        {
            return i;
        }

        if ((ch == ASSESS_CH_SPACE || ch == ASSESS_CH_BREAK)
            && assess_reading_cut_ok(data, data + i))
        {
            space = i;
        }

        if (ch == ASSESS_CH_WIDE && before == ASSESS_CH_WIDE) {
            space = i;
        }

        before = ch;

        if (i >= most && space) {
            return space;
        }
    }

    return len;
}


static void
assess_reading_span(assess_reading_t *r, const char *data, size_t len,
    size_t first, size_t end)
{
    assess_span_t  span;

    span.data = data;
    span.len = len;
    span.first = first;
    span.end = end;

    assess_buf_add(&r->spans, &span, sizeof(assess_span_t));
}


/*
 * The passage and its sentences, behind all other spans; how many.  A term is
 * of the sentence that it ends in.
 */

static size_t
assess_reading_spans(assess_reading_t *r, const assess_str_t *text,
    const assess_token_t *tokens, size_t ntokens)
{
    size_t       n, t, len, first;
    const char  *p, *end;

    p = text->data;
    end = p + text->len;
    t = 0;

    assess_reading_span(r, p, text->len, 0, ntokens);

    for (n = 1; n <= ASSESS_READING_SENTENCES; n++) {

        while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
            p++;
        }

        if (p == end) {
            break;
        }

        len = assess_reading_sentence(p, (size_t) (end - p), r->sentence);
        first = t;

        while (t < ntokens
               && tokens[t].end <= (size_t) (p - text->data) + len)
        {
            t++;
        }

        assess_reading_span(r, p, len, first, t);

        p += len;
    }

    return n;
}


/* Room for the place of a passage; what is new there is not read. */

static assess_reading_place_t *
assess_reading_place(assess_reading_t *r, size_t number)
{
    size_t  size;

    size = (number + 1) * sizeof(assess_reading_place_t);

    if (r->places.len < size) {

        if (assess_buf_reserve(&r->places, size - r->places.len) != 0) {
            return NULL;
        }

        memset(r->places.data + r->places.len, 0, size - r->places.len);
        r->places.len = size;
    }

    return (assess_reading_place_t *) (void *) r->places.data + number;
}


const assess_span_t *
assess_reading_passage(assess_reading_t *r, const assess_passage_t *passage,
    const assess_token_t *tokens, size_t ntokens, size_t *n)
{
    assess_reading_place_t  *place;

    place = assess_reading_place(r, (size_t) passage->number);
    if (place == NULL) {
        return NULL;
    }

    if (place->n == 0) {
        place->first = r->spans.len / sizeof(assess_span_t);
        place->n = assess_reading_spans(r, &passage->text, tokens, ntokens);
    }

    if (r->spans.failed) {
        return NULL;
    }

    *n = place->n;

    return (const assess_span_t *) (const void *) r->spans.data
           + place->first;
}


int
assess_reading_trim(assess_reading_t *r)
{
    if (r->spans.len <= r->large) {
        return 0;
    }

    assess_buf_reset(&r->spans);
    assess_buf_reset(&r->places);

    return 1;
}


void
assess_reading_free(assess_reading_t *r)
{
    assess_buf_free(&r->spans);
    assess_buf_free(&r->places);
}
