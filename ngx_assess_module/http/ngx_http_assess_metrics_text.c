
/* What there is to be told, and under which names: see docs/metrics.md. */

#include "ngx_http_assess_metrics.h"
#include "../runtime/ngx_http_assess_gauges.h"
#include "../runtime/ngx_http_assess_scheduler.h"

#include "base/assess_exposition.h"
#include "engine/assess_tasks.h"


#define NGX_HTTP_ASSESS_EACH(array)  (sizeof(array) / sizeof((array)[0]))


static void ngx_http_assess_metrics_jobs(assess_buf_t *b,
    const assess_metrics_t *m);
static void ngx_http_assess_metrics_store(assess_buf_t *b,
    ngx_shm_zone_t *zone);
static void ngx_http_assess_metrics_gauges(assess_buf_t *b,
    const assess_gauges_t *g);
static void ngx_http_assess_metrics_documents(assess_buf_t *b,
    const assess_metrics_t *m);
static void ngx_http_assess_metrics_lookups(assess_buf_t *b, const char *name,
    const char *help, const uint64_t *hits, const uint64_t *misses);
static void ngx_http_assess_metrics_streams(assess_buf_t *b,
    const assess_metrics_t *m, const ngx_http_assess_told_t *told);
static void ngx_http_assess_metrics_notices(assess_buf_t *b,
    const assess_metrics_t *m);
static void ngx_http_assess_metrics_workers(assess_buf_t *b,
    ngx_http_assess_main_conf_t *mcf, ngx_uint_t workers,
    const ngx_http_assess_told_t *told);
static void ngx_http_assess_metrics_tasks(assess_buf_t *b,
    ngx_shm_zone_t *zone, const assess_metrics_t *m);
static ngx_uint_t ngx_http_assess_metrics_told(ngx_shm_zone_t *zone,
    ngx_http_assess_told_t *sum);


void
ngx_http_assess_metrics_text(assess_buf_t *b, ngx_http_assess_main_conf_t *mcf)
{
    ngx_uint_t               workers;
    assess_engine_t         *engine;
    assess_metrics_t        *m;
    ngx_http_assess_told_t   told;

    m = ngx_http_assess_zone_metrics(mcf->zone);
    engine = ngx_http_assess_scheduler_engine();
    workers = ngx_http_assess_metrics_told(mcf->zone, &told);

    ngx_http_assess_metrics_jobs(b, m);
    ngx_http_assess_metrics_store(b, mcf->zone);
    ngx_http_assess_metrics_providers(b, engine);
    ngx_http_assess_metrics_documents(b, m);
    ngx_http_assess_metrics_streams(b, m, &told);
    ngx_http_assess_metrics_notices(b, m);
    ngx_http_assess_metrics_workers(b, mcf, workers, &told);
    ngx_http_assess_metrics_tasks(b, mcf->zone, m);
}


static void
ngx_http_assess_metrics_one(assess_buf_t *b, const char *name,
    const char *label, const char *value, double number)
{
    assess_label_t  l;

    l = assess_exposition_label(label, value);
    assess_exposition_sample(b, name, &l, 1, number);
}


static void
ngx_http_assess_metrics_jobs(assess_buf_t *b, const assess_metrics_t *m)
{
    ngx_uint_t      i;
    assess_label_t  label;

    assess_exposition_counter(b, "assess_jobs_accepted_total",
        "Jobs that were started here, those of batches included.",
        (double) assess_counted(&m->accepted));

    assess_exposition_head(b, "assess_jobs_finished_total", "counter",
        "Jobs that ended here, by how.");

    for (i = ASSESS_COMPLETED; i < ASSESS_STATUSES; i++) {
        ngx_http_assess_metrics_one(b, "assess_jobs_finished_total",
            "outcome", assess_status_name((assess_status_e) i),
            (double) assess_counted(&m->finished[i]));
    }

    assess_exposition_counter(b, "assess_leases_taken_over_total",
        "Jobs that were taken over from a worker that left them.",
        (double) assess_counted(&m->taken_over));

    assess_exposition_head(b, "assess_job_queue_seconds", "histogram",
        "From the start of a job until it was begun the first time.");
    assess_exposition_histogram(b, "assess_job_queue_seconds", NULL, 0,
                                &m->queued);

    assess_exposition_head(b, "assess_job_stage_seconds", "histogram",
        "What the stages of jobs took that were passed.");

    for (i = ASSESS_EXTRACTING; i <= ASSESS_FINALIZING; i++) {
        label = assess_exposition_label("stage",
                                 assess_stage_name((assess_stage_e) i));
        assess_exposition_histogram(b, "assess_job_stage_seconds", &label, 1,
                                    &m->stages[i]);
    }

    assess_exposition_head(b, "assess_job_seconds", "histogram",
        "From the start of a job to its end, however it ended.");
    assess_exposition_histogram(b, "assess_job_seconds", NULL, 0, &m->whole);
}


