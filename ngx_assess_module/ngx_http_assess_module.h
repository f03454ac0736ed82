
/* The module: what its configuration says, and what a worker keeps. */

#ifndef NGX_HTTP_ASSESS_MODULE_H
#define NGX_HTTP_ASSESS_MODULE_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#if !(NGX_THREADS)
#error "ngx_http_assess_module needs nginx built with --with-threads"
#endif

#include "engine/assess_courier.h"
#include "engine/assess_engine.h"
#include "engine/assess_source.h"
#include "store/assess_storage.h"


#define NGX_HTTP_ASSESS_TENANT_LEN   128
#define NGX_HTTP_ASSESS_USER_LEN     128

/* for nginx's own log */
#define NGX_HTTP_ASSESS_VARIABLES    6


/* One that documents lie in; ops is NULL for the database. */
typedef struct {
    ngx_str_t                    name;
    const assess_storage_ops_t  *ops;
    ngx_str_t                    path;           /* of a directory */
    assess_s3_conf_t            *s3;             /* or of a bucket */
    ngx_str_t                    bucket;
    ngx_str_t                    prefix;
    ngx_msec_t                   keep;           /* objects, after removal */
} ngx_http_assess_storage_t;


/* What a tenant may spend on a day, in dollars; all others: without a name. */
typedef struct {
    ngx_str_t                    tenant;
    double                       usd;
} ngx_http_assess_budget_t;


typedef struct {
    ngx_shm_zone_t              *zone;

    ngx_str_t                    conninfo;
    assess_db_conf_t             db;

    ngx_array_t                 *storages;       /* new ones go to the first */

    ngx_thread_pool_t           *job_threads;
    ngx_thread_pool_t           *store_threads;
    ngx_thread_pool_t           *fetch_threads;  /* NULL: no sources */

    ngx_uint_t                   jobs;           /* at once, a worker */
    ngx_uint_t                   tenant_jobs;    /* at once, of all; 0: any */
    ngx_uint_t                   batch_jobs;
    ngx_uint_t                   cpu_tasks;      /* at once, a worker */
    ngx_uint_t                   cpu_tasks_min;  /* whatever others want */
    ngx_flag_t                   cpu_given;      /* they were */
    ngx_msec_t                   lease;
    ngx_msec_t                   drain_timeout;
    ngx_msec_t                   answer_cache;   /* answers are kept for; 0 */
    ngx_msec_t                   event_log;      /* so are events */
    ngx_msec_t                   history;        /* jobs that ended; 0 */
    ngx_msec_t                   log_history;    /* and lines of all; 0 */
    size_t                       document_cache; /* bytes, a worker; 0 */

    assess_extract_conf_t        extract;
    ngx_str_t                    extract_program;
    ngx_flag_t                   extract_limits; /* they were given */
    ngx_path_t                  *temp_path;

    ngx_str_t                    prices_file;
    assess_price_t              *prices;
    size_t                       nprices;
    char                         price_version[ASSESS_PRICE_VERSION + 1];
    ngx_array_t                 *budgets;    /* of ngx_http_assess_budget_t */
    ngx_array_t                  providers;  /* of assess_provider_conf_t * */
    ngx_array_t                  s3;             /* of assess_s3_conf_t * */

    assess_source_conf_t         source;
    ngx_array_t                  source_rules;   /* of assess_source_rule_t */
    ngx_array_t                  source_nets;    /* of assess_net_t */
    ngx_msec_t                   source_timeout;
    ngx_msec_t                   source_stall;
    ngx_uint_t                   source_fetches; /* at once, a worker */

    assess_courier_conf_t        courier;        /* of notices */
    assess_smtp_conf_t           smtp;           /* its mail; url: or none */
    ngx_array_t                  webhook_secrets; /* assess_webhook_secret_t */
    ngx_array_t                  webhook_nets;   /* of assess_net_t */
    ngx_msec_t                   webhook_timeout;
    ngx_msec_t                   webhook_first;
    ngx_msec_t                   webhook_keep;

    ngx_msec_t                   heartbeat;
    ngx_msec_t                   retry;

    ngx_open_file_t             *journal;        /* NULL: none is kept */

    /* places of variables in a request; NGX_ERROR: nobody uses it */
    ngx_int_t                    variables[NGX_HTTP_ASSESS_VARIABLES];

    ngx_str_t                    api_file;       /* where it is first used */
    ngx_uint_t                   api_line;

    ngx_str_t                    metrics_file;   /* likewise, of metrics */
    ngx_uint_t                   metrics_line;

    ngx_cycle_t                 *cycle;          /* of this configuration */
} ngx_http_assess_main_conf_t;


typedef struct ngx_http_assess_cors_s       ngx_http_assess_cors_t;
typedef struct ngx_http_assess_dashboard_s  ngx_http_assess_dashboard_t;


