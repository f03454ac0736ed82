
#include "ngx_http_assess_digest.h"
#include "ngx_http_assess_form.h"

#include "engine/assess_multipart.h"

#include <openssl/evp.h>


#define NGX_HTTP_ASSESS_READ       65536     /* bytes of the body at a time */


typedef struct {
    ngx_http_assess_call_t    *call;
    ngx_http_assess_form_t    *form;
    ngx_http_assess_digest_t   digest;
    assess_upload_t           *file;         /* NULL: a field */
    assess_buf_t               value;
} ngx_http_assess_form_ctx_t;


static assess_err_e ngx_http_assess_form_feed(ngx_http_assess_call_t *call,
    assess_err_e (*data)(void *ctx, const char *data, size_t len,
    assess_err_t *err), void *ctx, assess_err_t *err);
static assess_err_e ngx_http_assess_form_bytes(void *ctx, const char *data,
    size_t len, assess_err_t *err);
static assess_err_e ngx_http_assess_raw_bytes(void *ctx, const char *data,
    size_t len, assess_err_t *err);
static assess_err_e ngx_http_assess_form_begin(void *ctx,
    const assess_part_t *part, assess_err_t *err);
static assess_err_e ngx_http_assess_form_data(void *ctx, const char *data,
    size_t len, int64_t offset, assess_err_t *err);
static assess_err_e ngx_http_assess_form_end(void *ctx, assess_err_t *err);
static assess_err_e ngx_http_assess_form_file(ngx_http_assess_form_ctx_t *ctx,
    const assess_part_t *part, assess_err_t *err);
static assess_err_e ngx_http_assess_form_field(
    ngx_http_assess_form_ctx_t *ctx, const assess_part_t *part,
    assess_err_t *err);
static assess_err_e ngx_http_assess_form_memory(assess_err_t *err);


assess_err_e
ngx_http_assess_form_read(ngx_http_assess_call_t *call,
    ngx_http_assess_form_t *form, assess_err_t *err)
{
    assess_err_e                 rc;
    assess_str_t                 boundary;
    assess_multipart_t          *mp;
    assess_multipart_cb_t        cb;
    ngx_http_assess_form_ctx_t   ctx;

    ngx_memzero(form, sizeof(ngx_http_assess_form_t));
    ngx_memzero(&ctx, sizeof(ngx_http_assess_form_ctx_t));

    ctx.call = call;
    ctx.form = form;

    rc = assess_multipart_boundary(&call->content_type, &boundary, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    cb.begin = ngx_http_assess_form_begin;
    cb.data = ngx_http_assess_form_data;
    cb.end = ngx_http_assess_form_end;
    cb.ctx = &ctx;

    mp = assess_multipart_create(call->arena, &boundary, &cb);

    ctx.digest.md = EVP_MD_CTX_new();

    if (mp == NULL || ctx.digest.md == NULL) {
        rc = ngx_http_assess_form_memory(err);

    } else {
        rc = ngx_http_assess_form_feed(call, ngx_http_assess_form_bytes, mp,
                                       err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_multipart_finish(mp, err);
    }

    EVP_MD_CTX_free(ctx.digest.md);
    assess_buf_free(&ctx.value);

    return rc;
}


assess_err_e
ngx_http_assess_form_raw(ngx_http_assess_call_t *call,
    const assess_str_t *filename, assess_upload_t *file, assess_err_t *err)
{
    assess_err_e              rc;
    ngx_http_assess_digest_t  digest;

    ngx_memzero(file, sizeof(assess_upload_t));

    if (filename) {

        if (filename->len == 0 || filename->len > NGX_HTTP_ASSESS_NAME_LEN) {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "a filename must have 1 to %d bytes",
                               NGX_HTTP_ASSESS_NAME_LEN);
        }

        file->filename = *filename;
    }

    file->content_type = call->content_type;
    file->fd = call->body_fd;
    file->data = call->body_data;
    file->bytes = call->body_len;

    digest.md = EVP_MD_CTX_new();
    if (digest.md == NULL) {
        return ngx_http_assess_form_memory(err);
    }

    rc = ngx_http_assess_digest_start(&digest, err);

    if (rc == ASSESS_OK) {
        rc = ngx_http_assess_form_feed(call, ngx_http_assess_raw_bytes,
                                       &digest, err);
    }

    if (rc == ASSESS_OK) {
        rc = ngx_http_assess_digest_end(&digest, file, err);
    }

    EVP_MD_CTX_free(digest.md);

    return rc;
}


static assess_err_e
ngx_http_assess_form_feed(ngx_http_assess_call_t *call,
    assess_err_e (*data)(void *ctx, const char *data, size_t len,
    assess_err_t *err), void *ctx, assess_err_t *err)
{
    char          *buf;
    ssize_t        n;
    int64_t        done;
    assess_err_e   rc;

    if (call->body_fd == -1) {
        return data(ctx, call->body_data, (size_t) call->body_len, err);
    }

    buf = assess_palloc(call->arena, NGX_HTTP_ASSESS_READ);
    if (buf == NULL) {
        return ngx_http_assess_form_memory(err);
    }

    for (done = 0; done < call->body_len; done += n) {

        n = pread(call->body_fd, buf,
                  (size_t) ngx_min(call->body_len - done,
                                   NGX_HTTP_ASSESS_READ), (off_t) done);

        if (n <= 0) {
            return assess_fail(err, ASSESS_ERROR, "internal",
                               "the body cannot be read back");
        }

        rc = data(ctx, buf, (size_t) n, err);
        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    return ASSESS_OK;
}


static assess_err_e
ngx_http_assess_form_bytes(void *ctx, const char *data, size_t len,
    assess_err_t *err)
{
    return assess_multipart_feed(ctx, data, len, err);
}


static assess_err_e
ngx_http_assess_raw_bytes(void *ctx, const char *data, size_t len,
    assess_err_t *err)
{
    ngx_http_assess_digest_update(ctx, data, len);

    return ASSESS_OK;
}


static assess_err_e
ngx_http_assess_form_begin(void *data, const assess_part_t *part,
    assess_err_t *err)
{
    ngx_http_assess_form_ctx_t *ctx = data;

    if (part->name.len == 4 && ngx_memcmp(part->name.data, "file", 4) == 0) {
        return ngx_http_assess_form_file(ctx, part, err);
    }

    return ngx_http_assess_form_field(ctx, part, err);
}


static assess_err_e
ngx_http_assess_form_file(ngx_http_assess_form_ctx_t *ctx,
    const assess_part_t *part, assess_err_t *err)
{
    size_t                   room;
    assess_arena_t          *arena;
    assess_upload_t         *files;
    ngx_http_assess_form_t  *form;

    form = ctx->form;
    arena = ctx->call->arena;

    if (form->nfiles == form->room) {

        room = form->room ? form->room * 2 : 4;

        files = assess_palloc(arena, room * sizeof(assess_upload_t));
        if (files == NULL) {
            return ngx_http_assess_form_memory(err);
        }

        if (form->nfiles) {
            ngx_memcpy(files, form->files,
                       form->nfiles * sizeof(assess_upload_t));
        }

        form->files = files;
        form->room = room;
    }

    if (part->filename.len > NGX_HTTP_ASSESS_NAME_LEN
        || part->content_type.len > NGX_HTTP_ASSESS_NAME_LEN)
    {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "a filename or type is longer than %d bytes",
                           NGX_HTTP_ASSESS_NAME_LEN);
    }

    ctx->file = &form->files[form->nfiles];
    ngx_memzero(ctx->file, sizeof(assess_upload_t));

    ctx->file->fd = ctx->call->body_fd;
    ctx->file->offset = -1;

    if ((part->filename.len
         && assess_pstrdup(arena, &ctx->file->filename, part->filename.data,
                           part->filename.len) != 0)
        || assess_pstrdup(arena, &ctx->file->content_type,
                          part->content_type.data, part->content_type.len)
           != 0)
    {
        return ngx_http_assess_form_memory(err);
    }

    return ngx_http_assess_digest_start(&ctx->digest, err);
}


static assess_err_e
ngx_http_assess_form_field(ngx_http_assess_form_ctx_t *ctx,
    const assess_part_t *part, assess_err_t *err)
{
    ngx_uint_t               i;
    ngx_http_assess_form_t  *form;
    ngx_http_assess_pair_t  *pair;

    form = ctx->form;

    for (i = 0; i < form->nfields; i++) {
        pair = &form->fields[i];

        if (pair->name.len == part->name.len
            && ngx_memcmp(pair->name.data, part->name.data, part->name.len)
               == 0)
        {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "the form has \"%.64s\" twice",
                               pair->name.data);
        }
    }

    if (form->nfields == NGX_HTTP_ASSESS_FORM_FIELDS) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the form has more than %d fields",
                           NGX_HTTP_ASSESS_FORM_FIELDS);
    }

    pair = &form->fields[form->nfields];

    if (assess_pstrdup(ctx->call->arena, &pair->name, part->name.data,
                       part->name.len) != 0)
    {
        return ngx_http_assess_form_memory(err);
    }

    ctx->file = NULL;
    assess_buf_reset(&ctx->value);

    return ASSESS_OK;
}


