
#include "assess_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>



#define ASSESS_ADDRESS_TEXT  64


/* What is not public in IPv4. */

static const struct {
    uint32_t   net;
    int        bits;
} assess_address_v4[] = {
    { 0x00000000, 8 },                       /* this network, unspecified */
    { 0x0a000000, 8 },                       /* private */
    { 0x64400000, 10 },                      /* carrier-grade NAT */
    { 0x7f000000, 8 },                       /* loopback */
    { 0xa9fe0000, 16 },                      /* link-local, metadata */
    { 0xac100000, 12 },                      /* private */
    { 0xc0000000, 24 },                      /* IETF protocols */
    { 0xc0000200, 24 },                      /* documentation */
    { 0xc0586300, 24 },                      /* relays of 6to4 */
    { 0xc0a80000, 16 },                      /* private */
    { 0xc6120000, 15 },                      /* benchmarks */
    { 0xc6336400, 24 },                      /* documentation */
    { 0xcb007100, 24 },                      /* documentation */
    { 0xe0000000, 4 },                       /* multicast */
    { 0xf0000000, 4 }                        /* reserved, broadcast */
};


/* What is not public of global unicast (2000::/3); all else is not either. */

static const struct {
    unsigned char   net[8];
    int             bits;
} assess_address_v6[] = {
    { { 0x20, 0x01 }, 23 },                  /* IETF protocols, Teredo */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },      /* documentation */
    { { 0x20, 0x02 }, 16 },                  /* 6to4 */
    { { 0x3f, 0xff }, 20 }                   /* documentation */
};

static const unsigned char  assess_address_mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static const unsigned char  assess_address_nat64[12] = {
    0, 0x64, 0xff, 0x9b
};


static int
assess_address_in(const unsigned char *addr, const unsigned char *net,
    int bits)
{
    int  mask;

    if (memcmp(addr, net, (size_t) bits / 8) != 0) {
        return 0;
    }

    mask = bits % 8 ? 0xff << (8 - bits % 8) & 0xff : 0;

    return mask == 0 || (addr[bits / 8] & mask) == (net[bits / 8] & mask);
}


int
assess_net_parse(const char *text, assess_net_t *net)
{
    int           i, mask, bits;
    char         *end, addr[ASSESS_ADDRESS_TEXT];
    size_t        len;
    const char   *slash;

    slash = strchr(text, '/');
    len = slash ? (size_t) (slash - text) : strlen(text);

    if (len >= sizeof(addr)) {
        return -1;
    }

    memcpy(addr, text, len);
    addr[len] = '\0';

    if (inet_pton(AF_INET, addr, net->addr + 12) == 1) {
        memcpy(net->addr, assess_address_mapped, 12);
        bits = 32;

    } else if (inet_pton(AF_INET6, addr, net->addr) == 1) {
        bits = 128;

    } else {
        return -1;
    }

    net->bits = 128;

    if (slash) {
        if (slash[1] < '0' || slash[1] > '9' || strlen(slash + 1) > 3) {
            return -1;
        }

        i = (int) strtol(slash + 1, &end, 10);

        if (*end != '\0' || i > bits) {
            return -1;
        }

        net->bits = 128 - bits + i;
    }

    for (i = net->bits; i < 128; i++) {
        mask = 0x80 >> i % 8;

        if (net->addr[i / 8] & mask) {
            return -1;
        }
    }

    return 0;
}


static int
assess_address_public_v4(const unsigned char *addr)
{
    size_t    i;
    uint32_t  host;

    host = (uint32_t) addr[0] << 24 | (uint32_t) addr[1] << 16
           | (uint32_t) addr[2] << 8 | addr[3];

    for (i = 0; i < sizeof(assess_address_v4) / sizeof(assess_address_v4[0]);
         i++)
    {
        if ((host ^ assess_address_v4[i].net)
            >> (32 - assess_address_v4[i].bits) == 0)
        {
            return 0;
        }
    }

    return 1;
}


static int
assess_address_public(const unsigned char *addr)
{
    size_t  i;

    if (memcmp(addr, assess_address_mapped, 12) == 0
        || memcmp(addr, assess_address_nat64, 12) == 0)
    {
        return assess_address_public_v4(addr + 12);
    }

    if ((addr[0] & 0xe0) != 0x20) {
        return 0;
    }

    for (i = 0; i < sizeof(assess_address_v6) / sizeof(assess_address_v6[0]);
         i++)
    {
        if (assess_address_in(addr, assess_address_v6[i].net,
                              assess_address_v6[i].bits))
        {
            return 0;
        }
    }

    return 1;
}


int
assess_address_allowed(const struct sockaddr *addr, const assess_net_t *nets,
    size_t n)
{
    size_t         i;
    unsigned char  full[16];

    switch (addr->sa_family) {

    case AF_INET:
        memcpy(full, assess_address_mapped, 12);
        memcpy(full + 12, &((const struct sockaddr_in *) addr)->sin_addr, 4);
        break;

    case AF_INET6:
        memcpy(full, &((const struct sockaddr_in6 *) addr)->sin6_addr, 16);
        break;

    default:
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (assess_address_in(full, nets[i].addr, nets[i].bits)) {
            return 1;
        }
    }

    return assess_address_public(full);
}
