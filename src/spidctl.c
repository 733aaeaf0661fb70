/*
 * spidctl: asks the daemon over its control socket, and shows the answer as a table or as it came.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"
#include "control/explain_text.h"
#include "ctl/failure.h"
#include "ctl/field.h"
#include "ctl/packets.h"
#include "ctl/trial.h"

#define DEFAULT_SOCKET "/run/spid/spid.sock"

#define EXIT_USAGE 2

static const char usage_text[] =
    "usage: spidctl [-S SOCKET] [--json] COMMAND\n"
    "\n"
    "  status    uptime, rules file and generation, queues with depth and drops, verdicts, table use, memory\n"
    "  states    the connections in the state table; or those of a FILTER: SRC[@zone] to DST[@zone] [SERVICE]\n"
    "  kill      cut the connections of a FILTER\n"
    "  rules     each rule with packets, bytes, connections, first and last hit\n"
    "  explain   why a packet would pass or not, on the running rules and connections; the packet in one word:\n"
    "            \"SRC[@zone] [port N] to DST[@zone] SERVICE [STATE]\"\n"
    "  drops     the last packets that were denied or rejected, with reason and rule\n"
    "            -n, --number N      so many (default 20)\n"
    "  trace     verdicts as they happen, until interrupted; or those of a FILTER, in either direction\n"
    "  metrics   the figures, as Prometheus and its promtool read them; 'metrics openmetrics': as OpenMetrics 1.0 has them\n"
    "  set       a dynamic set: NAME list, NAME add ADDRESS [for DURATION], NAME delete ADDRESS\n"
    "  reload    read the rules file again; a file that is refused changes nothing. Says what becomes of the connections\n"
    "            --confirm SECONDS   the rules before come back unless 'confirm' comes in time\n"
    "            --dry-run           only say what would become of them\n"
    "  confirm   keep the rules of a 'reload --confirm'\n"
    "  rollback  back to the rules before the last reload, at once\n"
    "  rehearse  try what happens when something fails, for a DURATION: daemon-down, overload or inspect-error\n"
    "  stop      end the daemon; what is installed stays, as at SIGTERM\n"
    "            --open              remove it, as at SIGINT: everything passes\n"
    "\n"
    "  -S, --socket PATH   the daemon's control socket (default " DEFAULT_SOCKET ")\n"
    "      --json          show the answers as they come, one JSON object a line\n"
    "      --version, --help\n"
    "\n"
    "Manual: spidctl(8).\n";

/* Commands that interfaces promise and that are not there yet. */
static const char *const later[] = {"top"};

static int __attribute__((format(printf, 1, 2))) usage_error(const char *format, ...)
{
    va_list arguments;
    fputs("spidctl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'spidctl --help'.\n", stderr);
    return EXIT_USAGE;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "spidctl: the socket's path is too long\n");
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    fprintf(stderr, "spidctl: cannot reach the daemon at %s: %s%s\n", path, strerror(error),
            error == ENOENT || error == ECONNREFUSED ? " (is spid running? -S names another socket)" : "");
    return -1;
}

static void show_moving(const json_t *answer)
{
    size_t index, inner;
    json_t *set, *item;
    json_array_foreach(json_object_get(answer, "dns"), index, set) {
        printf("dns set      %s: %lld addresses%s\n", text_of(set, "set"), number_of(set, "addresses"),
               json_is_true(json_object_get(set, "filled")) ? "" : ", not filled yet");
        json_array_foreach(json_object_get(set, "names"), inner, item) {
            const char *failure = json_string_value(json_object_get(item, "failure"));
            printf("  %-30s %lld addresses, next look-up in %.0f s%s%s\n", text_of(item, "name"), number_of(item, "addresses"),
                   json_number_value(json_object_get(item, "next")), failure != NULL ? "; failed: " : "",
                   failure != NULL ? failure : "");
        }
    }
    json_array_foreach(json_object_get(answer, "prefixes"), index, set) {
        printf("%-12s ", text_of(set, "prefix"));
        json_array_foreach(json_object_get(set, "addresses"), inner, item)
            printf("%s%s", inner > 0 ? ", " : "", json_string_value(item));
        printf("%s\n", inner == 0 ? "nothing: the zone has no IPv6 prefix" : "");
    }
}

