
#include "ngx_http_assess_form.h"
#include "ngx_http_assess_source.h"
#include "ngx_http_assess_start.h"
#include "ngx_http_assess_together.h"

#include "../runtime/ngx_http_assess_runners.h"

#include "engine/assess_email.h"
#include "engine/assess_questions.h"

#include <openssl/evp.h>


#define NGX_HTTP_ASSESS_METADATA   4096
#define NGX_HTTP_ASSESS_URL_LEN    2048
#define NGX_HTTP_ASSESS_MODEL_LEN  200


static assess_starting_t *ngx_http_assess_start_prepare(
    ngx_http_assess_call_t *call);
static assess_json_t *ngx_http_assess_start_form(ngx_http_assess_call_t *call,
    const ngx_http_assess_form_t *form, assess_err_t *err);
static assess_err_e ngx_http_assess_start_read(ngx_http_assess_call_t *call,
    assess_json_t *body, assess_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_start_set(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_start_url(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_start_metadata(
    ngx_http_assess_call_t *call, assess_json_t *value, assess_start_t *start,
    assess_err_t *err);
static void ngx_http_assess_start_answer(ngx_http_assess_call_t *call,
    const assess_job_t *job);


void
ngx_http_assess_start(ngx_http_assess_call_t *call)
{
    assess_starting_t  *st;

    ngx_http_assess_starts_prepare(&call, 1, &st);
    ngx_http_assess_starts(&call, &st, 1, NULL);
}


void
ngx_http_assess_starts_prepare(ngx_http_assess_call_t **calls, ngx_uint_t n,
    assess_starting_t **starts)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        starts[i] = ngx_http_assess_start_prepare(calls[i]);
    }
}


void
ngx_http_assess_starts(ngx_http_assess_call_t **calls,
    assess_starting_t **starts, ngx_uint_t n, pthread_mutex_t *turn)
{
    ngx_uint_t              i, ready, told;
    assess_starting_t      *list[NGX_HTTP_ASSESS_TOGETHER];
    const assess_change_t  *changes[NGX_HTTP_ASSESS_TOGETHER];

    for (i = 0, ready = 0; i < n; i++) {
        if (starts[i]) {
            list[ready++] = starts[i];
        }
    }

    /* those that come alone have no group, and nobody to begin their jobs */

    if (turn) {
        ngx_http_assess_runners_give(list, ready);
    }

    assess_jobs_start(ngx_http_assess_scheduler_db(), list, ready);

    if (turn) {
        (void) pthread_mutex_unlock(turn);
    }

    for (i = 0, told = 0; i < ready; i++) {
        if (list[i]->rc == ASSESS_OK && !list[i]->replayed) {
            changes[told++] = &list[i]->change;
        }
    }

    if (told) {
        assess_count(&ngx_http_assess_scheduler_engine()->metrics->accepted,
                     told);
        ngx_http_assess_scheduler_publish(changes, told);
    }

    ngx_http_assess_runners_settle(list, ready);

    for (i = 0; i < n; i++) {

        if (starts[i]) {
            ngx_http_assess_start_result(calls[i], starts[i]);
        }
    }
}


void
ngx_http_assess_start_result(ngx_http_assess_call_t *call,
    const assess_starting_t *st)
{
    if (st->rc != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &st->err);
        return;
    }

    if (st->replayed) {
        ngx_http_assess_call_header(call, "Idempotent-Replayed", "true");
    }

    ngx_http_assess_start_answer(call, &st->change.job);
}


/*
 * What the request says; NULL when the answer is a problem, or when its
 * document has to be fetched first
 */

