
/* sources: extract/assess_guess.c extract/assess_charset.c
   base/assess_base.c */
/* libs: -lm */

#include "extract/assess_guess.h"
#include "tap.h"

#include <iconv.h>
#include <stdlib.h>


#define FIRE_JA  "火災報知設備は毎週点検されています。" \
    "防火扉は自動的に閉鎖します。\n"
#define FIRE_ZH  "消防警报系统每周测试一次。" \
    "防火门会自动关闭。负责人是张三。\n"
#define FIRE_TW  "消防警報系統每週測試一次。" \
    "防火門會自動關閉。負責人是張三。\n"
#define FIRE_KO  "화재 경보기는 매주 점검합니다." \
    " 방화문은 자동으로 닫힙니다.\n"
#define FIRE_RU  "Сигнализация проверяется " \
    "еженедельно. Двери закрываются.\n"
#define FIRE_EL  "Ο συναγερμός πυρκαγιάς " \
    "ελέγχεται κάθε εβδομάδα.\n"
#define FIRE_HE  "מערכת גילוי האש נבדקת מדי " \
    "שבוע. הדלתות נסגרות מעצמן.\n"
#define FIRE_AR  "يتم اختبار جهاز إنذار الحريق " \
    "أسبوعيا. الأبواب تغلق تلقائيا.\n"
#define FIRE_PL  "Alarm pożarowy jest sprawdzany co tydzień, także w Łodzi. "     \
                 "Drzwi zamykają się samoczynnie.\n"
#define FIRE_CS  "Požární hlásič se kontroluje týdně. Dveře se zavírají samy, " \
                 "což ověřuje správce.\n"
#define FIRE_HU  "A tűzjelzőt hetente ellenőrzik. Az ajtók önműködően " \
                 "csukódnak.\n"
#define FIRE_DE  "Grüße! Die Brandmeldeanlage wird wöchentlich geprüft. Türen " \
                 "schließen selbsttätig, auf 5 m² höchstens.\n"
#define FIRE_FR  "L’alarme est contrôlée à l’été. Créée en mai, où ça gêne, " \
                 "le cœur du réseau est sûr.\n"
#define FIRE_PT  "As portas são verificadas; não há exceções nas saídas nº 1 " \
                 "e nº 2.\n"
#define FIRE_ES  "¿Qué? El año pasado la señal sonó; ¡más rápido!\n"


/* the text, its encoding, and the one that is found */
static const struct {
    const char  *text;
    const char  *name;
    const char  *label;
} cases[] = {
    { FIRE_JA, "UTF-8", "utf-8" },
    { FIRE_JA, "CP932", "shift_jis" },
    { FIRE_JA, "EUC-JP", "euc-jp" },
    { FIRE_JA, "ISO-2022-JP", "iso-2022-jp" },
    { FIRE_ZH, "GB18030", "gb18030" },
    { FIRE_TW, "BIG5-HKSCS", "big5" },
    { FIRE_KO, "CP949", "euc-kr" },
    { FIRE_RU, "WINDOWS-1251", "windows-1251" },
    { FIRE_RU, "KOI8-R", "koi8-r" },
    { FIRE_RU, "IBM866", "ibm866" },
    { FIRE_RU, "ISO-8859-5", "iso-8859-5" },
    { FIRE_EL, "WINDOWS-1253", "windows-1253" },
    { FIRE_HE, "WINDOWS-1255", "windows-1255" },
    { FIRE_AR, "WINDOWS-1256", "windows-1256" },
    { FIRE_AR, "ISO-8859-6", "iso-8859-6" },
    { FIRE_PL, "WINDOWS-1250", "windows-1250" },
    { FIRE_PL, "ISO-8859-2", "iso-8859-2" },
    { FIRE_CS, "WINDOWS-1250", "windows-1250" },
    { FIRE_CS, "ISO-8859-2", "iso-8859-2" },
    { FIRE_HU, "ISO-8859-2", "iso-8859-2" },
    { FIRE_DE, "WINDOWS-1252", "windows-1252" },
    { FIRE_FR, "WINDOWS-1252", "windows-1252" },
    { FIRE_PT, "WINDOWS-1252", "windows-1252" },
    { FIRE_ES, "WINDOWS-1252", "windows-1252" }
};

