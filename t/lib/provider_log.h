
/*
 * What the test provider was asked and what it has answered, on file: an
 * account of its own of what was paid for.
 *
 * One line a fact, appended by one write, with microseconds of the machine's
 * monotonic clock:
 *
 *   Q TIME REQUEST PID PATH NAME ID...   a request is read, all of it; the
 *                                        process that sent it (0: it is gone),
 *                                        the document's name without spaces
 *   A TIME REQUEST STATUS IN OUT         its answer is in the kernel, all of
 *                                        it; tokens as billed
 *   X TIME REQUEST                       it was given up before that
 */

#ifndef PROVIDER_LOG_H
#define PROVIDER_LOG_H


#include <jansson.h>


/* To a file that is there or not; errno is set where it fails. */
int provider_log_open(const char *name);

/* Without a file, what follows does nothing. */

/* Microseconds of the monotonic clock. */
long long provider_log_now(void);

/* The nginx at the other end of a connection; 0 where it is gone. */
long provider_log_peer(int fd);

/* At that time; path is the request line from the path on. */
void provider_log_request(long long now, long number, long pid,
    const char *path, json_t *body, json_t *ids);

void provider_log_answer(long number, int status, const char *reply);
void provider_log_given_up(long number);


#endif /* PROVIDER_LOG_H */
