
#include "ngx_http_assess_round.h"


/* room for the length of a chunk and its line end */
#define NGX_HTTP_ASSESS_CHUNK  18


static ngx_http_assess_block_t *ngx_http_assess_round_text(
    ngx_http_assess_round_t *round, uint64_t mask);


ngx_int_t
ngx_http_assess_round_read(ngx_shm_zone_t *zone, uint64_t *after,
    uint64_t limit, ngx_http_assess_round_t **round)
{
    size_t                    size;
    uint64_t                  from;
    ngx_int_t                 rc;
    ngx_uint_t                i, n;
    assess_buf_t              buf;
    ngx_http_assess_round_t  *rd;
    ngx_http_assess_event_t   events[NGX_HTTP_ASSESS_ROUND_EVENTS];

    *round = NULL;
    from = *after;

    ngx_memzero(&buf, sizeof(assess_buf_t));

    rc = ngx_http_assess_zone_events(zone, after, limit, events, &n,
                                     NGX_HTTP_ASSESS_ROUND_EVENTS,
                                     NGX_HTTP_ASSESS_ROUND_BYTES, &buf);
    if (n == 0) {
        assess_buf_free(&buf);
        return rc;
    }

    size = sizeof(ngx_http_assess_round_t)
           + n * sizeof(ngx_http_assess_event_t);

    rd = ngx_alloc(size, ngx_cycle->log);
    if (rd == NULL) {
        assess_buf_free(&buf);
        *after = from;
        return NGX_ERROR;
    }

    rd->from = from;
    rd->upto = *after;
    rd->notable = 0;
    rd->shares = NULL;
    rd->buf = buf;
    rd->n = n;
    rd->size = size + buf.size;
    ngx_memcpy(rd->events, events, n * sizeof(ngx_http_assess_event_t));

    for (i = 0; i < n; i++) {
        if (events[i].type.len != 8
            || ngx_memcmp(events[i].type.data, "progress", 8) != 0)
        {
            rd->notable |= (uint64_t) 1 << i;
        }
    }

    *round = rd;

    return rc;
}


void
ngx_http_assess_round_free(ngx_http_assess_round_t *round)
{
    ngx_http_assess_share_t  *sh, *next;

    for (sh = round->shares; sh; sh = next) {
        next = sh->next;
        ngx_http_assess_block_release(sh->block);
        ngx_free(sh);
    }

    assess_buf_free(&round->buf);
    ngx_free(round);
}


uint64_t
ngx_http_assess_round_above(ngx_http_assess_round_t *round, uint64_t after)
{
    uint64_t    mask;
    ngx_uint_t  i;

    mask = 0;

    for (i = 0; i < round->n; i++) {
        if (round->events[i].id > after) {
            mask |= (uint64_t) 1 << i;
        }
    }

    return mask;
}


ngx_http_assess_block_t *
ngx_http_assess_round_block(ngx_http_assess_round_t *round, uint64_t mask)
{
    ngx_http_assess_block_t  *block;
    ngx_http_assess_share_t  *sh;

    for (sh = round->shares; sh; sh = sh->next) {
        if (sh->mask == mask) {
            sh->block->refs++;
            return sh->block;
        }
    }

    block = ngx_http_assess_round_text(round, mask);
    if (block == NULL) {
        return NULL;
    }

    sh = ngx_alloc(sizeof(ngx_http_assess_share_t), ngx_cycle->log);
    if (sh) {
        block->refs++;
        sh->block = block;
        sh->mask = mask;
        sh->next = round->shares;
        round->shares = sh;
        round->size += sizeof(ngx_http_assess_share_t)
                       + sizeof(ngx_http_assess_block_t) + block->chunk.len;
    }

    return block;
}


static ngx_http_assess_block_t *
ngx_http_assess_round_text(ngx_http_assess_round_t *round, uint64_t mask)
{
    size_t                    len;
    ngx_uint_t                i;
    assess_buf_t              b;
    ngx_http_assess_event_t  *ev;

    static const size_t  around = sizeof("id: 18446744073709551615\n"
                                         "event: \ndata: \n\n");

    ngx_memzero(&b, sizeof(assess_buf_t));

    for (i = 0, len = NGX_HTTP_ASSESS_CHUNK + 3; i < round->n; i++) {
        if (mask & ((uint64_t) 1 << i)) {
            ev = &round->events[i];
            len += around + ev->type.len + ev->data.len;
        }
    }

    (void) assess_buf_reserve(&b, len);

    ngx_http_assess_block_begin(&b);

    for (i = 0; i < round->n; i++) {
        if (mask & ((uint64_t) 1 << i)) {
            ev = &round->events[i];
            ngx_http_assess_block_event(&b, ev->id, &ev->type, &ev->data);
        }
    }

    return ngx_http_assess_block_create(&b);
}


void
ngx_http_assess_block_begin(assess_buf_t *b)
{
    static const char  room[NGX_HTTP_ASSESS_CHUNK];

    assess_buf_add(b, room, sizeof(room));
}


void
ngx_http_assess_block_event(assess_buf_t *b, uint64_t id,
    const ngx_str_t *type, const ngx_str_t *data)
{
    if (id) {
        assess_buf_printf(b, "id: %llu\n", (unsigned long long) id);
    }

    assess_buf_str(b, "event: ");
    assess_buf_add(b, type->data, type->len);
    assess_buf_str(b, "\ndata: ");
    assess_buf_add(b, data->data, data->len);
    assess_buf_str(b, "\n\n");
}


ngx_http_assess_block_t *
ngx_http_assess_block_create(assess_buf_t *text)
{
    char                     *p;
    size_t                    len, n;
    u_char                    size[NGX_HTTP_ASSESS_CHUNK];
    ngx_http_assess_block_t  *block;

    len = text->len - NGX_HTTP_ASSESS_CHUNK;

    assess_buf_str(text, "\r\n");

    /* a slow reader may keep it: nothing is kept that is not sent */

    if (!text->failed && text->size - text->len > text->len / 8) {

        p = realloc(text->data, text->len + 1);
        if (p) {
            text->data = p;
        }
    }

    block = text->failed ? NULL
                         : ngx_alloc(sizeof(ngx_http_assess_block_t),
                                     ngx_cycle->log);
    if (block == NULL) {
        assess_buf_free(text);
        return NULL;
    }

    block->refs = 1;
    block->memory = text->data;
    block->text.len = len;
    block->text.data = (u_char *) text->data + NGX_HTTP_ASSESS_CHUNK;

    n = ngx_sprintf(size, "%xz\r\n", len) - size;

    block->chunk.len = n + len + 2;
    block->chunk.data = block->text.data - n;
    ngx_memcpy(block->chunk.data, size, n);

    ngx_memzero(text, sizeof(assess_buf_t));

    return block;
}


void
ngx_http_assess_block_release(ngx_http_assess_block_t *block)
{
    if (--block->refs == 0) {
        free(block->memory);
        ngx_free(block);
    }
}
