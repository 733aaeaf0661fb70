/*
 * The canonical form of a rules file: each statement as it would be written by somebody tidy. Printing it again gives the
 * same text, and both compile to the same rules.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "parser/files.h"
#include "parser/scanner.h"
#include "parser/words.h"

/* Text on the heap that grows. */
struct output {
    char *text;
    size_t length, size;
};

static void __attribute__((format(printf, 2, 3))) add(struct output *output, const char *format, ...)
{
    for (;;) {
        va_list arguments;
        va_start(arguments, format);
        int wanted = vsnprintf(output->text + output->length, output->size - output->length, format, arguments);
        va_end(arguments);
        if (wanted < 0)
            return;
        if ((size_t)wanted < output->size - output->length) {
            output->length += (size_t)wanted;
            return;
        }
        output->size = output->size * 2 + (size_t)wanted;
        output->text = realloc(output->text, output->size);
        if (output->text == NULL)
            abort(); /* as an arena does */
    }
}

/* Quotes stay where they were: a quoted word may be a reserved one. */
static void add_word(struct output *output, const struct word *word)
{
    add(output, word->quoted ? "\"%s\"" : "%s", word->text);
}

static void add_members(struct output *output, const struct member_node *members);

static void add_member(struct output *output, const struct member_node *member)
{
    switch (member->kind) {
    case MEMBER_ANY:
        add(output, "any");
        break;
    case MEMBER_SELF:
        add(output, "self");
        break;
    case MEMBER_RANGE:
    case MEMBER_PREFIX:
    case MEMBER_MOVING:
        add(output, "%s", member->text);
        break;
    case MEMBER_NAME:
        add(output, member->quoted ? "\"%s\"" : "%s", member->text);
        break;
    case MEMBER_BRACES:
        add(output, "{ ");
        add_members(output, member->members);
        add(output, " }");
        break;
    }
    if (member->zone.text != NULL) {
        add(output, "@");
        add_word(output, &member->zone);
    }
}

static void add_members(struct output *output, const struct member_node *members)
{
    for (const struct member_node *member = members; member != NULL; member = member->next) {
        add_member(output, member);
        if (member->next != NULL)
            add(output, ", ");
    }
}

static void add_ports(struct output *output, const struct port_node *ports)
{
    for (const struct port_node *port = ports; port != NULL; port = port->next) {
        add_word(output, &port->word);
        if (port->next != NULL)
            add(output, ",");
    }
}

/* What continues the ports before it stands close to them; what begins anew stands behind a blank. */
static void add_services(struct output *output, const struct service_node *services)
{
    for (const struct service_node *service = services; service != NULL; service = service->next) {
        if (service->protocol != NULL)
            add(output, "%s", service->protocol);
        if (service->protocol != NULL && service->ports != NULL)
            add(output, service->braced ? " { " : " ");
        add_ports(output, service->ports);
        if (service->braced)
            add(output, " }");
        if (service->next != NULL)
            add(output, service->next->protocol != NULL || service->next->ports->named ? ", " : ",");
    }
}

static void add_words(struct output *output, const struct word_node *words)
{
    for (; words != NULL; words = words->next) {
        add_word(output, &words->word);
        if (words->next != NULL)
            add(output, ", ");
    }
}

static void add_interval(struct output *output, uint64_t ms)
{
    static const struct {
        uint64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (ms % units[i].ms == 0) {
            add(output, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].name);
            return;
        }
}

static void add_log(struct output *output, const struct log_node *log)
{
    if (!log->wanted)
        return;
    add(output, " log");
    if (log->rated) {
        add(output, " %u/", log->rate.count);
        add_interval(output, log->rate.interval_ms);
    }
}

static void add_states(struct output *output, uint8_t states)
{
    const char *before = " ";
    for (unsigned state = STATE_NEW; state < STATE_COUNT; state++)
        if (states & STATE_BIT(state)) {
            add(output, "%s%s", before, state_name(state));
            before = ",";
        }
}

static void add_timeouts(struct output *output, const struct timeout_node *timeouts)
{
    add(output, "timeout ");
    for (const struct timeout_node *node = timeouts; node != NULL; node = node->next) {
        add(output, "%s ", node->key.text);
        add_interval(output, node->ms);
        if (node->next != NULL)
            add(output, ", ");
    }
}

