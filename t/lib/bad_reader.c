
/*
 * A reader that does as the document says, whatever that is: with it in the
 * place of the one for HTML, assess-extract has readers that an attacker has
 * taken over, and all else of it is real.
 */

#include "extract/assess_out.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>


static void bad_prepare(void);
static assess_why_e bad_read(assess_out_t *out);


const assess_reader_t  assess_reader_html = {
    "html", bad_prepare, bad_read
};


static void
bad_prepare(void)
{
}


static void
bad_fork(assess_out_t *out)
{
    (void) out;
    (void) fork();
}


static void
bad_socket(assess_out_t *out)
{
    (void) out;
    (void) socket(AF_INET, SOCK_STREAM, 0);
}


static void
bad_exec(assess_out_t *out)
{
    char  *argv[] = { "true", NULL };

    (void) out;
    (void) execv("/bin/true", argv);
}


/* As poppler does it. */

static void
bad_memory(assess_out_t *out)
{
    (void) out;

    while (malloc(1 << 20)) { /* void */ }

    abort();
}


static void
bad_spin(assess_out_t *out)
{
    volatile int  on = 1;

    (void) out;

    while (on) { /* void */ }
}


/* Without CPU time, for ever, behind a page. */

static void
bad_wait(assess_out_t *out)
{
    int  word;

    word = 0;

    assess_out_text(out, "waiting", 7);
    assess_out_page(out);

    for ( ;; ) {
        (void) syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
    }
}


static void
bad_crash(assess_out_t *out)
{
    volatile char *volatile  nowhere = NULL;

    (void) out;
    *nowhere = 1;
}


static void
bad_exit(assess_out_t *out)
{
    (void) out;
    _exit(3);
}


static void
bad_talk(assess_out_t *out)
{
    (void) send(out->fd, "nonsense", 8, MSG_NOSIGNAL);
}


static void
bad_flood(assess_out_t *out)
{
    for ( ;; ) {
        assess_out_text(out, "more and ", 9);
    }
}


static assess_why_e
bad_read(assess_out_t *out)
{
    size_t  i;

    static const struct {
        const char   *name;
        void        (*act)(assess_out_t *out);
    } acts[] = {
        { "fork", bad_fork },
        { "socket", bad_socket },
        { "exec", bad_exec },
        { "memory", bad_memory },
        { "spin", bad_spin },
        { "wait", bad_wait },
        { "crash", bad_crash },
        { "exit", bad_exit },
        { "talk", bad_talk },
        { "flood", bad_flood }
    };

    for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (memmem(out->data, out->len, acts[i].name, strlen(acts[i].name))) {
            acts[i].act(out);
        }
    }

    assess_out_text(out, "It did nothing bad.", 19);
    assess_out_page(out);

    return ASSESS_WHY_NONE;
}
