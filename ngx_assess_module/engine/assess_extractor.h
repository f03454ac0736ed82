
/*
 * The program assess-extract, of which a process has one running: started with
 * the first document, since starting it costs more than reading most of them.
 * Any thread.
 */

#ifndef ASSESS_EXTRACTOR_H
#define ASSESS_EXTRACTOR_H


#include "../base/assess_frame.h"


/*
 * Orders a document to be read; both descriptors stay the caller's, and program
 * stays where it is as long as the process.  languages, which are the same in
 * every call, are those of pictures.  turn is for assess_extractor_kill().  0,
 * or an errno: it cannot be started.
 */
int assess_extractor_order(const char *program, const char *languages,
    const assess_order_t *order, int document, int sock, unsigned *turn);

/*
 * What it says of the sandbox that this machine gives, a NUL behind it.  0, or
 * an errno: it cannot be started, or does not end; it has to be ended then.
 */
int assess_extractor_check(const char *program, char *out, size_t size);

/* Ends the one that took this order, which does not answer any more. */
void assess_extractor_kill(unsigned turn);

/* Ends it when it is done with its orders, which are waited for, shortly. */
void assess_extractor_close(void);


#endif /* ASSESS_EXTRACTOR_H */
