
/* Header lines of a provider about its limits, one after the other. */

/* sources: engine/assess_ratelimit.c base/assess_base.c */
/* libs: -lcurl -lcrypto -lm */

#include "../../ngx_assess_module/engine/assess_ratelimit.h"

#include <stdlib.h>
#include <string.h>


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                    i;
    const char            *line, *end;
    assess_ratelimit_t     told;
    const assess_quota_t  *quota;

    assess_ratelimit_init(&told);

    for (line = (const char *) data; size; line += end - line) {

        end = memchr(line, '\n', size);
        end = end ? end + 1 : line + size;

        (void) assess_ratelimit_header(&told, line, (size_t) (end - line),
                                       INT64_C(1795608000000));
        size -= (size_t) (end - line);
    }

    for (i = 0; i < ASSESS_QUOTAS; i++) {

        quota = &told.quotas[i];

        if (quota->limit < -1 || quota->remaining < -1 || quota->reset_ms < -1
            || quota->reset_ms > 86400000
            || quota->limit > INT64_C(1000000000000000)
            || quota->remaining > INT64_C(1000000000000000))
        {
            abort();
        }
    }

    return 0;
}
