/*
 * spid: the command line. Says what is wrong with it, and hands over to a command or to the daemon.
 */
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/check.h"
#include "command/diff.h"
#include "command/explain.h"
#include "command/lockdown.h"
#include "command/preflight.h"
#include "command/replay.h"
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/loopback.h"
#include "io/namespace.h"
#include "packet/verdict.h"
#include "rules/ruleset.h"

#define DEFAULT_CONFIG SYSCONFDIR "/spid/spid.rules"
#define DEFAULT_SOCKET "/run/spid/spid.sock"

#define EXIT_USAGE 2

#define NETNS_ERROR_BYTES 4300

static const char usage_text[] =
    "usage: spid [-f] [-c FILE] [-q FIRST[-LAST]] [-H CHAIN,...] [-S SOCKET] [--state FILE] [--pidfile FILE]\n"
    "                           [--metrics ADDR:PORT] [--cpus LIST] [--mark VALUE[/MASK]] [--netns NAME|PATH] [-v]\n"
    "       spid --check [--strict] [--json] [--verbose] [FILE]\n"
    "       spid --replay CAPTURE [-c FILE] [--json [--verbose]] [--self ADDR,...] [--pickup]\n"
    "                           [--checksums verify|ignore]\n"
    "       spid --explain 'SRC[@zone] [port N] to DST[@zone] SERVICE [STATE] [at \"WHEN\"]' [-c FILE] [--json]\n"
    "       spid --diff OLD NEW [--json]\n"
    "       spid --lockdown [-c FILE] [-H CHAIN,...]\n"
    "       spid --preflight [-c FILE] [-q FIRST[-LAST]] [-H CHAIN,...] [-S SOCKET] [--netns NAME|PATH] [--json]\n"
    "       spid --version | --help\n"
    "\n"
    "  -c, --config FILE         rules file (default " DEFAULT_CONFIG ")\n"
    "  -f, --foreground          stay in the foreground, log to standard error\n"
    "  -q, --queue FIRST[-LAST]  NFQUEUE numbers, over the file's `queue`\n"
    "  -H, --hook CHAIN,...      queue these chains (forward, input, output, or none), over the file's `hook`\n"
    "  -S, --socket PATH         control socket (default " DEFAULT_SOCKET ")\n"
    "      --state PATH          what outlasts the daemon: its connections, in a file on a tmpfs (default spid.state beside\n"
    "                            the control socket), or none\n"
    "      --cpus LIST           the processors that the workers run on, one each in turn, such as 0,2-3\n"
    "      --metrics ADDR:PORT   give the figures over HTTP at /metrics, on a loopback address: 127.0.0.1:9477, [::1]:9477\n"
    "      --pidfile PATH        write the process's number there when ready\n"
    "      --mark VALUE[/MASK]   the mark of packets that spid sends itself (default 0x80000000/0x80000000)\n"
    "      --netns NAME|PATH     run in this network namespace\n"
    "  -v, --verbose             log every verdict; with --check show the implicit rules,\n"
    "                            with --replay --json how the rules were read\n"
    "  -n, --check               read the rules file, run its tests, say what is wrong\n"
    "  -r, --replay CAPTURE      judge a capture file; needs no privileges\n"
    "      --explain PACKET      what the rules say about one packet, and why\n"
    "      --diff OLD NEW        the packets whose verdict changes, grouped, each group with a witness\n"
    "      --lockdown            close the chains that the daemon hooks, until it is ready\n"
    "      --preflight           would spid run here? one line for each thing that it needs, with the mend\n"
    "      --strict              with --check: warnings refuse the file too\n"
    "      --json                machine-readable output\n"
    "      --self ADDR,...       with --replay: the gateway's own addresses\n"
    "      --pickup              with --replay: take up connections whose beginning is missing\n"
    "      --checksums WHAT      with --replay: verify (default) or ignore\n"
    "\n"
    "Signals: HUP reload, TERM stop and leave the hook (`on daemon-down` says what passes), INT stop and remove it.\n"
    "Manual: spid(8), spid.rules(5), spidctl(8).\n";

enum command { COMMAND_DAEMON, COMMAND_CHECK, COMMAND_REPLAY, COMMAND_EXPLAIN, COMMAND_DIFF, COMMAND_LOCKDOWN, COMMAND_PREFLIGHT };

struct command_line {
    enum command command;
    struct daemon_options daemon;
    struct check_options check;
    struct replay_options replay;
    struct explain_options explain;
    const char *netns;
    bool json, strict, verbose;
};

static int __attribute__((format(printf, 1, 2))) usage_error(const char *format, ...)
{
    va_list arguments;
    fputs("spid: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'spid --help'.\n", stderr);
    return EXIT_USAGE;
}

/* Reads a whole number up to MOST from TEXT up to the character END; NULL when there is none, else what follows. */
static const char *read_number(const char *text, unsigned long most, uint16_t *number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return NULL;
    unsigned long value = strtoul(text, &end, 10);
    *number = (uint16_t)value;
    return value <= most ? end : NULL;
}