static void show_status(const json_t *answer)
{
    const json_t *table = json_object_get(answer, "table"), *verdicts = json_object_get(answer, "verdicts");
    const json_t *alg = json_object_get(answer, "alg"), *fastpath = json_object_get(answer, "fastpath");
    const char *key;
    json_t *value;
    size_t index;
    printf("up           %.0f s\n", json_number_value(json_object_get(answer, "uptime")));
    printf("rules        %s, generation %lld\n", text_of(answer, "rules_file"), number_of(answer, "generation"));
    trial_show_status(answer);
    failure_show_status(answer);
    printf("connections  %lld of %lld (%lld opened, %lld expired, %lld evicted)\n", number_of(table, "connections"),
           number_of(table, "limit"), number_of(table, "opened"), number_of(table, "expired"),
           number_of(table, "evicted"));
    if (number_of(alg, "listened_to") + number_of(alg, "announced") > 0)
        printf("algs         %lld connections listened to, %lld expected, %lld children (%lld announced, %lld used)\n",
               number_of(alg, "listened_to"), number_of(alg, "expected"), number_of(alg, "children"),
               number_of(alg, "announced"), number_of(alg, "used"));
    if (json_is_true(json_object_get(fastpath, "on")))
        printf("fast path    %lld of %lld connections, %lld packets passed in the kernel, %lld more found it full\n",
               number_of(fastpath, "entries"), number_of(fastpath, "limit"), number_of(fastpath, "packets"),
               number_of(fastpath, "full"));
    else
        printf("fast path    none: %s\n", text_of(fastpath, "why"));
    printf("memory       %.1f MB resident\n", (double)number_of(answer, "resident_bytes") / 1048576);
    printf("packets      %lld allowed, %lld denied, %lld rejected\n", number_of(verdicts, "allow"),
           number_of(verdicts, "deny"), number_of(verdicts, "reject"));
    json_object_foreach(json_object_get(answer, "reasons"), key, value)
        printf("  %-18s %lld\n", key, (long long)json_integer_value(value));
    printf("queue    packets  waiting   dropped (queue, socket)   lost  unreadable  replies\n");
    json_array_foreach(json_object_get(answer, "queues"), index, value)
        printf("%5lld %10lld %8lld %12lld %12lld %6lld %11lld %8lld\n", number_of(value, "number"),
               number_of(value, "packets"), number_of(value, "waiting"), number_of(value, "kernel_queue_dropped"),
               number_of(value, "kernel_user_dropped"), number_of(value, "lost"), number_of(value, "unreadable"),
               number_of(value, "replies_sent"));
    show_moving(answer);
}

static void print_ago(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        printf(" %9.1fs", json_number_value(value));
    else
        printf(" %10s", "never");
}

static void show_rules(const json_t *answer)
{
    size_t index;
    json_t *rule;
    printf("%-8s %10s %14s %8s %10s %10s  %s\n", "action", "packets", "bytes", "conns", "first hit", "last hit", "rule");
    json_array_foreach(json_object_get(answer, "rules"), index, rule) {
        const char *name = json_string_value(json_object_get(rule, "name"));
        printf("%-8s %10lld %14lld %8lld", text_of(rule, "action"), number_of(rule, "packets"),
               number_of(rule, "bytes"), number_of(rule, "connections"));
        print_ago(rule, "first_hit_ago");
        print_ago(rule, "last_hit_ago");
        printf("  %s%s%s%s\n", text_of(rule, "rule"), name ? " \"" : "", name ? name : "", name ? "\"" : "");
    }
}

