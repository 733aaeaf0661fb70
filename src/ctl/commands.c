#include "ctl/commands.h"

#include <stdio.h>
#include <string.h>

#include "ctl/explain.h"
#include "ctl/failure.h"
#include "ctl/figures.h"
#include "ctl/packets.h"
#include "ctl/rules.h"
#include "ctl/sets.h"
#include "ctl/states.h"
#include "ctl/status.h"
#include "ctl/top.h"
#include "ctl/trial.h"

#define FILTER_HELP "A FILTER is written like what stands behind 'allow' in a rule: SRC[@zone] to DST[@zone] [SERVICE].\n"

static int help_run(const struct given *given);

static const struct command commands[] = {
    {"status", "", 0, "uptime, rules file and generation, queues with depth and drops, verdicts, table use, memory", NULL,
     status_run},
    {"states", "[FILTER]", 0, "the connections in the state table; or those of a FILTER: SRC[@zone] to DST[@zone] [SERVICE]",
     FILTER_HELP
     "\n"
     "  spidctl states\n"
     "  spidctl states lan to any tcp 22\n"
     "  spidctl states 192.168.10.20@lan to any\n",
     states_run},
    {"kill", "FILTER", 0, "cut the connections of a FILTER",
     FILTER_HELP
     "A connection that is cut is forgotten: its next packet is judged as a stranger's.\n"
     "\n"
     "  spidctl kill 192.168.10.20@lan to any tcp 22\n"
     "  spidctl kill any to any\n",
     states_kill_run},
    {"rules", "", 0, "each rule with packets, bytes, connections, first and last hit", NULL, rules_run},
    {"explain", "PACKET", 0,
     "why a packet would pass or not, on the running rules and connections; the packet in one word:\n"
     "\"SRC[@zone] [port N] to DST[@zone] SERVICE [STATE]\"",
     "  spidctl explain \"203.0.113.5@wan to 192.168.10.20@lan tcp 445\"\n", explain_run},
    {"drops", "[-n N]", OPTION_NUMBER,
     "the last packets that were denied or rejected, with reason and rule\n"
     "-n, --number N      so many (default 20)",
     NULL, packets_drops_run},
    {"trace", "[FILTER]", 0, "verdicts as they happen, until interrupted; or those of a FILTER, in either direction",
     FILTER_HELP
     "\n"
     "  spidctl trace lan to any udp 53\n",
     packets_trace_run},
    {"top", "[FILTER]", 0, "a live view of the connections with the most traffic, or of those of a FILTER",
     FILTER_HELP
     "Keys: r rate, b bytes, p packets, a age, u rule; / filter; space pause; q quit. With --json a line a second.\n",
     top_run},
    {"metrics", "[openmetrics]", 0,
     "the figures, as Prometheus and its promtool read them; 'metrics openmetrics': as OpenMetrics 1.0 has them",
     "  spidctl metrics >/var/lib/prometheus/node-exporter/spid.prom\n", figures_run},
    {"set", "NAME list | NAME add ADDRESS [for DURATION] | NAME delete ADDRESS", 0,
     "a dynamic set: NAME list, NAME add ADDRESS [for DURATION], NAME delete ADDRESS",
     "A DURATION is a number with a unit: 30s, 5m, 1h, 1d.\n"
     "\n"
     "  spidctl set abusers add 203.0.113.9 for 1h\n",
     sets_run},
    {"reload", "[--confirm SECONDS | --dry-run]", OPTION_CONFIRM | OPTION_DRY_RUN,
     "read the rules file again; a file that is refused changes nothing. Says what becomes of the connections\n"
     "--confirm SECONDS   the rules before come back unless 'confirm' comes in time\n"
     "--dry-run           only say what would become of them",
     "From afar:\n"
     "\n"
     "  spidctl reload --dry-run\n"
     "  spidctl reload --confirm 60\n"
     "  spidctl confirm\n",
     trial_reload_run},
    {"confirm", "", 0, "keep the rules of a 'reload --confirm'", NULL, trial_confirm_run},
    {"rollback", "", 0, "back to the rules before the last reload, at once", NULL, trial_rollback_run},
    {"rehearse", "FAILURE DURATION", 0, "try what happens when something fails, for a DURATION: daemon-down, overload or inspect-error",
     "It ends by itself, and packets are really denied or passed meanwhile as the rules file says for the failure.\n"
     "\n"
     "  spidctl rehearse overload 5s\n",
     failure_rehearse_run},
    {"stop", "[--open]", OPTION_OPEN,
     "end the daemon; what is installed stays, as at SIGTERM\n"
     "--open              remove it, as at SIGINT: everything passes",
     NULL, failure_stop_run},
    {"help", "[COMMAND]", 0, "this, or what one command does", NULL, help_run},
};

