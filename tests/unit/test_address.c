/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cmocka_all.h"

#include "dispatch/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const struct {
    const char *text;
    enum address_class class_;
} cases[] = {
    {"8.8.8.8", ADDRESS_PUBLIC},
    {"1.0.0.0", ADDRESS_PUBLIC},
    {"9.255.255.255", ADDRESS_PUBLIC},
    {"11.0.0.0", ADDRESS_PUBLIC},
    {"100.63.255.255", ADDRESS_PUBLIC},
    {"100.128.0.0", ADDRESS_PUBLIC},
    {"126.255.255.255", ADDRESS_PUBLIC},
    {"128.0.0.0", ADDRESS_PUBLIC},
    {"169.253.255.255", ADDRESS_PUBLIC},
    {"169.255.0.0", ADDRESS_PUBLIC},
    {"172.15.255.255", ADDRESS_PUBLIC},
    {"172.32.0.0", ADDRESS_PUBLIC},
    {"192.167.255.255", ADDRESS_PUBLIC},
    {"192.169.0.0", ADDRESS_PUBLIC},
    {"198.17.255.255", ADDRESS_PUBLIC},
    {"198.20.0.0", ADDRESS_PUBLIC},
    {"223.255.255.255", ADDRESS_PUBLIC},
    {"10.0.0.0", ADDRESS_INSIDE},
    {"10.255.255.255", ADDRESS_INSIDE},
    {"100.64.0.0", ADDRESS_INSIDE},
    {"100.127.255.255", ADDRESS_INSIDE},
    {"127.0.0.1", ADDRESS_INSIDE},
    {"127.255.255.255", ADDRESS_INSIDE},
    {"169.254.0.1", ADDRESS_INSIDE},
    {"172.16.0.0", ADDRESS_INSIDE},
    {"172.31.255.255", ADDRESS_INSIDE},
    {"192.168.0.1", ADDRESS_INSIDE},
    {"198.18.0.1", ADDRESS_INSIDE},
    {"198.19.255.255", ADDRESS_INSIDE},
    {"0.0.0.0", ADDRESS_NEVER},
    {"0.1.2.3", ADDRESS_NEVER},
    {"100.100.100.200", ADDRESS_NEVER},
    {"168.63.129.16", ADDRESS_NEVER},
    {"169.254.169.254", ADDRESS_NEVER},
    {"169.254.170.2", ADDRESS_NEVER},
    {"192.0.0.192", ADDRESS_NEVER},
    {"192.0.2.1", ADDRESS_NEVER},
    {"192.88.99.1", ADDRESS_NEVER},
    {"198.51.100.1", ADDRESS_NEVER},
    {"203.0.113.255", ADDRESS_NEVER},
    {"224.0.0.1", ADDRESS_NEVER},
    {"239.255.255.255", ADDRESS_NEVER},
    {"240.0.0.1", ADDRESS_NEVER},
    {"255.255.255.255", ADDRESS_NEVER},
    {"2606:4700::1111", ADDRESS_PUBLIC},
    {"2001:200::1", ADDRESS_PUBLIC},
    {"::1", ADDRESS_INSIDE},
    {"fc00::1", ADDRESS_INSIDE},
    {"fdff::1", ADDRESS_INSIDE},
    {"fe80::1", ADDRESS_INSIDE},
    {"febf::1", ADDRESS_INSIDE},
    {"fec0::1", ADDRESS_INSIDE},
    {"64:ff9b:1::1", ADDRESS_INSIDE},
    {"::", ADDRESS_NEVER},
    {"fd00:ec2::254", ADDRESS_NEVER},
    {"fd20:ce::254", ADDRESS_NEVER},
    {"ff02::1", ADDRESS_NEVER},
    {"100::1", ADDRESS_NEVER},
    {"2001::1", ADDRESS_NEVER},
    {"2001:db8::1", ADDRESS_NEVER},
    {"3fff::1", ADDRESS_NEVER},
    {"4000::1", ADDRESS_NEVER},
    {"5f00::1", ADDRESS_NEVER},
    {"fe00::1", ADDRESS_NEVER},
    /* an IPv4 address inside */
    {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
    {"::ffff:127.0.0.1", ADDRESS_INSIDE},
    {"::ffff:169.254.169.254", ADDRESS_NEVER},
    {"::ffff:0.0.0.0", ADDRESS_NEVER},
    {"::127.0.0.1", ADDRESS_INSIDE},
    {"::ffff:0:10.0.0.1", ADDRESS_INSIDE},
    {"64:ff9b::8.8.8.8", ADDRESS_PUBLIC},
    {"64:ff9b::10.0.0.1", ADDRESS_INSIDE},
    {"64:ff9b::169.254.169.254", ADDRESS_NEVER},
    {"2002:808:808::1", ADDRESS_PUBLIC},
    {"2002:7f00:1::1", ADDRESS_INSIDE},
    {"2002:a9fe:a9fe::1", ADDRESS_NEVER},
};

static void
every_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        enum address_class by_text = (enum address_class)77, by_socket;

        if (!address_class_text(cases[i].text, &by_text) || by_text != cases[i].class_)
            fail_msg("%s is %d", cases[i].text, (int)by_text);
        if (inet_pton(AF_INET, cases[i].text, &in.sin_addr) == 1) {
            by_socket = address_class((const struct sockaddr *)&in);
        } else {
            assert_int_equal(inet_pton(AF_INET6, cases[i].text, &in6.sin6_addr), 1);
            by_socket = address_class((const struct sockaddr *)&in6);
        }
        assert_int_equal(by_socket, by_text);
    }
}

static void
other_families_never(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    (void)state;
    assert_int_equal(address_class((const struct sockaddr *)&un), ADDRESS_NEVER);
}

static void
text(void **state)
{
    static const char *const none[] = {
        "",           "localhost",
        "1.2.3",      "1.2.3.4.5",
        "0x7f.1",     "2130706433",
        "01.02.3.4x", "::g",
        "1.2.3.4 ",   "example.org",
        "[]",         "1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333:4444"};
    enum address_class class_;

    (void)state;
    assert_true(address_class_text("[::1]", &class_));
    assert_int_equal(class_, ADDRESS_INSIDE);
    assert_true(address_class_text("[fe80::1%25eth0]", &class_));
    assert_int_equal(class_, ADDRESS_INSIDE);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (address_class_text(none[i], &class_))
            fail_msg("%s was read as an address", none[i]);
}

static void
names(void **state)
{
    static const char *const inside[] = {"localhost",     "LOCALHOST",
                                         "localhost.",    "a.localhost",
                                         "printer.local", "metadata.google.internal",
                                         "nas.home.arpa"};
    static const char *const outside[] = {
        "huggingface.co", "notlocalhost", "localhost.example", "internal.example.org", "", "."};

    (void)state;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        assert_true(address_name_is_inside(inside[i]));
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_false(address_name_is_inside(outside[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class),
        cmocka_unit_test(other_families_never),
        cmocka_unit_test(text),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
