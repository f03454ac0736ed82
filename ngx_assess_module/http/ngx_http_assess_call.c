
#include "ngx_http_assess_call.h"
#include "ngx_http_assess_cors.h"
#include "ngx_http_assess_early.h"
#include "ngx_http_assess_large.h"
#include "ngx_http_assess_source.h"
#include "ngx_http_assess_together.h"
#include "ngx_http_assess_variable.h"

#include <fcntl.h>


/*
 * A submission is answered within a second of its body, if that is not a large
 * one, whatever the store does: so long it waits for a thread, so long it takes
 * in all, and so long at least one has that waited.  What a thread does before it
 * comes to the store depends on how much there is.
 */
#define NGX_HTTP_ASSESS_PATIENCE   700       /* ms */
#define NGX_HTTP_ASSESS_IN_ALL     900       /* ms */
#define NGX_HTTP_ASSESS_AT_LEAST   250       /* ms */
#define NGX_HTTP_ASSESS_BODY_MS    20480     /* bytes */

/* the same where there is another answer */
#define NGX_HTTP_ASSESS_KNOWN      300       /* ms */

/* a queue of calls that moves is waited for, for so long */
#define NGX_HTTP_ASSESS_MOVES      300       /* ms since the last one */
#define NGX_HTTP_ASSESS_BUSY       5000      /* ms */


/* calls that ended are kept for the next ones: so many, and of their answers */
#define NGX_HTTP_ASSESS_SPARE      64
#define NGX_HTTP_ASSESS_SPARE_BUF  8192      /* bytes */


static ngx_http_assess_call_t *ngx_http_assess_call_alloc(ngx_log_t *log);
static void ngx_http_assess_call_cleanup(void *data);
static void ngx_http_assess_call_destroy(ngx_http_assess_call_t *call);
static ngx_int_t ngx_http_assess_call_check(ngx_http_assess_call_t *call);
static ngx_int_t ngx_http_assess_call_path(ngx_http_assess_call_t *call);
static ngx_int_t ngx_http_assess_call_body_check(
    ngx_http_assess_call_t *call);
static void ngx_http_assess_call_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_assess_call_body_take(ngx_http_assess_call_t *call);
static void ngx_http_assess_call_patience(ngx_event_t *ev);
static void ngx_http_assess_call_refuse(ngx_http_assess_call_t *call,
    const assess_err_t *err);
static ngx_int_t ngx_http_assess_call_go(ngx_http_assess_call_t *call);
static void ngx_http_assess_call_run(void *data);
static void ngx_http_assess_call_done(void *data);
static void ngx_http_assess_call_start(ngx_http_assess_call_t *call);
static ngx_uint_t ngx_http_assess_call_open(
    const ngx_http_assess_call_t *call, assess_err_t *err);


/* when the last call was served, of those without a body and with one */
static int64_t  ngx_http_assess_served[2];

static ngx_http_assess_call_t  *ngx_http_assess_spare;
static ngx_uint_t               ngx_http_assess_nspare;


ngx_int_t
ngx_http_assess_call_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    assess_err_t             err;
    ngx_http_assess_call_t  *call;

    call = ngx_http_assess_call_create(r);
    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_assess_call_check(call);

    if (rc == NGX_OK && call->route->fast) {

        rc = call->route->fast(call);

        if (rc == NGX_DONE) {
            return NGX_DONE;
        }

        if (rc == NGX_DECLINED) {
            rc = NGX_OK;

        } else if (rc == NGX_OK) {
            rc = NGX_ABORT;                  /* answered */
        }
    }

    if (rc == NGX_OK && !ngx_http_assess_scheduler_opening()
        && !ngx_http_assess_call_open(call, &err))
    {
        ngx_http_assess_call_fail(call, &err);
        rc = NGX_ABORT;
    }

    if (rc == NGX_ABORT) {

        /* a client that asks first is not told to send what is not read */

        r->expect_tested = 1;

        rc = ngx_http_discard_request_body(r);

        if (rc == NGX_OK || rc == NGX_AGAIN) {
            return ngx_http_assess_call_send(call);
        }

        return rc;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (call->route->flags & NGX_HTTP_ASSESS_BODY) {

        call->reading = 1;

        rc = ngx_http_read_client_request_body(r,
                                        ngx_http_assess_call_body_handler);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    ngx_http_assess_call_start(call);

    return NGX_DONE;
}


ngx_http_assess_call_t *
ngx_http_assess_call_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_assess_call_t  *call;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    call = ngx_http_assess_call_alloc(r->connection->log);
    if (call == NULL) {
        return NULL;
    }

    call->request = r;
    call->mcf = ngx_http_get_module_main_conf(r, ngx_http_assess_module);
    call->body_fd = -1;
    call->length = -1;
    call->status = NGX_HTTP_OK;

    cln->handler = ngx_http_assess_call_cleanup;
    cln->data = call;
    call->cleanup = cln;

    ngx_http_set_ctx(r, call, ngx_http_assess_module);

    return call;
}


