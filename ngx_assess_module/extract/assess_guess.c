
/*
 * Three things tell encodings apart: which bytes may follow each other, which
 * letters a language uses most, and where letters stand in words.  The counts
 * are of the whole text; a few broken bytes do not matter.
 */

#include "assess_guess.h"

#include <string.h>


/* with fewer letters than this, next to nothing is known of a language */
#define ASSESS_GUESS_FEW      4

/* of so many letters one may be broken */
#define ASSESS_GUESS_BROKEN   500

/* so many of a hundred letters are the twelve most used ones, at least */
#define ASSESS_GUESS_COMMON   45


/* What pairs of bytes a text is made of, in an encoding of two bytes. */
typedef struct {
    size_t  pairs;
    size_t  broken;
    size_t  high;                       /* with both of them above 0xa0 */
    size_t  kana;                       /* Japanese syllables */
    size_t  signs;                      /* punctuation and the like */
    size_t  hangul;                     /* where Korean has its syllables */
    size_t  hanzi;                      /* where Chinese has what it uses */
    size_t  big;                        /* the same of Big5 */
} assess_pairs_t;


static assess_charset_e assess_guess_label(const char *label);
static int assess_guess_utf8(const char *data, size_t len);
static int assess_guess_utf16(const char *data, size_t len,
    assess_charset_e *charset);
static const char *assess_guess_asian(const unsigned char *p, size_t len);
static const char *assess_guess_letters(const unsigned char *p, size_t len);
static const char *assess_guess_latin(const unsigned char *p, size_t len);


assess_charset_e
assess_guess(const char *data, size_t len)
{
    const char        *label;
    assess_charset_e   charset;

    if (assess_guess_utf16(data, len, &charset)) {
        return charset;
    }

    if (assess_guess_utf8(data, len)) {

        /* it may be one of ASCII that switches to another set by escapes */

        return memmem(data, len, "\033$B", 3) || memmem(data, len, "\033$@", 3)
               ? assess_guess_label("iso-2022-jp") : ASSESS_CHARSET_UTF8;
    }

    label = assess_guess_asian((const unsigned char *) data, len);

    if (label == NULL) {
        label = assess_guess_letters((const unsigned char *) data, len);
    }

    if (label == NULL) {
        label = assess_guess_latin((const unsigned char *) data, len);
    }

    return assess_guess_label(label);
}


static assess_charset_e
assess_guess_label(const char *label)
{
    assess_charset_e  charset;

    return assess_charset_label(label, strlen(label), &charset) == 0
           ? charset : ASSESS_CHARSET_1252;
}


/*
 * A few broken sequences among many good ones are a damaged UTF-8 text;
 * otherwise it only looked like one.
 */

static int
assess_guess_utf8(const char *data, size_t len)
{
    size_t       n, good, bad;
    uint32_t     cp;
    const char  *p, *end;

    good = bad = 0;
    end = data + len;

    for (p = data; p < end; p += n) {
        n = assess_utf8_next(p, end, &cp);

        if (n == 0) {
            bad++;
            n = 1;

        } else if (n > 1) {
            good++;
        }
    }

    return bad == 0 || bad < good / 8;
}


/* What is common to all languages, such as spaces, has a zero in it. */

static int
assess_guess_utf16(const char *data, size_t len, assess_charset_e *charset)
{
    int  side;

    side = assess_utf16_side(data, len);

    if (side == 0) {
        return 0;
    }

    *charset = side > 0 ? ASSESS_CHARSET_UTF16_BE : ASSESS_CHARSET_UTF16_LE;

    return 1;
}


static int
assess_guess_between(unsigned c, unsigned from, unsigned to)
{
    return c >= from && c <= to;
}


/*
 * Counts the pairs of a text: first is the least byte that begins one, and
 * second the least above 0x7f that may be behind it.
 */

static void
assess_guess_count(const unsigned char *p, size_t len, unsigned first,
    unsigned second, assess_pairs_t *n)
{
    size_t    i;
    unsigned  a, b;

    memset(n, 0, sizeof(assess_pairs_t));

    for (i = 0; i < len; i++) {

        a = p[i];

        if (a < 0x80) {
            continue;
        }

        b = i + 1 < len ? p[i + 1] : 0;

        if (a < first || a == 0xff || b < 0x40 || b == 0x7f || b == 0xff
            || (b > 0x7f && b < second))
        {
            n->broken++;
            continue;
        }

        i++;
        n->pairs++;
        n->high += b > 0xa0;
        n->kana += (a == 0xa4 || a == 0xa5) && b > 0xa0;
        n->signs += a < 0xb0;
        n->hangul += assess_guess_between(a, 0xb0, 0xc8);
        n->hanzi += assess_guess_between(a, 0xb0, 0xd7);
        n->big += a <= 0xc8;
    }
}


/* Half-width syllables are one byte of Shift_JIS; pairs begin around them. */

static void
assess_guess_sjis(const unsigned char *p, size_t len, assess_pairs_t *n)
{
    size_t    i;
    unsigned  a, b;

    memset(n, 0, sizeof(assess_pairs_t));

    for (i = 0; i < len; i++) {

        a = p[i];

        if (a < 0x80 || assess_guess_between(a, 0xa1, 0xdf)) {
            continue;
        }

        b = i + 1 < len ? p[i + 1] : 0;

        if (a == 0x80 || a == 0xa0 || a > 0xfc || b < 0x40 || b == 0x7f
            || b > 0xfc)
        {
            n->broken++;
            continue;
        }

        i++;
        n->pairs++;
        n->kana += (a == 0x82 && assess_guess_between(b, 0x9f, 0xf1))
                   || (a == 0x83 && b <= 0x96);
    }
}


