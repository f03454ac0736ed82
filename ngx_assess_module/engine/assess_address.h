
/*
 * Which addresses are those of the public internet, and not of this machine,
 * of a network around it, or of no host at all.  Pure; any thread.
 */

#ifndef ASSESS_ADDRESS_H
#define ASSESS_ADDRESS_H


#include "../base/assess_base.h"

#include <sys/socket.h>


/* An IPv4 network is kept as that of IPv6 which it is mapped to. */
typedef struct {
    unsigned char   addr[16];
    int             bits;            /* 0..128 */
} assess_net_t;


/*
 * "10.1.0.0/16", "fd00::/8", or an address alone; 0, or -1 where it is none,
 * or has bits behind its prefix.
 */
int assess_net_parse(const char *text, assess_net_t *net);

/*
 * Whether a connection may go there: to an address of one of the networks, or
 * to one that is public (RFC 6890 and IANA's registries of special purpose
 * addresses).  IPv4 that is mapped into IPv6 or translated by the well-known
 * prefix (64:ff9b::/96) counts as what it is; tunnels (6to4, Teredo) are never
 * public.
 */
int assess_address_allowed(const struct sockaddr *addr,
    const assess_net_t *nets, size_t n);


#endif /* ASSESS_ADDRESS_H */