static void add_limit(struct output *output, const struct limit_node *limit)
{
    if (limit->new_given) {
        add(output, " limit new %u/", limit->new_rate.count);
        add_interval(output, limit->new_rate.interval_ms);
        add(output, "%s", limit->new_per_source ? " per source" : "");
    }
    if (limit->connections_given)
        add(output, " limit connections %llu%s", (unsigned long long)limit->connections,
            limit->connections_per_source ? " per source" : "");
    if (limit->overload.text == NULL)
        return;
    add(output, " overload ");
    add_word(output, &limit->overload);
    if (limit->overload_ms > 0) {
        add(output, " for ");
        add_interval(output, limit->overload_ms);
    }
    add(output, "%s", limit->flush ? " flush" : "");
}

/* SRC to DST SERVICES */
static void add_match(struct output *output, const struct rule_node *rule)
{
    add(output, " %s", rule->src.negated ? "!" : "");
    add_member(output, rule->src.member);
    if (rule->src.ports != NULL) {
        add(output, rule->src.ports_braced ? " port { " : " port ");
        add_ports(output, rule->src.ports);
        add(output, "%s", rule->src.ports_braced ? " }" : "");
    }
    add(output, " to %s", rule->dst.negated ? "!" : "");
    add_member(output, rule->dst.member);
    if (rule->services != NULL)
        add(output, " ");
    add_services(output, rule->services);
}

static void add_rule(struct output *output, const struct rule_node *rule)
{
    add(output, "%s", action_name(rule->action));
    add_match(output, rule);
    add_states(output, rule->states);
    if (rule->name.text != NULL)
        add(output, " as \"%s\"", rule->name.text);
    add_log(output, &rule->log);
    if (rule->alg != NULL)
        add(output, " alg");
    for (const struct word_node *word = rule->alg; word != NULL; word = word->next) {
        add(output, " ");
        add_word(output, &word->word);
    }
    add(output, "%s", rule->loose ? " loose" : "");
    add_limit(output, &rule->limit);
    if (rule->timeouts != NULL) {
        add(output, " ");
        add_timeouts(output, rule->timeouts);
    }
    for (const struct word_node *flags = rule->flags; flags != NULL; flags = flags->next)
        add(output, "%s%s", flags == rule->flags ? " flags " : ",", flags->word.text);
    if (rule->when.text != NULL) {
        add(output, " when ");
        add_word(output, &rule->when);
    }
    if (rule->mark.given)
        add(output, rule->mark.mask == UINT32_MAX ? " mark 0x%x" : " mark 0x%x/0x%x", rule->mark.value, rule->mark.mask);
    if (rule->priority)
        add(output, " priority");
    if (rule->expires.word.text != NULL)
        add(output, " expires %s", rule->expires.word.text);
}

static void add_expect(struct output *output, const struct expect_node *expect)
{
    add(output, " expect %s", action_name(expect->action));
    if (expect->by_default)
        add(output, " by default");
    else if (expect->by.text != NULL)
        add(output, " by \"%s\"", expect->by.text);
}

static void add_test(struct output *output, const struct test_node *test)
{
    add(output, "test \"%s\" ", test->name.text);
    add_member(output, test->src);
    if (test->src_port != NULL) {
        add(output, " port ");
        add_ports(output, test->src_port);
    }
    add(output, " to ");
    add_member(output, test->dst);
    add(output, " ");
    add_services(output, test->service);
    add_states(output, test->states);
    if (test->at.text != NULL)
        add(output, " at \"%s\"", test->at.text);
    add_expect(output, &test->expect);
    if (test->then_reply) {
        add(output, " then reply");
        add_expect(output, &test->reply);
    }
}

static void add_zone(struct output *output, const struct zone_node *zone)
{
    add(output, "zone ");
    add_word(output, &zone->name);
    add(output, " = ");
    add_words(output, zone->interfaces);
    if (zone->nets != NULL)
        add(output, " net ");
    add_members(output, zone->nets);
    add(output, "%s", zone->dhcp ? " dhcp" : "");
}

static void add_time(struct output *output, uint32_t second)
{
    add(output, "%02u:%02u", second / 3600, second / 60 % 60);
    if (second % 60 != 0)
        add(output, ":%02u", second % 60);
}

static void add_schedule(struct output *output, const struct statement *s)
{
    add(output, "schedule ");
    add_word(output, &s->schedule.name);
    add(output, " = ");
    for (const struct schedule_node *item = s->schedule.items; item != NULL; item = item->next) {
        add(output, "%s", item->days.text);
        if (item->timed) {
            add(output, " ");
            add_time(output, item->first);
            add(output, "-");
            add_time(output, item->last);
        }
        if (item->next != NULL)
            add(output, ", ");
    }
}

