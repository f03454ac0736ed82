
/*
 * A call of the API.  The event loop reads it and answers it; what lies
 * between runs on a pool thread.  A call owns its memory, since its request
 * may end before the thread is done.
 */

#ifndef NGX_HTTP_ASSESS_CALL_H
#define NGX_HTTP_ASSESS_CALL_H


#include "../runtime/ngx_http_assess_scheduler.h"
#include "../runtime/ngx_http_assess_task.h"
#include "../runtime/ngx_http_assess_zone.h"


#define NGX_HTTP_ASSESS_HEADERS      8
#define NGX_HTTP_ASSESS_MAX_JSON     (8 * 1024 * 1024)


typedef struct ngx_http_assess_call_s    ngx_http_assess_call_t;
typedef struct ngx_http_assess_source_s  ngx_http_assess_source_t;


/* What a route takes. */
#define NGX_HTTP_ASSESS_BODY         0x1      /* has a body */
#define NGX_HTTP_ASSESS_JSON         0x2      /* of JSON */
#define NGX_HTTP_ASSESS_MULTIPART    0x4      /* or of form data */
#define NGX_HTTP_ASSESS_RAW          0x8      /* or of anything */
#define NGX_HTTP_ASSESS_OPEN         0x10     /* needs no tenant, no store */
#define NGX_HTTP_ASSESS_STARTS       0x20     /* goes with others */
#define NGX_HTTP_ASSESS_ADMIN        0x40     /* an operator's, of no tenant */


typedef struct {
    ngx_uint_t     method;
    const char    *path;             /* "documents/{id}"; below the prefix */
    ngx_uint_t     flags;
    const char    *params;           /* " limit cursor "; "jobId*" repeats */

    /* on the event loop; NGX_DECLINED goes on to run() */
    ngx_int_t    (*fast)(ngx_http_assess_call_t *call);

    /* on a pool thread */
    void         (*run)(ngx_http_assess_call_t *call);
} ngx_http_assess_route_t;


typedef struct {
    assess_str_t   name;
    assess_str_t   value;
} ngx_http_assess_pair_t;


struct ngx_http_assess_call_s {
    ngx_http_request_t              *request;    /* event loop; NULL: gone */
    ngx_pool_cleanup_t              *cleanup;    /* of the request */
    ngx_http_assess_main_conf_t     *mcf;
    const ngx_http_assess_route_t   *route;
    assess_arena_t                  *arena;
    ngx_http_assess_call_t          *spare;      /* the next one that is */

    /* the question */
    assess_scope_t                   scope;
    assess_str_t                     prefix;     /* "/api" */
    assess_str_t                     name;       /* {id} or {name} */
    ngx_http_assess_pair_t          *params;
    ngx_uint_t                       nparams;
    assess_str_t                     content_type;
    assess_str_t                     idempotency_key;
    assess_str_t                     if_none_match;
    assess_str_t                     if_range;
    assess_str_t                     range;
    assess_str_t                     last_event_id;
    assess_str_t                     prefer;
    assess_str_t                     traceparent; /* valid; null: none */
    int                              wait;       /* seconds; 0: not */
    int                              body_fd;    /* -1: in memory */
    int64_t                          body_len;
    const char                      *body_data;

    /* the answer */
    int                              status;
    const char                      *type;       /* NULL: JSON */
    ngx_http_assess_pair_t           headers[NGX_HTTP_ASSESS_HEADERS];
    ngx_uint_t                       nheaders;
    assess_buf_t                     body;
    assess_buf_t                     known;      /* without the store */

    /*
     * Where the answer is longer than is held at once: its length, and who
     * fills body with the next piece, on a pool thread, until all is sent.
     * Where the length is not known, -1: as long as more is set by that.
     */
    int64_t                          length;
    int64_t                          sent;
    void                           (*next)(ngx_http_assess_call_t *call);
    void                            *ctx;

    /* what is fetched from elsewhere; NULL: nothing */
    ngx_http_assess_source_t        *source;

    /* the job whose end the client waits for; "": none */
    char                             wait_job[ASSESS_UUID_LEN + 1];

    ngx_http_assess_task_t           task;
    int64_t                          accepted;   /* assess_mono_ms() */
    ngx_event_t                      patience;   /* until a thread has it */
    int                              unread;     /* told by a thread */
    ngx_queue_t                      queue;      /* of those that wait */
    unsigned                         waits:1;    /* in there */
    unsigned                         more:1;     /* pieces follow this one */
    unsigned                         busy:1;     /* a thread has it, or will */
    unsigned                         given_up:1; /* none had it in time */
    unsigned                         large:1;    /* has one of few turns */
    unsigned                         lined:1;    /* waits for one */
    unsigned                         early:1;    /* the store is not open */
    unsigned                         reading:1;  /* nginx takes the body */
    unsigned                         answered:1; /* the header is out */
    unsigned                         instead:1;  /* of nginx's own page */
    unsigned                         replaced:1; /* and that was done */
};