typedef struct {
    ngx_flag_t                   api;
    ngx_flag_t                   metrics;
    ngx_str_t                    prefix;         /* of the location */
    ngx_str_t                    api_file;       /* where it is configured */
    ngx_uint_t                   api_line;
    ngx_http_complex_value_t    *tenant;
    ngx_http_complex_value_t    *user;
    ngx_http_complex_value_t    *admin;          /* NULL: nobody is one */
    ngx_http_assess_cors_t      *cors;           /* NULL: of this origin only */
    ngx_http_assess_dashboard_t *dashboard;      /* the page, or NULL */
} ngx_http_assess_loc_conf_t;


extern ngx_module_t  ngx_http_assess_module;


/* ngx_http_assess_conf.c */
extern ngx_command_t  ngx_http_assess_commands[];

void *ngx_http_assess_create_main_conf(ngx_conf_t *cf);
char *ngx_http_assess_init_main_conf(ngx_conf_t *cf, void *conf);

/* Log that a parameter is wrong, or there twice; NGX_CONF_ERROR. */
char *ngx_http_assess_conf_invalid(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, const char *why);
char *ngx_http_assess_conf_twice(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value);


/* ngx_http_assess_conf_database.c */
char *ngx_http_assess_database(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* ngx_http_assess_conf_location.c */
void *ngx_http_assess_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_assess_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
char *ngx_http_assess_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_assess_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_assess_tenant(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_assess_dashboard(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * ngx_http_assess_conf_block.c.  The entry of the directive that was read in a
 * table of a block, whose entries begin with a name, and which ends with one
 * without; each has one argument and stands once, which seen keeps.  NULL: why
 * not is logged.  And what its function returned, logged where it is a reason.
 */
void *ngx_http_assess_block_find(ngx_conf_t *cf, const char *block,
    void *table, size_t size, uint64_t *seen);
char *ngx_http_assess_block_said(ngx_conf_t *cf, char *rv);

/*
 * ngx_http_assess_conf_key.c.  A key, or env:NAME or file:PATH of one; the
 * error is logged, or returned as what follows the name.
 */
char *ngx_http_assess_conf_key(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, assess_str_t *key);

/* Networks, added to an array of assess_net_t; and the name of a file of PEM. */
char *ngx_http_assess_conf_nets(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_assess_conf_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* What is wrong with the URL of a server, or NULL.  It is not shown. */
char *ngx_http_assess_conf_url(const char *text);


/* ngx_http_assess_conf_s3.c: the block that describes an object storage */
char *ngx_http_assess_s3(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* The one of that name, which is above; NULL: there is none. */
assess_s3_conf_t *ngx_http_assess_s3_named(ngx_http_assess_main_conf_t *mcf,
    const char *name, size_t len);


/* ngx_http_assess_conf_cors.c: which origins' pages may use the API */
char *ngx_http_assess_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ngx_http_assess_conf_journal.c: the file that tells what became of jobs */
char *ngx_http_assess_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Another log may have it; NGX_CONF_OK, or the reason. */
char *ngx_http_assess_journal_take(ngx_open_file_t *file);


/* ngx_http_assess_conf_source.c: from where documents are fetched */
char *ngx_http_assess_source_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_assess_source_init(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf);


/* ngx_http_assess_conf_notice.c: how notices are sent, and whereto */
char *ngx_http_assess_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_assess_webhook_retry(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_assess_smtp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_http_assess_notice_init(ngx_http_assess_main_conf_t *mcf);


/* ngx_http_assess_conf_extract.c: the program that reads documents */
char *ngx_http_assess_extract(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_assess_extract_limits(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_assess_extract_check(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);
char *ngx_http_assess_ocr_languages(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_assess_conf_cpu.c: how many documents are read at once */
char *ngx_http_assess_cpu_tasks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_assess_cpu_init(ngx_http_assess_main_conf_t *mcf);


/* ngx_http_assess_conf_storage.c: where documents lie */
char *ngx_http_assess_storage(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Whether workers can use it; of the whole configuration, when it is read. */
ngx_int_t ngx_http_assess_storage_check(ngx_http_assess_main_conf_t *mcf,
    ngx_log_t *log);

/* Made in a worker; NULL is out of memory. */
assess_storages_t *ngx_http_assess_storages_create(
    ngx_http_assess_main_conf_t *mcf);


/* ngx_http_assess_conf_bill.c: what models cost, and what tenants may spend */
char *ngx_http_assess_prices(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_assess_tenant_budget(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Of a tenant on a day, in dollars; negative: not limited. */
double ngx_http_assess_budget_of(const ngx_http_assess_main_conf_t *mcf,
    const assess_str_t *tenant);


/* ngx_http_assess_provider.c: the block that describes a provider */
char *ngx_http_assess_provider(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_assess_provider_default(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf);
char *ngx_http_assess_provider_prices(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf);

/* Logs which of their models have no price. */
void ngx_http_assess_provider_unpriced(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);


/* An assess_str_t is an ngx_str_t but for the type of its bytes. */
static ngx_inline assess_str_t
ngx_http_assess_str(const ngx_str_t *s)
{
    assess_str_t  str;

    str.len = s->len;
    str.data = (char *) s->data;

    return str;
}


#endif /* NGX_HTTP_ASSESS_MODULE_H */
