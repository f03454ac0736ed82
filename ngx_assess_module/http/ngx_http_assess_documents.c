
#include "ngx_http_assess_form.h"
#include "ngx_http_assess_source.h"


#define NGX_HTTP_ASSESS_PIECE  (256 * 1024)  /* of a content, at a time */


/* bytes=FIRST-LAST of a content, both included */

typedef struct {
    int64_t   first;
    int64_t   last;
} ngx_http_assess_range_t;


static void ngx_http_assess_content_headers(ngx_http_assess_call_t *call,
    const assess_document_t *doc);
static ngx_int_t ngx_http_assess_content_range(ngx_http_assess_call_t *call,
    const assess_document_t *doc, ngx_http_assess_range_t *range);
static const char *ngx_http_assess_digits(const char *p, const char *last,
    int64_t *value);
static ngx_uint_t ngx_http_assess_etag_in(const assess_str_t *list,
    const char *etag);
static void ngx_http_assess_content_next(ngx_http_assess_call_t *call);


void
ngx_http_assess_documents_post(ngx_http_assess_call_t *call)
{
    size_t                   n;
    assess_err_e             rc;
    assess_err_t             err;
    assess_upload_t          raw, *files;
    ngx_http_assess_form_t   form;

    if (ngx_http_assess_call_is(call, "application/json")) {
        ngx_http_assess_source_document(call);
        return;
    }

    if (ngx_http_assess_call_is(call, "multipart/form-data")) {

        rc = ngx_http_assess_form_read(call, &form, &err);
        files = form.files;
        n = form.nfiles;

        if (rc == ASSESS_OK && form.nfields) {
            rc = assess_fail(&err, ASSESS_INVALID, NULL,
                             "unknown part \"%.64s\", only \"file\" is taken",
                             form.fields[0].name.data);
            ngx_http_assess_pointer(&err, form.fields[0].name.data);
        }

        if (rc == ASSESS_OK && n == 0) {
            rc = assess_fail(&err, ASSESS_INVALID, NULL,
                             "the form has no \"file\" part");
            (void) snprintf(err.pointer, sizeof(err.pointer), "/file");
        }

    } else {
        rc = ngx_http_assess_form_raw(call,
                             ngx_http_assess_call_param(call, "filename"),
                             &raw, &err);
        files = &raw;
        n = 1;
    }

    if (rc != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    ngx_http_assess_documents_made(call, files, n);
}


void
ngx_http_assess_documents_made(ngx_http_assess_call_t *call,
    const assess_upload_t *files, size_t n)
{
    size_t              i, created;
    assess_err_e        rc;
    assess_err_t        err;
    assess_document_t  *docs;

    created = 0;
    docs = assess_pcalloc(call->arena, n * sizeof(assess_document_t));

    rc = docs ? assess_documents_store(ngx_http_assess_scheduler_db(),
                                       call->arena, &call->scope, files, n,
                                       docs, &created, &err)
              : assess_fail(&err, ASSESS_ERROR, NULL, "out of memory");

    if (rc != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    call->status = created ? NGX_HTTP_CREATED : NGX_HTTP_OK;

    if (n == 1) {
        ngx_http_assess_call_header(call, "Location", "%.*s/documents/%s",
                                    (int) call->prefix.len, call->prefix.data,
                                    docs[0].document_id);
    }

    assess_buf_str(&call->body, "{\"documents\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            assess_buf_char(&call->body, ',');
        }
        assess_document_json(&call->body, &docs[i]);
    }

    assess_buf_str(&call->body, "]}");
}


void
ngx_http_assess_documents_list(ngx_http_assess_call_t *call)
{
    size_t                     i, n;
    int64_t                    total;
    assess_err_t               err;
    assess_str_t               next;
    const assess_str_t        *text;
    assess_document_t         *docs;
    assess_document_filter_t   filter;

    ngx_memzero(&filter, sizeof(assess_document_filter_t));

    if (ngx_http_assess_call_paging(call, &filter.paging) != NGX_OK) {
        return;
    }

    filter.reviewed = -1;
    text = ngx_http_assess_call_param(call, "status");

    if (text) {
        if (text->len == 8 && ngx_memcmp(text->data, "reviewed", 8) == 0) {
            filter.reviewed = 1;

        } else if (text->len == 12
                   && ngx_memcmp(text->data, "not_reviewed", 12) == 0)
        {
            filter.reviewed = 0;

        } else {
            ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                         "\"status\" must be reviewed or "
                                         "not_reviewed");
            return;
        }
    }

    text = ngx_http_assess_call_param(call, "q");
    if (text) {
        filter.q = *text;
    }

    if (assess_documents_list(ngx_http_assess_scheduler_db(), call->arena,
                              &call->scope, &filter, &docs, &n, &next, &total,
                              &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_buf_str(&call->body, "{\"documents\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            assess_buf_char(&call->body, ',');
        }
        assess_document_json(&call->body, &docs[i]);
    }

    ngx_http_assess_call_list_end(call, &next, total);
}


static ngx_int_t
ngx_http_assess_document_find(ngx_http_assess_call_t *call,
    assess_document_t *doc)
{
    assess_err_t  err;

    if (assess_document_read(ngx_http_assess_scheduler_db(), call->arena,
                             &call->scope, call->name.data, doc, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_assess_document_get(ngx_http_assess_call_t *call)
{
    assess_document_t  doc;

    if (ngx_http_assess_document_find(call, &doc) == NGX_OK) {
        assess_document_json(&call->body, &doc);
    }
}


void
ngx_http_assess_document_remove(ngx_http_assess_call_t *call)
{
    char           (*jobs)[37];
    size_t           i, n;
    assess_err_t     err;

    if (assess_document_delete(ngx_http_assess_scheduler_db(), call->arena,
                               &call->scope, call->name.data, &jobs, &n, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_http_assess_zone_forget(call->mcf->zone, jobs[i]);
    }

    call->status = NGX_HTTP_NO_CONTENT;
}


/* The text as it was extracted; the cursor is the number of a page. */

void
ngx_http_assess_document_text_get(ngx_http_assess_call_t *call)
{
    int                 first, page;
    size_t              i, n, shown;
    assess_err_t        err;
    assess_page_t      *pages;
    assess_paging_t     paging;
    assess_document_t   doc;

    page = 0;
    first = 1;

    if (ngx_http_assess_call_number(call, "page", 1, NGX_MAX_INT32_VALUE - 1,
                                    &page) != NGX_OK
        || ngx_http_assess_call_paging(call, &paging) != NGX_OK
        || ngx_http_assess_call_number(call, "cursor", 1,
                                       NGX_MAX_INT32_VALUE - 201, &first)
           != NGX_OK
        || ngx_http_assess_document_find(call, &doc) != NGX_OK)
    {
        return;
    }

    if (page) {
        first = page;
        paging.limit = 1;
    }

    /* one more tells whether there is more */

    if (assess_document_text(ngx_http_assess_scheduler_db(), call->arena,
                             &call->scope, doc.document_id, first,
                             first + paging.limit, &pages, &n, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (doc.pages == -1) {
        ngx_http_assess_call_problem(call, NGX_HTTP_CONFLICT, NULL,
                                     "the document is not extracted yet");
        return;
    }

    if (page && (n == 0 || pages[0].page != page)) {
        ngx_http_assess_call_problem(call, NGX_HTTP_NOT_FOUND, NULL,
                                     "the document has %d pages", doc.pages);
        return;
    }

    shown = ngx_min(n, (size_t) paging.limit);

    assess_buf_str(&call->body, "{\"pages\":[");

    for (i = 0; i < shown; i++) {
        assess_buf_printf(&call->body, "%s{\"page\":%d,\"text\":",
                          i ? "," : "", pages[i].page);
        assess_buf_json_str(&call->body, &pages[i].text);
        assess_buf_char(&call->body, '}');
    }

    assess_buf_str(&call->body, "],\"nextCursor\":");

    if (n > shown && !page) {
        assess_buf_printf(&call->body, "\"%d\"}", pages[shown].page);

    } else {
        assess_buf_str(&call->body, "null}");
    }
}


/* The bytes as they were sent, in pieces; RFC 9110, sections 13 and 14. */

void
ngx_http_assess_document_content_get(ngx_http_assess_call_t *call)
{
    char                      etag[68];
    ngx_int_t                 rc;
    assess_document_t         doc;
    ngx_http_assess_range_t  *range;

    if (ngx_http_assess_document_find(call, &doc) != NGX_OK) {
        return;
    }

    (void) snprintf(etag, sizeof(etag), "\"%s\"", doc.sha256);

    if (call->if_none_match.data
        && ngx_http_assess_etag_in(&call->if_none_match, etag))
    {
        call->status = NGX_HTTP_NOT_MODIFIED;
        ngx_http_assess_call_header(call, "ETag", "%s", etag);
        ngx_http_assess_call_header(call, "Cache-Control",
                                    "private, no-cache");
        return;
    }

    range = assess_pcalloc(call->arena, sizeof(ngx_http_assess_range_t));
    if (range == NULL) {
        call->body.failed = 1;
        return;
    }

    range->last = doc.bytes - 1;

    /* a range of another version is no range of this one */

    if (call->range.data
        && (call->if_range.data == NULL
            || (call->if_range.len == ngx_strlen(etag)
                && ngx_memcmp(call->if_range.data, etag, call->if_range.len)
                   == 0)))
    {
        rc = ngx_http_assess_content_range(call, &doc, range);

        if (rc == NGX_ERROR) {
            ngx_http_assess_call_problem(call,
                                         NGX_HTTP_RANGE_NOT_SATISFIABLE, NULL,
                                         "the document has %lld bytes",
                                         (long long) doc.bytes);
            ngx_http_assess_call_header(call, "Content-Range", "bytes */%lld",
                                        (long long) doc.bytes);
            return;
        }
    }

    call->ctx = range;
    call->length = range->last - range->first + 1;
    call->next = ngx_http_assess_content_next;
    call->type = doc.content_type.data;

    ngx_http_assess_call_header(call, "ETag", "%s", etag);
    ngx_http_assess_content_headers(call, &doc);

    if (call->status == NGX_HTTP_OK || call->status
                                       == NGX_HTTP_PARTIAL_CONTENT)
    {
        ngx_http_assess_content_next(call);
    }
}


static void
ngx_http_assess_content_headers(ngx_http_assess_call_t *call,
    const assess_document_t *doc)
{
    ngx_http_assess_call_header(call, "Accept-Ranges", "bytes");
    ngx_http_assess_call_header(call, "Cache-Control", "private, no-cache");
    ngx_http_assess_call_header(call, "X-Content-Type-Options", "nosniff");

    /* somebody's page must not run as ours; a viewer of PDF needs to run */

    if (doc->kind != ASSESS_KIND_PDF) {
        ngx_http_assess_call_header(call, "Content-Security-Policy",
                                    "default-src 'none'; sandbox");
    }
}


/*
 * One range is honoured.  NGX_ERROR: none of it is there.  What is not
 * understood, or is several, is ignored: the answer is the whole then.
 */

static ngx_int_t
ngx_http_assess_content_range(ngx_http_assess_call_t *call,
    const assess_document_t *doc, ngx_http_assess_range_t *range)
{
    int64_t      first, last;
    const char  *p, *end;

    p = call->range.data;
    end = p + call->range.len;

    if (call->range.len < 7
        || ngx_strncasecmp((u_char *) p, (u_char *) "bytes=", 6) != 0
        || ngx_strlchr((u_char *) p, (u_char *) end, ',') != NULL)
    {
        return NGX_OK;
    }

    p = ngx_http_assess_digits(p + 6, end, &first);

    if (p == end || *p != '-') {
        return NGX_OK;
    }

    p = ngx_http_assess_digits(p + 1, end, &last);

    if (p != end || (first == -1 && last == -1)
        || (first != -1 && last != -1 && last < first))
    {
        return NGX_OK;
    }

    if (first == -1) {

        if (last == 0) {
            return NGX_ERROR;
        }

        first = ngx_max(doc->bytes - last, 0);
        last = doc->bytes - 1;
    }

    if (first >= doc->bytes) {
        return NGX_ERROR;
    }

    range->first = first;

    if (last != -1) {
        range->last = ngx_min(last, doc->bytes - 1);
    }

    call->status = NGX_HTTP_PARTIAL_CONTENT;
    ngx_http_assess_call_header(call, "Content-Range", "bytes %lld-%lld/%lld",
                                (long long) range->first,
                                (long long) range->last,
                                (long long) doc->bytes);
    return NGX_OK;
}


/* -1 where there are no digits; what is larger than any file is cut off */

static const char *
ngx_http_assess_digits(const char *p, const char *last, int64_t *value)
{
    *value = -1;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {

        *value = *value == -1 ? 0 : *value;

        if (*value < INT64_MAX / 20) {
            *value = *value * 10 + (*p - '0');
        }
    }

    return p;
}


/* "*", or one of a list; compared weakly, as RFC 9110 has it for a GET */

static ngx_uint_t
ngx_http_assess_etag_in(const assess_str_t *list, const char *etag)
{
    if (list->len == 1 && list->data[0] == '*') {
        return 1;
    }

    return ngx_strstr(list->data, etag) != NULL;
}


static void
ngx_http_assess_content_next(ngx_http_assess_call_t *call)
{
    assess_err_t              err;
    ngx_http_assess_range_t  *range;

    range = call->ctx;
    err.kind = ASSESS_OK;

    if (assess_document_content(ngx_http_assess_scheduler_db(), &call->scope,
                                call->name.data, range->first + call->sent,
                                (size_t) ngx_min(call->length - call->sent,
                                                 NGX_HTTP_ASSESS_PIECE),
                                &call->body, &err)
        == ASSESS_OK && call->body.len)
    {
        return;
    }

    if (call->sent == 0 && !call->answered) {

        if (call->body.len == 0 && err.kind == ASSESS_OK) {
            (void) assess_fail(&err, ASSESS_ERROR, NULL,
                               "the content is not there any more");
        }

        ngx_http_assess_call_fail(call, &err);
        return;
    }

    call->body.failed = 1;
}