static int read_queues(const char *text, struct hook_wish *wish)
{
    const char *at = read_number(text, UINT16_MAX, &wish->queue_first);
    wish->queue_last = wish->queue_first;
    if (at != NULL && *at == '-')
        at = read_number(at + 1, UINT16_MAX, &wish->queue_last);
    if (at == NULL || *at != '\0' || wish->queue_last < wish->queue_first)
        return usage_error("-q takes a queue number or a range of them, such as 0 or 0-3; '%s' is none", text);
    if (wish->queue_last - wish->queue_first >= RULESET_QUEUES_MAX)
        return usage_error("-q takes at most %d queues, one worker each", RULESET_QUEUES_MAX);
    wish->queues_given = true;
    return 0;
}

static int read_cpus(const char *text, struct daemon_options *daemon)
{
    daemon->cpu_count = 0;
    for (const char *at = text;; at++) {
        uint16_t first, last;
        at = read_number(at, CPU_SETSIZE - 1, &first);
        last = first;
        if (at != NULL && *at == '-')
            at = read_number(at + 1, CPU_SETSIZE - 1, &last);
        if (at == NULL || (*at != '\0' && *at != ',') || last < first)
            return usage_error("--cpus takes processors and ranges of them, such as 0,2-3; '%s' is none", text);
        for (unsigned cpu = first; cpu <= last && daemon->cpu_count < RULESET_QUEUES_MAX; cpu++)
            daemon->cpus[daemon->cpu_count++] = (uint16_t)cpu;
        if (*at == '\0')
            return 0;
    }
}

static int read_hooks(const char *text, struct hook_wish *wish)
{
    wish->chains_given = true;
    wish->chains = 0;
    if (strcmp(text, "none") == 0)
        return 0;
    for (const char *at = text;;) {
        size_t length = strcspn(at, ",");
        unsigned chain = 0;
        while (chain < CHAIN_COUNT &&
               (strlen(chain_name(chain)) != length || strncmp(chain_name(chain), at, length) != 0))
            chain++;
        if (chain == CHAIN_COUNT)
            return usage_error("-H takes forward, input, output, or none; '%.*s' is none of them", (int)length, at);
        wish->chains = (uint8_t)(wish->chains | CHAIN_BIT(chain));
        if (at[length] == '\0')
            return 0;
        at += length + 1;
    }
}

static int read_metrics(const char *text, struct daemon_options *daemon)
{
    struct sockaddr_storage address;
    daemon->metrics = text;
    if (loopback_read(text, &address) > 0)
        return 0;
    return usage_error("--metrics takes a loopback address and a port, such as 127.0.0.1:9477 or [::1]:9477; '%s' is none. For "
                       "readers elsewhere put a proxy that asks who they are before it, or let node_exporter read what "
                       "'spidctl metrics' writes", text);
}

static int read_mark(const char *text, struct hook_mark *mark)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 0), mask = value;
    bool digits = *text >= '0' && *text <= '9';
    if (digits && *end == '/' && end[1] >= '0' && end[1] <= '9')
        mask = strtoull(end + 1, &end, 0);
    if (!digits || *end != '\0' || value == 0 || mask > UINT32_MAX || (value & ~mask) != 0)
        return usage_error("--mark takes a number, not 0, and a mask that holds its bits, such as 0x80000000/0x80000000; '%s' is none",
                           text);
    *mark = (struct hook_mark){(uint32_t)value, (uint32_t)mask};
    return 0;
}

static int read_checksums(const char *text, struct replay_options *replay)
{
    replay->ignore_checksums = strcmp(text, "ignore") == 0;
    if (replay->ignore_checksums || strcmp(text, "verify") == 0)
        return 0;
    return usage_error("--checksums takes verify or ignore; '%s' is neither", text);
}

static int choose(struct command_line *line, enum command command)
{
    if (line->command != COMMAND_DAEMON)
        return usage_error("--check, --replay, --explain, --diff, --lockdown and --preflight exclude each other, and each stands once");
    line->command = command;
    return 0;
}

static int read_option(struct command_line *line, int option, const char *argument)
{
    switch (option) {
    case 'c':
        line->daemon.config = line->replay.config = line->explain.config = argument;
        return 0;
    case 'f':
        line->daemon.foreground = true;
        return 0;
    case 'q':
        return read_queues(argument, &line->daemon.wish);
    case 'H':
        return read_hooks(argument, &line->daemon.wish);
    case 'a':
        return read_cpus(argument, &line->daemon);
    case 'S':
        line->daemon.socket = argument;
        return 0;
    case 'w':
        line->daemon.state = argument;
        return 0;
    case 'm':
        return read_metrics(argument, &line->daemon);
    case 'p':
        line->daemon.pidfile = argument;
        return 0;
    case 'M':
        return read_mark(argument, &line->daemon.mark);
    case 'N':
        line->netns = argument;
        return 0;
    case 'v':
        line->verbose = true;
        return 0;
    case 'n':
        return choose(line, COMMAND_CHECK);
    case 'r':
        line->replay.capture = argument;
        return choose(line, COMMAND_REPLAY);
    case 't':
        line->strict = true;
        return 0;
    case 'j':
        line->json = true;
        return 0;
    case 's':
        line->replay.self = argument;
        return 0;
    case 'k':
        return read_checksums(argument, &line->replay);
    case 'u':
        line->replay.pickup = true;
        return 0;
    case 'e':
        line->explain.packet = argument;
        return choose(line, COMMAND_EXPLAIN);
    case 'l':
        return choose(line, COMMAND_LOCKDOWN);
    case 'd':
        return choose(line, COMMAND_DIFF);
    case 'P':
        return choose(line, COMMAND_PREFLIGHT);
    default:
        fputs("Try 'spid --help'.\n", stderr);
        return EXIT_USAGE;
    }
}

