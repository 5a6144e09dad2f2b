// SPDX-License-Identifier: BSD-2-Clause
// The output folder of a run: what it holds, and what a crash left in it.
#ifndef LTE_TOOLS_TRAIN_FOLDER_H
#define LTE_TOOLS_TRAIN_FOLDER_H

#include <stdbool.h>

// "folder/name", to be freed; NULL after a message.
char *folder_path(const char *folder, const char *name);
// Whether a file of that name is in it.
bool folder_holds(const char *folder, const char *name);
// Makes the folder if it is not there. False after a message.
bool folder_make(const char *folder);
// Keeps other processes from training into it until *lock is closed or the process ends, however it
// does. False after a message: another one is at it.
bool folder_lock(const char *folder, int *lock);
// Removes the unfinished files of a run that was killed while it saved. False after a message.
bool folder_clean(const char *folder);

#endif
