
/*
 * The provider "local": needs nobody and judges nothing.  It quotes what was
 * found for each question and leaves the verdict to a model or a person.
 */

#ifndef ASSESS_LOCAL_H
#define ASSESS_LOCAL_H


#include "assess_provider.h"


#define ASSESS_LOCAL_QUOTES     5     /* of an answer at most */
#define ASSESS_LOCAL_QUOTE_LEN  400   /* bytes of one, about */


/*
 * Hands over answers through ask->reply, at no cost: every 50 ms the batches
 * that are done, and the rest at the end.  Every verdict is
 * insufficient_evidence.  The quotes are sentences of the hits' passages in
 * the order of rank, of as many pages as there are, white space apart as they
 * stand there.
 *
 * confidence is how much of the question the best passage covers: the weights
 * of the question's terms that stand in it, by the weights of all of them; the
 * weight of a term that stands in df of the n hits is ln(1 + (n + 1) / (df +
 * 0.5)), so that what is found nowhere counts most.  0 when nothing was found.
 *
 * Memory of the answers is taken from arena.  ASSESS_CANCELLED;
 * ASSESS_STOPPING, once what was done is handed over; ASSESS_ERROR without
 * memory; or what reply() returned.  Any thread.
 */
assess_err_e assess_local_ask(const assess_provider_conf_t *conf,
    assess_arena_t *arena, const assess_ask_t *ask, assess_err_t *err);


#endif /* ASSESS_LOCAL_H */
