
/* What a client sends to be stored: a form, or a file as the whole body. */

#ifndef NGX_HTTP_ASSESS_FORM_H
#define NGX_HTTP_ASSESS_FORM_H


#include "ngx_http_assess_call.h"


#define NGX_HTTP_ASSESS_FORM_FIELDS  32
#define NGX_HTTP_ASSESS_FIELD_LEN    65536


typedef struct {
    ngx_http_assess_pair_t    fields[NGX_HTTP_ASSESS_FORM_FIELDS];
    ngx_uint_t                nfields;
    assess_upload_t          *files;     /* where they lie in the body */
    size_t                    nfiles;
    size_t                    room;
} ngx_http_assess_form_t;


/*
 * Reads multipart/form-data on a pool thread: every file is hashed and its
 * kind told, nothing is copied.  Files are the parts named "file"; what is
 * wrong with one has the pointer /file/N, from 0.
 */
assess_err_e ngx_http_assess_form_read(ngx_http_assess_call_t *call,
    ngx_http_assess_form_t *form, assess_err_t *err);

/* The whole body as one file. */
assess_err_e ngx_http_assess_form_raw(ngx_http_assess_call_t *call,
    const assess_str_t *filename, assess_upload_t *file, assess_err_t *err);


#endif /* NGX_HTTP_ASSESS_FORM_H */
