
/*
 * multipart/form-data (RFC 7578, RFC 2046 5.1): an incremental parser of
 * bytes, without I/O of its own.
 */

#ifndef ASSESS_MULTIPART_H
#define ASSESS_MULTIPART_H


#include "../base/assess_base.h"


#define ASSESS_MULTIPART_PARTS    1000     /* in one body */
#define ASSESS_MULTIPART_HEADERS  8192     /* bytes of headers in one part */


typedef struct {
    assess_str_t   name;             /* of Content-Disposition; never null */
    assess_str_t   filename;         /* null: an ordinary field */
    assess_str_t   content_type;     /* null: none was given */
} assess_part_t;


/*
 * Not ASSESS_OK from one of these ends the parsing with that.  What part
 * points to is lent until end() returns, data for the call.
 */
typedef struct {
    assess_err_e  (*begin)(void *ctx, const assess_part_t *part,
        assess_err_t *err);
    assess_err_e  (*data)(void *ctx, const char *data, size_t len,
        int64_t offset, assess_err_t *err);   /* offset in the whole body */
    assess_err_e  (*end)(void *ctx, assess_err_t *err);
    void           *ctx;
} assess_multipart_cb_t;


typedef struct assess_multipart_s  assess_multipart_t;


/*
 * The boundary out of a Content-Type value; ASSESS_INVALID when it has none
 * or a bad one, ASSESS_UNSUPPORTED when it is not multipart/form-data.
 */
assess_err_e assess_multipart_boundary(const assess_str_t *content_type,
    assess_str_t *boundary, assess_err_t *err);

assess_multipart_t *assess_multipart_create(assess_arena_t *arena,
    const assess_str_t *boundary, const assess_multipart_cb_t *cb);

/* The next bytes, in pieces of any size. */
assess_err_e assess_multipart_feed(assess_multipart_t *mp, const char *data,
    size_t len, assess_err_t *err);

/* ASSESS_INVALID when the body ended before its closing boundary. */
assess_err_e assess_multipart_finish(assess_multipart_t *mp,
    assess_err_t *err);


/*
 * The filename of a Content-Disposition as others send it (RFC 6266), of any
 * type; value is written to, and name may be the same.  ASSESS_NOT_FOUND
 * where it has none, or is malformed.
 */
assess_err_e assess_disposition_filename(assess_str_t *value,
    assess_str_t *name);

/* Whether it may be the name of a file: text without controls or slashes. */
int assess_is_filename(const assess_str_t *name);


#endif /* ASSESS_MULTIPART_H */
