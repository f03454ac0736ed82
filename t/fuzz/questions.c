/* sources: engine/assess_questions.c engine/assess_fold.c base/assess_base.c */
/* libs: -ljansson -lm */

/* What is taken must read back, and be the same when written again. */

#include "../../ngx_assess_module/engine/assess_questions.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  n;
    assess_buf_t            body;
    assess_err_t            err;
    assess_arena_t         *arena;
    assess_question_t      *questions;
    assess_question_set_t   set, again;

    arena = assess_arena_create();
    if (arena == NULL) {
        return 0;
    }

    memset(&set, 0, sizeof(set));
    memset(&again, 0, sizeof(again));
    memset(&body, 0, sizeof(body));

    if (assess_question_set_parse(arena, (const char *) data, size, &set,
                                  &err) == ASSESS_OK)
    {
        if (assess_questions_read(arena, &set, &questions, &n, &err)
            != ASSESS_OK || n != (size_t) set.question_count)
        {
            abort();
        }

        assess_buf_printf(&body, "{\"questions\":%s}", set.questions.data);

        if (assess_question_set_parse(arena, body.data, body.len, &again,
                                      &err) != ASSESS_OK
            || again.questions.len != set.questions.len
            || memcmp(again.questions.data, set.questions.data,
                      set.questions.len) != 0)
        {
            abort();
        }
    }

    assess_buf_free(&body);
    assess_arena_destroy(arena);

    return 0;
}
