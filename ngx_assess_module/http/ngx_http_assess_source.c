
#include "ngx_http_assess_source.h"

#include "ngx_http_assess_digest.h"
#include "ngx_http_assess_together.h"

#include "engine/assess_fetch.h"

#include <fcntl.h>


/* a key is held for this longer than a fetch may take, in ms */
#define NGX_HTTP_ASSESS_SOURCE_HELD   15000

/* and so long may it take to find out about one */
#define NGX_HTTP_ASSESS_SOURCE_STORE  900


struct ngx_http_assess_source_s {
    assess_str_t                url;         /* as it was asked for */
    assess_str_t                filename;    /* null: the source's word */
    assess_source_t             source;
    assess_starting_t          *start;       /* NULL: no more than stored */
    char                        holder[ASSESS_UUID_LEN + 1];

    int64_t                     max;         /* bytes; 0: any number */
    int64_t                     until;       /* of assess_mono_ms() */
    int                         wanted;      /* told by a thread */
    int                         gone;        /* so is the client */
    int                         posted;
    void                      (*done)(void *data);

    assess_upload_t             upload;
    ngx_http_assess_digest_t    digest;
};


static ngx_http_assess_source_t *ngx_http_assess_source_of(
    ngx_http_assess_call_t *call);
static assess_err_e ngx_http_assess_source_text(ngx_http_assess_call_t *call,
    const char *name, assess_json_t *value, size_t max, assess_str_t *text,
    assess_err_t *err);
static assess_err_e ngx_http_assess_source_body(ngx_http_assess_call_t *call,
    assess_err_t *err);
static void ngx_http_assess_source_run(void *data);
static void ngx_http_assess_source_do(ngx_http_assess_call_t *call);
static assess_err_e ngx_http_assess_source_fetch(ngx_http_assess_call_t *call,
    assess_err_t *err);
static assess_err_e ngx_http_assess_source_data(void *ctx, const char *data,
    size_t len, assess_err_t *err);
static assess_err_e ngx_http_assess_source_fetched(
    ngx_http_assess_call_t *call, const assess_fetched_t *got,
    assess_err_t *err);
static ngx_uint_t ngx_http_assess_source_ascii(const assess_str_t *type);
static int ngx_http_assess_source_stop(void *ctx);
static void ngx_http_assess_source_done(void *data);


/* those under way in this process; event loop */
static ngx_uint_t  ngx_http_assess_fetches;


static ngx_http_assess_source_t *
ngx_http_assess_source_of(ngx_http_assess_call_t *call)
{
    ngx_http_assess_source_t  *s;

    if (call->source) {
        return call->source;
    }

    s = assess_pcalloc(call->arena, sizeof(ngx_http_assess_source_t));

    if (s) {
        s->upload.fd = -1;
        __atomic_store_n(&call->source, s, __ATOMIC_RELEASE);
    }

    return s;
}


ngx_int_t
ngx_http_assess_source_member(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_err_t *err)
{
    ngx_http_assess_source_t  *s;

    if (value->key.len == 3 && ngx_memcmp(value->key.data, "url", 3) == 0) {

        s = ngx_http_assess_source_of(call);

        if (s == NULL) {
            (void) assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
            return NGX_ERROR;
        }

        return ngx_http_assess_source_text(call, "url", value,
                                           ASSESS_SOURCE_LEN, &s->url, err)
               == ASSESS_OK ? NGX_OK : NGX_ERROR;
    }

    if (value->key.len == 8
        && ngx_memcmp(value->key.data, "filename", 8) == 0)
    {
        s = ngx_http_assess_source_of(call);

        if (s == NULL) {
            (void) assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
            return NGX_ERROR;
        }

        return ngx_http_assess_source_text(call, "filename", value,
                                           NGX_HTTP_ASSESS_FILENAME,
                                           &s->filename, err)
               == ASSESS_OK ? NGX_OK : NGX_ERROR;
    }

    return NGX_DECLINED;
}


static assess_err_e
ngx_http_assess_source_text(ngx_http_assess_call_t *call, const char *name,
    assess_json_t *value, size_t max, assess_str_t *text, assess_err_t *err)
{
    if (value->type != ASSESS_JSON_STRING || value->text.len == 0
        || value->text.len > max
        || memchr(value->text.data, '\0', value->text.len))
    {
        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "%s must be a string of 1 to %d bytes", name,
                           (int) max);
        ngx_http_assess_pointer(err, name);
        return ASSESS_INVALID;
    }

    if (assess_pstrdup(call->arena, text, value->text.data, value->text.len)
        != 0)
    {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return ASSESS_OK;
}


assess_err_e
ngx_http_assess_source_wanted(ngx_http_assess_call_t *call,
    assess_starting_t *start, assess_err_t *err)
{
    ngx_http_assess_source_t  *s;

    s = call->source;

    if (s->url.data == NULL) {
        (void) assess_fail(err, ASSESS_INVALID, NULL, "url is missing");
        ngx_http_assess_pointer(err, "url");
        return ASSESS_INVALID;
    }

    if (assess_source_read(call->arena, &s->url, NULL, &s->source, err)
        != ASSESS_OK
        || assess_source_allowed(&call->mcf->source, &s->source, err)
           != ASSESS_OK)
    {
        if (err->kind != ASSESS_ERROR) {
            ngx_http_assess_pointer(err, "url");
        }

        return err->kind;
    }

    s->start = start;
    s->wanted = 1;

    return ASSESS_OK;
}