static void show_connection(const json_t *connection, unsigned depth)
{
    static const struct {
        int number;
        const char *name;
    } protocols[] = {{1, "icmp"}, {6, "tcp"}, {17, "udp"}, {47, "gre"}, {50, "esp"}, {58, "icmp6"}, {132, "sctp"}};
    long long protocol = number_of(connection, "proto");
    char number[24], src[80], dst[80];
    const char *name = number;
    snprintf(number, sizeof number, "%lld", protocol);
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (protocols[i].number == protocol)
            name = protocols[i].name;
    bool ports = protocol == 6 || protocol == 17 || protocol == 132;
    snprintf(src, sizeof src, "%s", text_of(connection, "src"));
    snprintf(dst, sizeof dst, "%s", text_of(connection, "dst"));
    if (ports) {
        snprintf(src, sizeof src, "%s port %lld", text_of(connection, "src"), number_of(connection, "sport"));
        snprintf(dst, sizeof dst, "%s port %lld", text_of(connection, "dst"), number_of(connection, "dport"));
    }
    const json_t *packets = json_object_get(connection, "packets");
    printf("%*s%-*s %-13s %-34s > %-34s %7lld/%-7lld age %llds expires %.0fs  %s%s%s", (int)depth * 2, "",
           5 - (int)depth * 2, name, text_of(connection, "state"),
           src, dst, (long long)json_integer_value(json_array_get(packets, 0)),
           (long long)json_integer_value(json_array_get(packets, 1)), number_of(connection, "age"),
           json_number_value(json_object_get(connection, "expires")), text_of(connection, "rule"),
           json_is_true(json_object_get(connection, "cut")) ? " (cut)" : "",
           json_is_true(json_object_get(connection, "picked_up")) ? " (picked-up)" : "");
    if (json_object_get(connection, "alg") != NULL)
        printf("  alg %s: %s, %lld expected", text_of(connection, "alg"), text_of(connection, "hears"),
               number_of(connection, "expected"));
    printf("\n");
}

/* Parents and children stand together, children indented; a line has no more than two of them below each other. */
#define TREE_DEPTH_MAX 2

static void show_family(const json_t *kin, long long parent, unsigned depth)
{
    size_t index;
    json_t *connection;
    json_array_foreach(kin, index, connection) {
        if (number_of(connection, "parent") != parent)
            continue;
        show_connection(connection, depth);
        if (depth < TREE_DEPTH_MAX)
            show_family(kin, number_of(connection, "connection"), depth + 1);
    }
}

/* Is nobody in KIN the parent of CONNECTION (any more)? */
static bool is_orphan(const json_t *kin, const json_t *connection)
{
    size_t index;
    json_t *other;
    json_array_foreach(kin, index, other)
        if (number_of(other, "connection") == number_of(connection, "parent"))
            return false;
    return number_of(connection, "parent") != 0;
}

static void show_families(const json_t *kin)
{
    size_t index;
    json_t *connection;
    show_family(kin, 0, 0);
    json_array_foreach(kin, index, connection)
        if (is_orphan(kin, connection))
            show_connection(connection, 0);
}

/* The place of an error in the QUERY that was asked about, under it. */
static void show_place(const char *query, const json_t *answer)
{
    long long column = number_of(answer, "column");
    if (query != NULL && column > 0 && column <= (long long)strlen(query) + 1)
        fprintf(stderr, "  %s\n  %*s^\n", query, (int)column - 1, "");
}

static void show_found(const char *what, const json_t *connection)
{
    if (!json_is_object(connection))
        return;
    printf("%s: ", what);
    show_connection(connection, 0);
    if (json_object_get(connection, "alg") != NULL && strcmp(text_of(connection, "hears"), "listening") != 0)
        printf("  its alg listens no more (%s): what is announced there opens nothing\n", text_of(connection, "hears"));
}

static void show_explained(const json_t *answer)
{
    show_found("in the table", json_object_get(answer, "connection"));
    show_found("between the two", json_object_get(answer, "unheard"));
    explain_print(answer);
    if (json_is_string(json_object_get(answer, "broken")))
        printf("its packets are denied all the same, by its alg: %s (on inspect-error drop)\n", text_of(answer, "broken"));
    if (json_is_true(json_object_get(answer, "table_full")))
        printf("the table is full: new connections are denied but for rules with 'priority'\n");
}

