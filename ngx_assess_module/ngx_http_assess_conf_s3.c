
#include "ngx_http_assess_module.h"

#include "engine/assess_questions.h"


/*
 * assess_s3 NAME { ... }: an object storage, for whatever lies in one.
 */

typedef struct {
    assess_s3_conf_t    *conf;
    uint64_t             seen;       /* by index of the table */
} ngx_http_assess_s3_ctx_t;


typedef struct {
    ngx_str_t     name;
    char       *(*set)(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
        void *field, ngx_int_t max);
    size_t        offset;
    ngx_int_t     max;
} ngx_http_assess_s3_cmd_t;


static char *ngx_http_assess_s3_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_assess_s3_check(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf, assess_s3_conf_t *conf);
static char *ngx_http_assess_s3_endpoint(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, void *field, ngx_int_t max);
static char *ngx_http_assess_s3_region(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, void *field, ngx_int_t max);
static char *ngx_http_assess_s3_key(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, void *field, ngx_int_t max);
static char *ngx_http_assess_s3_addressing(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, void *field, ngx_int_t max);
static char *ngx_http_assess_s3_msec(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, void *field, ngx_int_t max);
static char *ngx_http_assess_s3_num(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, void *field, ngx_int_t max);


#define off(member)  offsetof(assess_s3_conf_t, member)

static ngx_http_assess_s3_cmd_t  ngx_http_assess_s3_cmds[] = {

    { ngx_string("endpoint"), ngx_http_assess_s3_endpoint, off(endpoint), 0 },

    { ngx_string("region"), ngx_http_assess_s3_region, off(region), 64 },

    { ngx_string("access_key"), ngx_http_assess_s3_key, off(access_key), 0 },

    { ngx_string("secret_key"), ngx_http_assess_s3_key, off(secret_key), 0 },

    { ngx_string("session_token"), ngx_http_assess_s3_key,
      off(session_token), 0 },

    { ngx_string("addressing"), ngx_http_assess_s3_addressing,
      off(virtual_host), 0 },

    { ngx_string("connect_timeout"), ngx_http_assess_s3_msec, off(connect_ms),
      600000 },

    { ngx_string("timeout"), ngx_http_assess_s3_msec, off(timeout_ms),
      3600000 },

    { ngx_string("stall_timeout"), ngx_http_assess_s3_msec, off(stall_ms),
      3600000 },

    { ngx_string("tries"), ngx_http_assess_s3_num, off(tries), 20 },

    { ngx_null_string, NULL, 0, 0 }
};


char *
ngx_http_assess_s3(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_http_assess_s3_ctx_t    ctx;

    value = cf->args->elts;

    if (!assess_name_valid((char *) value[1].data, value[1].len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid name \"%V\"", &cmd->name,
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_assess_s3_named(mcf, (char *) value[1].data, value[1].len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has a name that is taken: \"%V\"",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    ctx.seen = 0;
    ctx.conf = ngx_pcalloc(cf->pool, sizeof(assess_s3_conf_t));
    if (ctx.conf == NULL) {
        return NGX_CONF_ERROR;
    }

    ctx.conf->name = ngx_http_assess_str(&value[1]);
    ctx.conf->region.len = sizeof("us-east-1") - 1;
    ctx.conf->region.data = "us-east-1";
    ctx.conf->connect_ms = 5000;
    ctx.conf->timeout_ms = 300000;
    ctx.conf->stall_ms = 30000;
    ctx.conf->tries = 3;

    save = *cf;
    cf->ctx = &ctx;
    cf->handler = ngx_http_assess_s3_line;
    cf->handler_conf = (void *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK ? ngx_http_assess_s3_check(cf, mcf, ctx.conf)
                             : rv;
}


assess_s3_conf_t *
ngx_http_assess_s3_named(ngx_http_assess_main_conf_t *mcf, const char *name,
    size_t len)
{
    ngx_uint_t          i;
    assess_s3_conf_t  **confs;

    confs = mcf->s3.elts;

    for (i = 0; i < mcf->s3.nelts; i++) {
        if (confs[i]->name.len == len
            && ngx_memcmp(confs[i]->name.data, name, len) == 0)
        {
            return confs[i];
        }
    }

    return NULL;
}


static char *
ngx_http_assess_s3_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_assess_s3_ctx_t *ctx = conf;

    ngx_str_t                 *value;
    ngx_http_assess_s3_cmd_t  *cmd;

    cmd = ngx_http_assess_block_find(cf, "assess_s3", ngx_http_assess_s3_cmds,
                                     sizeof(ngx_http_assess_s3_cmd_t),
                                     &ctx->seen);
    if (cmd == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    return ngx_http_assess_block_said(cf,
                   cmd->set(cf, &cmd->name, &value[1],
                            (char *) ctx->conf + cmd->offset, cmd->max));
}


static char *
ngx_http_assess_s3_check(ngx_conf_t *cf, ngx_http_assess_main_conf_t *mcf,
    assess_s3_conf_t *conf)
{
    char               *missing;
    assess_s3_conf_t  **slot;

    missing = conf->endpoint.len == 0 ? "endpoint"
              : conf->access_key.len == 0 ? "access_key"
              : conf->secret_key.len == 0 ? "secret_key" : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"assess_s3\" \"%s\" must have \"%s\"",
                           conf->name.data, missing);
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&mcf->s3);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = conf;

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_s3_endpoint(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    void *field, ngx_int_t max)
{
    char  *why;

    why = ngx_http_assess_conf_url((char *) value->data);
    if (why) {
        return why;
    }

    while (value->data[value->len - 1] == '/') {
        value->data[--value->len] = '\0';
    }

    if (ngx_strchr(ngx_strchr(value->data, ':') + 3, '/')) {
        return "must not have a path";
    }

    *(assess_str_t *) field = ngx_http_assess_str(value);

    return NGX_CONF_OK;
}


/* it becomes a part of what is signed */

static char *
ngx_http_assess_s3_region(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    void *field, ngx_int_t max)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if ((value->data[i] < 'a' || value->data[i] > 'z')
            && (value->data[i] < '0' || value->data[i] > '9')
            && value->data[i] != '-')
        {
            break;
        }
    }

    if (i == 0 || i < value->len || (ngx_int_t) i > max) {
        return "must have 1 to 64 of a-z, 0-9 and \"-\"";
    }

    *(assess_str_t *) field = ngx_http_assess_str(value);

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_s3_key(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    void *field, ngx_int_t max)
{
    return ngx_http_assess_conf_key(cf, name, value, field);
}


static char *
ngx_http_assess_s3_addressing(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, void *field, ngx_int_t max)
{
    if (ngx_strcmp(value->data, "path") == 0) {
        *(int *) field = 0;

    } else if (ngx_strcmp(value->data, "host") == 0) {
        *(int *) field = 1;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be \"path\" or \"host\", not \"%V\"",
                           name, value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_s3_msec(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    void *field, ngx_int_t max)
{
    ngx_int_t  n;

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || n < 1 || n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a time from 1ms to %ims, not "
                           "\"%V\"", name, max, value);
        return NGX_CONF_ERROR;
    }

    *(int *) field = (int) n;

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_s3_num(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    void *field, ngx_int_t max)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n < 1 || n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a number from 1 to %i, not "
                           "\"%V\"", name, max, value);
        return NGX_CONF_ERROR;
    }

    *(int *) field = (int) n;

    return NGX_CONF_OK;
}