/* one that is spare has an arena with a block, and memory for its answer */

static ngx_http_assess_call_t *
ngx_http_assess_call_alloc(ngx_log_t *log)
{
    assess_buf_t             body;
    assess_arena_t          *arena;
    ngx_http_assess_call_t  *call;

    call = ngx_http_assess_spare;

    if (call) {
        ngx_http_assess_spare = call->spare;
        ngx_http_assess_nspare--;

        arena = call->arena;
        body = call->body;

        ngx_memzero(call, sizeof(ngx_http_assess_call_t));

        call->arena = arena;
        call->body = body;

        return call;
    }

    call = ngx_calloc(sizeof(ngx_http_assess_call_t), log);
    if (call == NULL) {
        return NULL;
    }

    call->arena = assess_arena_create();

    if (call->arena == NULL) {
        ngx_free(call);
        return NULL;
    }

    return call;
}


/* the request ends: so does the call, unless a thread has it */

static void
ngx_http_assess_call_cleanup(void *data)
{
    ngx_http_assess_call_t  *call = data;

    call->request = NULL;

    if (call->patience.timer_set) {
        ngx_del_timer(&call->patience);
    }

    (void) ngx_http_assess_early_give_up(call);
    (void) ngx_http_assess_large_give_up(call);

    if (!call->busy) {
        ngx_http_assess_call_destroy(call);
        return;
    }

    ngx_http_assess_source_gone(call);
}


void
ngx_http_assess_call_release(ngx_http_assess_call_t *call)
{
    call->cleanup->handler = NULL;
    ngx_http_set_ctx(call->request, NULL, ngx_http_assess_module);

    ngx_http_assess_call_destroy(call);
}


static void
ngx_http_assess_call_destroy(ngx_http_assess_call_t *call)
{
    if (call->body_fd != -1) {
        (void) close(call->body_fd);
    }

    assess_buf_free(&call->known);

#if !(NGX_DEBUG_PALLOC)

    /* a sanitizer is to see what is used after its end */

    if (ngx_http_assess_nspare < NGX_HTTP_ASSESS_SPARE) {

        if (call->body.size > NGX_HTTP_ASSESS_SPARE_BUF) {
            assess_buf_free(&call->body);
        }

        assess_buf_reset(&call->body);
        assess_arena_reset(call->arena);

        call->spare = ngx_http_assess_spare;
        ngx_http_assess_spare = call;
        ngx_http_assess_nspare++;

        return;
    }

#endif

    assess_buf_free(&call->body);
    assess_arena_destroy(call->arena);
    ngx_free(call);
}


/*
 * All that can be said without the body.  NGX_ABORT when the answer is a
 * problem.
 */

