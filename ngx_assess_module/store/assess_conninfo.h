
/*
 * The hosts of a connection string.  libpq goes on to the next one when a host
 * refuses, but not when it says nothing and the caller's time is over: then
 * the next try has to begin behind it.
 */

#ifndef ASSESS_CONNINFO_H
#define ASSESS_CONNINFO_H


#include "assess_db.h"


/* The lists from one host on, then those before it; "" where not given. */
typedef struct {
    char  host[1024];
    char  hostaddr[1024];
    char  port[256];
} assess_hosts_t;


/* How many there are: 1, too, where the string or its lists are too long. */
int assess_conninfo_hosts(const char *conninfo);

/* With the nth, from 0, in front. */
void assess_conninfo_from(const char *conninfo, int nth,
    assess_hosts_t *hosts);


#endif /* ASSESS_CONNINFO_H */