/* What was never read is not told: 0 would be a lie */

static void
ngx_http_assess_metrics_store(assess_buf_t *b, ngx_shm_zone_t *zone)
{
    ngx_http_assess_seen_t  seen;

    ngx_http_assess_zone_seen(zone, &seen);

    assess_exposition_gauge(b, "assess_store_up",
        "Whether the database answers; if not, what is told of it is old.",
        (double) ngx_http_assess_gauges_store(&seen));

    if (seen.read_at == 0) {
        return;
    }

    assess_exposition_gauge(b, "assess_store_read_age_seconds",
        "How old is what is told of the database.",
        (double) (assess_mono_ms() - seen.read_at) / 1000);

    ngx_http_assess_metrics_gauges(b, &seen.gauges);
}


static void
ngx_http_assess_metrics_gauges(assess_buf_t *b, const assess_gauges_t *g)
{
    ngx_uint_t  i;

    assess_exposition_gauge(b, "assess_queue_jobs",
        "Jobs that wait, of all instances.", (double) g->queued);
    assess_exposition_gauge(b, "assess_running_jobs",
        "Jobs that run, of all instances.", (double) g->running);
    assess_exposition_gauge(b, "assess_queue_oldest_seconds",
        "How long the job waits that has waited longest; 0: none waits.",
        (double) g->oldest_ms / 1000);
    assess_exposition_gauge(b, "assess_queue_paused",
        "Whether an operator has paused the queue.", (double) g->paused);

    assess_exposition_head(b, "assess_stored_jobs", "gauge",
        "Jobs that are kept in the database.");

    for (i = 0; i < ASSESS_STATUSES; i++) {
        ngx_http_assess_metrics_one(b, "assess_stored_jobs", "status",
            assess_status_name((assess_status_e) i), (double) g->jobs[i]);
    }

    assess_exposition_head(b, "assess_open_batches", "gauge",
        "Batches for which something is still to be done.");

    for (i = 0; i < ASSESS_BATCH_STATUSES; i++) {
        ngx_http_assess_metrics_one(b, "assess_open_batches", "status",
            assess_batch_status_name((assess_batch_status_e) i),
            (double) g->batches[i]);
    }

    assess_exposition_gauge(b, "assess_notices_pending",
        "Notices that are neither delivered nor given up.",
        (double) g->notices);
    assess_exposition_gauge(b, "assess_notices_overdue_seconds",
        "How long the notice is due that is due longest; 0: none is.",
        (double) g->overdue_ms / 1000);
    assess_exposition_gauge(b, "assess_workers_alive",
        "Workers that gave a sign of life within a lease, of all instances.",
        (double) g->workers);
    assess_exposition_gauge(b, "assess_instances_alive",
        "Instances of nginx that have such workers.", (double) g->instances);
    assess_exposition_counter(b, "assess_events_written_total",
        "Events that were ever written to the log.", (double) g->events);
}


/* Of a kind that was never read there is nothing to tell */

static void
ngx_http_assess_metrics_documents(assess_buf_t *b, const assess_metrics_t *m)
{
    uint64_t        sum;
    ngx_uint_t      i, k;
    assess_label_t  labels[2];

    static const char  *const kinds[] = {
        "unknown", "pdf", "text", "markdown", "html", "docx", "xlsx", "pptx",
        "odt", "ods", "odp", "image", "rtf", "eml", "epub", "doc", "xls"
    };

    static const char  *const reads[ASSESS_READS] = {
        "ok", "encrypted", "damaged", "without_text", "limit", "killed",
        "crashed", "forbidden", "ocr_unavailable", "cancelled", "error"
    };

    assess_exposition_head(b, "assess_extractions_total", "counter",
        "Documents whose text was read, by their kind and what came of it.");

    for (i = 0; i < NGX_HTTP_ASSESS_EACH(kinds); i++) {

        for (k = 0, sum = 0; k < ASSESS_READS; k++) {
            sum += assess_counted(&m->reads[i][k]);
        }

        labels[0] = assess_exposition_label("kind", kinds[i]);

        for (k = 0; sum && k < ASSESS_READS; k++) {
            labels[1] = assess_exposition_label("outcome", reads[k]);
            assess_exposition_sample(b, "assess_extractions_total", labels, 2,
                                     (double) assess_counted(&m->reads[i][k]));
        }
    }

    assess_exposition_counter(b, "assess_ocr_pages_total",
        "Scanned pages that were read.",
        (double) assess_counted(&m->ocr_pages));

    ngx_http_assess_metrics_lookups(b, "assess_document_cache_lookups_total",
        "Texts of documents that were looked for in a worker's memory.",
        &m->document_hits, &m->document_misses);
    ngx_http_assess_metrics_lookups(b, "assess_answer_cache_lookups_total",
        "Answers that were looked for among those that are kept.",
        &m->answer_hits, &m->answer_misses);
}


