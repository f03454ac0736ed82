
#include "assess_charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>


#define ASSESS_REPLACEMENT  0xfffd


static void assess_charset_utf16(int big, const char *data, size_t len,
    assess_buf_t *out);
static void assess_charset_1252(const char *data, size_t len,
    assess_buf_t *out);
static void assess_charset_named(iconv_t cd, const char *data, size_t len,
    assess_buf_t *out);


/* Labels as browsers understand them (encoding.spec.whatwg.org). */

static const struct {
    const char  *label;
    const char  *name;
} assess_charsets[] = {
    { "windows-1250", "WINDOWS-1250" },
    { "windows-1251", "WINDOWS-1251" },
    { "windows-1253", "WINDOWS-1253" },
    { "windows-1254", "WINDOWS-1254" },
    { "iso-8859-9", "WINDOWS-1254" },
    { "windows-1255", "WINDOWS-1255" },
    { "windows-1256", "WINDOWS-1256" },
    { "windows-1257", "WINDOWS-1257" },
    { "windows-1258", "WINDOWS-1258" },
    { "windows-874", "TIS-620" },
    { "tis-620", "TIS-620" },
    { "iso-8859-2", "ISO-8859-2" },
    { "iso-8859-3", "ISO-8859-3" },
    { "iso-8859-4", "ISO-8859-4" },
    { "iso-8859-5", "ISO-8859-5" },
    { "iso-8859-6", "ISO-8859-6" },
    { "iso-8859-7", "ISO-8859-7" },
    { "iso-8859-8", "ISO-8859-8" },
    { "iso-8859-10", "ISO-8859-10" },
    { "iso-8859-13", "ISO-8859-13" },
    { "iso-8859-14", "ISO-8859-14" },
    { "iso-8859-15", "ISO-8859-15" },
    { "iso-8859-16", "ISO-8859-16" },
    { "ibm437", "IBM437" },
    { "ibm850", "IBM850" },
    { "ibm866", "IBM866" },
    { "koi8-r", "KOI8-R" },
    { "koi8-u", "KOI8-U" },
    { "macintosh", "MACINTOSH" },
    { "x-mac-cyrillic", "MAC-CYRILLIC" },
    { "shift_jis", "CP932" },
    { "shift-jis", "CP932" },
    { "sjis", "CP932" },
    { "x-sjis", "CP932" },
    { "windows-31j", "CP932" },
    { "euc-jp", "EUC-JP" },
    { "iso-2022-jp", "ISO-2022-JP" },
    { "gb2312", "GB18030" },
    { "gbk", "GB18030" },
    { "gb18030", "GB18030" },
    { "big5", "BIG5-HKSCS" },
    { "big5-hkscs", "BIG5-HKSCS" },
    { "euc-kr", "CP949" },
    { "ks_c_5601-1987", "CP949" },
    { "cp1250", "WINDOWS-1250" },
    { "x-cp1250", "WINDOWS-1250" },
    { "cp1251", "WINDOWS-1251" },
    { "x-cp1251", "WINDOWS-1251" },
    { "cp1253", "WINDOWS-1253" },
    { "cp1254", "WINDOWS-1254" },
    { "latin5", "WINDOWS-1254" },
    { "cp1255", "WINDOWS-1255" },
    { "cp1256", "WINDOWS-1256" },
    { "cp1257", "WINDOWS-1257" },
    { "cp1258", "WINDOWS-1258" },
    { "iso-8859-11", "TIS-620" },
    { "iso8859-2", "ISO-8859-2" },
    { "latin2", "ISO-8859-2" },
    { "iso8859-5", "ISO-8859-5" },
    { "iso8859-7", "ISO-8859-7" },
    { "greek", "ISO-8859-7" },
    { "iso-8859-8-i", "ISO-8859-8" },
    { "iso8859-9", "WINDOWS-1254" },
    { "iso8859-15", "ISO-8859-15" },
    { "latin9", "ISO-8859-15" },
    { "cp437", "IBM437" },
    { "cp850", "IBM850" },
    { "cp866", "IBM866" },
    { "koi8", "KOI8-R" },
    { "mac", "MACINTOSH" },
    { "x-mac-roman", "MACINTOSH" },
    { "ms_kanji", "CP932" },
    { "cp932", "CP932" },
    { "csshiftjis", "CP932" },
    { "x-euc-jp", "EUC-JP" },
    { "iso-2022-kr", "ISO-2022-KR" },
    { "gb_2312-80", "GB18030" },
    { "x-gbk", "GB18030" },
    { "cp936", "GB18030" },
    { "cp950", "BIG5-HKSCS" },
    { "x-x-big5", "BIG5-HKSCS" },
    { "cp949", "CP949" },
    { "windows-949", "CP949" },
    { "ksc5601", "CP949" },
    { "ks_c_5601", "CP949" },
    { "korean", "CP949" },
    { "utf-7", "UTF-7" },
    { "unicode-1-1-utf-7", "UTF-7" }
};

