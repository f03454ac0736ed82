
/* What the bodies of a start and of a batch have in common.  On a thread. */

#ifndef NGX_HTTP_ASSESS_START_H
#define NGX_HTTP_ASSESS_START_H


#include "ngx_http_assess_call.h"

#include "base/assess_json.h"
#include "store/assess_batch.h"


/* no start has more values in its JSON: metadata is the most of them */
#define NGX_HTTP_ASSESS_VALUES     8192

#define NGX_HTTP_ASSESS_EMAIL_LEN  254


/* The body, an object of at most so many values; NULL with an error. */
assess_json_t *ngx_http_assess_start_object(ngx_http_assess_call_t *call,
    size_t values, assess_err_t *err);

/* What is so where the body does not say otherwise. */
void ngx_http_assess_start_init(ngx_http_assess_call_t *call,
    assess_start_t *start);

/* One member of it. */
assess_err_e ngx_http_assess_start_key(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_start_t *start, assess_err_t *err);
ngx_uint_t ngx_http_assess_start_is(const assess_json_t *value,
    const char *key);

/* One that is none of them is refused. */
assess_err_e ngx_http_assess_start_unknown(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_err_t *err);

/* A string of 1 to max bytes. */
assess_err_e ngx_http_assess_start_text(ngx_http_assess_call_t *call,
    const char *key, assess_json_t *value, size_t max, assess_str_t *text,
    assess_err_t *err);

/* documentIds and notifyEmail of a batch, for one of which they are. */
assess_err_e ngx_http_assess_start_documents(ngx_http_assess_call_t *call,
    assess_json_t *value, char (**ids)[ASSESS_UUID_LEN + 1], size_t *n,
    assess_err_t *err);
assess_err_e ngx_http_assess_start_email(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_str_t *email, assess_err_t *err);

/* Behind the last member: who is asked, where it does not say. */
assess_err_e ngx_http_assess_start_provider(ngx_http_assess_call_t *call,
    assess_start_t *start, assess_err_t *err);

/* What makes two of them one, where there is a key. */
assess_err_e ngx_http_assess_start_hash(ngx_http_assess_call_t *call,
    assess_json_t *body, assess_start_t *start, assess_err_t *err);

/* An error that points at a member; kind. */
assess_err_e ngx_http_assess_bad(assess_err_t *err, assess_err_e kind,
    const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


#endif /* NGX_HTTP_ASSESS_START_H */