static void
ngx_http_assess_metrics_lookups(assess_buf_t *b, const char *name,
    const char *help, const uint64_t *hits, const uint64_t *misses)
{
    assess_exposition_head(b, name, "counter", help);
    ngx_http_assess_metrics_one(b, name, "result", "hit",
                                (double) assess_counted(hits));
    ngx_http_assess_metrics_one(b, name, "result", "miss",
                                (double) assess_counted(misses));
}


static void
ngx_http_assess_metrics_streams(assess_buf_t *b, const assess_metrics_t *m,
    const ngx_http_assess_told_t *told)
{
    assess_exposition_gauge(b, "assess_sse_streams",
        "Event streams that are open.", (double) told->streams);
    assess_exposition_counter(b, "assess_sse_streams_opened_total",
        "Event streams that were opened.",
        (double) assess_counted(&m->streams));
    assess_exposition_counter(b, "assess_sse_streams_stalled_total",
        "Event streams that were closed as their reader took nothing.",
        (double) assess_counted(&m->stalled));
    assess_exposition_counter(b, "assess_sse_deliveries_total",
        "Events that were handed to streams, each to each of them.",
        (double) assess_counted(&m->deliveries));
    assess_exposition_gauge(b, "assess_sse_behind_streams",
        "Event streams that cannot take what has come.",
        (double) told->behind);
    assess_exposition_gauge(b, "assess_sse_lag_events",
        "Events between the newest one and what the slowest stream has.",
        (double) told->lag);
}


static void
ngx_http_assess_metrics_notices(assess_buf_t *b, const assess_metrics_t *m)
{
    assess_exposition_head(b, "assess_notices_total", "counter",
        "Tries to deliver a notice, by what came of them.");
    ngx_http_assess_metrics_one(b, "assess_notices_total", "outcome",
        "delivered", (double) assess_counted(&m->notices_delivered));
    ngx_http_assess_metrics_one(b, "assess_notices_total", "outcome",
        "failed", (double) assess_counted(&m->notices_again));
    ngx_http_assess_metrics_one(b, "assess_notices_total", "outcome",
        "given_up", (double) assess_counted(&m->notices_given_up));
}


/* Of each pool, a number that lies there in what is told of it */

static void
ngx_http_assess_metrics_pools(assess_buf_t *b,
    const ngx_http_assess_told_t *told, const char *name, const char *help,
    size_t offset)
{
    ngx_uint_t  i;

    static const char  *const pools[NGX_HTTP_ASSESS_POOLS] = {
        "jobs", "store", "fetch"
    };

    assess_exposition_head(b, name, "gauge", help);

    for (i = 0; i < NGX_HTTP_ASSESS_POOLS; i++) {
        ngx_http_assess_metrics_one(b, name, "pool", pools[i],
            (double) *(const ngx_atomic_t *)
                      ((const char *) &told->pools[i] + offset));
    }
}


/* The same of connections */

static void
ngx_http_assess_metrics_connections(assess_buf_t *b,
    const ngx_http_assess_told_t *told, const char *name, const char *help,
    size_t offset)
{
    assess_exposition_head(b, name, "gauge", help);

    ngx_http_assess_metrics_one(b, name, "pool", "jobs",
        (double) *(const ngx_atomic_t *) ((const char *) &told->jobs
                                          + offset));
    ngx_http_assess_metrics_one(b, name, "pool", "calls",
        (double) *(const ngx_atomic_t *) ((const char *) &told->calls
                                          + offset));
}


