#include "ctl/packets.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ask.h"
#include "ctl/field.h"

static void print_time(double seconds)
{
    char text[40] = "";
    time_t whole = (time_t)seconds;
    struct tm local;
    if (localtime_r(&whole, &local) != NULL)
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    printf("%s.%03d", text, (int)((seconds - (double)whole) * 1000));
}

static void print_end(const json_t *packet, const char *address, const char *port)
{
    const char *text = text_of(packet, address);
    bool ports = json_is_integer(json_object_get(packet, port)), bracket = ports && strchr(text, ':') != NULL;
    printf(" %s%s%s", bracket ? "[" : "", text, bracket ? "]" : "");
    if (ports)
        printf(":%lld", number_of(packet, port));
}

static void show_packet(const json_t *packet)
{
    const char *detail = json_string_value(json_object_get(packet, "detail"));
    const char *rule = json_string_value(json_object_get(packet, "rule"));
    const char *name = json_string_value(json_object_get(packet, "name"));
    print_time(json_number_value(json_object_get(packet, "time")));
    printf(" %-6s %-11s %s", text_of(packet, "verdict"), text_of(packet, "state"), text_of(packet, "reason"));
    if (detail != NULL)
        printf(" (%s)", detail);
    if (rule != NULL)
        printf(" %s", rule);
    if (name != NULL)
        printf(" \"%s\"", name);
    printf("  %s", text_of(packet, "proto"));
    if (json_object_get(packet, "flags") != NULL)
        printf(" %s", text_of(packet, "flags"));
    if (json_object_get(packet, "type") != NULL)
        printf(" %lld", number_of(packet, "type"));
    print_end(packet, "src", "sport");
    printf(" >");
    print_end(packet, "dst", "dport");
    printf(" length %lld", number_of(packet, "length"));
    if (json_is_string(json_object_get(packet, "in")))
        printf(" in %s", text_of(packet, "in"));
    if (json_is_string(json_object_get(packet, "out")))
        printf(" out %s", text_of(packet, "out"));
    printf("\n");
}

static void show_drops(void *context, const json_t *answer)
{
    size_t index;
    const json_t *packet;
    (void)context;
    json_array_foreach(json_object_get(answer, "drops"), index, packet)
        show_packet(packet);
}

static void show_traced(void *context, const json_t *line)
{
    (void)context;
    if (json_object_get(line, "left_out") != NULL)
        printf("%lld more were left out\n", number_of(line, "left_out"));
    else if (json_object_get(line, "tracing") == NULL)
        show_packet(line);
}

int packets_drops_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_drops};
    char *end;
    const char *words = given->number;
    long long number = words != NULL ? strtoll(words, &end, 10) : 0;
    if (given->count > 0)
        return usage_error("'drops' takes no argument but -n N");
    if (words != NULL && (*words == '\0' || *end != '\0'))
        return usage_error("'%s' is no number of packets", words);
    json_t *count = words != NULL ? json_integer(number) : NULL;
    return ask(given, json_pack("{s:s, s:o*}", "command", "drops", "count", count), NULL, &shows);
}

int packets_trace_run(const struct given *given)
{
    static const struct ask_shows shows = {.line = show_traced};
    /* Whoever reads through a pipe sees each line when it comes. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return ask(given, ask_request(given, "filter"), "filter", &shows);
}
