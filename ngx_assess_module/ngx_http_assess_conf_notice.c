
/* How notices are sent: the secrets of webhooks, and the server of mail. */

#include "ngx_http_assess_module.h"

#include "engine/assess_email.h"


/* all signatures are one header */
#define NGX_HTTP_ASSESS_SECRETS  16


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    uint64_t                       seen;     /* by index of the table */
} ngx_http_assess_smtp_ctx_t;


typedef struct {
    ngx_str_t     name;
    char       *(*set)(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
        assess_smtp_conf_t *smtp);
} ngx_http_assess_smtp_cmd_t;


static char *ngx_http_assess_smtp_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_assess_smtp_check(ngx_conf_t *cf,
    assess_smtp_conf_t *smtp);
static char *ngx_http_assess_smtp_from(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_smtp_conf_t *smtp);
static char *ngx_http_assess_smtp_user(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_smtp_conf_t *smtp);
static char *ngx_http_assess_smtp_password(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_smtp_conf_t *smtp);
static char *ngx_http_assess_smtp_tls(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_smtp_conf_t *smtp);
static char *ngx_http_assess_smtp_certificate(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_smtp_conf_t *smtp);


static ngx_http_assess_smtp_cmd_t  ngx_http_assess_smtp_cmds[] = {

    { ngx_string("from"), ngx_http_assess_smtp_from },

    { ngx_string("user"), ngx_http_assess_smtp_user },

    { ngx_string("password"), ngx_http_assess_smtp_password },

    { ngx_string("tls"), ngx_http_assess_smtp_tls },

    { ngx_string("trusted_certificate"), ngx_http_assess_smtp_certificate },

    { ngx_null_string, NULL }
};


/*
 *     assess_webhook_secret  whsec_... | env:name | file:path;
 */

char *
ngx_http_assess_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    const char               *why;
    assess_str_t              text;
    assess_webhook_secret_t  *secret;

    value = cf->args->elts;

    rv = ngx_http_assess_conf_key(cf, &cmd->name, &value[1], &text);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (mcf->webhook_secrets.nelts == NGX_HTTP_ASSESS_SECRETS) {
        return "is there more than 16 times";
    }

    secret = ngx_array_push(&mcf->webhook_secrets);
    if (secret == NULL) {
        return NGX_CONF_ERROR;
    }

    /* it is not shown */

    why = assess_webhook_secret(&text, secret);

    return why ? (char *) why : NGX_CONF_OK;
}


/*
 *     assess_webhook_retry  first [time];
 */

char *
ngx_http_assess_webhook_retry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    ngx_int_t   first, keep;
    ngx_str_t  *value;

    if (mcf->webhook_first != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    first = ngx_parse_time(&value[1], 0);

    if (first == NGX_ERROR || first < 100 || first > ASSESS_COURIER_WAIT) {
        return ngx_http_assess_conf_invalid(cf, cmd, &value[1],
                                            "it takes a time from 100ms to 1h");
    }

    mcf->webhook_first = (ngx_msec_t) first;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    keep = ngx_parse_time(&value[2], 0);

    if (keep == NGX_ERROR || keep < 1000 || keep > 30LL * 24 * 3600 * 1000) {
        return ngx_http_assess_conf_invalid(cf, cmd, &value[2],
                                            "it takes a time from 1s to 30d");
    }

    mcf->webhook_keep = (ngx_msec_t) keep;

    return NGX_CONF_OK;
}


/*
 *     assess_smtp  url { ... }
 */

char *
ngx_http_assess_smtp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char                        *rv;
    ngx_str_t                   *value;
    ngx_conf_t                   save;
    const char                  *why;
    ngx_http_assess_smtp_ctx_t   ctx;

    if (mcf->smtp.url.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* it may have a password in it, though it must not */

    why = assess_smtp_url((char *) value[1].data);
    if (why) {
        return (char *) why;
    }

    mcf->smtp.url = ngx_http_assess_str(&value[1]);

    ctx.mcf = mcf;
    ctx.seen = 0;

    save = *cf;
    cf->ctx = &ctx;
    cf->handler = ngx_http_assess_smtp_line;
    cf->handler_conf = (void *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK ? ngx_http_assess_smtp_check(cf, &mcf->smtp)
                             : rv;
}


static char *
ngx_http_assess_smtp_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_assess_smtp_ctx_t *ctx = conf;

    ngx_str_t                   *value;
    ngx_http_assess_smtp_cmd_t  *cmd;

    cmd = ngx_http_assess_block_find(cf, "assess_smtp",
                                     ngx_http_assess_smtp_cmds,
                                     sizeof(ngx_http_assess_smtp_cmd_t),
                                     &ctx->seen);
    if (cmd == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    return ngx_http_assess_block_said(cf, cmd->set(cf, &cmd->name, &value[1],
                                                   &ctx->mcf->smtp));
}


static char *
ngx_http_assess_smtp_check(ngx_conf_t *cf, assess_smtp_conf_t *smtp)
{
    char  *why;

    if (smtp->from.len == 0) {
        why = "must have \"from\"";

    } else if ((smtp->user.len == 0) != (smtp->password.len == 0)) {
        why = "must have both \"user\" and \"password\", or neither";

    } else if (smtp->user.len && smtp->tls == ASSESS_SMTP_TLS_OFF
               && ngx_strncmp(smtp->url.data, "smtps://", 8) != 0)
    {
        why = "sends no password without TLS";

    } else {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"assess_smtp\" %s", why);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_assess_smtp_from(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    assess_smtp_conf_t *smtp)
{
    if (!assess_email_address((char *) value->data, value->len)) {
        return "must be an address of mail, such as assess@example.org";
    }

    smtp->from = ngx_http_assess_str(value);

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_smtp_user(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    assess_smtp_conf_t *smtp)
{
    if (value->len == 0) {
        return "must not be empty";
    }

    smtp->user = ngx_http_assess_str(value);

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_smtp_password(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_smtp_conf_t *smtp)
{
    return ngx_http_assess_conf_key(cf, name, value, &smtp->password);
}


static char *
ngx_http_assess_smtp_tls(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    assess_smtp_conf_t *smtp)
{
    if (ngx_strcmp(value->data, "required") == 0) {
        smtp->tls = ASSESS_SMTP_TLS_REQUIRED;

    } else if (ngx_strcmp(value->data, "off") == 0) {
        smtp->tls = ASSESS_SMTP_TLS_OFF;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be \"required\" or \"off\", not "
                           "\"%V\"", name, value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_smtp_certificate(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_smtp_conf_t *smtp)
{
    ngx_command_t  cmd;

    ngx_memzero(&cmd, sizeof(ngx_command_t));
    cmd.name = *name;
    cmd.offset = offsetof(assess_smtp_conf_t, ca_file);

    return ngx_http_assess_conf_certificate(cf, &cmd, smtp);
}


void
ngx_http_assess_notice_init(ngx_http_assess_main_conf_t *mcf)
{
    mcf->courier.secrets = mcf->webhook_secrets.elts;
    mcf->courier.nsecrets = mcf->webhook_secrets.nelts;
    mcf->courier.nets = mcf->webhook_nets.elts;
    mcf->courier.nnets = mcf->webhook_nets.nelts;
    mcf->courier.smtp = mcf->smtp.url.len ? &mcf->smtp : NULL;
    mcf->courier.timeout_ms = (int) mcf->webhook_timeout;
    mcf->courier.first_ms = (int) mcf->webhook_first;
    mcf->courier.keep_ms = (int64_t) mcf->webhook_keep;
}
