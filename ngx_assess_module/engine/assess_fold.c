
#include "assess_fold.h"


typedef struct {
    uint16_t      cp;
    const char   *text;
} assess_fold_map_t;

typedef struct {
    uint32_t      first;
    uint32_t      last;
    assess_ch_e   ch;
} assess_fold_range_t;


#include "assess_fold_data.h"


const unsigned char  assess_ch_ascii[128] = {
    [0x00 ... 0x08] = ASSESS_CH_NONE,
    ['\t'] = ASSESS_CH_SPACE,
    ['\n' ... '\r'] = ASSESS_CH_BREAK,
    [0x0e ... 0x1f] = ASSESS_CH_NONE,
    [' '] = ASSESS_CH_SPACE,
    ['!'] = ASSESS_CH_OTHER,
    ['"'] = ASSESS_CH_DOUBLE,
    ['#' ... '&'] = ASSESS_CH_OTHER,
    ['\''] = ASSESS_CH_SINGLE,
    ['(' ... ','] = ASSESS_CH_OTHER,
    ['-'] = ASSESS_CH_HYPHEN,
    ['.' ... '/'] = ASSESS_CH_OTHER,
    ['0' ... '9'] = ASSESS_CH_DIGIT,
    [':' ... '@'] = ASSESS_CH_OTHER,
    ['A' ... 'Z'] = ASSESS_CH_LETTER,
    ['[' ... '_'] = ASSESS_CH_OTHER,
    ['`'] = ASSESS_CH_SINGLE,
    ['a' ... 'z'] = ASSESS_CH_LETTER,
    ['{' ... '~'] = ASSESS_CH_OTHER,
    [0x7f] = ASSESS_CH_NONE
};


/*
 * Sorted; what lies between is a letter.  Unicode's general categories, as
 * far as folding tells characters apart.
 */

