
/* The words of rich text that are more than looks; others are passed over. */

#include "assess_rtf_words.h"

#include <string.h>


/* in the order of strcmp() */

static const assess_rtf_word_t  assess_rtf_words[] = {
    { "aftncn", ASSESS_RTF_SKIP, NULL },
    { "aftnsep", ASSESS_RTF_SKIP, NULL },
    { "aftnsepc", ASSESS_RTF_SKIP, NULL },
    { "annotation", ASSESS_RTF_SKIP, NULL },
    { "ansicpg", ASSESS_RTF_CODEPAGE, NULL },
    { "atnauthor", ASSESS_RTF_SKIP, NULL },
    { "atnid", ASSESS_RTF_SKIP, NULL },
    { "atnref", ASSESS_RTF_SKIP, NULL },
    { "atrfend", ASSESS_RTF_SKIP, NULL },
    { "atrfstart", ASSESS_RTF_SKIP, NULL },
    { "background", ASSESS_RTF_SKIP, NULL },
    { "bin", ASSESS_RTF_BIN, NULL },
    { "bkmkend", ASSESS_RTF_SKIP, NULL },
    { "bkmkstart", ASSESS_RTF_SKIP, NULL },
    { "blipuid", ASSESS_RTF_SKIP, NULL },
    { "bullet", ASSESS_RTF_CHAR, "\xe2\x80\xa2" },
    { "cell", ASSESS_RTF_CELL, NULL },
    { "colorschememapping", ASSESS_RTF_SKIP, NULL },
    { "colortbl", ASSESS_RTF_SKIP, NULL },
    { "column", ASSESS_RTF_PAR, NULL },
    { "cpg", ASSESS_RTF_FONT_PAGE, NULL },
    { "datafield", ASSESS_RTF_SKIP, NULL },
    { "datastore", ASSESS_RTF_SKIP, NULL },
    { "deff", ASSESS_RTF_FONT_DEFAULT, NULL },
    { "deleted", ASSESS_RTF_HIDDEN, NULL },
    { "do", ASSESS_RTF_SKIP, NULL },
    { "docvar", ASSESS_RTF_SKIP, NULL },
    { "ebcend", ASSESS_RTF_SKIP, NULL },
    { "ebcstart", ASSESS_RTF_SKIP, NULL },
    { "emdash", ASSESS_RTF_CHAR, "\xe2\x80\x94" },
    { "emspace", ASSESS_RTF_CHAR, " " },
    { "endash", ASSESS_RTF_CHAR, "\xe2\x80\x93" },
    { "enspace", ASSESS_RTF_CHAR, " " },
    { "f", ASSESS_RTF_FONT, NULL },
    { "factoidname", ASSESS_RTF_SKIP, NULL },
    { "falt", ASSESS_RTF_SKIP, NULL },
    { "fchars", ASSESS_RTF_SKIP, NULL },
    { "fcharset", ASSESS_RTF_FONT_SET, NULL },
    { "ffdeftext", ASSESS_RTF_SKIP, NULL },
    { "ffentrymcr", ASSESS_RTF_SKIP, NULL },
    { "ffexitmcr", ASSESS_RTF_SKIP, NULL },
    { "ffformat", ASSESS_RTF_SKIP, NULL },
    { "ffhelptext", ASSESS_RTF_SKIP, NULL },
    { "ffl", ASSESS_RTF_SKIP, NULL },
    { "ffname", ASSESS_RTF_SKIP, NULL },
    { "ffstattext", ASSESS_RTF_SKIP, NULL },
    { "file", ASSESS_RTF_SKIP, NULL },
    { "filetbl", ASSESS_RTF_SKIP, NULL },
    { "fldinst", ASSESS_RTF_SKIP, NULL },
    { "fldtype", ASSESS_RTF_SKIP, NULL },
    { "fontemb", ASSESS_RTF_SKIP, NULL },
    { "fontfile", ASSESS_RTF_SKIP, NULL },
    { "fonttbl", ASSESS_RTF_FONTS, NULL },
    { "footer", ASSESS_RTF_ASIDE, NULL },
    { "footerf", ASSESS_RTF_ASIDE, NULL },
    { "footerl", ASSESS_RTF_ASIDE, NULL },
    { "footerr", ASSESS_RTF_ASIDE, NULL },
    { "footnote", ASSESS_RTF_ASIDE, NULL },
    { "formfield", ASSESS_RTF_SKIP, NULL },
    { "ftncn", ASSESS_RTF_SKIP, NULL },
    { "ftnsep", ASSESS_RTF_SKIP, NULL },
    { "ftnsepc", ASSESS_RTF_SKIP, NULL },
    { "generator", ASSESS_RTF_SKIP, NULL },
    { "gridtbl", ASSESS_RTF_SKIP, NULL },
    { "header", ASSESS_RTF_ASIDE, NULL },
    { "headerf", ASSESS_RTF_ASIDE, NULL },
    { "headerl", ASSESS_RTF_ASIDE, NULL },
    { "headerr", ASSESS_RTF_ASIDE, NULL },
    { "htmltag", ASSESS_RTF_SKIP, NULL },
    { "info", ASSESS_RTF_SKIP, NULL },
    { "intbl", ASSESS_RTF_IN_TABLE, NULL },
    { "latentstyles", ASSESS_RTF_SKIP, NULL },
    { "lchars", ASSESS_RTF_SKIP, NULL },
    { "ldblquote", ASSESS_RTF_CHAR, "\xe2\x80\x9c" },
    { "levelnumbers", ASSESS_RTF_SKIP, NULL },
    { "leveltext", ASSESS_RTF_SKIP, NULL },
    { "line", ASSESS_RTF_PAR, NULL },
    { "list", ASSESS_RTF_SKIP, NULL },
    { "listlevel", ASSESS_RTF_SKIP, NULL },
    { "listname", ASSESS_RTF_SKIP, NULL },
    { "listoverride", ASSESS_RTF_SKIP, NULL },
    { "listoverridetable", ASSESS_RTF_SKIP, NULL },
    { "listpicture", ASSESS_RTF_SKIP, NULL },
    { "liststylename", ASSESS_RTF_SKIP, NULL },
    { "listtable", ASSESS_RTF_SKIP, NULL },
    { "lquote", ASSESS_RTF_CHAR, "\xe2\x80\x98" },
    { "mac", ASSESS_RTF_CODEPAGE, "10000" },
    { "mmathPr", ASSESS_RTF_SKIP, NULL },
    { "nestcell", ASSESS_RTF_CHAR, " " },
    { "nestrow", ASSESS_RTF_CHAR, " " },
    { "nesttableprops", ASSESS_RTF_SKIP, NULL },
    { "nonesttables", ASSESS_RTF_SKIP, NULL },
    { "nonshppict", ASSESS_RTF_SKIP, NULL },
    { "objalias", ASSESS_RTF_SKIP, NULL },
    { "objclass", ASSESS_RTF_SKIP, NULL },
    { "objdata", ASSESS_RTF_SKIP, NULL },
    { "objname", ASSESS_RTF_SKIP, NULL },
    { "objsect", ASSESS_RTF_SKIP, NULL },
    { "objtime", ASSESS_RTF_SKIP, NULL },
    { "oldcprops", ASSESS_RTF_SKIP, NULL },
    { "oldpprops", ASSESS_RTF_SKIP, NULL },
    { "oldsprops", ASSESS_RTF_SKIP, NULL },
    { "oldtprops", ASSESS_RTF_SKIP, NULL },
    { "outlinelevel", ASSESS_RTF_OUTLINE, NULL },
    { "page", ASSESS_RTF_PAGE, NULL },
    { "panose", ASSESS_RTF_SKIP, NULL },
    { "par", ASSESS_RTF_PAR, NULL },
    { "pard", ASSESS_RTF_PARAGRAPH, NULL },
    { "passwordhash", ASSESS_RTF_SKIP, NULL },
    { "pc", ASSESS_RTF_CODEPAGE, "437" },
    { "pca", ASSESS_RTF_CODEPAGE, "850" },
    { "pgp", ASSESS_RTF_SKIP, NULL },
    { "pgptbl", ASSESS_RTF_SKIP, NULL },
    { "pict", ASSESS_RTF_SKIP, NULL },
    { "plain", ASSESS_RTF_PLAIN, NULL },
    { "pn", ASSESS_RTF_SKIP, NULL },
    { "pnseclvl", ASSESS_RTF_SKIP, NULL },
    { "private", ASSESS_RTF_SKIP, NULL },
    { "protusertbl", ASSESS_RTF_SKIP, NULL },
    { "qmspace", ASSESS_RTF_CHAR, " " },
    { "rdblquote", ASSESS_RTF_CHAR, "\xe2\x80\x9d" },
    { "revtbl", ASSESS_RTF_SKIP, NULL },
    { "row", ASSESS_RTF_ROW_END, NULL },
    { "rquote", ASSESS_RTF_CHAR, "\xe2\x80\x99" },
    { "rsidtbl", ASSESS_RTF_SKIP, NULL },
    { "rxe", ASSESS_RTF_SKIP, NULL },
    { "sbkcol", ASSESS_RTF_SECTION_GOES_ON, NULL },
    { "sbknone", ASSESS_RTF_SECTION_GOES_ON, NULL },
    { "sect", ASSESS_RTF_SECTION, NULL },
    { "shpinst", ASSESS_RTF_SHAPE, NULL },
    { "shprslt", ASSESS_RTF_SKIP, NULL },
    { "shptxt", ASSESS_RTF_SHAPE_TEXT, NULL },
    { "sn", ASSESS_RTF_SKIP, NULL },
    { "sp", ASSESS_RTF_SKIP, NULL },
    { "stylesheet", ASSESS_RTF_SKIP, NULL },
    { "sv", ASSESS_RTF_SKIP, NULL },
    { "tab", ASSESS_RTF_CHAR, " " },
    { "tc", ASSESS_RTF_SKIP, NULL },
    { "tcn", ASSESS_RTF_SKIP, NULL },
    { "template", ASSESS_RTF_SKIP, NULL },
    { "themedata", ASSESS_RTF_SKIP, NULL },
    { "trowd", ASSESS_RTF_ROW, NULL },
    { "txe", ASSESS_RTF_SKIP, NULL },
    { "u", ASSESS_RTF_U, NULL },
    { "uc", ASSESS_RTF_UC, NULL },
    { "userprops", ASSESS_RTF_SKIP, NULL },
    { "v", ASSESS_RTF_HIDDEN, NULL },
    { "wgrffmtfilter", ASSESS_RTF_SKIP, NULL },
    { "windowcaption", ASSESS_RTF_SKIP, NULL },
    { "xe", ASSESS_RTF_SKIP, NULL },
    { "xmlattrname", ASSESS_RTF_SKIP, NULL },
    { "xmlattrvalue", ASSESS_RTF_SKIP, NULL },
    { "xmlclose", ASSESS_RTF_SKIP, NULL },
    { "xmlname", ASSESS_RTF_SKIP, NULL },
    { "xmlnstbl", ASSESS_RTF_SKIP, NULL },
    { "xmlopen", ASSESS_RTF_SKIP, NULL }
};


const assess_rtf_word_t *
assess_rtf_find(const char *name)
{
    int     rc;
    size_t  low, high, mid;

    low = 0;
    high = sizeof(assess_rtf_words) / sizeof(assess_rtf_words[0]);

    while (low < high) {

        mid = (low + high) / 2;
        rc = strcmp(name, assess_rtf_words[mid].name);

        if (rc == 0) {
            return &assess_rtf_words[mid];
        }

        if (rc < 0) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return NULL;
}