void
ngx_http_assess_source_document(ngx_http_assess_call_t *call)
{
    assess_err_t  err;

    if (ngx_http_assess_source_body(call, &err) != ASSESS_OK
        || ngx_http_assess_source_wanted(call, NULL, &err) != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
    }
}


static assess_err_e
ngx_http_assess_source_body(ngx_http_assess_call_t *call, assess_err_t *err)
{
    ngx_int_t                  rc;
    assess_str_t               key;
    assess_json_t             *body, *value;
    const assess_str_t        *filename;
    ngx_http_assess_source_t  *s;

    s = ngx_http_assess_source_of(call);

    if (s == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    body = ngx_http_assess_start_json(call, err);
    if (body == NULL) {
        return err->kind;
    }

    for (value = body->first; value; value = value->next) {

        rc = ngx_http_assess_source_member(call, value, err);

        if (rc == NGX_ERROR) {
            return err->kind;
        }

        if (rc == NGX_OK) {
            continue;
        }

        if (assess_pstrdup(call->arena, &key, value->key.data,
                           value->key.len) != 0)
        {
            return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
        }

        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "\"%.64s\" is not known here", key.data);
        ngx_http_assess_pointer(err, key.data);

        return ASSESS_INVALID;
    }

    filename = ngx_http_assess_call_param(call, "filename");

    if (filename == NULL) {
        return ASSESS_OK;
    }

    if (s->filename.data || filename->len == 0
        || filename->len > NGX_HTTP_ASSESS_FILENAME)
    {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "a filename is given once, and has 1 to %d bytes",
                           NGX_HTTP_ASSESS_FILENAME);
    }

    s->filename = *filename;

    return ASSESS_OK;
}


ngx_int_t
ngx_http_assess_source_post(ngx_http_assess_call_t *call,
    void (*done)(void *data))
{
    assess_err_t               err;
    ngx_http_assess_source_t  *s;
    ngx_http_core_loc_conf_t  *clcf;

    s = call->source;

    if (!s->wanted || s->posted) {
        return NGX_DECLINED;
    }

    clcf = ngx_http_get_module_loc_conf(call->request, ngx_http_core_module);

    s->max = (int64_t) clcf->client_max_body_size;
    s->until = assess_mono_ms() + call->mcf->source.timeout_ms;
    s->posted = 1;
    s->done = done;

    call->task.run = ngx_http_assess_source_run;
    call->task.done = ngx_http_assess_source_done;
    call->task.data = call;

    if (ngx_http_assess_fetches < call->mcf->source_fetches
        && ngx_http_assess_task_post(call->mcf->fetch_threads, &call->task)
           == NGX_OK)
    {
        ngx_http_assess_fetches++;
        call->busy = 1;
        return NGX_OK;
    }

    (void) assess_fail(&err, ASSESS_UNAVAILABLE, NULL,
                       "as many documents are being fetched as may be at "
                       "once, try again later");
    ngx_http_assess_call_fail(call, &err);

    return NGX_DECLINED;
}


void
ngx_http_assess_source_gone(ngx_http_assess_call_t *call)
{
    ngx_http_assess_source_t  *s;

    s = __atomic_load_n(&call->source, __ATOMIC_ACQUIRE);

    if (s) {
        __atomic_store_n(&s->gone, 1, __ATOMIC_RELAXED);
    }
}


static void
ngx_http_assess_source_run(void *data)
{
    ngx_http_assess_call_t *call = data;

    assess_err_t               err;
    ngx_http_assess_source_t  *s;

    s = call->source;
    s->holder[0] = '\0';

    if (s->start && s->start->start->idempotency_key.data) {

        assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_SOURCE_STORE);

        if (assess_start_hold(ngx_http_assess_scheduler_db(), s->start,
                              call->mcf->source.timeout_ms
                              + NGX_HTTP_ASSESS_SOURCE_HELD, s->holder, &err)
            != ASSESS_OK)
        {
            s->holder[0] = '\0';
            ngx_http_assess_call_fail(call, &err);
            goto done;
        }

        if (s->start->settled) {
            s->holder[0] = '\0';
            ngx_http_assess_start_result(call, s->start);
            goto done;
        }
    }

    ngx_http_assess_source_do(call);

    if (s->holder[0]) {

        assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_SOURCE_STORE);

        /* what is not given back is free when its time is over */

        if (assess_start_release(ngx_http_assess_scheduler_db(), s->start,
                                 s->holder, &err) != ASSESS_OK)
        {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "assess idempotency key stays held for a while: %s",
                          err.message);
        }
    }