static const assess_fold_range_t  assess_fold_ranges[] = {
    { 0x0080, 0x0084, ASSESS_CH_NONE },
    { 0x0085, 0x0085, ASSESS_CH_BREAK },
    { 0x0086, 0x009f, ASSESS_CH_NONE },
    { 0x00a0, 0x00a0, ASSESS_CH_SPACE },
    { 0x00a1, 0x00a9, ASSESS_CH_OTHER },
    { 0x00ab, 0x00ab, ASSESS_CH_DOUBLE },
    { 0x00ac, 0x00ac, ASSESS_CH_OTHER },
    { 0x00ad, 0x00ad, ASSESS_CH_SOFT },
    { 0x00ae, 0x00b1, ASSESS_CH_OTHER },
    { 0x00b2, 0x00b3, ASSESS_CH_DIGIT },
    { 0x00b4, 0x00b4, ASSESS_CH_SINGLE },
    { 0x00b6, 0x00b8, ASSESS_CH_OTHER },
    { 0x00b9, 0x00b9, ASSESS_CH_DIGIT },
    { 0x00bb, 0x00bb, ASSESS_CH_DOUBLE },
    { 0x00bc, 0x00be, ASSESS_CH_DIGIT },
    { 0x00bf, 0x00bf, ASSESS_CH_OTHER },
    { 0x00d7, 0x00d7, ASSESS_CH_OTHER },
    { 0x00f7, 0x00f7, ASSESS_CH_OTHER },
    { 0x02b9, 0x02b9, ASSESS_CH_SINGLE },
    { 0x02ba, 0x02ba, ASSESS_CH_DOUBLE },
    { 0x02bb, 0x02bd, ASSESS_CH_SINGLE },
    { 0x02c2, 0x02df, ASSESS_CH_OTHER },
    { 0x0300, 0x034e, ASSESS_CH_MARK },
    { 0x034f, 0x034f, ASSESS_CH_NONE },
    { 0x0350, 0x036f, ASSESS_CH_MARK },
    { 0x037e, 0x037e, ASSESS_CH_OTHER },
    { 0x0387, 0x0387, ASSESS_CH_OTHER },
    { 0x0483, 0x0489, ASSESS_CH_MARK },
    { 0x055a, 0x055f, ASSESS_CH_OTHER },
    { 0x0589, 0x0589, ASSESS_CH_OTHER },
    { 0x058a, 0x058a, ASSESS_CH_HYPHEN },
    { 0x0591, 0x05bd, ASSESS_CH_MARK },
    { 0x05be, 0x05be, ASSESS_CH_HYPHEN },
    { 0x05bf, 0x05bf, ASSESS_CH_MARK },
    { 0x05c0, 0x05c0, ASSESS_CH_OTHER },
    { 0x05c1, 0x05c2, ASSESS_CH_MARK },
    { 0x05c3, 0x05c3, ASSESS_CH_OTHER },
    { 0x05c4, 0x05c5, ASSESS_CH_MARK },
    { 0x05f3, 0x05f3, ASSESS_CH_SINGLE },
    { 0x05f4, 0x05f4, ASSESS_CH_DOUBLE },
    { 0x060c, 0x060d, ASSESS_CH_OTHER },
    { 0x061b, 0x061b, ASSESS_CH_OTHER },
    { 0x061c, 0x061c, ASSESS_CH_NONE },
    { 0x061d, 0x061f, ASSESS_CH_OTHER },
    { 0x064b, 0x065f, ASSESS_CH_MARK },
    { 0x0660, 0x0669, ASSESS_CH_DIGIT },
    { 0x066a, 0x066d, ASSESS_CH_OTHER },
    { 0x0670, 0x0670, ASSESS_CH_MARK },
    { 0x06d4, 0x06d4, ASSESS_CH_OTHER },
    { 0x06f0, 0x06f9, ASSESS_CH_DIGIT },
    { 0x0964, 0x0965, ASSESS_CH_OTHER },
    { 0x0966, 0x096f, ASSESS_CH_DIGIT },
    { 0x0e01, 0x0e4f, ASSESS_CH_WIDE },
    { 0x0e80, 0x0ecf, ASSESS_CH_WIDE },
    { 0x1680, 0x1680, ASSESS_CH_SPACE },
    { 0x1780, 0x17d3, ASSESS_CH_WIDE },
    { 0x180e, 0x180e, ASSESS_CH_NONE },
    { 0x1ab0, 0x1aff, ASSESS_CH_MARK },
    { 0x1dc0, 0x1dff, ASSESS_CH_MARK },
    { 0x2000, 0x200a, ASSESS_CH_SPACE },
    { 0x200b, 0x200f, ASSESS_CH_NONE },
    { 0x2010, 0x2010, ASSESS_CH_HYPHEN },
    { 0x2011, 0x2011, ASSESS_CH_HYPHEN },
    { 0x2012, 0x2015, ASSESS_CH_DASH },
    { 0x2016, 0x2017, ASSESS_CH_OTHER },
    { 0x2018, 0x201b, ASSESS_CH_SINGLE },
    { 0x201c, 0x201f, ASSESS_CH_DOUBLE },
    { 0x2020, 0x2027, ASSESS_CH_OTHER },
    { 0x2028, 0x2029, ASSESS_CH_BREAK },
    { 0x202a, 0x202e, ASSESS_CH_NONE },
    { 0x202f, 0x202f, ASSESS_CH_SPACE },
    { 0x2030, 0x2031, ASSESS_CH_OTHER },
    { 0x2032, 0x2032, ASSESS_CH_SINGLE },
    { 0x2033, 0x2033, ASSESS_CH_DOUBLE },
    { 0x2034, 0x2034, ASSESS_CH_OTHER },
    { 0x2035, 0x2035, ASSESS_CH_SINGLE },
    { 0x2036, 0x2036, ASSESS_CH_DOUBLE },
    { 0x2037, 0x2038, ASSESS_CH_OTHER },
    { 0x2039, 0x203a, ASSESS_CH_SINGLE },
    { 0x203b, 0x205e, ASSESS_CH_OTHER },
    { 0x205f, 0x205f, ASSESS_CH_SPACE },
    { 0x2060, 0x206f, ASSESS_CH_NONE },
    { 0x2070, 0x2070, ASSESS_CH_DIGIT },
    { 0x2074, 0x2079, ASSESS_CH_DIGIT },
    { 0x207a, 0x207a, ASSESS_CH_OTHER },
    { 0x207b, 0x207b, ASSESS_CH_DASH },
    { 0x207c, 0x207e, ASSESS_CH_OTHER },
    { 0x2080, 0x2089, ASSESS_CH_DIGIT },
    { 0x208a, 0x208a, ASSESS_CH_OTHER },
    { 0x208b, 0x208b, ASSESS_CH_DASH },
    { 0x208c, 0x208e, ASSESS_CH_OTHER },
    { 0x20a0, 0x20cf, ASSESS_CH_OTHER },
    { 0x20d0, 0x20ff, ASSESS_CH_MARK },
    { 0x2103, 0x2103, ASSESS_CH_OTHER },
    { 0x2109, 0x2109, ASSESS_CH_OTHER },
    { 0x2150, 0x215f, ASSESS_CH_DIGIT },
    { 0x2190, 0x2211, ASSESS_CH_OTHER },
    { 0x2212, 0x2212, ASSESS_CH_DASH },
    { 0x2213, 0x245f, ASSESS_CH_OTHER },
    { 0x2460, 0x249b, ASSESS_CH_DIGIT },
    { 0x24ea, 0x24ff, ASSESS_CH_DIGIT },
    { 0x2500, 0x275a, ASSESS_CH_OTHER },
    { 0x275b, 0x275c, ASSESS_CH_SINGLE },
    { 0x275d, 0x275e, ASSESS_CH_DOUBLE },
    { 0x275f, 0x2bff, ASSESS_CH_OTHER },
    { 0x2cef, 0x2cf1, ASSESS_CH_MARK },
    { 0x2de0, 0x2dff, ASSESS_CH_MARK },
    { 0x2e00, 0x2e39, ASSESS_CH_OTHER },
    { 0x2e3a, 0x2e3b, ASSESS_CH_DASH },
    { 0x2e3c, 0x2e7f, ASSESS_CH_OTHER },
    { 0x2e80, 0x2fff, ASSESS_CH_WIDE },
    { 0x3000, 0x3000, ASSESS_CH_SPACE },
    { 0x3001, 0x3002, ASSESS_CH_OTHER },
    { 0x3003, 0x3007, ASSESS_CH_WIDE },
    { 0x3008, 0x300b, ASSESS_CH_OTHER },
    { 0x300c, 0x300d, ASSESS_CH_SINGLE },
    { 0x300e, 0x300f, ASSESS_CH_DOUBLE },
    { 0x3010, 0x301c, ASSESS_CH_OTHER },
    { 0x301d, 0x301f, ASSESS_CH_DOUBLE },
    { 0x3020, 0x3098, ASSESS_CH_WIDE },
    { 0x3099, 0x309a, ASSESS_CH_MARK },
    { 0x309b, 0x312f, ASSESS_CH_WIDE },
    { 0x3190, 0x9fff, ASSESS_CH_WIDE },
    { 0xe000, 0xf8ff, ASSESS_CH_OTHER },
    { 0xf900, 0xfaff, ASSESS_CH_WIDE },
    { 0xfe00, 0xfe0f, ASSESS_CH_NONE },
    { 0xfe10, 0xfe1f, ASSESS_CH_OTHER },
    { 0xfe20, 0xfe2f, ASSESS_CH_MARK },
    { 0xfe30, 0xfe30, ASSESS_CH_OTHER },
    { 0xfe31, 0xfe32, ASSESS_CH_DASH },
    { 0xfe33, 0xfe57, ASSESS_CH_OTHER },
    { 0xfe58, 0xfe58, ASSESS_CH_DASH },
    { 0xfe59, 0xfe62, ASSESS_CH_OTHER },
    { 0xfe63, 0xfe63, ASSESS_CH_HYPHEN },
    { 0xfe64, 0xfe6f, ASSESS_CH_OTHER },
    { 0xfeff, 0xfeff, ASSESS_CH_NONE },
    { 0xff61, 0xff65, ASSESS_CH_OTHER },
    { 0xff66, 0xff9f, ASSESS_CH_WIDE },
    { 0xffe0, 0xffef, ASSESS_CH_OTHER },
    { 0xfff0, 0xfffb, ASSESS_CH_NONE },
    { 0xfffc, 0xffff, ASSESS_CH_OTHER },
    { 0x1d7ce, 0x1d7ff, ASSESS_CH_DIGIT },
    { 0x1f000, 0x1faff, ASSESS_CH_OTHER },
    { 0x20000, 0x3ffff, ASSESS_CH_WIDE },
    { 0xe0000, 0xe0fff, ASSESS_CH_NONE },
    { 0xf0000, 0x10ffff, ASSESS_CH_OTHER }
};