#define COUNT (sizeof commands / sizeof commands[0])

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

const struct command *commands_taking(enum command_option option)
{
    for (size_t i = 0; i < COUNT; i++)
        if (commands[i].options & option)
            return &commands[i];
    return NULL;
}

/* ---- a misspelt name ---- */

#define NAME_BYTES_MAX 16u

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned d = a < b ? a : b;
    return d < c ? d : c;
}

/* How many letters are to be changed, added, taken out, or exchanged with their neighbour to make one of the other. */
static unsigned distance(const char *one, const char *other)
{
    unsigned far[NAME_BYTES_MAX + 1][NAME_BYTES_MAX + 1];
    size_t rows = strlen(one), columns = strlen(other);
    if (rows > NAME_BYTES_MAX || columns > NAME_BYTES_MAX)
        return NAME_BYTES_MAX;
    for (unsigned i = 0; i <= rows; i++)
        for (unsigned k = 0; k <= columns; k++) {
            if (i == 0 || k == 0) {
                far[i][k] = i + k;
                continue;
            }
            far[i][k] = least(far[i - 1][k] + 1, far[i][k - 1] + 1, far[i - 1][k - 1] + (one[i - 1] != other[k - 1]));
            if (i > 1 && k > 1 && one[i - 1] == other[k - 2] && one[i - 2] == other[k - 1])
                far[i][k] = least(far[i][k], far[i - 2][k - 2] + 1, far[i][k]);
        }
    return far[rows][columns];
}

/* The command that looks most like NAME; NULL: none does. */
static const char *nearest_to(const char *name)
{
    const char *nearest = NULL;
    /* More than a third of the letters, and it is another word. */
    size_t best = strlen(name) <= NAME_BYTES_MAX ? strlen(name) / 3 + 2 : 0;
    for (size_t i = 0; i < COUNT; i++) {
        /* Who writes "state" or "conf" means what begins so. */
        bool begins = strlen(name) > 2 && strncmp(commands[i].name, name, strlen(name)) == 0;
        size_t away = begins ? 1 : distance(name, commands[i].name);
        if (away < best) {
            best = away;
            nearest = commands[i].name;
        }
    }
    return nearest;
}

int commands_unknown(const char *name)
{
    const char *nearest = nearest_to(name);
    if (nearest != NULL)
        return usage_error("unknown command '%.40s'; did you mean '%s'?", name, nearest);
    return usage_error("unknown command '%.40s'", name);
}

/* ---- help ---- */

/* The lines of TEXT, each but the first behind so many blanks; those of options behind OPTIONS of them. */
static void print_lines(const char *text, int indent, int options)
{
    for (const char *line = text; line != NULL;) {
        const char *end = strchr(line, '\n');
        if (line != text)
            printf("%*s", *line == '-' ? options : indent, "");
        printf("%.*s\n", end != NULL ? (int)(end - line) : (int)strlen(line), line);
        line = end != NULL ? end + 1 : NULL;
    }
}

void commands_usage(void)
{
    printf("usage: spidctl [-S SOCKET] [--json] COMMAND\n\n");
    for (size_t i = 0; i < COUNT; i++) {
        printf("  %-9s ", commands[i].name);
        print_lines(commands[i].what, 12, 12);
    }
    printf("\n"
           "  -S, --socket PATH   the daemon's control socket (default " DEFAULT_SOCKET ")\n"
           "      --json          show the answers as they come, one JSON object a line\n"
           "      --version\n"
           "      --help          this; behind a command what that one does\n"
           "\n"
           "Manual: spidctl(8).\n");
}

void commands_help(const struct command *command)
{
    printf("usage: spidctl [-S SOCKET] [--json] %s%s%s\n\n", command->name, *command->arguments != '\0' ? " " : "",
           command->arguments);
    print_lines(command->what, 0, 2);
    if (command->more != NULL)
        printf("\n%s", command->more);
    printf("\n  -S, --socket and --json: see 'spidctl --help'. Manual: spidctl(8).\n");
}

static int help_run(const struct given *given)
{
    if (given->count > 1)
        return usage_error("'help' takes one command; '%s' is one too many", given->words[1]);
    if (given->count == 0) {
        commands_usage();
        return 0;
    }
    const struct command *command = commands_find(given->words[0]);
    if (command == NULL)
        return commands_unknown(given->words[0]);
    commands_help(command);
    return 0;
}