#define ASSESS_NCHARSETS                                                     \
    (sizeof(assess_charsets) / sizeof(assess_charsets[0]))


static iconv_t  assess_charset_cd[ASSESS_NCHARSETS];


/* 0x80..0x9f of Windows-1252; 0 where it has nothing */

static const uint16_t  assess_charset_high[32] = {
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
    0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178
};


void
assess_charset_prepare(void)
{
    size_t      i;
    static int  prepared;

    if (prepared) {
        return;
    }

    prepared = 1;

    for (i = 0; i < ASSESS_NCHARSETS; i++) {
        assess_charset_cd[i] = iconv_open("UTF-8", assess_charsets[i].name);
    }
}


size_t
assess_charset_bom(const char *data, size_t len, assess_charset_e *charset)
{
    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        *charset = ASSESS_CHARSET_UTF8;
        return 3;
    }

    if (len >= 2 && memcmp(data, "\xff\xfe", 2) == 0) {
        *charset = ASSESS_CHARSET_UTF16_LE;
        return 2;
    }

    if (len >= 2 && memcmp(data, "\xfe\xff", 2) == 0) {
        *charset = ASSESS_CHARSET_UTF16_BE;
        return 2;
    }

    return 0;
}


int
assess_charset_label(const char *label, size_t len, assess_charset_e *charset)
{
    size_t  i;

    static const struct {
        const char        *label;
        assess_charset_e   charset;
    } own[] = {
        { "utf-8", ASSESS_CHARSET_UTF8 },
        { "utf8", ASSESS_CHARSET_UTF8 },
        { "windows-1252", ASSESS_CHARSET_1252 },
        { "iso-8859-1", ASSESS_CHARSET_1252 },
        { "iso8859-1", ASSESS_CHARSET_1252 },
        { "cp1252", ASSESS_CHARSET_1252 },
        { "x-cp1252", ASSESS_CHARSET_1252 },
        { "latin1", ASSESS_CHARSET_1252 },
        { "l1", ASSESS_CHARSET_1252 },
        { "ansi_x3.4-1968", ASSESS_CHARSET_1252 },
        { "us-ascii", ASSESS_CHARSET_1252 },
        { "ascii", ASSESS_CHARSET_1252 }
    };

    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strlen(own[i].label) == len
            && strncasecmp(own[i].label, label, len) == 0)
        {
            *charset = own[i].charset;
            return 0;
        }
    }

    for (i = 0; i < ASSESS_NCHARSETS; i++) {
        if (strlen(assess_charsets[i].label) == len
            && strncasecmp(assess_charsets[i].label, label, len) == 0)
        {
            *charset = (assess_charset_e) (ASSESS_CHARSET_NAMED + i);
            return assess_charset_cd[i] == (iconv_t) -1 ? -1 : 0;
        }
    }

    return -1;
}


void
assess_charset_decode(assess_charset_e charset, const char *data, size_t len,
    assess_buf_t *out)
{
    switch (charset) {

    case ASSESS_CHARSET_UTF8:
        assess_buf_add(out, data, len);
        return;

    case ASSESS_CHARSET_UTF16_LE:
    case ASSESS_CHARSET_UTF16_BE:
        assess_charset_utf16(charset == ASSESS_CHARSET_UTF16_BE, data, len,
                             out);
        return;

    case ASSESS_CHARSET_1252:
        assess_charset_1252(data, len, out);
        return;

    default:
        assess_charset_named(assess_charset_cd[charset - ASSESS_CHARSET_NAMED],
                             data, len, out);
        return;
    }
}


