
/*
 * The text of a mail that tells what has become of a batch: plain and as HTML,
 * out of the same JSON that a webhook carries.  Pure; any thread.
 */

#ifndef ASSESS_EMAIL_H
#define ASSESS_EMAIL_H


#include "../base/assess_base.h"


typedef struct {
    const char     *from;            /* addresses, as assess_email_address() */
    const char     *to;
    const char     *id;              /* of the notice; so is Message-ID */
    int64_t         created_at;      /* ms */
    assess_str_t    body;            /* {"type", "timestamp", "data"} */
} assess_email_t;


/*
 * Whether it is an address that mail can be sent to, in ASCII, as nearly all
 * are: local@domain, without quotes, comments or names.
 */
int assess_email_address(const char *data, size_t len);

/*
 * Adds the whole message, with CR LF and in lines that may be sent as they are.
 * 0, or -1 where the body is not what it should be, or without memory.
 */
int assess_email_write(assess_arena_t *arena, const assess_email_t *mail,
    assess_buf_t *message);


#endif /* ASSESS_EMAIL_H */
