
#include "assess_lane.h"

#include <openssl/sha.h>
#include <string.h>


/* chr(31), which stands between the parts of a lane's name */
#define ASSESS_LANE_APART  '\x1f'


int64_t
assess_lane_name(const assess_str_t *tenant, const assess_str_t *user,
    const char *batch_id, int priority, const assess_str_t *provider)
{
    int            i;
    uint64_t       name;
    assess_buf_t   b;
    unsigned char  hash[SHA256_DIGEST_LENGTH];

    memset(&b, 0, sizeof(assess_buf_t));

    assess_buf_add(&b, tenant->data, tenant->len);
    assess_buf_char(&b, ASSESS_LANE_APART);
    assess_buf_add(&b, user->data, user->len);
    assess_buf_char(&b, ASSESS_LANE_APART);
    assess_buf_str(&b, batch_id);
    assess_buf_char(&b, ASSESS_LANE_APART);
    assess_buf_int(&b, priority);
    assess_buf_char(&b, ASSESS_LANE_APART);
    assess_buf_add(&b, provider->data, provider->len);

    /* what there is no memory for comes into the lane of an empty name */

    (void) SHA256((const unsigned char *) (b.data ? b.data : ""), b.len, hash);

    assess_buf_free(&b);

    for (i = 0, name = 0; i < 8; i++) {
        name = name << 8 | hash[i];
    }

    return (int64_t) name;
}


int
assess_lanes_init(assess_lanes_t *lanes, assess_arena_t *arena,
    assess_lane_t *list, size_t n)
{
    size_t           i;
    assess_lane_t   *lane;
    assess_share_t  *tenant, *user;

    memset(lanes, 0, sizeof(assess_lanes_t));

    lanes->list = list;
    lanes->n = n;
    lanes->tenants = assess_pcalloc(arena, (n + 1) * sizeof(assess_share_t));
    lanes->users = assess_pcalloc(arena, (n + 1) * sizeof(assess_share_t));

    if (lanes->tenants == NULL || lanes->users == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        lane = &list[i];

        if (i) {
            lane->tenant_no = lane[-1].tenant_no
                              + !assess_str_same(&lane->tenant,
                                                 &lane[-1].tenant);
            lane->user_no = lane[-1].user_no
                            + (lane->tenant_no != lane[-1].tenant_no
                               || !assess_str_same(&lane->user,
                                                   &lane[-1].user));

        } else {
            lane->tenant_no = 0;
            lane->user_no = 0;
        }

        tenant = &lanes->tenants[lane->tenant_no];
        user = &lanes->users[lane->user_no];

        tenant->running += lane->running;
        user->running += lane->running;

        if (i == 0 || lane->served > lanes->served) {
            lanes->served = lane->served;
        }

        if (lane->served > tenant->served) {
            tenant->served = lane->served;
        }

        if (lane->served > user->served) {
            user->served = lane->served;
        }
    }

    lanes->nusers = n ? list[n - 1].user_no + 1 : 0;

    return 0;
}


/* Less than 0 where the first goes before the second */

static int
assess_lane_order(int64_t running, int64_t served, int64_t running2,
    int64_t served2)
{
    if (running != running2) {
        return running < running2 ? -1 : 1;
    }

    return served == served2 ? 0 : served < served2 ? -1 : 1;
}


static int
assess_lane_before(const assess_lanes_t *lanes, const assess_lane_t *a,
    const assess_lane_t *b)
{
    int                    order;
    const assess_share_t  *x, *y;

    if (a->priority != b->priority) {
        return a->priority > b->priority;
    }

    x = &lanes->tenants[a->tenant_no];
    y = &lanes->tenants[b->tenant_no];

    order = assess_lane_order(x->running, x->served, y->running, y->served);

    if (order == 0 && a->tenant_no == b->tenant_no) {
        x = &lanes->users[a->user_no];
        y = &lanes->users[b->user_no];

        order = assess_lane_order(x->running, x->served, y->running,
                                  y->served);
    }

    if (order == 0 && a->user_no == b->user_no) {
        order = assess_lane_order(a->running, a->served, b->running,
                                  b->served);
    }

    return order < 0;
}


static int
assess_lane_free(const assess_lanes_t *lanes, const assess_lane_t *lane,
    const assess_lane_limits_t *limits, const assess_str_t *avoid,
    size_t navoid)
{
    size_t  i;

    if (lane->queued <= 0 || lane->closed) {
        return 0;
    }

    if (limits->tenant_jobs
        && lanes->tenants[lane->tenant_no].running >= limits->tenant_jobs)
    {
        return 0;
    }

    if (limits->batch_jobs && lane->batch_id[0]
        && lane->running >= limits->batch_jobs)
    {
        return 0;
    }

    for (i = 0; i < navoid; i++) {
        if (assess_str_same(&avoid[i], &lane->provider)) {
            return 0;
        }
    }

    return 1;
}


static void
assess_lane_begun(assess_lanes_t *lanes, assess_lane_t *lane)
{
    assess_share_t  *tenant, *user;

    tenant = &lanes->tenants[lane->tenant_no];
    user = &lanes->users[lane->user_no];

    lane->running++;
    tenant->running++;
    user->running++;

    lane->served = ++lanes->served;
    tenant->served = lane->served;
    user->served = lane->served;
}


/* From where the next one comes, counted as begun; NULL: there is none */

static assess_lane_t *
assess_lane_next(assess_lanes_t *lanes, const assess_lane_limits_t *limits,
    const assess_str_t *avoid, size_t navoid)
{
    size_t          i;
    assess_lane_t  *lane, *best;

    for (i = 0, best = NULL; i < lanes->n; i++) {
        lane = &lanes->list[i];

        if (assess_lane_free(lanes, lane, limits, avoid, navoid)
            && (best == NULL || assess_lane_before(lanes, lane, best)))
        {
            best = lane;
        }
    }

    if (best) {
        best->queued--;
        assess_lane_begun(lanes, best);
    }

    return best;
}


size_t
assess_lanes_pick(assess_lanes_t *lanes, const assess_lane_limits_t *limits,
    const assess_str_t *avoid, size_t navoid, size_t n, assess_pick_t *picks)
{
    size_t                k, npicks;
    const assess_lane_t  *lane;

    npicks = 0;

    while (n--) {

        lane = assess_lane_next(lanes, limits, avoid, navoid);
        if (lane == NULL) {
            break;
        }

        for (k = 0; k < npicks && picks[k].lane != lane->lane; k++) {
            /* void */
        }

        if (k == npicks) {
            picks[npicks].lane = lane->lane;
            picks[npicks++].n = 0;
        }

        picks[k].n++;
    }

    return npicks;
}


size_t
assess_lanes_order(assess_lanes_t *lanes, size_t n, int64_t *order)
{
    size_t                i;
    const assess_lane_t  *lane;

    static const assess_lane_limits_t  none;

    for (i = 0; i < n; i++) {

        lane = assess_lane_next(lanes, &none, NULL, 0);
        if (lane == NULL) {
            break;
        }

        order[i] = lane->lane;
    }

    return i;
}


void
assess_lanes_begun(assess_lanes_t *lanes, const assess_pick_t *pick)
{
    int     k;
    size_t  i;

    for (i = 0; i < lanes->n && lanes->list[i].lane != pick->lane; i++) {
        /* void */
    }

    for (k = 0; i < lanes->n && k < pick->n; k++) {
        assess_lane_begun(lanes, &lanes->list[i]);
    }
}