static assess_starting_t *
ngx_http_assess_start_prepare(ngx_http_assess_call_t *call)
{
    assess_json_t           *body;
    assess_err_e             rc;
    assess_err_t             err;
    assess_start_t          *start;
    assess_starting_t       *st;
    ngx_http_assess_form_t   form;

    ngx_memzero(&form, sizeof(ngx_http_assess_form_t));

    body = NULL;
    rc = ASSESS_OK;

    st = assess_pcalloc(call->arena, sizeof(assess_starting_t));
    start = assess_pcalloc(call->arena, sizeof(assess_start_t));

    if (st == NULL || start == NULL) {
        (void) assess_fail(&err, ASSESS_ERROR, NULL, "out of memory");
        ngx_http_assess_call_fail(call, &err);
        return NULL;
    }

    if (ngx_http_assess_call_is(call, "multipart/form-data")) {

        rc = ngx_http_assess_form_read(call, &form, &err);

        if (rc == ASSESS_OK && form.nfiles != 1) {
            rc = ngx_http_assess_bad(&err, ASSESS_INVALID, "file",
                                     "the form must have one \"file\" part, "
                                     "it has %d", (int) form.nfiles);
        }

        if (rc == ASSESS_OK) {
            start->upload = form.files;
            body = ngx_http_assess_start_form(call, &form, &err);
        }

    } else {
        body = ngx_http_assess_start_json(call, &err);
    }

    if (body == NULL) {
        ngx_http_assess_call_fail(call, &err);
        return NULL;
    }

    rc = ngx_http_assess_start_read(call, body, start, &err);

    /* what makes two starts one is asked only where one has a key */

    if (rc == ASSESS_OK && start->idempotency_key.data) {
        rc = ngx_http_assess_start_hash(call, body, start, &err);
    }

    if (rc != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &err);
        return NULL;
    }

    st->arena = call->arena;
    st->scope = &call->scope;
    st->start = start;

    if (call->source == NULL) {
        return st;
    }

    if (ngx_http_assess_source_wanted(call, st, &err) != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &err);
    }

    return NULL;
}


/* with a path of the API that ends in the job's id, or has tail behind it */

static void
ngx_http_assess_start_path(ngx_http_assess_call_t *call, assess_buf_t *b,
    const char *path, const char *job_id, const char *tail)
{
    assess_buf_add(b, call->prefix.data, call->prefix.len);
    assess_buf_str(b, path);
    assess_buf_add(b, job_id, ASSESS_UUID_LEN);
    assess_buf_str(b, tail);
}


static void
ngx_http_assess_start_answer(ngx_http_assess_call_t *call,
    const assess_job_t *job)
{
    assess_buf_t  *b;

    b = &call->body;

    call->status = NGX_HTTP_ACCEPTED;

    /* the buffer is used for the header, too, whose value is copied */

    assess_buf_reset(b);
    ngx_http_assess_start_path(call, b, "/assessments/job/", job->job_id, "");
    ngx_http_assess_call_header_text(call, "Location", b->data, b->len);

    if (b->failed) {
        return;
    }

    assess_buf_reset(b);

    assess_buf_str(b, "{\"jobId\":\"");
    assess_buf_add(b, job->job_id, ASSESS_UUID_LEN);
    assess_buf_str(b, "\",\"assessmentId\":\"");
    assess_buf_add(b, job->assessment_id, ASSESS_UUID_LEN);
    assess_buf_str(b, "\",\"documentId\":\"");
    assess_buf_add(b, job->document_id, ASSESS_UUID_LEN);
    assess_buf_str(b, "\",\"status\":\"queued\",\"statusUrl\":\"");
    ngx_http_assess_start_path(call, b, "/assessments/job/", job->job_id,
                               "\",\"progressUrl\":\"");
    ngx_http_assess_start_path(call, b, "/assessments/progress?jobId=",
                               job->job_id, "\",\"resultsUrl\":\"");
    ngx_http_assess_start_path(call, b, "/assessments/job/", job->job_id,
                               "/results\"}");

    ngx_memcpy(call->wait_job, job->job_id, ASSESS_UUID_LEN + 1);
}


assess_json_t *
ngx_http_assess_start_json(ngx_http_assess_call_t *call, assess_err_t *err)
{
    return ngx_http_assess_start_object(call, NGX_HTTP_ASSESS_VALUES, err);
}