/*
 * Frees it while its request goes on, which has no call any more: for what is
 * long and needs little.  No thread may have it.
 */
void ngx_http_assess_call_release(ngx_http_assess_call_t *call);

/* The content handler of a location with assess_api. */
ngx_int_t ngx_http_assess_call_handler(ngx_http_request_t *r);

/* An empty one, as the request's context; NULL is out of memory. */
ngx_http_assess_call_t *ngx_http_assess_call_create(ngx_http_request_t *r);

/*
 * Answers with what is known without the store, where anything is: 1.
 * On whichever side has the call.
 */
ngx_uint_t ngx_http_assess_call_known(ngx_http_assess_call_t *call);

/* Hands it to a pool thread again; its done() is called on the loop. */
ngx_int_t ngx_http_assess_call_post(ngx_http_assess_call_t *call,
    void (*run)(void *data), void (*done)(void *data));

/* Until when its thread may wait for the store; 0: as a statement may. */
int64_t ngx_http_assess_call_deadline(ngx_http_assess_call_t *call);

/*
 * Takes it back from the thread, first in done(); 0 when the client went away
 * meanwhile and there is no call any more.
 */
ngx_uint_t ngx_http_assess_call_back(ngx_http_assess_call_t *call);

/*
 * Sends the answer, from the event loop, and finalizes the request; or only
 * sends it, from the content handler.
 */
void ngx_http_assess_call_answer(ngx_http_assess_call_t *call);
ngx_int_t ngx_http_assess_call_send(ngx_http_assess_call_t *call);

/* Answers with what err says, or with a problem of one's own. */
void ngx_http_assess_call_fail(ngx_http_assess_call_t *call,
    const assess_err_t *err);
