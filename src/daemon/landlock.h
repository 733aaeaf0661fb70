/* Where the daemon may still change files, and that it runs no program, by the kernel's Landlock. */
#ifndef DAEMON_LANDLOCK_H
#define DAEMON_LANDLOCK_H

#define LANDLOCK_FOLDERS_MAX 32u

/*
 * The folder of the file at PATH stays one where files may be made, written and removed (by who may otherwise). Call it before
 * the drop; a folder that is not there then is left out.
 */
void landlock_keep_folder_of(const char *path);

/*
 * From here on this thread, and all that it makes, change files only in the folders that were named, and run no program; reading is
 * left to the permissions of files, since rules, includes and lists of addresses stand where the administrator puts them. Returns
 * 1, 0 where the kernel (before 5.13, or without it) has no Landlock, -errno when it refuses. Needs no_new_privs.
 */
int landlock_confine(void);

#endif