assess_json_t *
ngx_http_assess_start_object(ngx_http_assess_call_t *call, size_t values,
    assess_err_t *err)
{
    assess_str_t    text;
    assess_err_t    why;
    assess_json_t  *body;

    if (ngx_http_assess_call_body(call, &text, err) != ASSESS_OK) {
        return NULL;
    }

    if (assess_json_read(call->arena, text.data, text.len, values, &body, &why)
        != ASSESS_OK)
    {
        (void) assess_fail(err, why.kind, NULL, "%s%.200s",
                           why.kind == ASSESS_INVALID
                           ? "the body is no JSON: " : "",
                           why.message);
        return NULL;
    }

    if (body->type != ASSESS_JSON_OBJECT) {
        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "the body must be a JSON object");
        return NULL;
    }

    return body;
}


/* a field of a form as a value; NULL when it is no text */

static assess_json_t *
ngx_http_assess_start_field(ngx_http_assess_call_t *call,
    const ngx_http_assess_pair_t *field)
{
    size_t          n;
    uint32_t        cp;
    const char     *p, *last;
    assess_err_t    err;
    assess_json_t  *value;

    if (((field->name.len == 8
          && (ngx_memcmp(field->name.data, "priority", 8) == 0
              || ngx_memcmp(field->name.data, "metadata", 8) == 0))
         || (field->name.len == 7
             && ngx_memcmp(field->name.data, "maxCost", 7) == 0))
        && assess_json_read(call->arena, field->value.data, field->value.len,
                            NGX_HTTP_ASSESS_VALUES, &value, &err)
           == ASSESS_OK)
    {
        return value;
    }

    p = field->value.data;
    last = p + field->value.len;

    while (p < last) {

        n = assess_utf8_next(p, last, &cp);
        if (n == 0) {
            return NULL;
        }

        p += n;
    }

    return assess_json_string(call->arena, field->value.data,
                              field->value.len);
}


/* the fields of a form as the members of an object: then both go one way */

static assess_json_t *
ngx_http_assess_start_form(ngx_http_assess_call_t *call,
    const ngx_http_assess_form_t *form, assess_err_t *err)
{
    ngx_uint_t      i;
    assess_json_t  *body, *value;

    body = assess_json_object(call->arena);

    if (body == NULL) {
        (void) assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
        return NULL;
    }

    for (i = 0; i < form->nfields; i++) {

        value = ngx_http_assess_start_field(call, &form->fields[i]);

        if (value == NULL) {
            (void) assess_fail(err, ASSESS_INVALID, NULL,
                               "a field of the form is no UTF-8 text");
            return NULL;
        }

        assess_json_add(body, &form->fields[i].name, value);
    }

    return body;
}


void
ngx_http_assess_start_init(ngx_http_assess_call_t *call,
    assess_start_t *start)
{
    start->max_cost = -1;
    start->metadata.data = "{}";
    start->metadata.len = 2;
    start->idempotency_key = call->idempotency_key;
    start->traceparent = call->traceparent;
}


static assess_err_e
ngx_http_assess_start_read(ngx_http_assess_call_t *call, assess_json_t *body,
    assess_start_t *start, assess_err_t *err)
{
    assess_err_e    rc;
    assess_json_t  *value;

    ngx_http_assess_start_init(call, start);

    for (value = body->first; value; value = value->next) {

        rc = ngx_http_assess_start_key(call, value, start, err);
        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    if (start->upload && start->document_id[0]) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentId",
                                   "a form with a file has no documentId");
    }

    if (start->upload && call->source) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "url",
                                   "a form with a file has no url and no "
                                   "filename");
    }

    if (start->document_id[0] && call->source) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "url",
                                   "a start has either a documentId or a url");
    }

    if (start->upload == NULL && call->source == NULL
        && start->document_id[0] == '\0')
    {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentId",
                                   "documentId or url is missing");
    }

    if (start->set_name.data == NULL) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "questionSet",
                                   "questionSet is missing");
    }

    return ngx_http_assess_start_provider(call, start, err);
}


ngx_uint_t
ngx_http_assess_start_is(const assess_json_t *value, const char *key)
{
    return value->key.len == ngx_strlen(key)
           && ngx_memcmp(value->key.data, key, value->key.len) == 0;
}


