
/* sources: base/assess_frame.c base/assess_base.c */
/* libs: -lm */

/*
 * A stream of messages, each behind a byte of its length; the first byte says
 * whether scans are apart or a picture is wanted, and where the pages begin.
 * Whatever comes, no limit is passed and pages come in order.
 */

#include "base/assess_frame.h"

#include <stdlib.h>
#include <string.h>


#define PAGES  5
#define BYTES  200


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               pages;
    size_t            len;
    assess_frames_e   rc;
    assess_frames_t   frames;

    memset(&frames, 0, sizeof(frames));
    frames.max_pages = PAGES;
    frames.max_bytes = BYTES;
    pages = 0;

    if (size) {
        frames.apart = data[0] >> 7;
        frames.picture = data[0] >> 6 & 1;
        frames.pages = pages = (data[0] & 0x3f) % PAGES;
        data++;
        size--;
    }

    while (size) {

        len = data[0] < size ? data[0] : size - 1;

        rc = assess_frames_feed(&frames, (const char *) data + 1, len);

        if (rc == ASSESS_FRAMES_PAGE) {

            if (frames.pages != ++pages) {
                abort();
            }

            assess_buf_reset(&frames.text);
        }

        if (rc == ASSESS_FRAMES_SCAN
            && (frames.pages != ++pages || !frames.apart || frames.text.len))
        {
            abort();
        }

        if (frames.bytes < 0 || frames.pages > PAGES || frames.bytes > BYTES
            || frames.text.len > BYTES
            || (rc == ASSESS_FRAMES_END) > frames.ended)
        {
            abort();
        }

        data += 1 + len;
        size -= 1 + len;
    }

    assess_buf_free(&frames.text);

    return 0;
}
