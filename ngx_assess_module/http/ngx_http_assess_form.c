
#include "ngx_http_assess_form.h"

#include "engine/assess_multipart.h"

#include <openssl/evp.h>


#define NGX_HTTP_ASSESS_READ       65536     /* bytes of the body at a time */
#define NGX_HTTP_ASSESS_HEAD       4096      /* that the kind is told by */
#define NGX_HTTP_ASSESS_NAME_LEN   1024


/* a file that goes by: its hash and its first bytes */

typedef struct {
    EVP_MD_CTX                *md;
    char                       head[NGX_HTTP_ASSESS_HEAD];
    size_t                     head_len;
} ngx_http_assess_digest_t;


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
static assess_err_e ngx_http_assess_digest_start(
    ngx_http_assess_digest_t *digest, assess_err_t *err);
static void ngx_http_assess_digest_update(ngx_http_assess_digest_t *digest,
    const char *data, size_t len);
static assess_err_e ngx_http_assess_digest_end(
    ngx_http_assess_digest_t *digest, assess_upload_t *file,
    assess_err_t *err);
static ngx_uint_t ngx_http_assess_form_type(const assess_str_t *type);
static assess_err_e ngx_http_assess_form_memory(assess_err_t *err);
static const char *ngx_http_assess_kind_type(assess_kind_e kind,
    const char *head);
static const char *ngx_http_assess_image_type(const char *head);


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
ngx_http_assess_digest_start(ngx_http_assess_digest_t *digest,
    assess_err_t *err)
{
    digest->head_len = 0;

    if (EVP_DigestInit_ex(digest->md, EVP_sha256(), NULL) != 1) {
        return ngx_http_assess_form_memory(err);
    }

    return ASSESS_OK;
}


static void
ngx_http_assess_digest_update(ngx_http_assess_digest_t *digest,
    const char *data, size_t len)
{
    size_t  n;

    n = ngx_min(len, sizeof(digest->head) - digest->head_len);

    ngx_memcpy(digest->head + digest->head_len, data, n);
    digest->head_len += n;

    (void) EVP_DigestUpdate(digest->md, data, len);
}


static assess_err_e
ngx_http_assess_digest_end(ngx_http_assess_digest_t *digest,
    assess_upload_t *file, assess_err_t *err)
{
    assess_err_e   rc;
    unsigned int   len;
    unsigned char  sha[EVP_MAX_MD_SIZE];

    if (file->bytes == 0) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the document is empty");
    }

    if (!ngx_http_assess_form_type(&file->content_type)) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "a Content-Type must have at most %d bytes of "
                           "plain ASCII", NGX_HTTP_ASSESS_NAME_LEN);
    }

    if (EVP_DigestFinal_ex(digest->md, sha, &len) != 1 || len != 32) {
        return ngx_http_assess_form_memory(err);
    }

    assess_hex(file->sha256, sha, len);

    rc = assess_kind_detect(digest->head, digest->head_len,
                            &file->content_type, &file->filename,
                            &file->kind, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    if (file->content_type.data == NULL) {
        file->content_type.data = (char *) ngx_http_assess_kind_type(
                                                  file->kind, digest->head);
        file->content_type.len = ngx_strlen(file->content_type.data);
    }

    return ASSESS_OK;
}


/* it is sent in a header with the content: nothing that a header cannot have */

static ngx_uint_t
ngx_http_assess_form_type(const assess_str_t *type)
{
    size_t  i;

    for (i = 0; i < type->len; i++) {
        if (type->data[i] != '\t'
            && (type->data[i] < 0x20 || type->data[i] > 0x7e))
        {
            return 0;
        }
    }

    return type->len <= NGX_HTTP_ASSESS_NAME_LEN;
}


static const char *
ngx_http_assess_kind_type(assess_kind_e kind, const char *head)
{
    switch (kind) {

    case ASSESS_KIND_PDF:
        return "application/pdf";

    case ASSESS_KIND_HTML:
        return "text/html";

    case ASSESS_KIND_MARKDOWN:
        return "text/markdown";

    case ASSESS_KIND_DOCX:
        return "application/vnd.openxmlformats-officedocument"
               ".wordprocessingml.document";

    case ASSESS_KIND_XLSX:
        return "application/vnd.openxmlformats-officedocument"
               ".spreadsheetml.sheet";

    case ASSESS_KIND_PPTX:
        return "application/vnd.openxmlformats-officedocument"
               ".presentationml.presentation";

    case ASSESS_KIND_ODT:
        return "application/vnd.oasis.opendocument.text";

    case ASSESS_KIND_ODS:
        return "application/vnd.oasis.opendocument.spreadsheet";

    case ASSESS_KIND_ODP:
        return "application/vnd.oasis.opendocument.presentation";

    case ASSESS_KIND_RTF:
        return "application/rtf";

    case ASSESS_KIND_EML:
        return "message/rfc822";

    case ASSESS_KIND_EPUB:
        return "application/epub+zip";

    case ASSESS_KIND_IMAGE:
        return ngx_http_assess_image_type(head);

    default:
        return "text/plain";
    }
}


/* That it is one of these is known: the first byte says which. */

static const char *
ngx_http_assess_image_type(const char *head)
{
    switch ((u_char) head[0]) {

    case 0x89:
        return "image/png";

    case 0xff:
        return "image/jpeg";

    case 'G':
        return "image/gif";

    case 'B':
        return "image/bmp";

    case 'R':
        return "image/webp";

    default: /* II or MM */
        return "image/tiff";
    }
}


static assess_err_e
ngx_http_assess_form_memory(assess_err_t *err)
{
    return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
}