void
assess_charset_put(assess_buf_t *out, uint32_t cp)
{
    char    utf8[4];
    size_t  n;

    if (cp < 0x80) {
        utf8[0] = (char) cp;
        n = 1;

    } else if (cp < 0x800) {
        utf8[0] = (char) (0xc0 | (cp >> 6));
        utf8[1] = (char) (0x80 | (cp & 0x3f));
        n = 2;

    } else if (cp < 0x10000) {
        utf8[0] = (char) (0xe0 | (cp >> 12));
        utf8[1] = (char) (0x80 | ((cp >> 6) & 0x3f));
        utf8[2] = (char) (0x80 | (cp & 0x3f));
        n = 3;

    } else {
        utf8[0] = (char) (0xf0 | (cp >> 18));
        utf8[1] = (char) (0x80 | ((cp >> 12) & 0x3f));
        utf8[2] = (char) (0x80 | ((cp >> 6) & 0x3f));
        utf8[3] = (char) (0x80 | (cp & 0x3f));
        n = 4;
    }

    assess_buf_add(out, utf8, n);
}


/* RFC 2781 */

static void
assess_charset_utf16(int big, const char *data, size_t len, assess_buf_t *out)
{
    size_t                i;
    uint32_t              unit, high;
    const unsigned char  *p;

    p = (const unsigned char *) data;
    high = 0;

    for (i = 0; i + 1 < len; i += 2) {

        unit = big ? (uint32_t) p[i] << 8 | p[i + 1]
                   : (uint32_t) p[i + 1] << 8 | p[i];

        if (unit >= 0xdc00 && unit <= 0xdfff && high) {
            assess_charset_put(out, 0x10000 + ((high - 0xd800) << 10)
                                    + (unit - 0xdc00));
            high = 0;
            continue;
        }

        if (high) {
            assess_charset_put(out, ASSESS_REPLACEMENT);
            high = 0;
        }

        if (unit >= 0xd800 && unit <= 0xdbff) {
            high = unit;

        } else if (unit >= 0xdc00 && unit <= 0xdfff) {
            assess_charset_put(out, ASSESS_REPLACEMENT);

        } else {
            assess_charset_put(out, unit);
        }
    }

    if (high || i < len) {
        assess_charset_put(out, ASSESS_REPLACEMENT);
    }
}


static void
assess_charset_1252(const char *data, size_t len, assess_buf_t *out)
{
    size_t         i;
    uint32_t       cp;

    for (i = 0; i < len; i++) {

        cp = (unsigned char) data[i];

        if (cp >= 0x80 && cp <= 0x9f) {
            cp = assess_charset_high[cp - 0x80];

            if (cp == 0) {
                cp = ASSESS_REPLACEMENT;
            }
        }

        assess_charset_put(out, cp);
    }
}


static void
assess_charset_named(iconv_t cd, const char *data, size_t len,
    assess_buf_t *out)
{
    char    piece[4096], *in, *to;
    size_t  left, room, rc;

    in = (char *) data;
    left = len;

    (void) iconv(cd, NULL, NULL, NULL, NULL);

    while (left) {

        to = piece;
        room = sizeof(piece);

        rc = iconv(cd, &in, &left, &to, &room);

        assess_buf_add(out, piece, (size_t) (to - piece));

        if (rc != (size_t) -1 || errno == E2BIG) {
            continue;
        }

        /* of half a letter at the end nothing may be left */

        assess_charset_put(out, ASSESS_REPLACEMENT);

        if (left) {
            in++;
            left--;
        }
    }

    /* a letter that a mark could have followed is held back until now */

    to = piece;
    room = sizeof(piece);

    (void) iconv(cd, NULL, NULL, &to, &room);
    assess_buf_add(out, piece, (size_t) (to - piece));
}