static int run(struct command_line *line, int argc, char **argv)
{
    if (line->strict && line->command != COMMAND_CHECK)
        return usage_error("--strict goes with --check");
    if (line->json && line->command == COMMAND_DAEMON)
        return usage_error("--json goes with --check, --replay, --explain, --diff or --preflight");
    if ((line->replay.self != NULL || line->replay.ignore_checksums || line->replay.pickup) &&
        line->command != COMMAND_REPLAY)
        return usage_error("--self, --pickup and --checksums go with --replay");
    if (line->command == COMMAND_CHECK) {
        if (argc - optind > 1)
            return usage_error("--check takes one file; '%s' is one too many", argv[optind + 1]);
        line->check = (struct check_options){.file = optind < argc ? argv[optind] : line->daemon.config,
                                             .strict = line->strict, .json = line->json, .verbose = line->verbose};
        return command_check(&line->check);
    }
    if (line->command == COMMAND_DIFF) {
        if (argc - optind != 2)
            return usage_error("--diff takes two files, the old one and the new one");
        struct diff_options diff = {argv[optind], argv[optind + 1], line->json};
        return command_diff(&diff);
    }
    if (optind < argc)
        return usage_error("unexpected argument '%s'", argv[optind]);
    if (line->command == COMMAND_REPLAY) {
        if (line->verbose && !line->json)
            return usage_error("with --replay --verbose goes with --json: it adds how the rules were read");
        line->replay.json = line->json;
        line->replay.verbose = line->verbose;
        return command_replay(&line->replay);
    }
    if (line->command == COMMAND_EXPLAIN) {
        line->explain.json = line->json;
        return command_explain(&line->explain);
    }
    if (line->command == COMMAND_LOCKDOWN) {
        struct lockdown_options lockdown = {line->daemon.config, line->daemon.wish};
        return command_lockdown(&lockdown);
    }
    if (line->command == COMMAND_PREFLIGHT) {
        const struct daemon_options *daemon = &line->daemon;
        const struct preflight_options preflight = {daemon->config, daemon->socket, line->json, daemon->wish};
        return command_preflight(&preflight);
    }
    line->daemon.verbose = line->verbose;
    return daemon_run(&line->daemon);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},   {"foreground", no_argument, NULL, 'f'},
        {"queue", required_argument, NULL, 'q'},    {"hook", required_argument, NULL, 'H'},
        {"socket", required_argument, NULL, 'S'},   {"pidfile", required_argument, NULL, 'p'},
        {"state", required_argument, NULL, 'w'},    {"netns", required_argument, NULL, 'N'},
        {"metrics", required_argument, NULL, 'm'},  {"mark", required_argument, NULL, 'M'},
        {"verbose", no_argument, NULL, 'v'},        {"check", no_argument, NULL, 'n'},
        {"replay", required_argument, NULL, 'r'},   {"strict", no_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},           {"self", required_argument, NULL, 's'},
        {"checksums", required_argument, NULL, 'k'}, {"pickup", no_argument, NULL, 'u'},
        {"explain", required_argument, NULL, 'e'},  {"diff", no_argument, NULL, 'd'},
        {"lockdown", no_argument, NULL, 'l'},
        {"preflight", no_argument, NULL, 'P'},
        {"version", no_argument, NULL, 'V'},        {"help", no_argument, NULL, 'h'},
        {"cpus", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    struct command_line line = {
        .daemon = {.config = DEFAULT_CONFIG, .socket = DEFAULT_SOCKET, .mark = HOOK_MARK_DEFAULT},
        .replay = {.config = DEFAULT_CONFIG},
        .explain = {.config = DEFAULT_CONFIG},
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:fq:H:S:vnr:", options, NULL)) != -1) {
        if (option == 'V') {
            puts("spid " PACKAGE_VERSION);
            return 0;
        }
        if (option == 'h') {
            fputs(usage_text, stdout);
            return 0;
        }
        int status = read_option(&line, option, optarg);
        if (status != 0)
            return status;
    }
    char error[NETNS_ERROR_BYTES];
    if (line.netns != NULL && !namespace_enter(line.netns, error, sizeof error)) {
        fprintf(stderr, "spid: %s\n", error);
        return 1;
    }
    return run(&line, argc, argv);
}
