/* SPDX-License-Identifier: Apache-2.0 */
/* Loops of libraries, in words that cppcheck understands. Only for ./dev lint. */
#define HASH_ITER(hh, head, el, tmp) for ((el) = (head), (tmp) = (el); (el); (el) = (tmp))
#define cJSON_ArrayForEach(el, of)   for ((el) = (of)->child; (el); (el) = (el)->next)
#define DL_FOREACH(head, el)         for ((el) = (head); (el); (el) = (el)->next)
#define DL_FOREACH_SAFE(head, el, tmp)                                                         \
    for ((el) = (head); (el) && ((tmp) = (el)->next, 1); (el) = (tmp))
#define LL_FOREACH(head, el)           DL_FOREACH (head, el)
#define LL_FOREACH_SAFE(head, el, tmp) DL_FOREACH_SAFE(head, el, tmp)