assess_err_e
ngx_http_assess_start_key(ngx_http_assess_call_t *call, assess_json_t *value,
    assess_start_t *start, assess_err_t *err)
{
    if (ngx_http_assess_start_is(value, "documentId")) {

        if (value->type != ASSESS_JSON_STRING
            || !assess_uuid_valid(value->text.data, value->text.len))
        {
            return ngx_http_assess_bad(err, ASSESS_INVALID, "documentId",
                                       "documentId is no id");
        }

        ngx_memcpy(start->document_id, value->text.data, ASSESS_UUID_LEN);
        start->document_id[ASSESS_UUID_LEN] = '\0';
        return ASSESS_OK;
    }

    if (ngx_http_assess_start_is(value, "questionSet")) {
        return ngx_http_assess_start_set(call, value, start, err);
    }

    if (ngx_http_assess_start_is(value, "priority")) {

        if (value->type != ASSESS_JSON_INT || value->integer < -100
            || value->integer > 100)
        {
            return ngx_http_assess_bad(err, ASSESS_INVALID, "priority",
                                       "priority must be a whole number from "
                                       "-100 to 100");
        }

        start->priority = (int) value->integer;
        return ASSESS_OK;
    }

    if (ngx_http_assess_start_is(value, "maxCost")) {

        if ((value->type != ASSESS_JSON_INT && value->type != ASSESS_JSON_REAL)
            || !(value->real >= 0) || value->real > 1e9)
        {
            return ngx_http_assess_bad(err, ASSESS_INVALID, "maxCost",
                                       "maxCost must be a number of US "
                                       "dollars, 0 or more");
        }

        start->max_cost = value->real;
        return ASSESS_OK;
    }

    if (ngx_http_assess_start_is(value, "provider")) {
        return ngx_http_assess_start_text(call, "provider", value, 64,
                                          &start->provider, err);
    }

    if (ngx_http_assess_start_is(value, "model")) {
        return ngx_http_assess_start_text(call, "model", value,
                                          NGX_HTTP_ASSESS_MODEL_LEN,
                                          &start->model, err);
    }

    if (ngx_http_assess_start_is(value, "callbackUrl")) {
        return ngx_http_assess_start_url(call, value, start, err);
    }

    if (ngx_http_assess_start_is(value, "metadata")) {
        return ngx_http_assess_start_metadata(call, value, start, err);
    }

    switch (ngx_http_assess_source_member(call, value, err)) {

    case NGX_OK:
        return ASSESS_OK;

    case NGX_DECLINED:
        return ngx_http_assess_start_unknown(call, value, err);

    default:
        return err->kind;
    }
}


/* What could never be called is refused now, while somebody listens */

static assess_err_e
ngx_http_assess_start_url(ngx_http_assess_call_t *call, assess_json_t *value,
    assess_start_t *start, assess_err_t *err)
{
    assess_err_e                  rc;
    assess_err_t                  why;
    assess_str_t                  text;
    assess_source_t               url;
    ngx_http_assess_main_conf_t  *mcf;

    rc = ngx_http_assess_start_text(call, "callbackUrl", value,
                                    NGX_HTTP_ASSESS_URL_LEN, &text, err);

    if (rc != ASSESS_OK) {
        return rc;
    }

    mcf = call->mcf;

    if (assess_webhook_url(call->arena, &text, mcf->courier.nets,
                           mcf->courier.nnets, &url, &why) != ASSESS_OK)
    {
        return ngx_http_assess_bad(err, why.kind, "callbackUrl",
                                   "callbackUrl cannot be called: %s",
                                   why.message);
    }

    start->callback_url = url.url;

    return ASSESS_OK;
}


