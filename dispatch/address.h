/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a program inside may be sent by what somebody outside wrote: classes of addresses.
 * (Ranges: the IANA registries of special-purpose IPv4 and IPv6 addresses, RFC 6890 and later.)
 */
#pragma once

#include <stdbool.h>

struct sockaddr;

enum address_class {
    ADDRESS_PUBLIC,
    /* Loopback, private (RFC 1918), unique local, link-local, carrier-grade NAT, benchmarks:
     * allowed when the settings say so. */
    ADDRESS_INSIDE,
    /* Never: unspecified and "this network", multicast, broadcast, reserved, documentation, and
     * the addresses at which clouds hand out credentials. */
    ADDRESS_NEVER,
};

/* An IPv6 address that stands for an IPv4 one (mapped, compatible, NAT64, 6to4) has the class
 * of that one. Anything but IPv4 and IPv6 is ADDRESS_NEVER. */
enum address_class address_class(const struct sockaddr *address);

/* Of an address as text, IPv6 with or without brackets and zone; false: it is none. */
bool address_class_text(const char *text, enum address_class *ret_class);

/* Does a host name mean this machine or its own network, whatever a resolver says: localhost,
 * and names under localhost, local, internal, home.arpa? */
bool address_name_is_inside(const char *host);