static assess_err_e
ngx_http_assess_form_data(void *data, const char *bytes, size_t len,
    int64_t offset, assess_err_t *err)
{
    ngx_http_assess_form_ctx_t *ctx = data;

    if (ctx->file == NULL) {

        if (ctx->value.len + len > NGX_HTTP_ASSESS_FIELD_LEN) {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "a field of the form is longer than %d bytes",
                               NGX_HTTP_ASSESS_FIELD_LEN);
        }

        assess_buf_add(&ctx->value, bytes, len);
        return ASSESS_OK;
    }

    if (ctx->file->offset == -1) {
        ctx->file->offset = offset;
    }

    ctx->file->bytes += (int64_t) len;
    ngx_http_assess_digest_update(&ctx->digest, bytes, len);

    return ASSESS_OK;
}


static assess_err_e
ngx_http_assess_form_end(void *data, assess_err_t *err)
{
    ngx_http_assess_form_ctx_t *ctx = data;

    assess_err_e             rc;
    ngx_http_assess_form_t  *form;
    ngx_http_assess_pair_t  *pair;

    form = ctx->form;

    if (ctx->file) {

        if (ctx->file->offset == -1) {
            ctx->file->offset = 0;
        }

        if (ctx->file->fd == -1) {
            ctx->file->data = ctx->call->body_data + ctx->file->offset;
            ctx->file->offset = 0;
        }

        rc = ngx_http_assess_digest_end(&ctx->digest, ctx->file, err);

        if (rc != ASSESS_OK) {
            (void) snprintf(err->pointer, sizeof(err->pointer), "/file/%zu",
                            form->nfiles);
        }

        form->nfiles++;

        return rc;
    }

    pair = &form->fields[form->nfields];

    if (ctx->value.failed
        || assess_pstrdup(ctx->call->arena, &pair->value,
                          ctx->value.len ? ctx->value.data : "",
                          ctx->value.len)
           != 0)
    {
        return ngx_http_assess_form_memory(err);
    }

    form->nfields++;

    return ASSESS_OK;
}


static assess_err_e
ngx_http_assess_form_memory(assess_err_t *err)
{
    return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
}