done:

    assess_db_until(0);

    if (s->upload.fd != -1) {
        (void) close(s->upload.fd);
        s->upload.fd = -1;
    }
}


/* Fetches it, and does with it what was asked for. */

static void
ngx_http_assess_source_do(ngx_http_assess_call_t *call)
{
    assess_err_t               err;
    ngx_http_assess_source_t  *s;

    s = call->source;

    if (ngx_http_assess_source_fetch(call, &err) != ASSESS_OK) {

        /* the path and the query may hold what is nobody else's business */

        if (err.kind != ASSESS_STOPPING) {
            ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                          "assess fetch from %s://%s failed: %s",
                          s->source.scheme, s->source.host.data, err.message);
        }

        ngx_http_assess_call_fail(call, &err);
        return;
    }

    /* nobody would hear of it, and a repeat would make another one */

    if (__atomic_load_n(&s->gone, __ATOMIC_RELAXED)) {
        return;
    }

    call->accepted = assess_mono_ms();
    call->body_len = s->upload.bytes;

    assess_db_until(ngx_http_assess_call_deadline(call));

    if (s->start) {
        s->start->start->upload = &s->upload;
        ngx_http_assess_starts(&call, &s->start, 1, NULL);
        return;
    }

    ngx_http_assess_documents_made(call, &s->upload, 1);
}


static assess_err_e
ngx_http_assess_source_fetch(ngx_http_assess_call_t *call, assess_err_t *err)
{
    assess_err_e               rc;
    assess_fetch_t             fetch;
    assess_fetched_t           got;
    ngx_http_assess_source_t  *s;

    s = call->source;

    /* the file has no name: whatever happens, it is gone with its descriptor */

    s->upload.fd = open((char *) call->mcf->temp_path->name.data,
                        O_TMPFILE|O_RDWR|O_CLOEXEC, 0600);

    if (s->upload.fd == -1) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "the document cannot be written to a file yet: %s",
                           strerror(errno));
    }

    s->digest.md = EVP_MD_CTX_new();
    if (s->digest.md == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    fetch.conf = &call->mcf->source;
    fetch.max = s->max;
    fetch.until = s->until;
    fetch.stop = ngx_http_assess_source_stop;
    fetch.data = ngx_http_assess_source_data;
    fetch.ctx = call;

    rc = ngx_http_assess_digest_start(&s->digest, err);

    if (rc == ASSESS_OK) {
        rc = assess_fetch(call->arena, &fetch, &s->source, &got, err);
    }

    if (rc == ASSESS_OK) {
        rc = ngx_http_assess_source_fetched(call, &got, err);
    }

    EVP_MD_CTX_free(s->digest.md);

    return rc;
}


static assess_err_e
ngx_http_assess_source_data(void *ctx, const char *data, size_t len,
    assess_err_t *err)
{
    ngx_http_assess_call_t *call = ctx;

    ssize_t                    n;
    ngx_http_assess_source_t  *s;

    s = call->source;

    ngx_http_assess_digest_update(&s->digest, data, len);

    while (len) {
        n = write(s->upload.fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                               "the document cannot be written to a file "
                               "yet: %s", strerror(errno));
        }

        data += n;
        len -= (size_t) n;
        s->upload.bytes += n;
    }

    return ASSESS_OK;
}


/*
 * The kind is told by the bytes.  What servers say of the type is often wrong,
 * and counts only where it is not.
 */

static assess_err_e
ngx_http_assess_source_fetched(ngx_http_assess_call_t *call,
    const assess_fetched_t *got, assess_err_t *err)
{
    assess_err_t               why;
    assess_kind_e              kind;
    assess_upload_t           *file;
    ngx_http_assess_source_t  *s;

    s = call->source;
    file = &s->upload;

    if (file->bytes == 0) {
        return assess_fail(err, ASSESS_IMPOSSIBLE, "source_refused",
                           "the document at the source is empty");
    }

    file->filename = s->filename.data ? s->filename : got->filename;
    file->content_type = got->content_type;

    if (!ngx_http_assess_source_ascii(&file->content_type)
        || assess_kind_detect(s->digest.head, s->digest.head_len,
                              &file->content_type, &file->filename, &kind,
                              &why) != ASSESS_OK)
    {
        file->content_type.len = 0;
        file->content_type.data = NULL;
    }

    return ngx_http_assess_digest_end(&s->digest, file, err);
}


static ngx_uint_t
ngx_http_assess_source_ascii(const assess_str_t *type)
{
    size_t  i;

    for (i = 0; i < type->len; i++) {
        if (type->data[i] < 0x20 || type->data[i] > 0x7e) {
            return 0;
        }
    }

    return 1;
}


static int
ngx_http_assess_source_stop(void *ctx)
{
    ngx_http_assess_call_t *call = ctx;

    return __atomic_load_n(&call->source->gone, __ATOMIC_RELAXED)
           || ngx_http_assess_scheduler_engine()->stopping(NULL) == 2;
}


static void
ngx_http_assess_source_done(void *data)
{
    ngx_http_assess_call_t *call = data;

    ngx_http_assess_fetches--;

    call->source->done(call);
}
