
/* From where documents may be fetched. */

#include "ngx_http_assess_module.h"


static char *ngx_http_assess_source_rule(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_main_conf_t *mcf, ngx_str_t *value,
    const assess_s3_conf_t *s3, ngx_str_t *storage);


/*
 *     assess_source_allow  [https://|http://]host[:port] ...;
 *     assess_source_allow  s3://bucket ... storage=name;
 */

char *
ngx_http_assess_source_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char              *rv;
    ngx_str_t         *value, storage;
    ngx_uint_t         i, n;
    assess_s3_conf_t  *s3;

    value = cf->args->elts;
    n = cf->args->nelts;
    s3 = NULL;
    ngx_str_null(&storage);

    if (ngx_strncmp(value[n - 1].data, "storage=", 8) == 0) {
        n--;
        storage.data = value[n].data + 8;
        storage.len = value[n].len - 8;

        s3 = ngx_http_assess_s3_named(mcf, (char *) storage.data,
                                      storage.len);
        if (s3 == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" names a storage that no \"assess_s3\" "
                               "above it has: \"%V\"", &cmd->name, &storage);
            return NGX_CONF_ERROR;
        }

        if (n == 1) {
            return ngx_http_assess_conf_invalid(cf, cmd, &value[1], NULL);
        }
    }

    for (i = 1; i < n; i++) {
        rv = ngx_http_assess_source_rule(cf, cmd, mcf, &value[i], s3,
                                         &storage);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_source_rule(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_main_conf_t *mcf, ngx_str_t *value,
    const assess_s3_conf_t *s3, ngx_str_t *storage)
{
    const char            *why;
    assess_str_t           text;
    assess_source_rule_t  *rule;

    rule = ngx_array_push(&mcf->source_rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    text = ngx_http_assess_str(value);
    why = assess_source_rule(&text, rule);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid parameter \"%V\", it %s",
                           &cmd->name, value, why);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(rule->scheme, "s3") != 0) {

        if (s3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has an invalid parameter \"%V\", only "
                               "buckets are in the storage \"%V\"",
                               &cmd->name, value, storage);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (s3 == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have a \"storage\" parameter for "
                           "\"%V\"", &cmd->name, value);
        return NGX_CONF_ERROR;
    }

    rule->s3 = s3;

    return NGX_CONF_OK;
}


char *
ngx_http_assess_source_init(ngx_conf_t *cf, ngx_http_assess_main_conf_t *mcf)
{
    mcf->source.rules = mcf->source_rules.elts;
    mcf->source.nrules = mcf->source_rules.nelts;
    mcf->source.nets = mcf->source_nets.elts;
    mcf->source.nnets = mcf->source_nets.nelts;
    mcf->source.connect_ms = (int) ngx_min(mcf->source_timeout, 10000);
    mcf->source.timeout_ms = (int) mcf->source_timeout;
    mcf->source.stall_ms = (int) mcf->source_stall;

    /* a source that is slow holds up nobody else */

    if (mcf->source.nrules && mcf->fetch_threads == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"assess_source_allow\" needs the \"fetch\" parameter "
                      "of \"assess_threads\" in %V:%ui", &mcf->api_file,
                      mcf->api_line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
