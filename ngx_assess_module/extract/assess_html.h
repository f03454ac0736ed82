
/* HTML that stands in memory, for where it is a part of something. */

#ifndef ASSESS_HTML_H
#define ASSESS_HTML_H


#include "assess_charset.h"
#include "assess_out.h"


/* Before the sandbox is closed, as of any reader. */
void assess_html_prepare(void);

/*
 * Its text, ended by a line end; the page goes on.  Without a charset that is
 * known the document says it, or it is guessed; a byte order mark has the last
 * word.
 */
assess_why_e assess_html_memory(assess_out_t *out, const char *data,
    size_t len, const assess_charset_e *known);


#endif /* ASSESS_HTML_H */
