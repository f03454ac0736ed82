
/*
 * Mail that stands in memory (RFC 5322, RFC 2045 to 2047): its parts, what they
 * say of themselves, and their bytes.  Nothing is copied until it is asked for.
 */

#ifndef ASSESS_MIME_H
#define ASSESS_MIME_H


#include "assess_charset.h"
#include "../base/assess_frame.h"


typedef struct {
    assess_str_t   headers;             /* as they are */
    assess_str_t   body;                /* encoded still */
    char           type[80];            /* lower case, without parameters */
    int            message;             /* begins one, with its headers */
    int            depth;
    int            up;                  /* parts by their place; -1: none */
    int            first;
    int            last;
    int            next;
    assess_buf_t   inner;               /* a message that came encoded */
} assess_mime_part_t;


/* parts[0] is the mail; a part comes behind the one that it is in. */
typedef struct {
    assess_mime_part_t  *parts;
    int                  n;
    int                  size;
} assess_mime_t;


/* data stays the caller's; to be freed whatever comes of it. */
assess_why_e assess_mime_parse(const char *data, size_t len,
    assess_mime_t *mime);
void assess_mime_free(assess_mime_t *mime);

/* Whether the type of a part begins so. */
int assess_mime_is(const assess_mime_part_t *part, const char *type);

/* The value of a header as it is, or len 0 and NULL. */
assess_str_t assess_mime_header(const assess_mime_part_t *part,
    const char *name);

/* Appends what a header says, in UTF-8 and on one line. */
void assess_mime_field(const assess_mime_part_t *part, const char *name,
    assess_buf_t *out);

/* The same of a parameter of a header (RFC 2231 too). */
void assess_mime_parameter(const assess_mime_part_t *part, const char *header,
    const char *name, assess_buf_t *out);

/* Appends the body without its transfer encoding. */
void assess_mime_body(const assess_mime_part_t *part, assess_buf_t *out);

/* The charset that the part names; 0, or -1: none that is known. */
int assess_mime_charset(const assess_mime_part_t *part,
    assess_charset_e *charset);


/* Of assess_mime_words.c: the pieces that the above are made of. */

/* Appends text with encoded words (RFC 2047) in UTF-8. */
void assess_mime_words(const char *text, size_t len, assess_buf_t *out);

void assess_mime_base64(const char *text, size_t len, assess_buf_t *out);

/* The way of RFC 2045, or with word that of RFC 2047, 4.2. */
void assess_mime_quoted(const char *text, size_t len, int word,
    assess_buf_t *out);

int assess_mime_hex(char ch);


#endif /* ASSESS_MIME_H */