static ngx_int_t
ngx_http_assess_call_check(ngx_http_assess_call_t *call)
{
    ngx_int_t  rc;

    rc = ngx_http_assess_call_path(call);

    if (rc == NGX_OK && ngx_http_assess_cors_foreign(call->request)) {
        ngx_http_assess_call_problem(call, NGX_HTTP_FORBIDDEN, NULL,
                                     "pages of this origin may not use this "
                                     "API");
        rc = NGX_ABORT;
    }

    if (rc == NGX_OK && !(call->route->flags & NGX_HTTP_ASSESS_OPEN)) {
        rc = ngx_http_assess_call_scope(call);
        ngx_http_assess_variables_asked(call);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_assess_call_query(call);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_assess_call_headers(call);
    }

    if (rc == NGX_OK && (call->route->flags & NGX_HTTP_ASSESS_BODY)) {
        rc = ngx_http_assess_call_body_check(call);
    }

    return rc;
}


static ngx_int_t
ngx_http_assess_call_path(ngx_http_assess_call_t *call)
{
    ngx_int_t                    rc;
    ngx_str_t                    path, name, allow, *prefix;
    ngx_http_request_t          *r;
    ngx_http_assess_loc_conf_t  *lcf;

    r = call->request;
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_assess_module);
    prefix = &lcf->prefix;

    if (r->uri.len < prefix->len) {
        return NGX_ERROR;
    }

    path.data = r->uri.data + prefix->len;
    path.len = r->uri.len - prefix->len;

    call->prefix = ngx_http_assess_str(prefix);

    if (prefix->data[prefix->len - 1] == '/') {
        call->prefix.len--;

    } else if (path.len && path.data[0] == '/') {
        path.data++;
        path.len--;

    } else {
        path.len = 0;
    }

    rc = ngx_http_assess_route(r, &path, &call->route, &name, &allow);

    if (rc == NGX_DECLINED) {
        ngx_http_assess_call_problem(call, NGX_HTTP_NOT_FOUND, NULL,
                                     "there is nothing at this path");
        return NGX_ABORT;
    }

    if (rc == NGX_HTTP_NOT_ALLOWED) {
        ngx_http_assess_call_problem(call, NGX_HTTP_NOT_ALLOWED, NULL,
                                     "this path takes %.*s", (int) allow.len,
                                     allow.data);
        ngx_http_assess_call_header(call, "Allow", "%.*s", (int) allow.len,
                                    allow.data);
        return NGX_ABORT;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (name.data == NULL) {
        return NGX_OK;
    }

    return assess_pstrdup(call->arena, &call->name, (char *) name.data,
                          name.len) == 0 ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_assess_call_body_check(ngx_http_assess_call_t *call)
{
    ngx_uint_t           flags;
    ngx_http_request_t  *r;

    r = call->request;
    flags = call->route->flags;

    if (call->content_type.len == 0) {
        ngx_http_assess_call_problem(call, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                     NULL, "the request has no Content-Type");
        return NGX_ABORT;
    }

    if (!(flags & NGX_HTTP_ASSESS_RAW)
        && !((flags & NGX_HTTP_ASSESS_JSON)
             && ngx_http_assess_call_is(call, "application/json"))
        && !((flags & NGX_HTTP_ASSESS_MULTIPART)
             && ngx_http_assess_call_is(call, "multipart/form-data")))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                     NULL, "the body must be %s",
                                     (flags & NGX_HTTP_ASSESS_MULTIPART)
                                     ? "application/json or "
                                       "multipart/form-data"
                                     : "application/json");
        return NGX_ABORT;
    }

    if (r->headers_in.content_length_n < 0 && !r->headers_in.chunked) {
        ngx_http_assess_call_problem(call, NGX_HTTP_LENGTH_REQUIRED, NULL,
                                     "the body needs a Content-Length, or "
                                     "chunked transfer coding");
        return NGX_ABORT;
    }

    if (r->headers_in.content_length_n > NGX_HTTP_ASSESS_MAX_JSON
        && !(flags & NGX_HTTP_ASSESS_RAW)
        && ngx_http_assess_call_is(call, "application/json"))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     NULL, "JSON can have %d bytes here",
                                     NGX_HTTP_ASSESS_MAX_JSON);
        return NGX_ABORT;
    }

    return NGX_OK;
}