size_t
assess_ch_next_other(const char *p, const char *end, uint32_t *cp)
{
    size_t  n;

    n = assess_utf8_next(p, end, cp);

    if (n == 0) {
        *cp = 0xfffd;
        return 1;
    }

    return n;
}


const char *
assess_ch_prev(const char *p, const char *start)
{
    int  i;

    p--;

    for (i = 0; i < 3 && p > start && (*p & 0xc0) == 0x80; i++) {
        p--;
    }

    return p;
}


assess_ch_e
assess_ch_class_other(uint32_t cp)
{
    size_t  low, high, mid;

    if (cp >= 0xff01 && cp <= 0xff5e) {
        return (assess_ch_e) assess_ch_ascii[cp - 0xfee0];
    }

    low = 0;
    high = sizeof(assess_fold_ranges) / sizeof(assess_fold_ranges[0]);

    while (low < high) {
        mid = (low + high) / 2;

        if (cp < assess_fold_ranges[mid].first) {
            high = mid;

        } else if (cp > assess_fold_ranges[mid].last) {
            low = mid + 1;

        } else {
            return assess_fold_ranges[mid].ch;
        }
    }

    return ASSESS_CH_LETTER;
}


static const char *
assess_ch_one(char room[4], uint32_t cp)
{
    room[0] = (char) cp;
    room[1] = '\0';

    return room;
}