static void add_set(struct output *output, const struct set_node *set)
{
    add(output, "set ");
    add_word(output, &set->name);
    add(output, " = ");
    if (set->dynamic) {
        add(output, "dynamic");
        if (set->most_given)
            add(output, " max %llu", (unsigned long long)set->most);
        if (set->timeout_ms > 0) {
            add(output, " timeout ");
            add_interval(output, set->timeout_ms);
        }
    } else if (set->names != NULL) {
        add(output, "dns ");
        add_words(output, set->names);
    } else if (set->file.text != NULL)
        add(output, "file \"%s\"", set->file.text);
    else
        add_members(output, set->members);
}

static void add_statement(struct output *output, const struct statement *s)
{
    switch (s->kind) {
    case STATEMENT_INCLUDE:
        add(output, "include \"%s\"", s->include.text);
        break;
    case STATEMENT_ZONE:
        add_zone(output, &s->zone);
        break;
    case STATEMENT_SET:
        add_set(output, &s->set);
        break;
    case STATEMENT_SERVICE:
        add(output, "service ");
        add_word(output, &s->service.name);
        add(output, " = ");
        add_services(output, s->service.services);
        break;
    case STATEMENT_TIMEOUT:
        add_timeouts(output, s->timeouts);
        break;
    case STATEMENT_LIMIT:
        add(output, "limit connections %llu", (unsigned long long)s->limit.connections);
        if (s->limit.per_source > 0)
            add(output, " per source %llu", (unsigned long long)s->limit.per_source);
        if (s->limit.reserve > 0)
            add(output, " reserve %u%%", s->limit.reserve);
        break;
    case STATEMENT_HALF_OPEN:
        add(output, "limit half-open %llu", (unsigned long long)s->limit.connections);
        break;
    case STATEMENT_ADAPTIVE:
        add(output, "adaptive start %u%% end %u%%", s->adaptive.start, s->adaptive.end);
        break;
    case STATEMENT_ANTISPOOF:
        add(output, "antispoof ");
        add_words(output, s->antispoof);
        break;
    case STATEMENT_DEFAULT:
        add(output, "default %s", action_name(s->default_.action));
        add_log(output, &s->default_.log);
        break;
    case STATEMENT_HOOK:
        add(output, "hook ");
        add_words(output, s->hooks);
        break;
    case STATEMENT_QUEUE:
        add(output, "queue %u", s->queue.first);
        if (s->queue.last != s->queue.first)
            add(output, "-%u", s->queue.last);
        break;
    case STATEMENT_TEST:
        add_test(output, &s->test);
        break;
    case STATEMENT_SCHEDULE:
        add_schedule(output, s);
        break;
    case STATEMENT_PROTECT:
        add(output, "protect");
        add_match(output, &s->rule);
        break;
    case STATEMENT_RULE:
        add_rule(output, &s->rule);
        break;
    case STATEMENT_FASTPATH:
        add(output, "fastpath %s", s->fastpath.mode.text);
        if (s->fastpath.max_given)
            add(output, " max %u", s->fastpath.max);
        break;
    case STATEMENT_ON:
        add(output, "on %s %s", s->on.event.text, s->on.choice.text);
        break;
    case STATEMENT_LOG:
        add(output, s->log_to.packets ? "log packets to " : "log to ");
        add(output, s->log_to.place.quoted ? "\"%s\"" : "%s", s->log_to.place.text);
        break;
    case STATEMENT_NO_IMPLICIT:
        add(output, "no implicit %s", s->no_implicit.text);
        break;
    }
    add(output, "\n");
}

static struct output output_new(void)
{
    struct output output = {.text = calloc(1, 4096), .size = 4096};
    if (output.text == NULL)
        abort(); /* as an arena does */
    return output;
}

char *syntax_rule_text(const struct rule_node *rule)
{
    struct output output = output_new();
    add_rule(&output, rule);
    return output.text;
}

char *syntax_endpoint_text(const struct endpoint_node *endpoint)
{
    struct output output = output_new();
    add(&output, endpoint->negated ? "!" : "");
    add_member(&output, endpoint->member);
    return output.text;
}

char *parser_canonical(const char *path, const struct file_access *access, struct diagnostics *diagnostics)
{
    struct output output = output_new();
    struct arena *arena = arena_new();
    size_t errors_before = diagnostics->errors;
    if (arena == NULL)
        abort(); /* as an arena does */
    struct files files = {.arena = arena, .access = access, .diagnostics = diagnostics};
    const struct source *source = files_read(&files, path, NULL);
    const struct statement *statements = source != NULL ? syntax_read(source, arena, diagnostics) : NULL;
    for (const struct statement *s = statements; s != NULL; s = s->next)
        add_statement(&output, s);
    arena_free(arena);
    if (diagnostics->errors == errors_before)
        return output.text;
    free(output.text);
    return NULL;
}
