// SPDX-License-Identifier: BSD-2-Clause
// Names of statuses and types; the version.
#include "config.h"

#include "lte/base.h"

static const struct {
    const char *name, *text;
} status_table[] = {
    [LTE_OK] = {"LTE_OK", "success"},
    [LTE_ERR_ARGUMENT] = {"LTE_ERR_ARGUMENT", "an argument is outside its documented range"},
    [LTE_ERR_MEMORY] = {"LTE_ERR_MEMORY", "out of memory"},
    [LTE_ERR_IO] = {"LTE_ERR_IO", "a file could not be opened, read or written"},
    [LTE_ERR_FORMAT] = {"LTE_ERR_FORMAT", "a file is damaged or contradicts itself"},
    [LTE_ERR_UNSUPPORTED] = {"LTE_ERR_UNSUPPORTED", "a file asks for something not supported"},
    [LTE_ERR_CONTEXT_FULL] = {"LTE_ERR_CONTEXT_FULL", "the session's context limit is reached"},
    [LTE_ERR_UTF8] = {"LTE_ERR_UTF8", "the text is not valid UTF-8"},
    [LTE_ERR_SPACE] = {"LTE_ERR_SPACE", "the output buffer is too small"},
    [LTE_ERR_DEVICE] = {"LTE_ERR_DEVICE", "a device failed or was lost"},
    [LTE_ERR_CANCELLED] = {"LTE_ERR_CANCELLED", "stopped by the progress callback"},
};

static int known_status(enum lte_status status)
{
    return (size_t)status < sizeof status_table / sizeof status_table[0];
}

const char *lte_status_name(enum lte_status status)
{
    return known_status(status) ? status_table[status].name : "LTE_ERR_?";
}

const char *lte_status_text(enum lte_status status)
{
    return known_status(status) ? status_table[status].text : "unknown status";
}

const char *lte_version(void)
{
    return PACKAGE_VERSION;
}

static const struct {
    const char *name;
    size_t size;
} dtype_table[] = {
    [LTE_DTYPE_F32] = {"f32", 4}, [LTE_DTYPE_BF16] = {"bf16", 2}, [LTE_DTYPE_F16] = {"f16", 2}};

static int known_dtype(enum lte_dtype dtype)
{
    return (size_t)dtype < sizeof dtype_table / sizeof dtype_table[0];
}

size_t lte_dtype_size(enum lte_dtype dtype)
{
    return known_dtype(dtype) ? dtype_table[dtype].size : 0;
}

const char *lte_dtype_name(enum lte_dtype dtype)
{
    return known_dtype(dtype) ? dtype_table[dtype].name : "?";
}
