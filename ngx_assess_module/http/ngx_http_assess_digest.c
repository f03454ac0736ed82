
#include "ngx_http_assess_digest.h"


static ngx_uint_t ngx_http_assess_digest_type(const assess_str_t *type);
static const char *ngx_http_assess_kind_type(assess_kind_e kind,
    const char *head);
static const char *ngx_http_assess_image_type(const char *head);
static assess_err_e ngx_http_assess_digest_memory(assess_err_t *err);


assess_err_e
ngx_http_assess_digest_start(ngx_http_assess_digest_t *digest,
    assess_err_t *err)
{
    digest->head_len = 0;

    if (EVP_DigestInit_ex(digest->md, EVP_sha256(), NULL) != 1) {
        return ngx_http_assess_digest_memory(err);
    }

    return ASSESS_OK;
}


void
ngx_http_assess_digest_update(ngx_http_assess_digest_t *digest,
    const char *data, size_t len)
{
    size_t  n;

    n = ngx_min(len, sizeof(digest->head) - digest->head_len);

    ngx_memcpy(digest->head + digest->head_len, data, n);
    digest->head_len += n;

    (void) EVP_DigestUpdate(digest->md, data, len);
}


assess_err_e
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

    if (!ngx_http_assess_digest_type(&file->content_type)) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "a Content-Type must have at most %d bytes of "
                           "plain ASCII", NGX_HTTP_ASSESS_NAME_LEN);
    }

    if (EVP_DigestFinal_ex(digest->md, sha, &len) != 1 || len != 32) {
        return ngx_http_assess_digest_memory(err);
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
ngx_http_assess_digest_type(const assess_str_t *type)
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

    case ASSESS_KIND_DOC:
        return "application/msword";

    case ASSESS_KIND_XLS:
        return "application/vnd.ms-excel";

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

    case 0:
        return "image/heic";

    default: /* II or MM */
        return "image/tiff";
    }
}


static assess_err_e
ngx_http_assess_digest_memory(assess_err_t *err)
{
    return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
}
