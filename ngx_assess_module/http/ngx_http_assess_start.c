
#include "ngx_http_assess_form.h"

#include "engine/assess_questions.h"

#include <jansson.h>
#include <math.h>
#include <openssl/evp.h>


#define NGX_HTTP_ASSESS_METADATA   4096
#define NGX_HTTP_ASSESS_URL_LEN    2048
#define NGX_HTTP_ASSESS_MODEL_LEN  200


static json_t *ngx_http_assess_start_json(ngx_http_assess_call_t *call,
    assess_err_t *err);
static json_t *ngx_http_assess_start_form(const ngx_http_assess_form_t *form,
    assess_err_t *err);
static assess_err_e ngx_http_assess_start_read(ngx_http_assess_call_t *call,
    json_t *body, assess_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_start_key(ngx_http_assess_call_t *call,
    const char *key, json_t *value, assess_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_start_set(ngx_http_assess_call_t *call,
    json_t *value, assess_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_start_metadata(
    ngx_http_assess_call_t *call, json_t *value, assess_start_t *start,
    assess_err_t *err);
static assess_err_e ngx_http_assess_start_provider(
    const assess_str_t *name, assess_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_start_text(ngx_http_assess_call_t *call,
    const char *key, json_t *value, size_t max, assess_str_t *text,
    assess_err_t *err);
static assess_err_e ngx_http_assess_start_hash(json_t *body,
    assess_start_t *start, assess_err_t *err);
static void ngx_http_assess_start_answer(ngx_http_assess_call_t *call,
    const assess_job_t *job);
static assess_err_e ngx_http_assess_bad(assess_err_t *err, assess_err_e kind,
    const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


void
ngx_http_assess_start(ngx_http_assess_call_t *call)
{
    int                      replayed;
    json_t                  *body;
    assess_err_e             rc;
    assess_err_t             err;
    assess_start_t           start;
    assess_change_t          change;
    ngx_http_assess_form_t   form;

    ngx_memzero(&form, sizeof(ngx_http_assess_form_t));
    ngx_memzero(&start, sizeof(assess_start_t));

    body = NULL;
    replayed = 0;
    rc = ASSESS_OK;

    if (ngx_http_assess_call_is(call, "multipart/form-data")) {

        rc = ngx_http_assess_form_read(call, &form, &err);

        if (rc == ASSESS_OK && form.nfiles != 1) {
            rc = ngx_http_assess_bad(&err, ASSESS_INVALID, "file",
                                     "the form must have one \"file\" part, "
                                     "it has %d", (int) form.nfiles);
        }

        if (rc == ASSESS_OK) {
            start.upload = form.files;
            body = ngx_http_assess_start_form(&form, &err);
        }

    } else {
        body = ngx_http_assess_start_json(call, &err);
    }

    if (body == NULL) {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    rc = ngx_http_assess_start_read(call, body, &start, &err);

    if (rc == ASSESS_OK) {
        rc = ngx_http_assess_start_hash(body, &start, &err);
    }

    json_decref(body);

    if (rc == ASSESS_OK) {
        rc = assess_job_start(ngx_http_assess_scheduler_db(), call->arena,
                              &call->scope, &start, &change, &replayed, &err);
    }

    if (rc != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (replayed) {
        ngx_http_assess_call_header(call, "Idempotent-Replayed", "true");

    } else {
        ngx_http_assess_scheduler_publish(&change);
    }

    ngx_http_assess_start_answer(call, &change.job);
}


static void
ngx_http_assess_start_answer(ngx_http_assess_call_t *call,
    const assess_job_t *job)
{
    assess_str_t  *prefix;

    prefix = &call->prefix;

    call->status = NGX_HTTP_ACCEPTED;

    ngx_http_assess_call_header(call, "Location",
                                "%.*s/assessments/job/%s", (int) prefix->len,
                                prefix->data, job->job_id);

    assess_buf_printf(&call->body, "{\"jobId\":\"%s\",\"assessmentId\":\"%s\","
                      "\"documentId\":\"%s\",\"status\":\"queued\"",
                      job->job_id, job->assessment_id, job->document_id);
    assess_buf_printf(&call->body,
                      ",\"statusUrl\":\"%.*s/assessments/job/%s\"",
                      (int) prefix->len, prefix->data, job->job_id);
    assess_buf_printf(&call->body,
                      ",\"progressUrl\":\"%.*s/assessments/progress?jobId=%s\"",
                      (int) prefix->len, prefix->data, job->job_id);
    assess_buf_printf(&call->body,
                      ",\"resultsUrl\":\"%.*s/assessments/job/%s/results\"}",
                      (int) prefix->len, prefix->data, job->job_id);

    ngx_memcpy(call->wait_job, job->job_id, ASSESS_UUID_LEN + 1);
}


static json_t *
ngx_http_assess_start_json(ngx_http_assess_call_t *call, assess_err_t *err)
{
    json_t        *body;
    json_error_t   why;
    assess_str_t   text;

    if (ngx_http_assess_call_body(call, &text, err) != ASSESS_OK) {
        return NULL;
    }

    body = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &why);

    if (body == NULL) {
        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "the body is no JSON: %.100s, line %d column %d",
                           why.text, why.line, why.column);
        return NULL;
    }

    if (!json_is_object(body)) {
        json_decref(body);
        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "the body must be a JSON object");
        return NULL;
    }

    return body;
}


/* the fields of a form as the members of an object: then both go one way */

static json_t *
ngx_http_assess_start_form(const ngx_http_assess_form_t *form,
    assess_err_t *err)
{
    json_t                        *body, *value;
    ngx_uint_t                     i;
    const ngx_http_assess_pair_t  *field;

    body = json_object();

    for (i = 0; body && i < form->nfields; i++) {

        field = &form->fields[i];
        value = NULL;

        if ((field->name.len == 8
             && (ngx_memcmp(field->name.data, "priority", 8) == 0
                 || ngx_memcmp(field->name.data, "metadata", 8) == 0))
            || (field->name.len == 7
                && ngx_memcmp(field->name.data, "maxCost", 7) == 0))
        {
            value = json_loadb(field->value.data, field->value.len,
                               JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, NULL);
        }

        if (value == NULL) {
            value = json_stringn(field->value.data, field->value.len);
        }

        if (value == NULL
            || json_object_set_new(body, field->name.data, value) != 0)
        {
            json_decref(body);
            (void) assess_fail(err, ASSESS_INVALID, NULL,
                               "a field of the form is no UTF-8 text");
            return NULL;
        }
    }

    if (body == NULL) {
        (void) assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return body;
}


static assess_err_e
ngx_http_assess_start_read(ngx_http_assess_call_t *call, json_t *body,
    assess_start_t *start, assess_err_t *err)
{
    json_t        *value;
    const char    *key;
    assess_err_e   rc;
    assess_str_t   provider;

    start->max_cost = -1;
    start->metadata.data = "{}";
    start->metadata.len = 2;
    start->idempotency_key = call->idempotency_key;

    json_object_foreach(body, key, value) {

        rc = ngx_http_assess_start_key(call, key, value, start, err);
        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    if (start->upload && start->document_id[0]) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentId",
                                   "a form with a file has no documentId");
    }

    if (start->upload == NULL && start->document_id[0] == '\0') {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentId",
                                   "documentId is missing");
    }

    if (start->set_name.data == NULL) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "questionSet",
                                   "questionSet is missing");
    }

    provider = start->provider;

    return ngx_http_assess_start_provider(&provider, start, err);
}


static assess_err_e
ngx_http_assess_start_key(ngx_http_assess_call_t *call, const char *key,
    json_t *value, assess_start_t *start, assess_err_t *err)
{
    double         num;
    assess_err_e   rc;
    assess_str_t   text;

    if (ngx_strcmp(key, "documentId") == 0) {

        if (!json_is_string(value)
            || !assess_uuid_valid(json_string_value(value),
                                  json_string_length(value)))
        {
            return ngx_http_assess_bad(err, ASSESS_INVALID, key,
                                       "documentId is no id");
        }

        ngx_memcpy(start->document_id, json_string_value(value),
                   ASSESS_UUID_LEN + 1);
        return ASSESS_OK;
    }

    if (ngx_strcmp(key, "questionSet") == 0) {
        return ngx_http_assess_start_set(call, value, start, err);
    }

    if (ngx_strcmp(key, "priority") == 0) {

        if (!json_is_integer(value) || json_integer_value(value) < -100
            || json_integer_value(value) > 100)
        {
            return ngx_http_assess_bad(err, ASSESS_INVALID, key,
                                       "priority must be a whole number from "
                                       "-100 to 100");
        }

        start->priority = (int) json_integer_value(value);
        return ASSESS_OK;
    }

    if (ngx_strcmp(key, "maxCost") == 0) {

        num = json_number_value(value);

        if (!json_is_number(value) || !isfinite(num) || num < 0 || num > 1e9)
        {
            return ngx_http_assess_bad(err, ASSESS_INVALID, key,
                                       "maxCost must be a number of US "
                                       "dollars, 0 or more");
        }

        start->max_cost = num;
        return ASSESS_OK;
    }

    if (ngx_strcmp(key, "provider") == 0) {
        return ngx_http_assess_start_text(call, key, value, 64,
                                          &start->provider, err);
    }

    if (ngx_strcmp(key, "model") == 0) {
        return ngx_http_assess_start_text(call, key, value,
                                          NGX_HTTP_ASSESS_MODEL_LEN,
                                          &start->model, err);
    }

    if (ngx_strcmp(key, "callbackUrl") == 0) {

        rc = ngx_http_assess_start_text(call, key, value,
                                        NGX_HTTP_ASSESS_URL_LEN, &text, err);

        if (rc == ASSESS_OK && ngx_strncmp(text.data, "http://", 7) != 0
            && ngx_strncmp(text.data, "https://", 8) != 0)
        {
            return ngx_http_assess_bad(err, ASSESS_INVALID, key,
                                       "callbackUrl must begin with http:// "
                                       "or https://");
        }

        start->callback_url = text;
        return rc;
    }

    if (ngx_strcmp(key, "metadata") == 0) {
        return ngx_http_assess_start_metadata(call, value, start, err);
    }

    return ngx_http_assess_bad(err, ASSESS_INVALID, key,
                               "\"%.64s\" is not known here", key);
}


static assess_err_e
ngx_http_assess_start_set(ngx_http_assess_call_t *call, json_t *value,
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
ngx_http_assess_start_metadata(ngx_http_assess_call_t *call, json_t *value,
    assess_start_t *start, assess_err_t *err)
{
    char  *text;
    int    rc;

    if (!json_is_object(value)) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "metadata",
                                   "metadata must be an object");
    }

    text = json_dumps(value, JSON_COMPACT);

    if (text == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    rc = 0;

    if (ngx_strlen(text) <= NGX_HTTP_ASSESS_METADATA) {
        rc = assess_pstrdup(call->arena, &start->metadata, text,
                            ngx_strlen(text));
    }

    /* PostgreSQL's text and JSON have no NUL */

    if (ngx_strlen(text) > NGX_HTTP_ASSESS_METADATA
        || strstr(text, "\\u0000") != NULL)
    {
        free(text);
        return ngx_http_assess_bad(err, ASSESS_INVALID, "metadata",
                                   "metadata must have at most %d bytes and "
                                   "no NUL", NGX_HTTP_ASSESS_METADATA);
    }

    free(text);

    return rc == 0 ? ASSESS_OK
                   : assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
}


/* who is asked, and which model, when the request does not say */

static assess_err_e
ngx_http_assess_start_provider(const assess_str_t *name,
    assess_start_t *start, assess_err_t *err)
{
    assess_engine_t               *engine;
    assess_provider_t             *provider;
    const assess_provider_conf_t  *conf;

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

    return ASSESS_OK;
}


static assess_err_e
ngx_http_assess_start_text(ngx_http_assess_call_t *call, const char *key,
    json_t *value, size_t max, assess_str_t *text, assess_err_t *err)
{
    size_t       len;
    const char  *str;

    str = json_string_value(value);
    len = str ? json_string_length(value) : 0;

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
 * files: name, type and bytes.
 */

static assess_err_e
ngx_http_assess_start_hash(json_t *body, assess_start_t *start,
    assess_err_t *err)
{
    char           *text;
    EVP_MD_CTX     *md;
    unsigned int    len;
    unsigned char   sha[EVP_MAX_MD_SIZE];

    text = json_dumps(body, JSON_COMPACT|JSON_SORT_KEYS);
    md = EVP_MD_CTX_new();
    len = 0;

    if (text && md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1) {

        (void) EVP_DigestUpdate(md, text, ngx_strlen(text));

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
    free(text);

    if (len != 32) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    assess_hex(start->request_hash, sha, len);

    return ASSESS_OK;
}


static assess_err_e
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
