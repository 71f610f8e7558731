/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct range4 {
    uint32_t net;
    unsigned bits;
    enum address_class class_;
};

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* The first that fits says it. */
static const struct range4 ranges4[] = {
    {IP(169, 254, 169, 254), 32, ADDRESS_NEVER}, /* credentials: most clouds */
    {IP(169, 254, 170, 2), 32, ADDRESS_NEVER},   /* of a container's task */
    {IP(169, 254, 170, 23), 32, ADDRESS_NEVER},  /* of a pod */
    {IP(100, 100, 100, 200), 32, ADDRESS_NEVER}, /* credentials: Alibaba Cloud */
    {IP(168, 63, 129, 16), 32, ADDRESS_NEVER},   /* the host of an Azure machine */
    {IP(0, 0, 0, 0), 8, ADDRESS_NEVER},
    {IP(10, 0, 0, 0), 8, ADDRESS_INSIDE},
    {IP(100, 64, 0, 0), 10, ADDRESS_INSIDE},
    {IP(127, 0, 0, 0), 8, ADDRESS_INSIDE},
    {IP(169, 254, 0, 0), 16, ADDRESS_INSIDE},
    {IP(172, 16, 0, 0), 12, ADDRESS_INSIDE},
    {IP(192, 0, 0, 0), 24, ADDRESS_NEVER},
    {IP(192, 0, 2, 0), 24, ADDRESS_NEVER},
    {IP(192, 88, 99, 0), 24, ADDRESS_NEVER},
    {IP(192, 168, 0, 0), 16, ADDRESS_INSIDE},
    {IP(198, 18, 0, 0), 15, ADDRESS_INSIDE},
    {IP(198, 51, 100, 0), 24, ADDRESS_NEVER},
    {IP(203, 0, 113, 0), 24, ADDRESS_NEVER},
    {IP(224, 0, 0, 0), 3, ADDRESS_NEVER}, /* multicast, reserved, broadcast */
};

static enum address_class
class4(uint32_t address)
{
    for (size_t i = 0; i < sizeof ranges4 / sizeof *ranges4; i++)
        if ((address ^ ranges4[i].net) >> (32 - ranges4[i].bits) == 0)
            return ranges4[i].class_;
    return ADDRESS_PUBLIC;
}

static uint32_t
big_endian(const unsigned char *p)
{
    return IP(p[0], p[1], p[2], p[3]);
}

static bool
begins(const unsigned char *address, const unsigned char *prefix, unsigned bits)
{
    if (memcmp(address, prefix, bits / 8) != 0)
        return false;
    return bits % 8 == 0 || (address[bits / 8] ^ prefix[bits / 8]) >> (8 - bits % 8) == 0;
}

struct range6 {
    unsigned char net[16];
    unsigned bits;
    enum { IS, EMBEDS } how;
    enum address_class class_; /* IS */
    unsigned at;               /* EMBEDS: where the IPv4 address stands */
};

static const struct range6 ranges6[] = {
    {{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}, 128, IS, ADDRESS_NEVER, 0},
    {{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}, 128, IS, ADDRESS_NEVER, 0},
    {{0}, 128, IS, ADDRESS_NEVER, 0},
    {{[15] = 1}, 128, IS, ADDRESS_INSIDE, 0},
    {{[10] = 0xff, [11] = 0xff}, 96, EMBEDS, ADDRESS_NEVER, 12}, /* mapped */
    {{0}, 96, EMBEDS, ADDRESS_NEVER, 12},                        /* compatible */
    {{[8] = 0xff, [9] = 0xff}, 96, EMBEDS, ADDRESS_NEVER, 12},   /* translated */
    {{0x00, 0x64, 0xff, 0x9b}, 96, EMBEDS, ADDRESS_NEVER, 12},   /* NAT64 */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, IS, ADDRESS_INSIDE, 0},
    {{0x20, 0x02}, 16, EMBEDS, ADDRESS_NEVER, 2},         /* 6to4 */
    {{0x20, 0x01, 0x00, 0x00}, 23, IS, ADDRESS_NEVER, 0}, /* Teredo, benchmarks, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, IS, ADDRESS_NEVER, 0}, /* documentation */
    {{0x3f, 0xff, 0x00, 0x00}, 20, IS, ADDRESS_NEVER, 0},
    {{0x20, 0x00}, 3, IS, ADDRESS_PUBLIC, 0},
    {{0xfc, 0x00}, 7, IS, ADDRESS_INSIDE, 0},
    {{0xfe, 0x80}, 10, IS, ADDRESS_INSIDE, 0},
    {{0xfe, 0xc0}, 10, IS, ADDRESS_INSIDE, 0}, /* site-local, old */
};

static enum address_class
class6(const unsigned char *address)
{
    for (size_t i = 0; i < sizeof ranges6 / sizeof *ranges6; i++) {
        const struct range6 *r = &ranges6[i];
        if (begins(address, r->net, r->bits))
            return r->how == IS ? r->class_ : class4(big_endian(address + r->at));
    }
    return ADDRESS_NEVER;
}

enum address_class
address_class(const struct sockaddr *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    switch (address->sa_family) {
    case AF_INET: memcpy(&in, address, sizeof in); return class4(ntohl(in.sin_addr.s_addr));
    case AF_INET6: memcpy(&in6, address, sizeof in6); return class6(in6.sin6_addr.s6_addr);
    default: return ADDRESS_NEVER;
    }
}

bool
address_class_text(const char *text, enum address_class *ret_class)
{
    char plain[INET6_ADDRSTRLEN + 1];
    struct in_addr in;
    struct in6_addr in6;
    size_t n = strlen(text);

    if (n && text[0] == '[') {
        text++;
        n = strcspn(text, "]");
    }
    n = strcspn(text, "%") < n ? strcspn(text, "%") : n;
    if (n >= sizeof plain)
        return false;
    memcpy(plain, text, n);
    plain[n] = '\0';
    if (inet_pton(AF_INET, plain, &in) == 1)
        *ret_class = class4(ntohl(in.s_addr));
    else if (inet_pton(AF_INET6, plain, &in6) == 1)
        *ret_class = class6(in6.s6_addr);
    else
        return false;
    return true;
}

bool
address_name_is_inside(const char *host)
{
    static const char *const ends[] = {"localhost",     "localhost.localdomain",
                                       "ip6-localhost", "local",
                                       "internal",      "home.arpa"};
    size_t n = strlen(host);

    if (n && host[n - 1] == '.')
        n--;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t m = strlen(ends[i]);
        if (n >= m && strncasecmp(host + n - m, ends[i], m) == 0 &&
            (n == m || host[n - m - 1] == '.'))
            return true;
    }
    return false;
}
