
/* The bill: what models cost, and what tenants may spend. */

#include "ngx_http_assess_module.h"


char *
ngx_http_assess_prices(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    ngx_str_t           *value;
    assess_err_t         err;
    assess_arena_t      *arena;
    ngx_pool_cleanup_t  *cln;

    if (mcf->prices_file.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs the path of a file";
    }

    mcf->prices_file = value[1];

    if (ngx_conf_full_name(cf->cycle, &mcf->prices_file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    arena = assess_arena_create();

    if (cln == NULL || arena == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = (ngx_pool_cleanup_pt) assess_arena_destroy;
    cln->data = arena;

    if (assess_prices_read(arena, (char *) mcf->prices_file.data,
                           &mcf->prices, &mcf->nprices,
                           mcf->price_version, &err)
        != ASSESS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" failed: %s",
                           &cmd->name, err.message);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* assess_tenant_budget DOLLARS [TENANT] */

char *
ngx_http_assess_tenant_budget(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char                      *end;
    double                     usd;
    ngx_str_t                 *value, tenant;
    ngx_uint_t                 i;
    ngx_http_assess_budget_t  *budget;

    value = cf->args->elts;

    usd = strtod((char *) value[1].data, &end);

    if (end == (char *) value[1].data || *end != '\0'
        || !(usd >= 0 && usd < 1e9))
    {
        return ngx_http_assess_conf_invalid(cf, cmd, &value[1],
                                            "it takes a number of "
                                            "dollars");
    }

    ngx_str_null(&tenant);

    if (cf->args->nelts == 3) {
        tenant = value[2];

        if (tenant.len == 0 || tenant.len > NGX_HTTP_ASSESS_TENANT_LEN) {
            return ngx_http_assess_conf_invalid(cf, cmd, &value[2],
                                                "it takes the name of a "
                                                "tenant");
        }
    }

    if (mcf->budgets == NULL) {
        mcf->budgets = ngx_array_create(cf->pool, 4,
                                        sizeof(ngx_http_assess_budget_t));
        if (mcf->budgets == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    budget = mcf->budgets->elts;

    for (i = 0; i < mcf->budgets->nelts; i++) {
        if (budget[i].tenant.len == tenant.len
            && ngx_strncmp(budget[i].tenant.data, tenant.data, tenant.len)
               == 0)
        {
            return "is duplicate";
        }
    }

    budget = ngx_array_push(mcf->budgets);
    if (budget == NULL) {
        return NGX_CONF_ERROR;
    }

    budget->tenant = tenant;
    budget->usd = usd;

    return NGX_CONF_OK;
}


double
ngx_http_assess_budget_of(const ngx_http_assess_main_conf_t *mcf,
    const assess_str_t *tenant)
{
    double                           usd;
    ngx_uint_t                       i;
    const ngx_http_assess_budget_t  *budget;

    if (mcf->budgets == NULL) {
        return -1;
    }

    usd = -1;
    budget = mcf->budgets->elts;

    for (i = 0; i < mcf->budgets->nelts; i++) {

        if (budget[i].tenant.len == 0) {
            usd = budget[i].usd;

        } else if (budget[i].tenant.len == tenant->len
                   && ngx_memcmp(budget[i].tenant.data, tenant->data,
                                 tenant->len)
                      == 0)
        {
            return budget[i].usd;
        }
    }

    return usd;
}
