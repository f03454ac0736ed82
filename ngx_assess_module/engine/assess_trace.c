
#include "assess_trace.h"

#include <stdio.h>
#include <string.h>


#define ASSESS_TRACE_PARENT      36
#define ASSESS_TRACE_PARENT_LEN  16
#define ASSESS_TRACE_FLAGS       53

/* the last 16 digits of an id, of which the first is 8 to b, are random */
#define ASSESS_TRACE_RANDOM      19


/* Small hex digits, and whether not all of them are zeroes */

static int
assess_trace_hex(const char *data, size_t len, int *some)
{
    size_t  i;

    *some = 0;

    for (i = 0; i < len; i++) {

        if (!((data[i] >= '0' && data[i] <= '9')
              || (data[i] >= 'a' && data[i] <= 'f')))
        {
            return 0;
        }

        *some |= data[i] != '0';
    }

    return 1;
}


int
assess_trace_valid(const char *data, size_t len)
{
    int  trace, parent, flags;

    return len == ASSESS_TRACE_LEN
           && memcmp(data, "00-", 3) == 0
           && data[ASSESS_TRACE_PARENT - 1] == '-'
           && data[ASSESS_TRACE_FLAGS - 1] == '-'
           && assess_trace_hex(data + ASSESS_TRACE_ID, ASSESS_TRACE_ID_LEN,
                               &trace)
           && assess_trace_hex(data + ASSESS_TRACE_PARENT,
                               ASSESS_TRACE_PARENT_LEN, &parent)
           && assess_trace_hex(data + ASSESS_TRACE_FLAGS, 2, &flags)
           && trace && parent;
}


int
assess_trace_child(char out[ASSESS_TRACE_LEN + 1], const char *parent)
{
    int   sampled;
    char  id[ASSESS_UUID_LEN + 1], last;

    if (assess_uuid(id) != 0) {
        return -1;
    }

    /* what the other flags mean is not known to this version */

    last = parent[ASSESS_TRACE_FLAGS + 1];
    sampled = (last <= '9' ? last - '0' : last - 'a' + 10) & 1;

    (void) snprintf(out, ASSESS_TRACE_LEN + 1, "00-%.32s-%.4s%.12s-%02d",
                    parent + ASSESS_TRACE_ID, id + ASSESS_TRACE_RANDOM,
                    id + ASSESS_TRACE_RANDOM + 5, sampled);

    return 0;
}