static void
ngx_http_assess_call_body_handler(ngx_http_request_t *r)
{
    ngx_http_assess_call_t  *call;

    call = ngx_http_get_module_ctx(r, ngx_http_assess_module);
    call->reading = 0;

    if (ngx_http_assess_call_body_take(call) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_assess_call_start(call);
}


/* the body outlives its request: a descriptor of our own, or a copy */

static ngx_int_t
ngx_http_assess_call_body_take(ngx_http_assess_call_t *call)
{
    char                *p;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = call->request;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        call->body_data = "";
        return NGX_OK;
    }

    if (r->request_body->temp_file) {

        call->body_len = r->request_body->temp_file->offset;
        call->body_fd = fcntl(r->request_body->temp_file->file.fd,
                              F_DUPFD_CLOEXEC, 3);

        if (call->body_fd == -1) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                          "fcntl(F_DUPFD_CLOEXEC) failed");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        call->body_len += ngx_buf_size(cl->buf);
    }

    p = assess_palloc(call->arena, (size_t) call->body_len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    call->body_data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        /* the end of a chunked body is a buffer without memory */

        if (b->pos < b->last) {
            p = (char *) ngx_cpymem(p, b->pos, b->last - b->pos);
        }
    }

    *p = '\0';

    return NGX_OK;
}


/* what is small goes with others, and what is large holds up none of them */

static ngx_int_t
ngx_http_assess_call_go(ngx_http_assess_call_t *call)
{
    if ((call->route->flags & NGX_HTTP_ASSESS_STARTS) && call->body_fd == -1
        && ngx_http_assess_call_is(call, "application/json"))
    {
        return ngx_http_assess_together_post(call, ngx_http_assess_call_done);
    }

    if (ngx_http_assess_large_is(call)) {
        return ngx_http_assess_large_post(call, ngx_http_assess_call_run,
                                          ngx_http_assess_call_done);
    }

    return ngx_http_assess_call_post(call, ngx_http_assess_call_run,
                                     ngx_http_assess_call_done);
}


/* It goes on, now or soon, or is answered */

static void
ngx_http_assess_call_start(ngx_http_assess_call_t *call)
{
    assess_err_t         err;
    ngx_http_request_t  *r;

    r = call->request;

    (void) assess_fail(&err, ASSESS_UNAVAILABLE, NULL,
                       "too many calls wait for the store");

    call->accepted = assess_mono_ms();

    /* a body may have taken its time */

    if (!ngx_http_assess_early(call, ngx_http_assess_call_start)
        && (!ngx_http_assess_call_open(call, &err)
            || ngx_http_assess_call_go(call) != NGX_OK))
    {
        ngx_http_assess_call_refuse(call, &err);
        return;
    }

    r->read_event_handler = ngx_http_test_reading;

    call->patience.handler = ngx_http_assess_call_patience;
    call->patience.data = r->connection;
    call->patience.log = r->connection->log;

    ngx_add_timer(&call->patience,
                  call->known.len ? NGX_HTTP_ASSESS_KNOWN
                                  : NGX_HTTP_ASSESS_PATIENCE);
}


/*
 * Whether the store can be asked, or is waited for with a large body that was
 * sent; err says why it cannot
 */

static ngx_uint_t
ngx_http_assess_call_open(const ngx_http_assess_call_t *call,
    assess_err_t *err)
{
    if (!ngx_http_assess_scheduler_ready(err)) {
        err->kind = ASSESS_UNAVAILABLE;
        return 0;
    }

    return ngx_http_assess_large_is(call)
           || !assess_db_away(ngx_http_assess_scheduler_db(), err);
}


static void
ngx_http_assess_call_refuse(ngx_http_assess_call_t *call,
    const assess_err_t *err)
{
    assess_err_t  store;

    if (!ngx_http_assess_call_known(call)) {

        /* the part that fails is named where that is asked */

        if (call->route->flags & NGX_HTTP_ASSESS_OPEN) {
            (void) assess_fail(&store, err->kind, NULL, "store: %.400s",
                               err->message);
            err = &store;
        }

        ngx_http_assess_call_fail(call, err);
    }

    ngx_http_assess_call_answer(call);
}