static void show_members(const json_t *answer)
{
    size_t index;
    json_t *member;
    json_array_foreach(json_object_get(answer, "members"), index, member) {
        const json_t *left = json_object_get(member, "left");
        printf("%-40s since %.0fs", text_of(member, "address"), json_number_value(json_object_get(member, "age")));
        if (json_is_number(left))
            printf(", leaves in %.0fs", json_number_value(left));
        printf(", by %s\n", text_of(member, "by"));
    }
    printf("%lld of %lld members\n", number_of(answer, "count"), number_of(answer, "max"));
}

/* One line of an answer; KIN collects connections that have parents or children until all are there. Returns the exit status when it is the last one, -1 when more will come. */
static int take_answer(const char *command, const char *query, json_t *answer, json_t *kin, bool json)
{
    const json_t *ok = json_object_get(answer, "ok");
    if (json)
        json_dumpf(answer, stdout, JSON_COMPACT), putchar('\n');
    if (ok == NULL && strcmp(command, "trace") == 0) {
        if (!json)
            packets_show_traced(answer);
        return -1;
    }
    if (ok == NULL) {
        bool related = json_object_get(answer, "alg") != NULL || json_object_get(answer, "parent") != NULL;
        if (!json && related)
            json_array_append(kin, answer);
        else if (!json)
            show_connection(answer, 0);
        return -1;
    }
    if (!json_is_true(ok)) {
        if (!json)
            fprintf(stderr, "spidctl: %s\n", text_of(answer, "error"));
        if (!json)
            show_place(query, answer);
        return 1;
    }
    if (json)
        return 0;
    if (strcmp(command, "status") == 0)
        show_status(answer);
    else if (strcmp(command, "rules") == 0)
        show_rules(answer);
    else if (strcmp(command, "explain") == 0)
        show_explained(answer);
    else if (strcmp(command, "states") == 0) {
        show_families(kin);
        printf("%lld connections\n", number_of(answer, "connections"));
    }
    else if (strcmp(command, "kill") == 0)
        printf("%lld connections cut\n", number_of(answer, "killed"));
    else if (strcmp(command, "set-list") == 0)
        show_members(answer);
    else if (strcmp(command, "reload") == 0 || strcmp(command, "confirm") == 0 || strcmp(command, "rollback") == 0)
        trial_show(command, answer);
    else if (strcmp(command, "rehearse") == 0 || strcmp(command, "stop") == 0)
        failure_show(command, answer);
    else if (strcmp(command, "drops") == 0)
        packets_show_drops(answer);
    else if (strcmp(command, "metrics") == 0)
        fputs(text_of(answer, "text"), stdout);
    return 0;
}

