
#include "ngx_http_assess_module.h"

#include "engine/assess_questions.h"


/*
 * assess_provider NAME { ... }: parsed with a table of its own, since what is
 * in the block has no meaning elsewhere.
 */

typedef struct {
    ngx_http_assess_main_conf_t    *mcf;
    assess_provider_conf_t         *conf;
    ngx_array_t                     prices;      /* of assess_price_t */
    assess_buf_t                    lines;       /* that they were read from */
    uint64_t                        seen;        /* by index of the table */
    unsigned                        type:1;
} ngx_http_assess_provider_ctx_t;


/* what a setting is for */
#define NGX_HTTP_ASSESS_REMOTE  0x1      /* of a server: local has none */


typedef struct {
    ngx_str_t     name;
    ngx_uint_t    flags;
    char       *(*set)(ngx_conf_t *cf, ngx_http_assess_provider_ctx_t *ctx,
        ngx_str_t *name, ngx_str_t *value, size_t offset, ngx_int_t min,
        ngx_int_t max);
    size_t        offset;
    ngx_int_t     min;
    ngx_int_t     max;
} ngx_http_assess_provider_cmd_t;


static char *ngx_http_assess_provider_line(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_assess_provider_check(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx);
static char *ngx_http_assess_provider_alone(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx);
static char *ngx_http_assess_provider_type(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max);
static char *ngx_http_assess_provider_str(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max);
static char *ngx_http_assess_provider_num(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max);
static char *ngx_http_assess_provider_msec(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max);
static char *ngx_http_assess_provider_url(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max);
static char *ngx_http_assess_provider_key(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max);
static char *ngx_http_assess_provider_price(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx);
static ngx_int_t ngx_http_assess_provider_usd(ngx_str_t *value,
    double *usd[4]);
static assess_provider_conf_t *ngx_http_assess_provider_create(
    ngx_conf_t *cf);


#define off(member)  offsetof(assess_provider_conf_t, member)

#define REMOTE  NGX_HTTP_ASSESS_REMOTE

static ngx_http_assess_provider_cmd_t  ngx_http_assess_provider_cmds[] = {

    { ngx_string("type"), 0, ngx_http_assess_provider_type, 0, 0, 0 },

    { ngx_string("model"), 0, ngx_http_assess_provider_str, off(model), 0, 0 },

    { ngx_string("questions_per_batch"), 0, ngx_http_assess_provider_num,
      off(questions_per_batch), 1, 100 },

    { ngx_string("passages"), 0, ngx_http_assess_provider_num, off(passages),
      1, 100 },

    { ngx_string("url"), REMOTE, ngx_http_assess_provider_url, off(url), 0,
      0 },

    { ngx_string("api_key"), REMOTE, ngx_http_assess_provider_key,
      off(api_key), 0, 0 },

    { ngx_string("concurrency"), REMOTE, ngx_http_assess_provider_num,
      off(concurrency), 1, 100000 },

    { ngx_string("tries"), REMOTE, ngx_http_assess_provider_num, off(tries),
      1, 100 },

    { ngx_string("asks"), REMOTE, ngx_http_assess_provider_num, off(asks), 1,
      20 },

    { ngx_string("images"), REMOTE, ngx_http_assess_provider_num, off(images),
      0, ASSESS_IMAGES_MAX },

    { ngx_string("max_tokens"), REMOTE, ngx_http_assess_provider_num,
      off(max_tokens), 0, 10000000 },

    { ngx_string("connect_timeout"), REMOTE, ngx_http_assess_provider_msec,
      off(connect_ms), 1, 600000 },

    { ngx_string("timeout"), REMOTE, ngx_http_assess_provider_msec,
      off(timeout_ms), 1, 3600000 },

    { ngx_string("backoff"), REMOTE, ngx_http_assess_provider_msec,
      off(backoff_ms), 1, 600000 },

    { ngx_string("backoff_max"), REMOTE, ngx_http_assess_provider_msec,
      off(backoff_max_ms), 1, 3600000 },

    { ngx_null_string, 0, NULL, 0, 0, 0 }
};


char *
ngx_http_assess_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char                             *rv;
    ngx_str_t                        *value;
    ngx_conf_t                        save;
    ngx_uint_t                        i;
    assess_provider_conf_t          **confs;
    ngx_http_assess_provider_ctx_t    ctx;

    value = cf->args->elts;

    if (!assess_name_valid((char *) value[1].data, value[1].len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid name \"%V\"", &cmd->name,
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    confs = mcf->providers.elts;

    for (i = 0; i < mcf->providers.nelts; i++) {
        if (confs[i]->name.len == value[1].len
            && ngx_strncmp(confs[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has a name that is taken: \"%V\"",
                               &cmd->name, &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&ctx, sizeof(ngx_http_assess_provider_ctx_t));
    ctx.mcf = mcf;

    ctx.conf = ngx_http_assess_provider_create(cf);
    if (ctx.conf == NULL
        || ngx_array_init(&ctx.prices, cf->pool, 4, sizeof(assess_price_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ctx.conf->name = ngx_http_assess_str(&value[1]);

    save = *cf;
    cf->ctx = &ctx;
    cf->handler = ngx_http_assess_provider_line;
    cf->handler_conf = (void *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        assess_buf_free(&ctx.lines);
        return rv;
    }

    ctx.conf->prices = ctx.prices.elts;
    ctx.conf->nprices = ctx.prices.nelts;

    if (ctx.conf->nprices) {
        assess_price_version(ctx.conf->price_version, ctx.lines.data,
                             ctx.lines.len);
    }

    assess_buf_free(&ctx.lines);

    return ngx_http_assess_provider_check(cf, &ctx);
}


static char *
ngx_http_assess_provider_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_assess_provider_ctx_t *ctx = conf;

    ngx_str_t                       *value;
    ngx_http_assess_provider_cmd_t  *cmd;

    value = cf->args->elts;

    if (value[0].len == 5 && ngx_strncmp(value[0].data, "price", 5) == 0) {
        return ngx_http_assess_provider_price(cf, ctx);
    }

    cmd = ngx_http_assess_block_find(cf, "assess_provider",
                                     ngx_http_assess_provider_cmds,
                                     sizeof(ngx_http_assess_provider_cmd_t),
                                     &ctx->seen);
    if (cmd == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_assess_block_said(cf,
                   cmd->set(cf, ctx, &cmd->name, &value[1], cmd->offset,
                            cmd->min, cmd->max));
}


static char *
ngx_http_assess_provider_check(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx)
{
    char                     *missing;
    assess_provider_conf_t   *conf, **slot;

    conf = ctx->conf;
    missing = NULL;

    if (!ctx->type) {
        missing = "type";

    } else if (conf->type == ASSESS_PROVIDER_OPENAI) {

        if (conf->url.len == 0) {
            missing = "url";

        } else if (conf->model.len == 0) {
            missing = "model";
        }
    }

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"assess_provider\" \"%s\" must have \"%s\"",
                           conf->name.data, missing);
        return NGX_CONF_ERROR;
    }

    if (conf->type == ASSESS_PROVIDER_LOCAL
        && ngx_http_assess_provider_alone(cf, ctx) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->backoff_ms > conf->backoff_max_ms) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"assess_provider\" \"%s\" has a \"backoff\" "
                           "above its \"backoff_max\"", conf->name.data);
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&ctx->mcf->providers);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = conf;

    return NGX_CONF_OK;
}


/* a provider without a server has nothing that belongs to one */

static char *
ngx_http_assess_provider_alone(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx)
{
    char        *name;
    ngx_uint_t   i;

    name = ctx->prices.nelts ? "price" : NULL;

    for (i = 0; name == NULL && ngx_http_assess_provider_cmds[i].set; i++) {

        if ((ctx->seen & ((uint64_t) 1 << i))
            && (ngx_http_assess_provider_cmds[i].flags & REMOTE))
        {
            name = (char *) ngx_http_assess_provider_cmds[i].name.data;
        }
    }

    if (name) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"assess_provider\" \"%s\" is \"local\" and "
                           "cannot have \"%s\"", ctx->conf->name.data, name);
        return NGX_CONF_ERROR;
    }

    if (ctx->conf->model.len == 0) {
        ctx->conf->model.len = sizeof("local") - 1;
        ctx->conf->model.data = "local";
    }

    return NGX_CONF_OK;
}


static assess_provider_conf_t *
ngx_http_assess_provider_create(ngx_conf_t *cf)
{
    assess_provider_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(assess_provider_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->questions_per_batch = 5;
    conf->concurrency = 64;
    conf->tries = 5;
    conf->asks = 3;
    conf->passages = 8;
    conf->connect_ms = 5000;
    conf->timeout_ms = 120000;
    conf->backoff_ms = 500;
    conf->backoff_max_ms = 30000;

    return conf;
}


/* where none is configured, the one that needs nobody */

char *
ngx_http_assess_provider_default(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf)
{
    assess_provider_conf_t  *conf, **slot;

    conf = ngx_http_assess_provider_create(cf);
    slot = ngx_array_push(&mcf->providers);

    if (conf == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->type = ASSESS_PROVIDER_LOCAL;
    conf->name.len = conf->model.len = sizeof("local") - 1;
    conf->name.data = conf->model.data = "local";

    *slot = conf;

    return NGX_CONF_OK;
}


/* a provider's own prices first, then those of the price file */

char *
ngx_http_assess_provider_prices(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf)
{
    ngx_uint_t                i;
    char                      both[2 * ASSESS_PRICE_VERSION];
    assess_price_t           *prices;
    assess_provider_conf_t  **confs, *conf;

    confs = mcf->providers.elts;

    for (i = 0; i < mcf->providers.nelts; i++) {

        conf = confs[i];

        if (conf->nprices == 0) {
            conf->prices = mcf->prices;
            conf->nprices = mcf->nprices;
            ngx_memcpy(conf->price_version, mcf->price_version,
                       sizeof(conf->price_version));
            continue;
        }

        if (mcf->nprices) {
            ngx_memcpy(both, conf->price_version, ASSESS_PRICE_VERSION);
            ngx_memcpy(both + ASSESS_PRICE_VERSION, mcf->price_version,
                       ASSESS_PRICE_VERSION);
            assess_price_version(conf->price_version, both, sizeof(both));
        }

        prices = ngx_palloc(cf->pool, (conf->nprices + mcf->nprices)
                                      * sizeof(assess_price_t));
        if (prices == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memcpy(prices, conf->prices,
                   conf->nprices * sizeof(assess_price_t));

        if (mcf->nprices) {
            ngx_memcpy(prices + conf->nprices, mcf->prices,
                       mcf->nprices * sizeof(assess_price_t));
        }

        conf->prices = prices;
        conf->nprices += mcf->nprices;
    }

    return NGX_CONF_OK;
}


void
ngx_http_assess_provider_unpriced(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf)
{
    ngx_uint_t                i;
    assess_provider_conf_t  **confs, *conf;

    confs = mcf->providers.elts;

    for (i = 0; i < mcf->providers.nelts; i++) {

        conf = confs[i];

        if (conf->type != ASSESS_PROVIDER_LOCAL
            && assess_price_find(conf->prices, conf->nprices, &conf->model)
               == NULL)
        {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "assess provider \"%s\": its model \"%s\" has no "
                          "price, what it costs is told as 0",
                          conf->name.data, conf->model.data);
        }
    }
}


static char *
ngx_http_assess_provider_type(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max)
{
    ctx->type = 1;

    if (ngx_strcmp(value->data, "local") == 0) {
        ctx->conf->type = ASSESS_PROVIDER_LOCAL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "openai") == 0) {
        ctx->conf->type = ASSESS_PROVIDER_OPENAI;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" must be \"local\" or \"openai\", not \"%V\"",
                       name, value);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_assess_provider_str(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max)
{
    if (value->len == 0) {
        return "must not be empty";
    }

    *(assess_str_t *) ((char *) ctx->conf + offset)
                                               = ngx_http_assess_str(value);

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_provider_num(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n < min || n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a number from %i to %i, not "
                           "\"%V\"", name, min, max, value);
        return NGX_CONF_ERROR;
    }

    *(int *) ((char *) ctx->conf + offset) = (int) n;

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_provider_msec(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max)
{
    ngx_int_t  n;

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || n < min || n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a time from %ims to %ims, not "
                           "\"%V\"", name, min, max, value);
        return NGX_CONF_ERROR;
    }

    *(int *) ((char *) ctx->conf + offset) = (int) n;

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_provider_url(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max)
{
    char  *why;

    why = ngx_http_assess_conf_url((char *) value->data);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", name, why);
        return NGX_CONF_ERROR;
    }

    while (value->len && value->data[value->len - 1] == '/') {
        value->data[--value->len] = '\0';
    }

    ctx->conf->url = ngx_http_assess_str(value);

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_provider_key(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx, ngx_str_t *name, ngx_str_t *value,
    size_t offset, ngx_int_t min, ngx_int_t max)
{
    return ngx_http_assess_conf_key(cf, name, value, &ctx->conf->api_key);
}


/* for a million tokens each; the last two are as input where not given */

static char *
ngx_http_assess_provider_price(ngx_conf_t *cf,
    ngx_http_assess_provider_ctx_t *ctx)
{
    double          *usd[4];
    ngx_str_t       *value;
    ngx_uint_t       i;
    assess_price_t  *price;
    assess_tier_t   *tier;

    value = cf->args->elts;

    if (cf->args->nelts < 4 || cf->args->nelts > 6) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"price\" "
                           "directive");
        return NGX_CONF_ERROR;
    }

    price = ctx->prices.elts;

    for (i = 0; i < ctx->prices.nelts; i++) {
        if (price[i].model.len == value[1].len
            && ngx_memcmp(price[i].model.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"price\" is given twice for the model \"%V\"",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    price = ngx_array_push(&ctx->prices);
    if (price == NULL) {
        return NGX_CONF_ERROR;
    }

    assess_price_set(price, -1, -1);
    price->model = ngx_http_assess_str(&value[1]);

    tier = &price->tiers[0];
    usd[0] = &tier->input;
    usd[1] = &tier->output;
    usd[2] = &tier->cached;
    usd[3] = &tier->written;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_assess_provider_usd(&value[i], usd) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"price\" has an invalid parameter \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (tier->input < 0 || tier->output < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"price\" must have \"input\" and \"output\" "
                           "parameters");
        return NGX_CONF_ERROR;
    }

    tier->cached = tier->cached < 0 ? tier->input : tier->cached;
    tier->written = tier->written < 0 ? tier->input : tier->written;

    for (i = 1; i < cf->args->nelts; i++) {
        assess_buf_add(&ctx->lines, (char *) value[i].data, value[i].len + 1);
    }

    return ctx->lines.failed ? NGX_CONF_ERROR : NGX_CONF_OK;
}


/* input=, output=, cached= or written=, in dollars for a million tokens */

static ngx_int_t
ngx_http_assess_provider_usd(ngx_str_t *value, double *usd[4])
{
    char        *end, *text;
    double       n;
    size_t       len;
    ngx_uint_t   i;

    static const char *const  names[] = {
        "input=", "output=", "cached=", "written="
    };

    for (i = 0; i < 4; i++) {

        len = ngx_strlen(names[i]);

        if (ngx_strncmp(value->data, names[i], len) != 0) {
            continue;
        }

        text = (char *) value->data + len;
        n = strtod(text, &end);

        if (end == text || *end != '\0' || !(n >= 0 && n < 1e6)) {
            return NGX_ERROR;
        }

        *usd[i] = n / 1e6;

        return NGX_OK;
    }

    return NGX_ERROR;
}