ngx_uint_t
ngx_http_assess_call_known(ngx_http_assess_call_t *call)
{
    if (call->known.len == 0) {
        return 0;
    }

    assess_buf_reset(&call->body);
    assess_buf_add(&call->body, call->known.data, call->known.len);

    return 1;
}


/*
 * No thread has come to it: they all wait for the store, or are busy.  Where
 * calls of its kind are being served its turn will come.
 */

static void
ngx_http_assess_call_patience(ngx_event_t *ev)
{
    int64_t                  now;
    ngx_uint_t               body;
    assess_err_t             err;
    ngx_connection_t        *c;
    ngx_http_assess_call_t  *call;

    c = ev->data;
    call = (ngx_http_assess_call_t *)
               ((char *) ev - offsetof(ngx_http_assess_call_t, patience));

    now = assess_mono_ms();
    body = (call->route->flags & NGX_HTTP_ASSESS_BODY) != 0;

    if (ngx_http_assess_large_moves(call)) {
        ngx_add_timer(ev, NGX_HTTP_ASSESS_MOVES);
        return;
    }

    if (call->known.len == 0
        && now - ngx_http_assess_served[body] < NGX_HTTP_ASSESS_MOVES
        && now - call->accepted < NGX_HTTP_ASSESS_BUSY)
    {
        ngx_add_timer(ev, NGX_HTTP_ASSESS_MOVES);
        return;
    }

    if (ngx_http_assess_early_give_up(call)) {
        (void) ngx_http_assess_scheduler_ready(&err);
        err.kind = ASSESS_UNAVAILABLE;
        ngx_http_assess_call_refuse(call, &err);
        ngx_http_run_posted_requests(c);
        return;
    }

    (void) assess_fail(&err, ASSESS_UNAVAILABLE, NULL,
                       "too many calls wait for the store");

    if (ngx_http_assess_large_give_up(call)) {
        (void) assess_db_away(ngx_http_assess_scheduler_db(), &err);

    } else if (!ngx_http_assess_together_give_up(call)) {

        if (call->task.run == NULL
            || !ngx_http_assess_task_give_up(&call->task))
        {
            return;
        }

        call->given_up = 1;

        if (call->large) {
            call->large = 0;
            ngx_http_assess_large_back(0);
        }
    }

    ngx_http_assess_call_refuse(call, &err);

    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_assess_call_post(ngx_http_assess_call_t *call,
    void (*run)(void *data), void (*done)(void *data))
{
    call->task.run = run;
    call->task.done = done;
    call->task.data = call;

    if (ngx_http_assess_task_post(call->mcf->store_threads, &call->task)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->busy = 1;

    return NGX_OK;
}


ngx_uint_t
ngx_http_assess_call_back(ngx_http_assess_call_t *call)
{
    call->busy = 0;

    if (call->request == NULL) {
        ngx_http_assess_call_destroy(call);
        return 0;
    }

    return 1;
}


int64_t
ngx_http_assess_call_deadline(ngx_http_assess_call_t *call)
{
    int64_t  now, left;

    now = assess_mono_ms();

    if (call->known.len) {
        return now + NGX_HTTP_ASSESS_KNOWN;
    }

    /* what is read may take longer than what is to be stored */

    if (call->route->method == NGX_HTTP_GET
        && !(call->route->flags & NGX_HTTP_ASSESS_OPEN)
        && call->route->fast == NULL)
    {
        return 0;
    }

    left = ngx_max(NGX_HTTP_ASSESS_IN_ALL - (now - call->accepted),
                   NGX_HTTP_ASSESS_AT_LEAST);

    if (ngx_http_assess_large_is(call)) {
        left = NGX_HTTP_ASSESS_LARGE_IN_ALL;
    }

    return now + left + call->body_len / NGX_HTTP_ASSESS_BODY_MS;
}


static void
ngx_http_assess_call_run(void *data)
{
    ngx_http_assess_call_t *call = data;

    if (ngx_http_assess_large_is(call)) {
        ngx_http_assess_large_wait();
        assess_db_patient(NGX_HTTP_ASSESS_LARGE_PATIENT);
    }

    assess_db_until(ngx_http_assess_call_deadline(call));

    call->route->run(call);

    assess_db_patient(0);
    assess_db_until(0);
}


static void
ngx_http_assess_call_done(void *data)
{
    ngx_uint_t               body;
    ngx_connection_t        *c;
    ngx_http_assess_call_t  *call = data;

    if (call->large) {
        call->large = 0;
        ngx_http_assess_large_back(call->status
                                   < NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    if (!call->given_up && call->status < NGX_HTTP_INTERNAL_SERVER_ERROR) {
        body = (call->route->flags & NGX_HTTP_ASSESS_BODY) != 0;
        ngx_http_assess_served[body] = assess_mono_ms();
    }

    /* one that was given up was answered then */

    if (!ngx_http_assess_call_back(call) || call->given_up) {
        return;
    }

    c = call->request->connection;

    if (call->patience.timer_set) {
        ngx_del_timer(&call->patience);
    }

    if (call->source
        && ngx_http_assess_source_post(call, ngx_http_assess_call_done)
           == NGX_OK)
    {
        return;
    }

    if (call->wait && call->wait_job[0]) {
        ngx_http_assess_wait(call);

    } else {
        ngx_http_assess_call_answer(call);
    }

    ngx_http_run_posted_requests(c);
}


const assess_str_t *
ngx_http_assess_call_param(ngx_http_assess_call_t *call, const char *name)
{
    size_t      len;
    ngx_uint_t  i;

    len = ngx_strlen(name);

    for (i = 0; i < call->nparams; i++) {
        if (call->params[i].name.len == len
            && ngx_memcmp(call->params[i].name.data, name, len) == 0)
        {
            return &call->params[i].value;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_assess_call_number(ngx_http_assess_call_t *call, const char *name,
    ngx_int_t min, ngx_int_t max, int *value)
{
    ngx_int_t            n;
    const assess_str_t  *text;

    text = ngx_http_assess_call_param(call, name);
    if (text == NULL) {
        return NGX_OK;
    }

    n = text->len > 10 ? NGX_ERROR
                       : ngx_atoi((u_char *) text->data, text->len);

    if (n == NGX_ERROR || n < min || n > max) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"%s\" must be a number from %d to %d",
                                     name, (int) min, (int) max);
        return NGX_ERROR;
    }

    *value = (int) n;

    return NGX_OK;
}


ngx_int_t
ngx_http_assess_call_paging(ngx_http_assess_call_t *call,
    assess_paging_t *paging)
{
    const assess_str_t  *cursor;

    paging->limit = 50;
    paging->cursor.len = 0;
    paging->cursor.data = NULL;

    if (ngx_http_assess_call_number(call, "limit", 1, 200, &paging->limit)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cursor = ngx_http_assess_call_param(call, "cursor");

    if (cursor && cursor->len == 0) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"cursor\" is empty");
        return NGX_ERROR;
    }

    if (cursor) {
        paging->cursor = *cursor;
    }

    return NGX_OK;
}


assess_err_e
ngx_http_assess_call_body(ngx_http_assess_call_t *call, assess_str_t *body,
    assess_err_t *err)
{
    size_t   len, done;
    ssize_t  n;

    if (call->body_len > NGX_HTTP_ASSESS_MAX_JSON) {
        return assess_fail(err, ASSESS_INVALID, "too_large",
                           "the body is longer than %d bytes",
                           NGX_HTTP_ASSESS_MAX_JSON);
    }

    len = (size_t) call->body_len;
    body->len = len;

    if (call->body_fd == -1) {
        body->data = (char *) call->body_data;
        return ASSESS_OK;
    }

    body->data = assess_palloc(call->arena, len + 1);
    if (body->data == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    for (done = 0; done < len; done += (size_t) n) {

        n = pread(call->body_fd, body->data + done, len - done, (off_t) done);

        if (n <= 0) {
            return assess_fail(err, ASSESS_ERROR, "internal",
                               "the body cannot be read back");
        }
    }

    body->data[len] = '\0';

    return ASSESS_OK;
}
