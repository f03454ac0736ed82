
/*
 * The sockets of this process to providers.  Descriptors are shared with the
 * event loop, which needs its own to serve anybody: these are bounded, and who
 * finds none waits.  All functions may run on any thread.
 */

#ifndef ASSESS_SOCKETS_H
#define ASSESS_SOCKETS_H


#include <sys/socket.h>


/* Once, before there are threads: how many are not ours to use. */
void assess_sockets_init(int reserved);

/* As socket(); not blocking, closed on exec; errno is EMFILE at the bound. */
int assess_socket_open(int family, int type, int protocol);
void assess_socket_close(int fd);

/*
 * Whether another one may be opened where so many are wanted already; and
 * whether that will soon not be so.
 */
int assess_sockets_room(int wanted);
int assess_sockets_scarce(void);

/*
 * How many connections to one address are worth having.  A third of the local
 * ports: the more of them are in use, the longer the kernel looks for one that
 * is not, in the end longer than a request takes.  Reads a file; once.
 */
int assess_sockets_ports(void);

/*
 * Whether an errno is for want of something on this machine, of which there
 * may be more in a moment: descriptors, ports, memory, threads.
 */
int assess_sockets_lack(int code);

/* The errno of a descriptor that is asked for now; 0: it can be had. */
int assess_sockets_probe(void);


#endif /* ASSESS_SOCKETS_H */