static int
assess_guess_whole(const assess_pairs_t *n)
{
    return n->pairs >= ASSESS_GUESS_FEW
           && n->broken <= n->pairs / ASSESS_GUESS_BROKEN;
}


/*
 * No text in Japanese is without syllables, which the other two sets on the
 * same bytes have in the same place and do not use.  Korean is made of the
 * syllables that come first, with few others; Chinese of characters of which a
 * third come behind those.  Only Big5 often has a second byte that is ASCII.
 */

static const char *
assess_guess_asian(const unsigned char *p, size_t len)
{
    size_t          words;
    assess_pairs_t  n;

    assess_guess_sjis(p, len, &n);

    if (assess_guess_whole(&n) && n.kana >= ASSESS_GUESS_FEW
        && n.kana >= n.pairs / 10)
    {
        return "shift_jis";
    }

    assess_guess_count(p, len, 0xa1, 0xa1, &n);

    if (assess_guess_whole(&n) && n.high < n.pairs - n.pairs / 6
        && n.high > n.pairs / 6 && n.big > n.pairs - n.pairs / 6)
    {
        return "big5";
    }

    assess_guess_count(p, len, 0x81, 0x80, &n);

    if (!assess_guess_whole(&n) || n.high < n.pairs - n.pairs / 10) {
        return NULL;
    }

    if (n.kana >= ASSESS_GUESS_FEW && n.kana >= n.pairs / 10) {
        return "euc-jp";
    }

    words = n.pairs - n.signs;

    if (n.hangul * 100 >= words * 95) {
        return "euc-kr";
    }

    return n.hanzi * 100 >= words * 70 ? "gb18030" : NULL;
}


static int
assess_guess_letter(unsigned c)
{
    return assess_guess_between(c | 0x20, 'a', 'z');
}


/*
 * Languages without Latin letters, by their twelve most used ones in small:
 * in the wrong encoding they are two fifths of a text at most.
 */

static const char *
assess_guess_letters(const unsigned char *p, size_t len)
{
    size_t    i, j, high, ascii, best, sum;
    size_t    count[256];
    unsigned  k;

    static const struct {
        const char     *label;
        unsigned char   common[13];
    } sets[] = {
        { "windows-1251", "\xee\xe5\xe0\xe8\xed\xf2\xf1\xf0\xe2\xeb\xea\xec" },
        { "koi8-r", "\xcf\xc5\xc1\xc9\xce\xd4\xd3\xd2\xd7\xcc\xcb\xcd" },
        { "ibm866", "\xae\xa5\xa0\xa8\xad\xe2\xe1\xe0\xa2\xab\xaa\xac" },
        { "iso-8859-5", "\xde\xd5\xd0\xd8\xdd\xe2\xe1\xe0\xd2\xdb\xda\xdc" },
        { "windows-1253", "\xe1\xef\xe9\xf4\xe5\xed\xf3\xf2\xe7\xf1\xea\xf0" },
        { "windows-1255", "\xe9\xe5\xe4\xec\xf8\xe0\xfa\xf9\xee\xe1\xf0\xed" },
        { "windows-1256", "\xc7\xe1\xed\xe3\xe4\xe6\xd1\xca\xc8\xc9\xda\xcf" },
        { "iso-8859-6", "\xc7\xe4\xea\xe5\xe6\xe8\xd1\xca\xc8\xc9\xd9\xcf" }
    };

    memset(count, 0, sizeof(count));

    for (i = 0; i < len; i++) {
        count[p[i]]++;
    }

    high = ascii = 0;

    for (k = 0x80; k < 0x100; k++) {
        high += count[k];
    }

    for (k = 0; k < 0x80; k++) {
        ascii += assess_guess_letter(k) ? count[k] : 0;
    }

    /* a word or two of another language do not make a text of it */

    if (high < 3 * ASSESS_GUESS_FEW || high < ascii / 2) {
        return NULL;
    }

    best = sizeof(sets) / sizeof(sets[0]);
    high = high * ASSESS_GUESS_COMMON / 100;

    for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {

        for (j = 0, sum = 0; j < 12; j++) {
            sum += count[sets[i].common[j]];
        }

        if (sum > high) {
            high = sum;
            best = i;
        }
    }

    return best < sizeof(sets) / sizeof(sets[0]) ? sets[best].label : NULL;
}


/*
 * Languages with Latin letters share most of their bytes.  Those of Central
 * Europe have letters where Windows-1252 has signs, which do not stand within
 * words; and Czech and Hungarian have letters that no language of the West uses
 * together.
 */

static const char *
assess_guess_latin(const unsigned char *p, size_t len)
{
    size_t    i, high, inner, windows, few, count[256];
    unsigned  c;

    high = inner = windows = 0;
    memset(count, 0, sizeof(count));

    for (i = 0; i < len; i++) {

        c = p[i];

        if (c < 0x80) {
            continue;
        }

        count[c]++;
        high++;
        windows += c < 0xa0;

        inner += strchr("\xa3\xa5\xaf\xb1\xb3\xb6\xb9\xba\xbc\xbe\xbf", (int) c)
                 && i > 0 && i + 1 < len && assess_guess_letter(p[i - 1])
                 && (assess_guess_letter(p[i + 1]) || p[i + 1] >= 0xc0);
    }

    few = high / 50;

    if ((inner < 2 || inner < high / 20)
        && (count[0xec] <= few || count[0xe8] <= few || count[0xf8] <= few)
        && (count[0xf5] <= few || count[0xfb] <= few || count[0xf6] <= few))
    {
        return "windows-1252";
    }

    /* ISO has nothing there; of Polish another letter tells them apart */

    return windows || (count[0xb3] + count[0xbf] && count[0xb9] >= count[0xb1])
           ? "windows-1250" : "iso-8859-2";
}