static void
ngx_http_assess_metrics_workers(assess_buf_t *b,
    ngx_http_assess_main_conf_t *mcf, ngx_uint_t workers,
    const ngx_http_assess_told_t *told)
{
    assess_exposition_gauge(b, "assess_nginx_workers",
        "Workers of this nginx, those that finish their last jobs included.",
        (double) workers);
    assess_exposition_gauge(b, "assess_job_slots",
        "Jobs that may run at once in them.",
        (double) (workers * mcf->jobs));
    assess_exposition_gauge(b, "assess_document_cache_bytes",
        "Memory of texts that are kept.", (double) told->documents);

    ngx_http_assess_metrics_pools(b, told, "assess_pool_threads",
        "Threads of a pool that have had work so far.",
        offsetof(ngx_http_assess_pool_use_t, threads));
    ngx_http_assess_metrics_pools(b, told, "assess_pool_busy_threads",
        "Threads of a pool that are at work.",
        offsetof(ngx_http_assess_pool_use_t, busy));
    ngx_http_assess_metrics_pools(b, told, "assess_pool_waiting_tasks",
        "Tasks that wait for a thread of a pool.",
        offsetof(ngx_http_assess_pool_use_t, waiting));

    ngx_http_assess_metrics_connections(b, told, "assess_database_connections",
        "Connections to the database that are open, for jobs or for calls.",
        offsetof(ngx_http_assess_db_use_t, open));
    ngx_http_assess_metrics_connections(b, told,
        "assess_database_busy_connections", "Those of them that are in use.",
        offsetof(ngx_http_assess_db_use_t, used));
    ngx_http_assess_metrics_connections(b, told,
        "assess_database_max_connections", "How many there may be.",
        offsetof(ngx_http_assess_db_use_t, max));
}


static void
ngx_http_assess_metrics_tasks(assess_buf_t *b, ngx_shm_zone_t *zone,
    const assess_metrics_t *m)
{
    ngx_uint_t                i, held, limit, max, late;
    ngx_http_assess_tasks_t  *tasks;

    held = 0;
    limit = 0;
    max = 0;
    late = 0;

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS; i++) {
        tasks = ngx_http_assess_zone_tasks(zone, i);

        if (tasks) {
            held += tasks->held;
            limit += tasks->limit;
            max += tasks->max;
            late = ngx_max(late, tasks->late);
        }
    }

    assess_exposition_gauge(b, "assess_cpu_tasks",
        "CPU tasks at work, on average of the last second.", (double) held);
    assess_exposition_gauge(b, "assess_cpu_tasks_limit",
        "CPU tasks that there may be now.", (double) limit);
    assess_exposition_gauge(b, "assess_cpu_tasks_max",
        "CPU tasks that there may be at best.", (double) max);

    assess_exposition_head(b, "assess_cpu_tasks_lowered_total", "counter",
        "How often that was lowered, by what for.");

    for (i = ASSESS_TASKS_LOAD; i <= ASSESS_TASKS_LATE; i++) {
        ngx_http_assess_metrics_one(b, "assess_cpu_tasks_lowered_total",
            "why", assess_tasks_why((assess_tasks_why_e) i),
            (double) assess_counted(&m->tasks_lowered[i]));
    }

    assess_exposition_gauge(b, "assess_event_loop_late_seconds",
        "How late the event loop is that is latest, of the last second.",
        (double) late / 1e6);
}


static void
ngx_http_assess_metrics_add(ngx_http_assess_db_use_t *sum,
    const ngx_http_assess_db_use_t *use)
{
    sum->open += use->open;
    sum->used += use->used;
    sum->max += use->max;
}


/* The sum of what all workers tell; of the lag, the greatest */

static ngx_uint_t
ngx_http_assess_metrics_told(ngx_shm_zone_t *zone, ngx_http_assess_told_t *sum)
{
    ngx_uint_t               i, k, n;
    ngx_http_assess_told_t  *told;

    n = 0;
    ngx_memzero(sum, sizeof(ngx_http_assess_told_t));

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS; i++) {

        told = ngx_http_assess_zone_told(zone, i);

        if (told == NULL) {
            continue;
        }

        n++;

        for (k = 0; k < NGX_HTTP_ASSESS_POOLS; k++) {
            sum->pools[k].threads += told->pools[k].threads;
            sum->pools[k].busy += told->pools[k].busy;
            sum->pools[k].waiting += told->pools[k].waiting;
        }

        ngx_http_assess_metrics_add(&sum->jobs, &told->jobs);
        ngx_http_assess_metrics_add(&sum->calls, &told->calls);

        sum->streams += told->streams;
        sum->behind += told->behind;
        sum->lag = ngx_max(sum->lag, told->lag);
        sum->documents += told->documents;
    }

    return n;
}
