
#include "ngx_http_assess_module.h"
#include "runtime/ngx_http_assess_zone.h"


/* a whole number, a time in milliseconds, or a size, with its bounds */

typedef enum {
    NGX_HTTP_ASSESS_NUMBER = 0,
    NGX_HTTP_ASSESS_TIME,
    NGX_HTTP_ASSESS_SIZE
} ngx_http_assess_unit_e;

typedef struct {
    ngx_http_assess_unit_e  unit;
    ngx_uint_t    off;               /* may be "off", which is 0 */
    ngx_int_t     min;
    ngx_int_t     max;
    const char   *range;
} ngx_http_assess_bounds_t;


static char *ngx_http_assess_range(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_assess_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_assess_zone_begin(ngx_shm_zone_t *zone, void *data);
static ngx_uint_t ngx_http_assess_zone_taken(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_http_assess_threads(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_assess_required(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf);


static ngx_http_assess_bounds_t  ngx_http_assess_jobs_range = {
    NGX_HTTP_ASSESS_NUMBER, 0, 1, 10000, "a number from 1 to 10000"
};

static ngx_http_assess_bounds_t  ngx_http_assess_share_range = {
    NGX_HTTP_ASSESS_NUMBER, 0, 0, 1000000, "a number from 0 to 1000000"
};

/* it is renewed three times before it runs out, over a network */

static ngx_http_assess_bounds_t  ngx_http_assess_lease_range = {
    NGX_HTTP_ASSESS_TIME, 0, 500, 3600 * 1000, "a time from 500ms to 1h"
};

static ngx_http_assess_bounds_t  ngx_http_assess_drain_range = {
    NGX_HTTP_ASSESS_TIME, 0, 0, 24 * 3600 * 1000, "a time from 0 to 24h"
};

static ngx_http_assess_bounds_t  ngx_http_assess_answers_range = {
    NGX_HTTP_ASSESS_TIME, 1, 1000, 3650LL * 24 * 3600 * 1000,
    "\"off\" or a time from 1s to 3650d"
};

static ngx_http_assess_bounds_t  ngx_http_assess_events_range = {
    NGX_HTTP_ASSESS_TIME, 0, 60000, 3650LL * 24 * 3600 * 1000,
    "a time from 1m to 3650d"
};

static ngx_http_assess_bounds_t  ngx_http_assess_history_range = {
    NGX_HTTP_ASSESS_TIME, 1, 60000, 3650LL * 24 * 3600 * 1000,
    "\"off\" or a time from 1m to 3650d"
};

static ngx_http_assess_bounds_t  ngx_http_assess_documents_range = {
    NGX_HTTP_ASSESS_SIZE, 1, 1024 * 1024, NGX_MAX_SIZE_T_VALUE,
    "\"off\" or a size of 1m at least"
};

static ngx_http_assess_bounds_t  ngx_http_assess_source_range = {
    NGX_HTTP_ASSESS_TIME, 0, 100, 3600 * 1000, "a time from 100ms to 1h"
};

static ngx_http_assess_bounds_t  ngx_http_assess_stall_range = {
    NGX_HTTP_ASSESS_TIME, 0, 1000, 3600 * 1000, "a time from 1s to 1h"
};

static ngx_http_assess_bounds_t  ngx_http_assess_fetches_range = {
    NGX_HTTP_ASSESS_NUMBER, 0, 1, 1000, "a number from 1 to 1000"
};

static ngx_http_assess_bounds_t  ngx_http_assess_webhook_range = {
    NGX_HTTP_ASSESS_TIME, 0, 100, 60 * 1000, "a time from 100ms to 1m"
};

static ngx_http_assess_bounds_t  ngx_http_assess_heartbeat_range = {
    NGX_HTTP_ASSESS_TIME, 0, 100, 3600 * 1000, "a time from 100ms to 1h"
};

static ngx_http_assess_bounds_t  ngx_http_assess_retry_range = {
    NGX_HTTP_ASSESS_TIME, 0, 1, 3600 * 1000, "a time from 1ms to 1h"
};


ngx_command_t  ngx_http_assess_commands[] = {

    { ngx_string("assess_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_assess_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_assess_database,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_storage"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_assess_storage,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_threads"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_assess_threads,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_jobs"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, jobs),
      &ngx_http_assess_jobs_range },

    { ngx_string("assess_tenant_jobs"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, tenant_jobs),
      &ngx_http_assess_share_range },

    { ngx_string("assess_batch_jobs"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, batch_jobs),
      &ngx_http_assess_share_range },

    { ngx_string("assess_cpu_tasks"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_assess_cpu_tasks,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_lease"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, lease),
      &ngx_http_assess_lease_range },

    { ngx_string("assess_drain_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, drain_timeout),
      &ngx_http_assess_drain_range },

    { ngx_string("assess_answer_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, answer_cache),
      &ngx_http_assess_answers_range },

    { ngx_string("assess_event_log"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, event_log),
      &ngx_http_assess_events_range },

    { ngx_string("assess_history"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, history),
      &ngx_http_assess_history_range },

    { ngx_string("assess_log_history"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, log_history),
      &ngx_http_assess_history_range },

    { ngx_string("assess_log"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_log,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_document_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, document_cache),
      &ngx_http_assess_documents_range },

    { ngx_string("assess_extract"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_extract,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_extract_limits"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_assess_extract_limits,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_ocr_languages"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_ocr_languages,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_temp_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_path_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, temp_path),
      NULL },

    { ngx_string("assess_prices"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_prices,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_tenant_budget"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_assess_tenant_budget,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_provider"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_assess_provider,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_s3"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_assess_s3,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_source_allow"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_assess_source_allow,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_source_private"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_assess_conf_nets,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, source_nets),
      NULL },

    { ngx_string("assess_source_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_conf_certificate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, source.ca_file),
      NULL },

    { ngx_string("assess_source_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, source_timeout),
      &ngx_http_assess_source_range },

    { ngx_string("assess_source_stall_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, source_stall),
      &ngx_http_assess_stall_range },

    { ngx_string("assess_source_fetches"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, source_fetches),
      &ngx_http_assess_fetches_range },

    { ngx_string("assess_webhook_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_webhook_secret,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_webhook_private"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_assess_conf_nets,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, webhook_nets),
      NULL },

    { ngx_string("assess_webhook_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_conf_certificate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, courier.ca_file),
      NULL },

    { ngx_string("assess_webhook_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, webhook_timeout),
      &ngx_http_assess_webhook_range },

    { ngx_string("assess_webhook_retry"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_assess_webhook_retry,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_smtp"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_assess_smtp,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, heartbeat),
      &ngx_http_assess_heartbeat_range },

    { ngx_string("assess_retry"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_range,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_assess_main_conf_t, retry),
      &ngx_http_assess_retry_range },

    { ngx_string("assess_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_assess_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_dashboard"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_assess_dashboard,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_assess_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_tenant"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_assess_tenant,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_assess_loc_conf_t, tenant),
      NULL },

    { ngx_string("assess_user"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_assess_loc_conf_t, user),
      NULL },

    { ngx_string("assess_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_assess_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("assess_admin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_assess_loc_conf_t, admin),
      NULL },

      ngx_null_command
};


void *
ngx_http_assess_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_assess_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_assess_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->cycle = cf->cycle;

    mcf->jobs = NGX_CONF_UNSET_UINT;
    mcf->tenant_jobs = NGX_CONF_UNSET_UINT;
    mcf->batch_jobs = NGX_CONF_UNSET_UINT;
    mcf->cpu_tasks = NGX_CONF_UNSET_UINT;
    mcf->cpu_tasks_min = NGX_CONF_UNSET_UINT;
    mcf->lease = NGX_CONF_UNSET_MSEC;
    mcf->drain_timeout = NGX_CONF_UNSET_MSEC;
    mcf->answer_cache = NGX_CONF_UNSET_MSEC;
    mcf->event_log = NGX_CONF_UNSET_MSEC;
    mcf->history = NGX_CONF_UNSET_MSEC;
    mcf->log_history = NGX_CONF_UNSET_MSEC;
    mcf->document_cache = NGX_CONF_UNSET_SIZE;
    mcf->source_timeout = NGX_CONF_UNSET_MSEC;
    mcf->source_stall = NGX_CONF_UNSET_MSEC;
    mcf->source_fetches = NGX_CONF_UNSET_UINT;
    mcf->webhook_timeout = NGX_CONF_UNSET_MSEC;
    mcf->webhook_first = NGX_CONF_UNSET_MSEC;
    mcf->webhook_keep = NGX_CONF_UNSET_MSEC;
    mcf->heartbeat = NGX_CONF_UNSET_MSEC;
    mcf->retry = NGX_CONF_UNSET_MSEC;

    mcf->journal = NGX_CONF_UNSET_PTR;

    mcf->db.connections = 8;
    mcf->db.acquire_ms = 5000;
    mcf->db.connect_ms = 2000;
    mcf->db.statement_ms = 30000;
    mcf->db.idle_ms = 30000;
    mcf->db.lifetime_ms = 30 * 60 * 1000;

    mcf->extract.memory = 1024 * 1024 * 1024;
    mcf->extract.cpu_s = 60;
    mcf->extract.wall_s = 120;
    mcf->extract.pages = 5000;
    mcf->extract.document_s = 3600;
    mcf->extract.output = 64 * 1024 * 1024;

    if (ngx_array_init(&mcf->providers, cf->pool, 4, sizeof(void *)) != NGX_OK
        || ngx_array_init(&mcf->s3, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&mcf->source_rules, cf->pool, 4,
                          sizeof(assess_source_rule_t)) != NGX_OK
        || ngx_array_init(&mcf->source_nets, cf->pool, 4,
                          sizeof(assess_net_t)) != NGX_OK
        || ngx_array_init(&mcf->webhook_nets, cf->pool, 4,
                          sizeof(assess_net_t)) != NGX_OK
        || ngx_array_init(&mcf->webhook_secrets, cf->pool, 2,
                          sizeof(assess_webhook_secret_t)) != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


char *
ngx_http_assess_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char  *reason;

    static ngx_path_init_t  temp_path = {
        ngx_string("assess_temp"), { 0, 0, 0 }
    };

    ngx_conf_init_uint_value(mcf->jobs, 32);
    ngx_conf_init_uint_value(mcf->tenant_jobs, 0);
    ngx_conf_init_uint_value(mcf->batch_jobs, 0);
    ngx_conf_init_msec_value(mcf->lease, 8000);
    ngx_conf_init_msec_value(mcf->drain_timeout, 10000);
    ngx_conf_init_msec_value(mcf->answer_cache,
                             (ngx_msec_t) 30 * 24 * 3600 * 1000);
    ngx_conf_init_msec_value(mcf->event_log, (ngx_msec_t) 24 * 3600 * 1000);
    ngx_conf_init_msec_value(mcf->history, 0);
    ngx_conf_init_msec_value(mcf->log_history,
                             (ngx_msec_t) 30 * 24 * 3600 * 1000);
    ngx_conf_init_size_value(mcf->document_cache, 32 * 1024 * 1024);
    ngx_conf_init_msec_value(mcf->source_timeout, 60000);
    ngx_conf_init_msec_value(mcf->source_stall, 15000);
    ngx_conf_init_uint_value(mcf->source_fetches, 8);
    ngx_conf_init_msec_value(mcf->webhook_timeout, 15000);
    ngx_conf_init_msec_value(mcf->webhook_first, 5000);
    ngx_conf_init_msec_value(mcf->webhook_keep,
                             (ngx_msec_t) 24 * 3600 * 1000);
    ngx_conf_init_msec_value(mcf->heartbeat, 15000);
    ngx_conf_init_msec_value(mcf->retry, 2000);
    ngx_http_assess_cpu_init(mcf);

    if (mcf->extract.languages == NULL) {
        mcf->extract.languages = "eng";
    }

    ngx_http_assess_notice_init(mcf);
    ngx_conf_init_ptr_value(mcf->journal, NULL);

    /* nothing is set up where the module is only loaded */

    if (mcf->api_file.len == 0 && mcf->metrics_file.len) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"assess_metrics\" needs the \"assess_api\" directive "
                      "in %V:%ui", &mcf->metrics_file, mcf->metrics_line);
        return NGX_CONF_ERROR;
    }

    if (mcf->api_file.len == 0) {
        mcf->zone = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_conf_merge_path_value(cf, &mcf->temp_path, NULL, &temp_path)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (mcf->providers.nelts == 0
        && ngx_http_assess_provider_default(cf, mcf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_assess_provider_prices(cf, mcf) != NGX_CONF_OK
        || ngx_http_assess_source_init(cf, mcf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (mcf->journal
        && (reason = ngx_http_assess_journal_take(mcf->journal))
           != NGX_CONF_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"assess_log\" %s", reason);
        return NGX_CONF_ERROR;
    }

    return ngx_http_assess_required(cf, mcf);
}


static char *
ngx_http_assess_required(ngx_conf_t *cf, ngx_http_assess_main_conf_t *mcf)
{
    char  *missing;

    if (mcf->zone == NULL) {
        missing = "assess_zone";

    } else if (mcf->conninfo.len == 0) {
        missing = "assess_database";

    } else if (mcf->job_threads == NULL) {
        missing = "assess_threads";

    } else if (mcf->extract_program.len == 0) {
        missing = "assess_extract";

    } else {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"assess_api\" needs the \"%s\" directive in %V:%ui",
                  missing, &mcf->api_file, mcf->api_line);

    return NGX_CONF_ERROR;
}


/* every message names its directive; nginx adds the file and the line */

char *
ngx_http_assess_conf_invalid(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, const char *why)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" has an invalid parameter \"%V\"%s%s",
                       &cmd->name, value, why ? ", " : "", why ? why : "");

    return NGX_CONF_ERROR;
}


char *
ngx_http_assess_conf_twice(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value)
{
    size_t     len;
    ngx_str_t  name;

    for (len = 0; len < value->len && value->data[len] != '='; len++) {
        /* void */
    }

    name.len = len;
    name.data = value->data;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" has a duplicate parameter \"%V\"", &cmd->name,
                       &name);

    return NGX_CONF_ERROR;
}


/* ngx_conf_set_num_slot(), and those of times and sizes, with bounds */

static char *
ngx_http_assess_range(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_int_t                 n;
    ngx_str_t                *value;
    ngx_uint_t               *np;
    ngx_http_assess_bounds_t  *bounds;

    np = (ngx_uint_t *) (p + cmd->offset);
    bounds = cmd->post;

    if (*np != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (bounds->off && ngx_strcmp(value[1].data, "off") == 0) {
        *np = 0;
        return NGX_CONF_OK;
    }

    switch (bounds->unit) {

    case NGX_HTTP_ASSESS_TIME:
        n = ngx_parse_time(&value[1], 0);
        break;

    case NGX_HTTP_ASSESS_SIZE:
        n = ngx_parse_size(&value[1]);
        break;

    default:
        n = ngx_atoi(value[1].data, value[1].len);
    }

    if (n == NGX_ERROR || n < bounds->min || n > bounds->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be %s, not \"%V\"", &cmd->name,
                           bounds->range, &value[1]);
        return NGX_CONF_ERROR;
    }

    *np = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs a name";
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid size \"%V\"", &cmd->name,
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    if (size < NGX_HTTP_ASSESS_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is too small with \"%V\", it needs 1m at "
                           "least", &cmd->name, &value[2]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_assess_zone_taken(cf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has a name that is taken: \"%V\"",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->zone = ngx_shared_memory_add(cf, &value[1], size,
                                      &ngx_http_assess_module);
    if (mcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->zone->init = ngx_http_assess_zone_begin;
    mcf->zone->data = mcf;

    return NGX_CONF_OK;
}


/*
 * Here all of the configuration is known, also the user that workers run as,
 * and a failure still leaves a running nginx as it is.
 */

static ngx_int_t
ngx_http_assess_zone_begin(ngx_shm_zone_t *zone, void *data)
{
    if (ngx_http_assess_storage_check(zone->data, zone->shm.log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_assess_zone_init(zone, data);
}


/* by another directive of this configuration */

static ngx_uint_t
ngx_http_assess_zone_taken(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    for (part = &cf->cycle->shared_memory.part; part; part = part->next) {

        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].shm.name.len == name->len
                && ngx_memcmp(zone[i].shm.name.data, name->data, name->len)
                   == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


/* jobs=POOL store=POOL, and where there are sources fetch=POOL */

static char *
ngx_http_assess_threads(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    size_t        len;
    ngx_str_t    *value, names[3];
    ngx_uint_t    i, k;

    static ngx_str_t  pools[] = {
        ngx_string("jobs"), ngx_string("store"), ngx_string("fetch")
    };

    if (mcf->job_threads) {
        return "is duplicate";
    }

    value = cf->args->elts;
    ngx_memzero(names, sizeof(names));

    for (i = 1; i < cf->args->nelts; i++) {

        for (k = 0; k < 3; k++) {
            len = pools[k].len + 1;

            if (value[i].len > len && value[i].data[len - 1] == '='
                && ngx_strncmp(value[i].data, pools[k].data, len - 1) == 0)
            {
                break;
            }
        }

        if (k == 3) {
            return ngx_http_assess_conf_invalid(cf, cmd, &value[i], NULL);
        }

        if (names[k].len) {
            return ngx_http_assess_conf_twice(cf, cmd, &value[i]);
        }

        names[k].data = value[i].data + len;
        names[k].len = value[i].len - len;
    }

    for (k = 0; k < 2; k++) {
        if (names[k].len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" must have a \"%V\" parameter",
                               &cmd->name, &pools[k]);
            return NGX_CONF_ERROR;
        }
    }

    /* jobs that hold every thread would wait for the store for ever */

    for (i = 0; i < 2; i++) {
        for (k = i + 1; k < 3; k++) {
            if (names[i].len == names[k].len
                && ngx_strncmp(names[i].data, names[k].data, names[i].len)
                   == 0)
            {
                return "needs different thread pools";
            }
        }
    }

    mcf->job_threads = ngx_thread_pool_add(cf, &names[0]);
    mcf->store_threads = ngx_thread_pool_add(cf, &names[1]);

    if (mcf->job_threads == NULL || mcf->store_threads == NULL) {
        return NGX_CONF_ERROR;
    }

    if (names[2].len) {
        mcf->fetch_threads = ngx_thread_pool_add(cf, &names[2]);
        if (mcf->fetch_threads == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
