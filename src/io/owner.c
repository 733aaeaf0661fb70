#include "io/owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/nfqueue.h"

#define PROC_BYTES 65536
#define NETLINK_NETFILTER_PROTOCOL 12

#define QUEUES_PATH "/proc/net/netfilter/nfnetlink_queue"

static size_t read_from_start(int file, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got = 0;
    while (file >= 0 && used < size - 1 && (got = pread(file, text + used, size - 1 - used, (off_t)used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    return used;
}

size_t owner_read_file(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = read_from_start(file, text, size);
    if (file >= 0)
        close(file);
    return length;
}

int owner_open_queues(void)
{
    return open(QUEUES_PATH, O_RDONLY | O_CLOEXEC);
}

size_t owner_read_queues(int file, char *text, size_t size)
{
    return read_from_start(file, text, size);
}

unsigned long owner_inode(const char *text, uint32_t port)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        unsigned protocol, found;
        unsigned long inode;
        if (sscanf(line, "%*s %u %u %*s %*s %*s %*s %*s %*s %lu", &protocol, &found, &inode) == 3 &&
            protocol == NETLINK_NETFILTER_PROTOCOL && found == port)
            return inode;
    }
    return 0;
}

/* Does the process keep the socket with this inode open? */
static bool process_holds(const char *process, unsigned long inode)
{
    char path[300], link[64], wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    snprintf(path, sizeof path, "/proc/%s/fd", process);
    DIR *folder = opendir(path);
    bool holds = false;
    for (struct dirent *entry; folder != NULL && !holds && (entry = readdir(folder)) != NULL;) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
        if (length > 0) {
            link[length] = '\0';
            holds = strcmp(link, wanted) == 0;
        }
    }
    if (folder != NULL)
        closedir(folder);
    return holds;
}

static bool name_holder(unsigned long inode, char *text, size_t size)
{
    char path[300], name[64];
    DIR *processes = opendir("/proc");
    bool found = false;
    for (struct dirent *entry; processes != NULL && !found && (entry = readdir(processes)) != NULL;) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !process_holds(entry->d_name, inode))
            continue;
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        owner_read_file(path, name, sizeof name);
        name[strcspn(name, "\n")] = '\0';
        snprintf(text, size, "process %.20s (%s)", entry->d_name, name);
        found = true;
    }
    if (processes != NULL)
        closedir(processes);
    return found;
}

bool owner_of_queue(uint16_t number, char *text, size_t size)
{
    static char content[PROC_BYTES];
    struct nfqueue_kernel kernel;
    snprintf(text, size, "another process");
    owner_read_file(QUEUES_PATH, content, sizeof content);
    if (!nfqueue_kernel_read(content, number, &kernel))
        return false;
    owner_read_file("/proc/net/netlink", content, sizeof content);
    unsigned long inode = owner_inode(content, kernel.owner_port);
    if (inode != 0)
        name_holder(inode, text, size);
    return true;
}
