
/*
 * All of it is on the event loop, which must not wait.  Reading the few files
 * of /proc is no I/O and takes 50 us a second; a task for a thread would wait
 * behind others just when the machine has too much to do.  And how late the
 * event loop is can be seen nowhere else.
 */

#include "ngx_http_assess_machine.h"
#include "ngx_http_assess_zone.h"

#include "engine/assess_machine.h"
#include "engine/assess_tasks.h"

#include <sys/resource.h>
#include <time.h>


#define NGX_HTTP_ASSESS_LOOK_EVERY    1000   /* ms; at the machine */
#define NGX_HTTP_ASSESS_LATE_EVERY    100    /* ms; how late a timer is */
#define NGX_HTTP_ASSESS_LATE_MAX      16     /* of these, of one look */
#define NGX_HTTP_ASSESS_TOLD_EVERY    30     /* s; in the log */


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    assess_cpu_t                  *cpu;
    assess_machine_t              *machine;
    ngx_event_t                    timer;
    ngx_connection_t               connection;   /* which debug logs name */

    assess_tasks_t                 tasks;
    assess_signals_t               signals;
    double                         own;      /* our part of the load */

    int64_t                        due;      /* us; of the timer */
    int64_t                        grain;    /* us; so late is in time */
    int64_t                        late[NGX_HTTP_ASSESS_LATE_MAX];
    ngx_uint_t                     nlate;
    ngx_uint_t                     held;     /* the sum of these times */

    int64_t                        looked;   /* us; 0: not yet */
    int64_t                        used;     /* us of CPU, until then */

    unsigned                       told;     /* tasks, in the log */
    time_t                         told_at;
} ngx_http_assess_machine_t;


static void ngx_http_assess_machine_timer(ngx_event_t *ev);
static void ngx_http_assess_machine_late(ngx_http_assess_machine_t *m,
    int64_t now);
static void ngx_http_assess_machine_look(ngx_http_assess_machine_t *m,
    int64_t now);
static int64_t ngx_http_assess_machine_worse(ngx_http_assess_machine_t *m);
static void ngx_http_assess_machine_own(ngx_http_assess_machine_t *m,
    double load, int64_t us);
static void ngx_http_assess_machine_keep(ngx_http_assess_machine_t *m,
    unsigned before);
static void ngx_http_assess_machine_tell(ngx_http_assess_machine_t *m);


static ngx_http_assess_machine_t  ngx_http_assess_machines;


static int64_t
ngx_http_assess_machine_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


ngx_int_t
ngx_http_assess_machine(ngx_cycle_t *cycle, ngx_http_assess_main_conf_t *mcf,
    assess_cpu_t *cpu)
{
    struct timespec             grain;
    ngx_core_conf_t            *ccf;
    ngx_http_assess_machine_t  *m;

    m = &ngx_http_assess_machines;
    ngx_memzero(m, sizeof(ngx_http_assess_machine_t));

    m->mcf = mcf;
    m->cpu = cpu;
    m->own = -1;

    m->machine = assess_machine_open("");
    if (m->machine == NULL) {
        return NGX_ERROR;
    }

    assess_tasks_init(&m->tasks, (unsigned) ngx_ncpu,
                      (unsigned) mcf->cpu_tasks_min,
                      (unsigned) mcf->cpu_tasks);

    m->told = m->tasks.now;

    /* nginx's own clock goes by ticks of the kernel, or by timer_resolution */

    m->grain = 1000;

    if (clock_getres(CLOCK_MONOTONIC_COARSE, &grain) == 0) {
        m->grain += grain.tv_nsec / 1000;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    m->grain += (int64_t) ccf->timer_resolution * 1000;

    if (!assess_machine_pressure(m->machine)
        && mcf->cpu_tasks_min < mcf->cpu_tasks
        && ngx_http_assess_zone_slot(mcf->zone) == 0)
    {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "assess CPU tasks follow the load average and the event "
                      "loop alone: this kernel tells nothing of pressure "
                      "(PSI)");
    }

    m->connection.fd = (ngx_socket_t) -1;
    m->timer.handler = ngx_http_assess_machine_timer;
    m->timer.data = &m->connection;
    m->timer.log = cycle->log;
    m->timer.cancelable = 1;

    m->due = ngx_http_assess_machine_us() + NGX_HTTP_ASSESS_LATE_EVERY * 1000;
    ngx_add_timer(&m->timer, NGX_HTTP_ASSESS_LATE_EVERY);

    return NGX_OK;
}


