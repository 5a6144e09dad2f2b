// SPDX-License-Identifier: BSD-2-Clause
// One public header, named by LTE_HEADER, with nothing before it and a second time after it;
// compiled by headers.sh as strict C11 and as C++.
#include LTE_HEADER
#include LTE_HEADER

int lte_header_is_complete(void);
int lte_header_is_complete(void)
{
    return 0;
}
