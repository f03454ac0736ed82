
#include "ngx_http_assess_module.h"

#include "engine/assess_extractor.h"
#include "http/ngx_http_assess_call.h"
#include "http/ngx_http_assess_cors.h"
#include "http/ngx_http_assess_variable.h"
#include "runtime/ngx_http_assess_gauges.h"
#include "runtime/ngx_http_assess_hub.h"
#include "runtime/ngx_http_assess_journal.h"
#include "runtime/ngx_http_assess_scheduler.h"


static ngx_int_t ngx_http_assess_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_assess_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_assess_init_process(ngx_cycle_t *cycle);
static void ngx_http_assess_exit_process(ngx_cycle_t *cycle);
static ngx_http_assess_main_conf_t *ngx_http_assess_main_conf(
    ngx_cycle_t *cycle);


static ngx_http_module_t  ngx_http_assess_module_ctx = {
    ngx_http_assess_variables_add,         /* preconfiguration */
    ngx_http_assess_postconfiguration,     /* postconfiguration */

    ngx_http_assess_create_main_conf,      /* create main configuration */
    ngx_http_assess_init_main_conf,        /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_assess_create_loc_conf,       /* create location configuration */
    ngx_http_assess_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_assess_module = {
    NGX_MODULE_V1,
    &ngx_http_assess_module_ctx,           /* module context */
    ngx_http_assess_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_assess_init_module,           /* init module */
    ngx_http_assess_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_assess_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_assess_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_assess_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_assess_module);

    if (mcf->zone == NULL) {
        return NGX_OK;
    }

    ngx_http_assess_variables_used(cf, mcf);

    if (ngx_http_assess_cors_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_assess_problem_filters(cf);
}


static ngx_http_assess_main_conf_t *
ngx_http_assess_main_conf(ngx_cycle_t *cycle)
{
    ngx_http_assess_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_assess_module);

    return mcf && mcf->zone ? mcf : NULL;
}


/* once a start, and once for each new configuration */

static ngx_int_t
ngx_http_assess_init_module(ngx_cycle_t *cycle)
{
    ngx_http_assess_main_conf_t  *mcf;

    mcf = ngx_http_assess_main_conf(cycle);

    if (mcf && !ngx_test_config && ngx_process != NGX_PROCESS_SIGNALLER) {
        ngx_http_assess_extract_check(cycle, mcf);
        ngx_http_assess_provider_unpriced(cycle, mcf);
    }

    return NGX_OK;
}


/* connections and threads are made after the fork, in the workers only */

static ngx_int_t
ngx_http_assess_init_process(ngx_cycle_t *cycle)
{
    ngx_http_assess_main_conf_t  *mcf;

    mcf = ngx_http_assess_main_conf(cycle);

    if (mcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    if (ngx_http_assess_journal_init(cycle, mcf) != NGX_OK
        || ngx_http_assess_hub_init(cycle, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_assess_scheduler_init(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_assess_gauges_init(cycle, mcf);

    return NGX_OK;
}


static void
ngx_http_assess_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_http_assess_main_conf(cycle) == NULL) {
        return;
    }

    ngx_http_assess_scheduler_exit();
    ngx_http_assess_journal_exit();
    ngx_http_assess_hub_exit();
    assess_extractor_close();
}
