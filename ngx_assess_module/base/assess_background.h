
/* Work that must not be felt by what else the machine does. */

#ifndef ASSESS_BACKGROUND_H
#define ASSESS_BACKGROUND_H


/*
 * Puts the calling thread, and what it starts from then on, behind others.  A
 * reader (idle is 1) runs when a core has nothing else to do.  A thread that
 * may hold a lock that others wait for is niced only: it must get on.
 * Cannot fail in a way that matters: the thread then runs like others.
 */
void assess_background(int idle);


#endif /* ASSESS_BACKGROUND_H */