void ngx_http_assess_call_problem(ngx_http_assess_call_t *call, int status,
    const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A header of the answer; name is static, the value is copied. */
void ngx_http_assess_call_header(ngx_http_assess_call_t *call,
    const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ngx_http_assess_call_header_text(ngx_http_assess_call_t *call,
    const char *name, const char *value, size_t len);

/* The same where there is no call; the text is not copied.  NULL: no memory. */
ngx_table_elt_t *ngx_http_assess_header_add(ngx_http_request_t *r,
    const char *name, const ngx_str_t *value);

/* The answer to a method other than GET and HEAD, with Allow. */
ngx_int_t ngx_http_assess_get_only(ngx_http_request_t *r);

/* A parameter of the query, or NULL. */
const assess_str_t *ngx_http_assess_call_param(ngx_http_assess_call_t *call,
    const char *name);

/* A numeric one, if it is given; NGX_ERROR when the answer is a problem. */
ngx_int_t ngx_http_assess_call_number(ngx_http_assess_call_t *call,
    const char *name, ngx_int_t min, ngx_int_t max, int *value);

/* limit and cursor; NGX_ERROR when the answer is a problem now. */
ngx_int_t ngx_http_assess_call_paging(ngx_http_assess_call_t *call,
    assess_paging_t *paging);

/* The end of a list: its cursor and its total. */
void ngx_http_assess_call_list_end(ngx_http_assess_call_t *call,
    const assess_str_t *next, int64_t total);

/* An id or a user of the query; not NGX_OK when the answer is a problem. */
ngx_int_t ngx_http_assess_call_id(ngx_http_assess_call_t *call,
    const char *name, assess_str_t *id);
ngx_int_t ngx_http_assess_call_user(ngx_http_assess_call_t *call,
    const assess_str_t *name, assess_str_t *user);

/* The whole body in memory; ASSESS_INVALID over the limit for JSON. */
assess_err_e ngx_http_assess_call_body(ngx_http_assess_call_t *call,
    assess_str_t *body, assess_err_t *err);

/* The title of a status, as RFC 9110 has it. */
const char *ngx_http_assess_status_title(int status);

/* A problem as JSON (RFC 9457). */
void ngx_http_assess_problem_json(assess_buf_t *b, int status,
    const char *pointer, const char *detail);


/* Points err at a member of the body, or at a part of a form. */
void ngx_http_assess_pointer(assess_err_t *err, const char *key);

/* Installs the filters that make nginx's own errors problems too. */
ngx_int_t ngx_http_assess_problem_filters(ngx_conf_t *cf);


/* ngx_http_assess_query.c: NGX_ABORT when the answer is a problem now */
ngx_int_t ngx_http_assess_call_query(ngx_http_assess_call_t *call);
ngx_int_t ngx_http_assess_call_headers(ngx_http_assess_call_t *call);
ngx_uint_t ngx_http_assess_call_is(ngx_http_assess_call_t *call,
    const char *type);


/* ngx_http_assess_who.c: NGX_ABORT when the answer is a problem now */
ngx_int_t ngx_http_assess_call_scope(ngx_http_assess_call_t *call);


/* ngx_http_assess_route.c */
ngx_int_t ngx_http_assess_route(ngx_http_request_t *r, ngx_str_t *path,
    const ngx_http_assess_route_t **route, ngx_str_t *name,
    ngx_str_t *allow);


/* what the routes lead to */

void ngx_http_assess_documents_post(ngx_http_assess_call_t *call);

/* Stores these, and answers; on a thread. */
void ngx_http_assess_documents_made(ngx_http_assess_call_t *call,
    const assess_upload_t *files, size_t n);

void ngx_http_assess_documents_list(ngx_http_assess_call_t *call);
void ngx_http_assess_document_get(ngx_http_assess_call_t *call);
void ngx_http_assess_document_text_get(ngx_http_assess_call_t *call);
void ngx_http_assess_document_content_get(ngx_http_assess_call_t *call);
void ngx_http_assess_document_remove(ngx_http_assess_call_t *call);

void ngx_http_assess_question_set_put(ngx_http_assess_call_t *call);
void ngx_http_assess_question_set_get(ngx_http_assess_call_t *call);
void ngx_http_assess_question_sets_list(ngx_http_assess_call_t *call);

void ngx_http_assess_start(ngx_http_assess_call_t *call);
void ngx_http_assess_estimate(ngx_http_assess_call_t *call);

ngx_int_t ngx_http_assess_job_fast(ngx_http_assess_call_t *call);
void ngx_http_assess_job_get(ngx_http_assess_call_t *call);
void ngx_http_assess_job_cancel(ngx_http_assess_call_t *call);
void ngx_http_assess_job_retry(ngx_http_assess_call_t *call);
void ngx_http_assess_jobs_list(ngx_http_assess_call_t *call);
void ngx_http_assess_job_log(ngx_http_assess_call_t *call);

/* What a list of jobs is narrowed to; not NGX_OK: the answer is a problem. */
ngx_int_t ngx_http_assess_jobs_filter(ngx_http_assess_call_t *call,
    assess_job_filter_t *filter);

void ngx_http_assess_counters_get(ngx_http_assess_call_t *call);

void ngx_http_assess_admin_status(ngx_http_assess_call_t *call);
void ngx_http_assess_admin_jobs(ngx_http_assess_call_t *call);
void ngx_http_assess_admin_retry(ngx_http_assess_call_t *call);
void ngx_http_assess_admin_clean(ngx_http_assess_call_t *call);
void ngx_http_assess_admin_pause(ngx_http_assess_call_t *call);
void ngx_http_assess_admin_resume(ngx_http_assess_call_t *call);

void ngx_http_assess_results_get(ngx_http_assess_call_t *call);

void ngx_http_assess_batch_post(ngx_http_assess_call_t *call);
void ngx_http_assess_batch_get(ngx_http_assess_call_t *call);
void ngx_http_assess_batch_cancel(ngx_http_assess_call_t *call);
void ngx_http_assess_batch_pause(ngx_http_assess_call_t *call);
void ngx_http_assess_batch_resume(ngx_http_assess_call_t *call);
void ngx_http_assess_batch_retry(ngx_http_assess_call_t *call);
void ngx_http_assess_batch_results_get(ngx_http_assess_call_t *call);
void ngx_http_assess_batches_list(ngx_http_assess_call_t *call);

ngx_int_t ngx_http_assess_progress(ngx_http_assess_call_t *call);

/* ngx_http_assess_asset.c: the file of web/ that the route is called like */
ngx_int_t ngx_http_assess_asset_get(ngx_http_assess_call_t *call);

ngx_int_t ngx_http_assess_live(ngx_http_assess_call_t *call);
ngx_int_t ngx_http_assess_ready(ngx_http_assess_call_t *call);
void ngx_http_assess_ready_check(ngx_http_assess_call_t *call);

/* Holds the answer until the job ends or the time is over. */
void ngx_http_assess_wait(ngx_http_assess_call_t *call);


#endif /* NGX_HTTP_ASSESS_CALL_H */