assess_err_e
ngx_http_assess_start_unknown(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_err_t *err)
{
    assess_str_t  key;

    if (assess_pstrdup(call->arena, &key, value->key.data, value->key.len)
        != 0)
    {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return ngx_http_assess_bad(err, ASSESS_INVALID, key.data,
                               "\"%.64s\" is not known here", key.data);
}


static assess_err_e
ngx_http_assess_start_set(ngx_http_assess_call_t *call, assess_json_t *value,
    assess_start_t *start, assess_err_t *err)
{
    u_char        *at;
    ngx_int_t      version;
    assess_err_e   rc;
    assess_str_t   text;

    rc = ngx_http_assess_start_text(call, "questionSet", value, 80, &text,
                                    err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    at = ngx_strlchr((u_char *) text.data, (u_char *) text.data + text.len,
                     '@');
    if (at) {
        version = ngx_atoi(at + 1, text.len
                                   - (size_t) (at + 1 - (u_char *) text.data));

        if (version < 1 || version > NGX_MAX_INT32_VALUE) {
            return ngx_http_assess_bad(err, ASSESS_INVALID, "questionSet",
                                       "the version must be a number from 1");
        }

        start->set_version = (int) version;
        text.len = (size_t) (at - (u_char *) text.data);
        *at = '\0';
    }

    if (!assess_name_valid(text.data, text.len)) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "questionSet",
                                   "questionSet is no name of a set");
    }

    start->set_name = text;

    return ASSESS_OK;
}


static assess_err_e
ngx_http_assess_start_metadata(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_start_t *start, assess_err_t *err)
{
    int           rc;
    size_t        len;
    assess_buf_t  text;

    if (value->type != ASSESS_JSON_OBJECT) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "metadata",
                                   "metadata must be an object");
    }

    ngx_memzero(&text, sizeof(assess_buf_t));

    (void) assess_buf_reserve(&text, 1024);
    assess_json_write(&text, value);

    rc = text.failed ? -1 : 0;
    len = text.len;

    if (rc == 0 && len <= NGX_HTTP_ASSESS_METADATA) {
        rc = assess_pstrdup(call->arena, &start->metadata, text.data, len);
    }

    assess_buf_free(&text);

    if (rc != 0) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    if (len > NGX_HTTP_ASSESS_METADATA) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "metadata",
                                   "metadata must have at most %d bytes",
                                   NGX_HTTP_ASSESS_METADATA);
    }

    return ASSESS_OK;
}


/* who is asked, and which model, when the request does not say */

assess_err_e
ngx_http_assess_start_provider(ngx_http_assess_call_t *call,
    assess_start_t *start, assess_err_t *err)
{
    const char                    *limit;
    const assess_str_t            *name;
    assess_engine_t               *engine;
    assess_provider_t             *provider;
    const assess_provider_conf_t  *conf;

    name = &start->provider;
    engine = ngx_http_assess_scheduler_engine();

    provider = name->data ? assess_engine_provider(engine, name)
                          : engine->providers[0];

    if (provider == NULL) {
        return ngx_http_assess_bad(err, ASSESS_IMPOSSIBLE, "provider",
                                   "there is no provider \"%.64s\" here",
                                   name->data);
    }

    conf = assess_provider_conf(provider);

    start->provider = conf->name;
    start->questions_per_batch = conf->questions_per_batch;

    if (start->model.data == NULL) {
        start->model = conf->model;
    }

    /* what cannot be counted cannot be kept below a limit */

    limit = start->max_cost >= 0 ? "maxCost"
            : engine->budget(engine->ctx, &call->scope.tenant) >= 0 ? "model"
            : NULL;

    if (limit && conf->type != ASSESS_PROVIDER_LOCAL
        && assess_price_find(conf->prices, conf->nprices, &start->model)
           == NULL)
    {
        return ngx_http_assess_bad(err, ASSESS_IMPOSSIBLE, limit,
                                   "the model \"%.100s\" has no price here, "
                                   "so that no limit of what it costs can be "
                                   "kept", start->model.data);
    }

    return ASSESS_OK;
}


assess_err_e
ngx_http_assess_start_text(ngx_http_assess_call_t *call, const char *key,
    assess_json_t *value, size_t max, assess_str_t *text, assess_err_t *err)
{
    size_t       len;
    const char  *str;

    str = value->text.data;
    len = value->type == ASSESS_JSON_STRING ? value->text.len : 0;

    if (len == 0 || len > max || memchr(str, '\0', len)) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, key,
                                   "%s must be a string of 1 to %d bytes",
                                   key, (int) max);
    }

    if (assess_pstrdup(call->arena, text, str, len) != 0) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return ASSESS_OK;
}