void
ngx_http_assess_machine_exit(void)
{
    assess_machine_close(ngx_http_assess_machines.machine);
    ngx_http_assess_machines.machine = NULL;
}


/* Often only while there is something to regulate */

static void
ngx_http_assess_machine_timer(ngx_event_t *ev)
{
    int64_t                     now;
    ngx_msec_t                  next;
    ngx_http_assess_machine_t  *m;

    m = &ngx_http_assess_machines;
    now = ngx_http_assess_machine_us();

    ngx_http_assess_machine_late(m, now);

    if (now - m->looked >= NGX_HTTP_ASSESS_LOOK_EVERY * 1000) {
        ngx_http_assess_machine_look(m, now);
    }

    next = m->held || m->tasks.now < m->tasks.max
           || assess_cpu_held(m->cpu) ? NGX_HTTP_ASSESS_LATE_EVERY
                                      : NGX_HTTP_ASSESS_LOOK_EVERY;

    m->due = ngx_http_assess_machine_us() + (int64_t) next * 1000;
    ngx_add_timer(ev, next);
}


/*
 * A timer is late because the event loop waited for a core, or because it had
 * other things to do, which fewer tasks would not change.
 */

static void
ngx_http_assess_machine_late(ngx_http_assess_machine_t *m, int64_t now)
{
    int64_t  late, waited;

    late = ngx_max(now - m->due - m->grain, 0);
    waited = assess_machine_waited(m->machine);

    if (waited >= 0) {
        late = ngx_min(late, waited);
    }

    if (m->nlate < NGX_HTTP_ASSESS_LATE_MAX) {
        m->late[m->nlate++] = late;
        m->held += assess_cpu_held(m->cpu);
    }
}


static void
ngx_http_assess_machine_look(ngx_http_assess_machine_t *m, int64_t now)
{
    int64_t                us;
    unsigned               before;
    assess_machine_look_t  look;

    us = m->looked ? now - m->looked : 0;
    m->looked = now;

    assess_machine_look(m->machine, now, &look);
    ngx_http_assess_machine_own(m, look.load, us);

    m->signals.load = assess_tasks_others(look.load, m->own);
    m->signals.cpu = look.cpu;
    m->signals.memory = look.memory;
    m->signals.late = (double) ngx_http_assess_machine_worse(m) / 1000;

    before = m->tasks.now;

    if (assess_tasks_next(&m->tasks, &m->signals) != before) {
        assess_cpu_limit(m->cpu, m->tasks.now);
    }

    ngx_http_assess_machine_keep(m, before);
    ngx_http_assess_machine_tell(m);

    m->nlate = 0;
    m->held = 0;
}


/*
 * The second longest of the last second: all neighbours feel what happens twice
 * in it, and something single is nothing to act on.  Of one alone, that one.
 */

static int64_t
ngx_http_assess_machine_worse(ngx_http_assess_machine_t *m)
{
    int64_t     first, second;
    ngx_uint_t  i;

    first = 0;
    second = 0;

    for (i = 0; i < m->nlate; i++) {

        if (m->late[i] > first) {
            second = first;
            first = m->late[i];

        } else if (m->late[i] > second) {
            second = m->late[i];
        }
    }

    return m->nlate > 1 ? second : first;
}


/*
 * What is ours of the load: the readers of all workers, and what their threads
 * use.  What was there before this worker was is taken for ours, for it may be:
 * after a reload it is that of the workers before.  It is forgotten as the load
 * itself forgets.
 */

