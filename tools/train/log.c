// SPDX-License-Identifier: BSD-2-Clause
// Records of a run, one a line.
#include "config.h"

#include "tools/train/log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/message.h"
#include "tools/train/folder.h"

static bool complain(const struct log *log, const char *path)
{
    message_error("%s: %s", path ? path : log->path, strerror(errno));
    return false;
}

static bool write_record(FILE *file, const json_t *record)
{
    return json_dumpf(record, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF;
}

// Reads what an earlier run wrote up to `step`. A last line cut short by a crash is dropped.
static bool read_records(struct log *log, uint64_t step)
{
    FILE *old = fopen(log->path, "r");
    char *line = NULL;
    size_t size = 0;
    if (!old)
        return errno == ENOENT || complain(log, NULL);
    while (getline(&line, &size, old) > 0) {
        json_t *record = json_loads(line, 0, NULL);
        const json_int_t at = json_integer_value(json_object_get(record, "step"));
        if (record && at >= 0 && (uint64_t)at <= step)
            json_array_append(log->records, record);
        json_decref(record);
    }
    free(line);
    fclose(old);
    return true;
}

// What is kept goes to a new file that takes the old one's place.
static bool rewrite(struct log *log, const char *fresh)
{
    size_t i;
    json_t *record;
    log->file = fopen(fresh, "w");
    bool good = log->file != NULL;
    json_array_foreach(log->records, i, record)
        good = good && write_record(log->file, record);
    good = good && fflush(log->file) == 0 && rename(fresh, log->path) == 0;
    if (!good) {
        complain(log, fresh);
        unlink(fresh);
    }
    return good;
}

bool log_open(struct log *log, const char *folder, uint64_t step)
{
    *log = (struct log){.records = json_array()};
    log->path = folder_path(folder, "log.jsonl");
    char *fresh = folder_path(folder, "log.jsonl.new");
    const bool good = log->path && fresh && log->records && (step == 0 || read_records(log, step)) &&
                      rewrite(log, fresh);
    free(fresh);
    return good;
}

bool log_add(struct log *log, json_t *record)
{
    const bool good = record && write_record(log->file, record) && fflush(log->file) == 0;
    if (!good)
        complain(log, NULL);
    json_array_append_new(log->records, record);
    return good;
}

bool log_sync(struct log *log)
{
    return (fflush(log->file) == 0 && fsync(fileno(log->file)) == 0) || complain(log, NULL);
}

void log_end(struct log *log)
{
    if (log->file)
        fclose(log->file);
    free(log->path);
    json_decref(log->records);
}

// JSON has no NaN: what is not finite is null.
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *retention(const struct lte_trainer *trainer)
{
    const size_t count = lte_trainer_retention(trainer, 0, NULL);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        struct lte_retention_info info;
        lte_trainer_retention(trainer, i, &info);
        json_array_append_new(list, json_pack("{s:I,s:o,s:o}", "layer", (json_int_t)info.layer,
                                              "kept", number(info.kept), "lambda",
                                              number(info.lambda)));
    }
    return list;
}

json_t *log_step(const struct lte_trainer *trainer, const struct lte_train_report *r, double seconds)
{
    json_t *record = json_pack(
        "{s:I,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o}", "step", (json_int_t)r->step, "loss",
        number(r->loss), "l1", number(r->l1), "accuracy", number(r->accuracy), "gradient_norm",
        number(r->gradient_norm), "learning_rate", number(r->learning_rate), "tokens",
        (json_int_t)r->tokens, "skipped", (json_int_t)r->skipped, "tokens_per_second",
        number((double)r->tokens / seconds), "seconds", number(seconds));
    if (record && r->index_loss != 0) // exactly 0: the model has no indexers
        json_object_set_new(record, "index_loss", number(r->index_loss));
    if (record && lte_trainer_retention(trainer, 0, NULL))
        json_object_set_new(record, "retention", retention(trainer));
    return record;
}

json_t *log_evaluation(const char *name, const struct lte_train_report *r)
{
    return json_pack("{s:I,s:s,s:o,s:o,s:I}", "step", (json_int_t)r->step, "evaluation", name, "loss",
                     number(r->loss), "accuracy", number(r->accuracy), "targets",
                     (json_int_t)r->targets);
}