/*
 * Two starts are one when their members are, in whatever order, and their
 * files: name, type and bytes.  Only those with a key are compared.
 */

assess_err_e
ngx_http_assess_start_hash(ngx_http_assess_call_t *call, assess_json_t *body,
    assess_start_t *start, assess_err_t *err)
{
    EVP_MD_CTX     *md;
    unsigned int    len;
    assess_buf_t    text;
    unsigned char   sha[EVP_MAX_MD_SIZE];

    if (start->idempotency_key.data == NULL) {
        return ASSESS_OK;
    }

    ngx_memzero(&text, sizeof(assess_buf_t));

    md = EVP_MD_CTX_new();
    len = 0;

    if (assess_json_canonical(call->arena, &text, body) == 0
        && md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1)
    {
        (void) EVP_DigestUpdate(md, text.data, text.len);

        if (start->upload) {
            (void) EVP_DigestUpdate(md, "\n", 1);
            (void) EVP_DigestUpdate(md, start->upload->sha256, 64);
            (void) EVP_DigestUpdate(md, start->upload->filename.data,
                                    start->upload->filename.len);
            (void) EVP_DigestUpdate(md, "\n", 1);
            (void) EVP_DigestUpdate(md, start->upload->content_type.data,
                                    start->upload->content_type.len);
        }

        if (EVP_DigestFinal_ex(md, sha, &len) != 1) {
            len = 0;
        }
    }

    EVP_MD_CTX_free(md);
    assess_buf_free(&text);

    if (len != 32) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    assess_hex(start->request_hash, sha, len);

    return ASSESS_OK;
}


assess_err_e
ngx_http_assess_bad(assess_err_t *err, assess_err_e kind, const char *key,
    const char *fmt, ...)
{
    va_list  args;

    (void) assess_fail(err, kind, NULL, "%s", "");

    va_start(args, fmt);
    (void) vsnprintf(err->message, sizeof(err->message), fmt, args);
    va_end(args);

    ngx_http_assess_pointer(err, key);

    return kind;
}


/* The ids of a batch, in the call's arena */

assess_err_e
ngx_http_assess_start_documents(ngx_http_assess_call_t *call,
    assess_json_t *value, char (**ids)[ASSESS_UUID_LEN + 1], size_t *n,
    assess_err_t *err)
{
    char            key[32];
    assess_json_t  *id;

    if (value->type != ASSESS_JSON_ARRAY || value->n < 1
        || value->n > ASSESS_BATCH_DOCUMENTS)
    {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentIds",
                                   "documentIds must be an array of 1 to %d "
                                   "ids", ASSESS_BATCH_DOCUMENTS);
    }

    *ids = assess_palloc(call->arena, value->n * sizeof(**ids));
    if (*ids == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    for (id = value->first, *n = 0; id; id = id->next, (*n)++) {

        if (id->type != ASSESS_JSON_STRING
            || !assess_uuid_valid(id->text.data, id->text.len))
        {
            (void) ngx_http_assess_bad(err, ASSESS_INVALID, "documentIds",
                                       "this is no id");
            (void) snprintf(key, sizeof(key), "/documentIds/%zu", *n);
            (void) ngx_cpystrn((u_char *) err->pointer, (u_char *) key,
                               sizeof(err->pointer));
            return err->kind;
        }

        ngx_memcpy((*ids)[*n], id->text.data, ASSESS_UUID_LEN);
        (*ids)[*n][ASSESS_UUID_LEN] = '\0';
    }

    return ASSESS_OK;
}


/* whether somebody has it only its server knows */

assess_err_e
ngx_http_assess_start_email(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_str_t *email, assess_err_t *err)
{
    assess_str_t  text;

    if (ngx_http_assess_start_text(call, "notifyEmail", value,
                                   NGX_HTTP_ASSESS_EMAIL_LEN, &text, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    if (!assess_email_address(text.data, text.len)) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "notifyEmail",
                                   "notifyEmail is no address of mail");
    }

    *email = text;

    return ASSESS_OK;
}
