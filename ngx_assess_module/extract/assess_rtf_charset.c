
#include "assess_rtf_charset.h"

#include <stdio.h>
#include <string.h>


int
assess_rtf_charset(int page, assess_charset_e *charset)
{
    size_t  i;
    char    label[32];

    static const struct {
        int          page;
        const char  *label;
    } pages[] = {
        { 437, "ibm437" },
        { 850, "ibm850" },
        { 866, "ibm866" },
        { 874, "windows-874" },
        { 932, "shift_jis" },
        { 936, "gbk" },
        { 949, "euc-kr" },
        { 950, "big5" },
        { 1361, "euc-kr" },
        { 10000, "macintosh" },
        { 10001, "shift_jis" },
        { 10002, "big5" },
        { 10003, "euc-kr" },
        { 10007, "x-mac-cyrillic" },
        { 10008, "gbk" },
        { 65001, "utf-8" }
    };

    (void) snprintf(label, sizeof(label), "windows-%d", page);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (pages[i].page == page) {
            (void) snprintf(label, sizeof(label), "%s", pages[i].label);
        }
    }

    return assess_charset_label(label, strlen(label), charset);
}


int
assess_rtf_set(int set)
{
    size_t  i;

    static const struct {
        int  set;
        int  page;
    } sets[] = {
        { 0, 1252 }, { 77, 10000 }, { 78, 932 }, { 128, 932 }, { 129, 949 },
        { 130, 1361 }, { 134, 936 }, { 136, 950 }, { 161, 1253 },
        { 162, 1254 }, { 163, 1258 }, { 177, 1255 }, { 178, 1256 },
        { 186, 1257 }, { 204, 1251 }, { 222, 874 }, { 238, 1250 },
        { 254, 437 }, { 255, 850 }
    };

    for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (sets[i].set == set) {
            return sets[i].page;
        }
    }

    return 0;
}
