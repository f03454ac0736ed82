
/* A document that goes by, to be stored: its hash, its kind, its type. */

#ifndef NGX_HTTP_ASSESS_DIGEST_H
#define NGX_HTTP_ASSESS_DIGEST_H


#include "ngx_http_assess_call.h"

#include <openssl/evp.h>


#define NGX_HTTP_ASSESS_HEAD      4096       /* that the kind is told by */
#define NGX_HTTP_ASSESS_NAME_LEN  1024       /* of a file, or of a type */


typedef struct {
    EVP_MD_CTX   *md;                        /* the caller's */
    char          head[NGX_HTTP_ASSESS_HEAD];
    size_t        head_len;
} ngx_http_assess_digest_t;


/* On any thread.  end() knows from file how long it is and what it claims. */
assess_err_e ngx_http_assess_digest_start(ngx_http_assess_digest_t *digest,
    assess_err_t *err);
void ngx_http_assess_digest_update(ngx_http_assess_digest_t *digest,
    const char *data, size_t len);
assess_err_e ngx_http_assess_digest_end(ngx_http_assess_digest_t *digest,
    assess_upload_t *file, assess_err_t *err);


#endif /* NGX_HTTP_ASSESS_DIGEST_H */
