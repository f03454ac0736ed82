
/* The words of rich text, and what they are to its reader. */

#ifndef ASSESS_RTF_WORDS_H
#define ASSESS_RTF_WORDS_H


#define ASSESS_RTF_WORD  32             /* of letters, and a NUL */


typedef enum {
    ASSESS_RTF_SKIP,                    /* a group that is not read */
    ASSESS_RTF_ASIDE,                   /* notes, headers, footers */
    ASSESS_RTF_FONTS,
    ASSESS_RTF_FONT,
    ASSESS_RTF_FONT_SET,                /* of characters */
    ASSESS_RTF_FONT_PAGE,
    ASSESS_RTF_FONT_DEFAULT,
    ASSESS_RTF_CODEPAGE,                /* text or what follows is its number */
    ASSESS_RTF_UC,                      /* how long what stands in for \u is */
    ASSESS_RTF_U,
    ASSESS_RTF_BIN,
    ASSESS_RTF_HIDDEN,
    ASSESS_RTF_PLAIN,
    ASSESS_RTF_CHAR,                    /* text is what it stands for */
    ASSESS_RTF_PAR,
    ASSESS_RTF_PAGE,
    ASSESS_RTF_SECTION,
    ASSESS_RTF_SECTION_GOES_ON,         /* on the same page */
    ASSESS_RTF_PARAGRAPH,
    ASSESS_RTF_OUTLINE,
    ASSESS_RTF_IN_TABLE,
    ASSESS_RTF_ROW,
    ASSESS_RTF_CELL,
    ASSESS_RTF_ROW_END,
    ASSESS_RTF_SHAPE,
    ASSESS_RTF_SHAPE_TEXT
} assess_rtf_e;


typedef struct {
    const char    *name;
    assess_rtf_e   what;
    const char    *text;
} assess_rtf_word_t;


/* NULL for one that is not known. */
const assess_rtf_word_t *assess_rtf_find(const char *name);


#endif /* ASSESS_RTF_WORDS_H */
