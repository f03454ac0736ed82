
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

/*
 * Puts the calling process's session behind others, where it is one of its own:
 * Linux shares the cores out between sessions first (sched(7), autogroup), so
 * that what one process does is taken from the time of all in its session.
 */
void assess_background_session(void);

/*
 * For the calling thread, which waits most of the time and must go on at once
 * when it wakes: it gets no more time than before, but in shorter slices, for
 * which it interrupts who has longer ones (Linux 6.12).
 */
void assess_foreground(void);


#endif /* ASSESS_BACKGROUND_H */
