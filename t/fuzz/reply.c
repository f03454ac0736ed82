
/*
 * A provider's reply and its failures: the first byte is the status, the rest
 * the body.
 */

/* sources: engine/assess_reply.c engine/assess_retry.c store/assess_answer.c
   store/assess_db.c store/assess_contact.c store/assess_conninfo.c
   store/assess_scope.c store/assess_arg.c store/assess_statement.c
   store/assess_migrate.c base/assess_json.c base/assess_base.c
   base/assess_cursor.c */
/* libs: -lpq -ljansson -lcurl -lcrypto -lm */

#include "../../ngx_assess_module/engine/assess_reply.h"
#include "../../ngx_assess_module/engine/assess_retry.h"

#include <stdlib.h>
#include <string.h>


static const assess_question_t  one = { .id = assess_str("a") };
static const assess_question_t  two = { .id = assess_str("b"), .ordinal = 1 };


static void
check(const assess_completion_t *got)
{
    size_t                   i, j;
    const assess_answer_t   *a;

    for (i = 0; i < got->nanswers; i++) {

        a = &got->answers[i];

        if (!(a->confidence >= 0 && a->confidence <= 1)
            || a->verdict >= ASSESS_VERDICTS
            || a->rationale.len > ASSESS_RATIONALE_MAX
            || memchr(a->rationale.data, '\0', a->rationale.len))
        {
            abort();
        }

        for (j = 0; j < a->nevidence; j++) {
            if (a->evidence[j].page < 1 || a->evidence[j].quote.len == 0
                || a->evidence[j].quote.len > ASSESS_QUOTE_MAX)
            {
                abort();
            }
        }
    }

    if (got->nanswers > 2 || got->usage.input < 0 || got->usage.output < 0) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assess_retry_t            retry;
    assess_arena_t           *arena;
    assess_failure_t          failure;
    assess_completion_t       got;
    const assess_question_t  *asked[] = { &one, &two };

    if (size == 0) {
        return 0;
    }

    arena = assess_arena_create();

    if (arena && assess_reply_read(arena, (const char *) data + 1, size - 1,
                                   asked, 2, &got) == 0)
    {
        check(&got);
    }

    assess_arena_destroy(arena);

    memset(&failure, 0, sizeof(failure));
    failure.status = 200 + data[0] * 2;
    failure.key = (assess_str_t) assess_str("secret");
    failure.body.data = (char *) data + 1;
    failure.body.len = size - 1;
    failure.retry_after = failure.body;

    assess_retry_classify(&failure, 0, &retry);

    if (strlen(retry.reason) >= sizeof(retry.reason)
        || strstr(retry.reason, "secret")
        || retry.after_ms > ASSESS_RETRY_AFTER_MAX)
    {
        abort();
    }

    return 0;
}
