/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `jinbang-agent enrol [-c FILE] NAME TOKEN`: argv begins with "enrol". The exit status. */
int enrol_main(int argc, char **argv);