static void
ngx_http_assess_machine_own(ngx_http_assess_machine_t *m, double load,
    int64_t us)
{
    int64_t                   used;
    ngx_uint_t                i;
    ngx_atomic_uint_t         own;
    struct rusage             ru;
    ngx_http_assess_tasks_t  *tasks;

    (void) getrusage(RUSAGE_SELF, &ru);

    used = ((int64_t) ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000
           + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec;

    tasks = ngx_http_assess_zone_tasks(m->mcf->zone,
                                   ngx_http_assess_zone_slot(m->mcf->zone));

    tasks->held = m->nlate ? m->held / m->nlate : 0;
    tasks->own = (m->nlate ? m->held * 1000 / m->nlate : 0)
                 + (us ? (ngx_uint_t) ((used - m->used) * 1000 / us) : 0);

    m->used = used;
    own = 0;

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS; i++) {
        tasks = ngx_http_assess_zone_tasks(m->mcf->zone, i);
        own += tasks ? tasks->own : 0;
    }

    m->own = m->own < 0 ? ngx_max(load, 0)
                        : assess_tasks_own(m->own, (double) own / 1000,
                                           us / 1000);
}


/* For whoever reads the zone; thousandths, and -1 is not known */

static void
ngx_http_assess_machine_keep(ngx_http_assess_machine_t *m, unsigned before)
{
    ngx_http_assess_tasks_t  *tasks;

    tasks = ngx_http_assess_zone_tasks(m->mcf->zone,
                                   ngx_http_assess_zone_slot(m->mcf->zone));

    tasks->limit = m->tasks.now;
    tasks->min = m->tasks.min;
    tasks->max = m->tasks.max;
    tasks->why = m->tasks.why;
    tasks->lowered += m->tasks.now < before;
    if (m->tasks.now < before) {
        assess_count(&ngx_http_assess_zone_metrics(m->mcf->zone)
                      ->tasks_lowered[m->tasks.why], 1);
    }

    tasks->raised += m->tasks.now > before;

    tasks->others = m->signals.load < 0 ? (ngx_atomic_uint_t) -1
                    : (ngx_atomic_uint_t) (m->signals.load * 1000);
    tasks->cpu = m->signals.cpu < 0 ? (ngx_atomic_uint_t) -1
                 : (ngx_atomic_uint_t) (m->signals.cpu * 1000);
    tasks->memory = m->signals.memory < 0 ? (ngx_atomic_uint_t) -1
                    : (ngx_atomic_uint_t) (m->signals.memory * 1000);
    tasks->late = (ngx_atomic_uint_t) (m->signals.late * 1000);
}


/* When it is another number by a quarter of all, and not too often */

static void
ngx_http_assess_machine_tell(ngx_http_assess_machine_t *m)
{
    time_t                    now;
    unsigned                  by;
    ngx_http_assess_tasks_t  *t;

    now = (time_t) (m->looked / 1000000);
    by = m->tasks.now > m->told ? m->tasks.now - m->told
                                : m->told - m->tasks.now;

    if (by == 0 || by * 4 < m->tasks.max
        || (m->told_at && now - m->told_at < NGX_HTTP_ASSESS_TOLD_EVERY))
    {
        return;
    }

    m->told = m->tasks.now;
    m->told_at = now;

    t = ngx_http_assess_zone_tasks(m->mcf->zone,
                                   ngx_http_assess_zone_slot(m->mcf->zone));

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "assess CPU tasks: %ui of %ui at once now, the last were "
                  "taken for \"%s\"; load of others %i/1000, pressure of CPU "
                  "%i/1000, of memory %i/1000, event loop late by %i us",
                  (ngx_uint_t) t->limit, (ngx_uint_t) t->max,
                  assess_tasks_why(m->tasks.why), (ngx_int_t) t->others,
                  (ngx_int_t) t->cpu, (ngx_int_t) t->memory,
                  (ngx_int_t) t->late);
}