const char *
assess_ch_decompose(uint32_t cp, char room[4])
{
    size_t  low, high, mid;

    if (cp < 0xa0) {
        return NULL;
    }

    if (cp >= 0xff01 && cp <= 0xff5e) {
        return assess_ch_one(room, cp - 0xfee0);
    }

    if (cp >= 0x1d400 && cp <= 0x1d6a3) {

        /* thirteen alphabets, one behind the other */

        cp = (cp - 0x1d400) % 52;
        return assess_ch_one(room, cp < 26 ? 'A' + cp : 'a' + cp - 26);
    }

    if (cp >= 0x1d7ce && cp <= 0x1d7ff) {
        return assess_ch_one(room, '0' + (cp - 0x1d7ce) % 10);
    }

    low = 0;
    high = sizeof(assess_fold_maps) / sizeof(assess_fold_maps[0]);

    while (low < high) {
        mid = (low + high) / 2;

        if (cp == assess_fold_maps[mid].cp) {
            return assess_fold_maps[mid].text;
        }

        if (cp < assess_fold_maps[mid].cp) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return NULL;
}


uint32_t
assess_ch_lower(uint32_t cp)
{
    if (cp < 0x80) {
        return cp >= 'A' && cp <= 'Z' ? cp + 0x20 : cp;
    }

    if ((cp >= 0xc0 && cp <= 0xde && cp != 0xd7)
        || (cp >= 0x391 && cp <= 0x3a9)
        || (cp >= 0x410 && cp <= 0x42f))
    {
        return cp + 0x20;
    }

    if (cp >= 0x400 && cp <= 0x40f) {
        return cp + 0x50;
    }

    if (cp >= 0x531 && cp <= 0x556) {
        return cp + 0x30;
    }

    if ((cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17e)) {
        return cp % 2 ? cp + 1 : cp;
    }

    if ((cp >= 0x100 && cp <= 0x177) || (cp >= 0x460 && cp <= 0x481)
        || (cp >= 0x48a && cp <= 0x4bf) || (cp >= 0x4d0 && cp <= 0x52f))
    {
        return cp | 1;
    }

    return cp;
}


size_t
assess_ch_put(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char) cp;
        return 1;
    }

    if (cp < 0x800) {
        out[0] = (char) (0xc0 | (cp >> 6));
        out[1] = (char) (0x80 | (cp & 0x3f));
        return 2;
    }

    if (cp < 0x10000) {
        out[0] = (char) (0xe0 | (cp >> 12));
        out[1] = (char) (0x80 | ((cp >> 6) & 0x3f));
        out[2] = (char) (0x80 | (cp & 0x3f));
        return 3;
    }

    out[0] = (char) (0xf0 | (cp >> 18));
    out[1] = (char) (0x80 | ((cp >> 12) & 0x3f));
    out[2] = (char) (0x80 | ((cp >> 6) & 0x3f));
    out[3] = (char) (0x80 | (cp & 0x3f));

    return 4;
}