#define NCASES  (sizeof(cases) / sizeof(cases[0]))


/* What the text is in that encoding, between these two */

static assess_buf_t
encoded(const char *before, const char *text, const char *behind,
    const char *name)
{
    char          *in, *to;
    size_t         left, room;
    iconv_t        cd;
    assess_buf_t   utf8, out;

    memset(&utf8, 0, sizeof(utf8));
    memset(&out, 0, sizeof(out));

    assess_buf_str(&utf8, before);
    assess_buf_str(&utf8, text);
    assess_buf_str(&utf8, behind);

    out.data = malloc(utf8.len * 4);
    cd = iconv_open(name, "UTF-8");
    in = utf8.data;
    left = utf8.len;
    to = out.data;
    room = utf8.len * 4;

    if (cd == (iconv_t) -1 || out.data == NULL
        || iconv(cd, &in, &left, &to, &room) == (size_t) -1
        || iconv(cd, NULL, NULL, &to, &room) == (size_t) -1)
    {
        printf("# no %s\n", name);
        exit(1);
    }

    out.len = (size_t) (to - out.data);
    (void) iconv_close(cd);
    assess_buf_free(&utf8);

    return out;
}


static int
finds(const char *label, const assess_buf_t *text)
{
    int                rc;
    char              *copy;
    assess_charset_e   charset;

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(text->len);
    memcpy(copy, text->data, text->len);

    rc = assess_charset_label(label, strlen(label), &charset) == 0
         && assess_guess(copy, text->len) == charset;

    free(copy);

    return rc;
}


static void
languages(void)
{
    size_t        i;
    assess_buf_t  text;

    for (i = 0; i < NCASES; i++) {

        text = encoded("", cases[i].text, "", cases[i].name);
        ok(finds(cases[i].label, &text), "%s", cases[i].name);
        free(text.data);

        /* a table, with numbers and words in English around it */

        text = encoded("No;Item;Tested\r\n1;\"", cases[i].text,
                       "\";2024-01-31\r\n2;none;-\r\n", cases[i].name);
        ok(finds(cases[i].label, &text), "%s in a table", cases[i].name);
        free(text.data);
    }
}


static void
wide(void)
{
    size_t             i;
    assess_buf_t       text;
    assess_charset_e   charset;

    static const struct {
        const char        *name;
        assess_charset_e   charset;
    } sides[] = {
        { "UTF-16LE", ASSESS_CHARSET_UTF16_LE },
        { "UTF-16BE", ASSESS_CHARSET_UTF16_BE }
    };

    for (i = 0; i < 2; i++) {
        text = encoded(FIRE_DE, FIRE_JA, "", sides[i].name);
        charset = assess_guess(text.data, text.len);
        ok(charset == sides[i].charset, "%s without a mark", sides[i].name);
        free(text.data);
    }

    is_int(assess_guess("a\0b, and so on", 13), ASSESS_CHARSET_UTF8,
           "a stray zero");
    is_int(assess_guess("\0a\0", 3), ASSESS_CHARSET_UTF8, "half a unit");
    is_int(assess_guess("", 0), ASSESS_CHARSET_UTF8, "nothing");
}


static void
broken(void)
{
    int           i;
    assess_buf_t  text, many;

    memset(&many, 0, sizeof(many));
    text = encoded("", FIRE_JA, "", "CP932");

    for (i = 0; i < 40; i++) {
        assess_buf_add(&many, text.data, text.len);
    }

    assess_buf_add(&many, "\xa0", 1);
    ok(finds("shift_jis", &many), "a broken byte in a long text");
    free(text.data);
    assess_buf_reset(&many);

    /* all that is known of it is that it is no UTF-8 */

    assess_buf_add(&many, "caf\xe9", 4);
    ok(finds("windows-1252", &many), "one letter");

    assess_buf_reset(&many);
    assess_buf_add(&many, "\x81", 1);
    ok(finds("windows-1252", &many), "half a character");
    assess_buf_free(&many);
}


int
main(void)
{
    assess_charset_prepare();

    languages();
    wide();
    broken();

    return done_testing();
}