/* Sends REQUEST, which is freed, and shows what comes back; QUERY: the words in it in which the daemon may find fault. */
static int ask(const char *socket_path, json_t *request, const char *query, bool json)
{
    const char *command = text_of(request, "command");
    int fd = connect_to(socket_path);
    if (fd < 0) {
        json_decref(request);
        return 1;
    }
    FILE *stream = fdopen(fd, "r+");
    /* Whoever reads a trace through a pipe sees each line when it comes. */
    setvbuf(stdout, NULL, strcmp(command, "trace") == 0 ? _IOLBF : _IOFBF, BUFSIZ);
    char *line = NULL;
    size_t size = 0;
    int status = -1;
    if (stream == NULL)
        return 1;
    json_t *kin = json_array();
    char *words = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    if (words == NULL)
        fprintf(stderr, "spidctl: what was asked is no UTF-8 text\n");
    if (words == NULL || dprintf(fd, "%s\n", words) < 0)
        status = 1;
    free(words);
    while (status < 0 && getline(&line, &size, stream) > 0) {
        json_error_t error;
        json_t *answer = json_loads(line, 0, &error);
        if (answer == NULL) {
            fprintf(stderr, "spidctl: the daemon's answer is no JSON: %s\n", error.text);
            status = 1;
        } else {
            status = take_answer(command, query, answer, kin, json);
        }
        json_decref(answer);
    }
    /* Its end is the daemon's: what was to be removed is. */
    while (status == 0 && strcmp(command, "stop") == 0 && getline(&line, &size, stream) > 0)
        ;
    json_decref(kin);
    json_decref(request);
    free(line);
    fclose(stream);
    if (status >= 0)
        return status;
    fprintf(stderr, "spidctl: the daemon closed the connection before it answered\n");
    return 1;
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* `set NAME list | add ADDRESS [for DURATION] | delete ADDRESS` */
static int ask_set(const char *socket_path, char *const *words, int count, bool json)
{
    const char *action = count > 1 ? words[1] : "";
    bool lists = count == 2 && strcmp(action, "list") == 0, deletes = count == 3 && strcmp(action, "delete") == 0;
    bool adds = (count == 3 || (count == 5 && strcmp(words[3], "for") == 0)) && strcmp(action, "add") == 0;
    if (!lists && !deletes && !adds)
        return usage_error("'set' takes NAME list, NAME add ADDRESS [for DURATION], or NAME delete ADDRESS");
    return ask(socket_path, json_pack("{s:s, s:s, s:s*, s:s*}", "command", lists ? "set-list" : adds ? "set-add" : "set-delete",
                                      "set", words[0], "address", lists ? NULL : words[2], "for", count == 5 ? words[4] : NULL),
               NULL, json);
}

/* `drops [-n N]` */
static int ask_drops(const char *socket_path, const char *lines, int count, bool json)
{
    char *end;
    long long number = lines != NULL ? strtoll(lines, &end, 10) : 0;
    if (count > 0)
        return usage_error("'drops' takes no argument but -n N");
    if (lines != NULL && (*lines == '\0' || *end != '\0'))
        return usage_error("'%s' is no number of packets", lines);
    return ask(socket_path, json_pack("{s:s, s:o*}", "command", "drops", "count", lines != NULL ? json_integer(number) : NULL), NULL,
               json);
}

/* `metrics [openmetrics]` */
static int ask_metrics(const char *socket_path, char *const *words, int count, bool json)
{
    if (count > 1 || (count == 1 && strcmp(words[0], "openmetrics") != 0))
        return usage_error("'metrics' takes nothing, or the word 'openmetrics'");
    return ask(socket_path, json_pack("{s:s, s:b}", "command", "metrics", "openmetrics", count), NULL, json);
}

/* CONFIRM: the seconds, in words; NULL: none are given. */
static int ask_reload(const char *socket_path, const char *confirm, bool dry_run, int count, bool json)
{
    char *end = NULL;
    long seconds = confirm != NULL ? strtol(confirm, &end, 10) : 0;
    if (count > 0)
        return usage_error("'reload' takes no argument but --confirm SECONDS or --dry-run");
    if (confirm != NULL && (end == confirm || *end != '\0' || seconds < 1))
        return usage_error("'--confirm' takes a number of seconds, not '%s'", confirm);
    if (confirm != NULL && dry_run)
        return usage_error("a dry run changes nothing: '--confirm' does not go with it");
    json_t *request = json_pack("{s:s}", "command", "reload");
    if (confirm != NULL)
        json_object_set_new(request, "confirm", json_integer(seconds));
    if (dry_run)
        json_object_set_new(request, "dry_run", json_true());
    return ask(socket_path, request, NULL, json);
}

/* `rehearse FAILURE DURATION` */
static int ask_rehearse(const char *socket_path, char *const *words, int count, bool json)
{
    if (count != 2)
        return usage_error("'rehearse' takes daemon-down, overload or inspect-error, and a duration such as 5s");
    json_t *request = json_pack("{s:s, s:s, s:s}", "command", "rehearse", "failure", words[0], "for", words[1]);
    return ask(socket_path, request, NULL, json);
}

/* `stop [--open]` */
static int ask_stop(const char *socket_path, bool open, int count, bool json)
{
    if (count > 0)
        return usage_error("'stop' takes no argument but --open");
    return ask(socket_path, json_pack("{s:s, s:b}", "command", "stop", "open", open), NULL, json);
}

#define WORDS_BYTES 2000

/* The commands that take a packet or a filter, in one word or in several, or nothing. */
static int ask_command(const char *socket_path, const char *command, char *const *words, int count, bool json)
{
    char text[WORDS_BYTES] = "";
    bool explains = strcmp(command, "explain") == 0, kills = strcmp(command, "kill") == 0;
    const char *key = explains ? "query" : kills || strcmp(command, "states") == 0 || strcmp(command, "trace") == 0 ? "filter" : NULL;
    size_t used = 0;
    if (key == NULL && count > 0)
        return usage_error("'%s' takes no argument; '%s' is one too many", command, words[0]);
    if ((explains || kills) && count == 0)
        return usage_error(explains ? "'explain' takes a packet, such as \"192.168.10.20@lan to 203.0.113.5 tcp 443\""
                                    : "'kill' takes a filter, such as \"lan to any tcp 22\"; \"any to any\" is everything");
    for (int i = 0; i < count; i++) {
        int wrote = snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "", words[i]);
        if (wrote < 0 || (used += (size_t)wrote) >= sizeof text)
            return usage_error("that is longer than %d bytes", WORDS_BYTES - 1);
    }
    const char *query = count > 0 ? text : NULL;
    return ask(socket_path, json_pack("{s:s, s:s*}", "command", command, key != NULL ? key : "query", query), query, json);
}

