
/*
 * What a location says: that the API is there, and who it is that calls; or
 * that the metrics are.
 */

#include "ngx_http_assess_module.h"
#include "http/ngx_http_assess_call.h"
#include "http/ngx_http_assess_dashboard.h"
#include "http/ngx_http_assess_metrics.h"


static char *ngx_http_assess_prefix(ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_assess_alone(ngx_conf_t *cf,
    ngx_http_assess_loc_conf_t *conf, const char *name,
    ngx_http_handler_pt handler);


void *
ngx_http_assess_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_assess_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_assess_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->tenant = NGX_CONF_UNSET_PTR;
    lcf->user = NGX_CONF_UNSET_PTR;
    lcf->admin = NGX_CONF_UNSET_PTR;
    lcf->cors = NGX_CONF_UNSET_PTR;

    return lcf;
}


char *
ngx_http_assess_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_assess_loc_conf_t *prev = parent;
    ngx_http_assess_loc_conf_t *conf = child;

    ngx_conf_merge_ptr_value(conf->tenant, prev->tenant, NULL);
    ngx_conf_merge_ptr_value(conf->user, prev->user, NULL);
    ngx_conf_merge_ptr_value(conf->admin, prev->admin, NULL);
    ngx_conf_merge_ptr_value(conf->cors, prev->cors, NULL);

    if (conf->dashboard) {
        return ngx_http_assess_alone(cf, conf, "assess_dashboard",
                                     ngx_http_assess_dashboard_handler);
    }

    if (conf->metrics) {
        return ngx_http_assess_alone(cf, conf, "assess_metrics",
                                     ngx_http_assess_metrics_handler);
    }

    if (!conf->api) {
        return NGX_CONF_OK;
    }

    if (conf->tenant == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"assess_api\" needs the \"assess_tenant\" directive "
                      "in %V:%ui", &conf->api_file, conf->api_line);
        return NGX_CONF_ERROR;
    }

    return ngx_http_assess_alone(cf, conf, "assess_api",
                                 ngx_http_assess_call_handler);
}


/* of two directives that answer, nginx takes the last without a word */

static char *
ngx_http_assess_alone(ngx_conf_t *cf, ngx_http_assess_loc_conf_t *conf,
    const char *name, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == handler) {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"%s\" shares its location with another directive that "
                  "answers requests in %V:%ui",
                  name, &conf->api_file, conf->api_line);

    return NGX_CONF_ERROR;
}


/* what is wrong with a location that is to have paths below it, or NULL */

static char *
ngx_http_assess_prefix(ngx_http_core_loc_conf_t *clcf)
{
#if (NGX_PCRE)
    if (clcf->regex) {
        return "cannot be used in a location that is a regular expression";
    }
#endif

    if (clcf->named || clcf->noname || clcf->exact_match
        || clcf->name.len == 0 || clcf->name.data[0] != '/')
    {
        return "needs a location that is a prefix, such as \"/api/\"";
    }

    return NULL;
}


char *
ngx_http_assess_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_loc_conf_t *lcf = conf;

    char                         *wrong;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_assess_main_conf_t  *mcf;

    if (lcf->api) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    wrong = ngx_http_assess_prefix(clcf);
    if (wrong) {
        return wrong;
    }

    lcf->api = 1;
    lcf->prefix = clcf->name;

    lcf->api_file = cf->conf_file->file.name;
    lcf->api_line = cf->conf_file->line;

    if (clcf->handler) {
        return "shares its location with another directive that answers "
               "requests";
    }

    clcf->handler = ngx_http_assess_call_handler;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_assess_module);

    if (mcf->api_file.len == 0) {
        mcf->api_file = cf->conf_file->file.name;
        mcf->api_line = cf->conf_file->line;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_assess_dashboard(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_loc_conf_t *lcf = conf;

    char                      *wrong;
    ngx_str_t                 *value, api;
    ngx_http_core_loc_conf_t  *clcf;

    if (lcf->dashboard) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    wrong = ngx_http_assess_prefix(clcf);
    if (wrong) {
        return wrong;
    }

    if (!ngx_http_assess_dashboard_path(&clcf->name)) {
        return "needs a location of letters, digits and \"/-._~\"";
    }

    if (clcf->handler) {
        return "shares its location with another directive that answers "
               "requests";
    }

    ngx_str_set(&api, "/api/");

    if (cf->args->nelts == 2) {
        value = cf->args->elts;
        api = value[1];

        if (!ngx_http_assess_dashboard_path(&api)
            || api.data[api.len - 1] != '/')
        {
            return "needs the location of the API, such as \"/api/\"";
        }
    }

    lcf->dashboard = ngx_http_assess_dashboard_create(cf->pool, &clcf->name,
                                                      &api);
    if (lcf->dashboard == NULL) {
        return NGX_CONF_ERROR;
    }

    lcf->api_file = cf->conf_file->file.name;
    lcf->api_line = cf->conf_file->line;

    clcf->handler = ngx_http_assess_dashboard_handler;

    return NGX_CONF_OK;
}


char *
ngx_http_assess_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_loc_conf_t *lcf = conf;

    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_assess_main_conf_t  *mcf;

    if (lcf->metrics) {
        return "is duplicate";
    }

    lcf->metrics = 1;
    lcf->api_file = cf->conf_file->file.name;
    lcf->api_line = cf->conf_file->line;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "shares its location with another directive that answers "
               "requests";
    }

    clcf->handler = ngx_http_assess_metrics_handler;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_assess_module);

    if (mcf->metrics_file.len == 0) {
        mcf->metrics_file = lcf->api_file;
        mcf->metrics_line = lcf->api_line;
    }

    return NGX_CONF_OK;
}


/* a text without variables is known now, and may be one that nobody can be */

char *
ngx_http_assess_tenant(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_loc_conf_t *lcf = conf;

    char       *rv;
    ngx_str_t  *value;

    rv = ngx_http_set_complex_value_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;

    if (lcf->tenant->lengths == NULL
        && (value[1].len == 0 || value[1].len > NGX_HTTP_ASSESS_TENANT_LEN))
    {
        return "needs 1 to 128 bytes, or a variable";
    }

    return NGX_CONF_OK;
}
