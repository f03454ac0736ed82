
#include "ngx_http_assess_call.h"
#include "ngx_http_assess_metrics.h"
#include "../runtime/ngx_http_assess_gauges.h"

#include "base/assess_exposition.h"


typedef struct {
    ngx_http_assess_asker_t   asker;
    ngx_http_request_t       *request;
} ngx_http_assess_metrics_page_t;


static void ngx_http_assess_metrics_ready(void *data);
static void ngx_http_assess_metrics_gone(void *data);
static ngx_int_t ngx_http_assess_metrics_send(ngx_http_request_t *r);
static ngx_buf_t *ngx_http_assess_metrics_body(ngx_http_request_t *r);


/* There is always an answer: it says by itself how old what it says is. */

ngx_int_t
ngx_http_assess_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_pool_cleanup_t              *cln;
    ngx_http_assess_metrics_page_t  *page;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_assess_get_only(r);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_assess_metrics_page_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    page = cln->data;
    ngx_memzero(page, sizeof(ngx_http_assess_metrics_page_t));
    cln->handler = ngx_http_assess_metrics_gone;

    page->request = r;
    page->asker.ready = ngx_http_assess_metrics_ready;
    page->asker.data = page;

    if (ngx_http_assess_gauges_ask(&page->asker) == NGX_OK) {
        return ngx_http_assess_metrics_send(r);
    }

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;

    return NGX_DONE;
}


static void
ngx_http_assess_metrics_ready(void *data)
{
    ngx_http_assess_metrics_page_t *page = data;

    ngx_connection_t  *c;

    c = page->request->connection;

    ngx_http_finalize_request(page->request,
                              ngx_http_assess_metrics_send(page->request));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_metrics_gone(void *data)
{
    ngx_http_assess_metrics_page_t *page = data;

    ngx_http_assess_gauges_leave(&page->asker);
}


static ngx_int_t
ngx_http_assess_metrics_send(ngx_http_request_t *r)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_http_assess_metrics_body(r);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, ASSESS_EXPOSITION_TYPE);
    r->headers_out.content_type_len = sizeof("text/plain") - 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_buf_t *
ngx_http_assess_metrics_body(ngx_http_request_t *r)
{
    ngx_buf_t     *b;
    assess_buf_t   text;

    ngx_memzero(&text, sizeof(assess_buf_t));

    ngx_http_assess_metrics_text(&text, ngx_http_get_module_main_conf(r,
                                                    ngx_http_assess_module));

    b = text.failed ? NULL : ngx_create_temp_buf(r->pool, text.len);

    if (b) {
        b->last = ngx_cpymem(b->pos, text.data, text.len);
        b->last_buf = r == r->main;
        b->last_in_chain = 1;
    }

    assess_buf_free(&text);

    return b;
}