/* The options. */
struct given {
    const char *socket_path;
    const char *lines, *confirm; /* numbers in words; NULL: not given */
    bool json, dry_run, open;
};

static int run(const struct given *given, const char *command, char *const *words, int count)
{
    static const char *const commands[] = {"status",  "states", "kill",   "rules",   "explain", "drops", "trace",
                                           "metrics", "set",    "reload", "confirm", "rollback", "rehearse", "stop"};
    bool drops = strcmp(command, "drops") == 0, reloads = strcmp(command, "reload") == 0;
    if (is_one_of(command, later, sizeof later / sizeof later[0]))
        return usage_error("'%s' is not built yet in this version of spid", command);
    if (!is_one_of(command, commands, sizeof commands / sizeof commands[0]))
        return usage_error("unknown command '%s'", command);
    if (given->lines != NULL && !drops)
        return usage_error("'--number' goes with 'drops', not with '%s'", command);
    if ((given->confirm != NULL || given->dry_run) && !reloads)
        return usage_error("'%s' goes with 'reload', not with '%s'", given->dry_run ? "--dry-run" : "--confirm", command);
    if (given->open && strcmp(command, "stop") != 0)
        return usage_error("'--open' goes with 'stop', not with '%s'", command);
    if (strcmp(command, "rehearse") == 0)
        return ask_rehearse(given->socket_path, words, count, given->json);
    if (strcmp(command, "stop") == 0)
        return ask_stop(given->socket_path, given->open, count, given->json);
    if (drops)
        return ask_drops(given->socket_path, given->lines, count, given->json);
    if (reloads)
        return ask_reload(given->socket_path, given->confirm, given->dry_run, count, given->json);
    if (strcmp(command, "metrics") == 0)
        return ask_metrics(given->socket_path, words, count, given->json);
    if (strcmp(command, "set") == 0)
        return ask_set(given->socket_path, words, count, given->json);
    return ask_command(given->socket_path, command, words, count, given->json);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 'S'},  {"number", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'},
        {"confirm", required_argument, NULL, 'c'}, {"dry-run", no_argument, NULL, 'd'},      {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},          {"open", no_argument, NULL, 'o'},         {NULL, 0, NULL, 0},
    };
    struct given given = {.socket_path = DEFAULT_SOCKET};
    int option;
    while ((option = getopt_long(argc, argv, "S:n:", options, NULL)) != -1) {
        switch (option) {
        case 'S':
            given.socket_path = optarg;
            break;
        case 'n':
            given.lines = optarg;
            break;
        case 'j':
            given.json = true;
            break;
        case 'c':
            given.confirm = optarg;
            break;
        case 'd':
            given.dry_run = true;
            break;
        case 'o':
            given.open = true;
            break;
        case 'V':
            puts("spidctl " PACKAGE_VERSION);
            return 0;
        case 'h':
            fputs(usage_text, stdout);
            return 0;
        default:
            fputs("Try 'spidctl --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return usage_error("a command is missing");
    return run(&given, argv[optind], argv + optind + 1, argc - optind - 1);
}
