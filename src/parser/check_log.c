/* Where events and denied packets are written: `log to` and `log packets to`. */
#include <limits.h>
#include <string.h>

#include "parser/check.h"

static bool is_taken(const struct ruleset *ruleset, const struct log_place *place)
{
    for (size_t i = 0; i < ruleset->log_place_count; i++) {
        const struct log_place *other = &ruleset->log_places[i];
        bool files = place->path != NULL && other->path != NULL;
        if (files ? strcmp(place->path, other->path) == 0 : place->kind == other->kind)
            return true;
    }
    return false;
}

static bool find_kind(struct check *check, const struct statement *s, enum log_place_kind *kind)
{
    const struct word *place = &s->log_to.place;
    bool syslog = strcmp(place->text, "syslog") == 0, journal = strcmp(place->text, "journal") == 0;
    if (place->quoted)
        *kind = s->log_to.packets ? LOG_PACKETS_TO_FILE : LOG_TO_FILE;
    else
        *kind = syslog ? LOG_TO_SYSLOG : LOG_TO_JOURNAL;
    if (place->quoted || syslog || journal)
        return true;
    CHECK_ERROR(check, place->at, CODE_UNDEFINED, "unknown place '%s', expected syslog, journal or a file's path in double quotes",
                place->text);
    return false;
}

void check_log_place(struct check *check, const struct statement *s)
{
    struct ruleset *ruleset = check->ruleset;
    const struct word *word = &s->log_to.place;
    struct log_place place = {.path = NULL};
    if (!find_kind(check, s, &place.kind))
        return;
    if (word->quoted && word->text[0] != '/') {
        CHECK_ERROR(check, word->at, CODE_RANGE, "write the whole path, such as \"/var/log/spid/%s\": the daemon runs in no folder of yours",
                    s->log_to.packets ? "denied.pcapng" : "eve.json");
        return;
    }
    if (word->quoted && strlen(word->text) >= PATH_MAX) {
        CHECK_ERROR(check, word->at, CODE_RANGE, "a path has at most %d bytes", PATH_MAX - 1);
        return;
    }
    if (word->quoted)
        place.path = check_keep(check, word->text);
    if (is_taken(ruleset, &place)) {
        CHECK_ERROR(check, s->at, CODE_REDEFINED, "'%s' is written to already", word->text);
        return;
    }
    if (ruleset->log_place_count == LOG_PLACES_MAX) {
        CHECK_ERROR(check, s->at, CODE_RANGE, "there are at most %d 'log to' and 'log packets to'", LOG_PLACES_MAX);
        return;
    }
    if (check->log_places == NULL)
        check->log_places = arena_take(check->arena, LOG_PLACES_MAX, sizeof *check->log_places);
    check->log_places[ruleset->log_place_count++] = place;
    ruleset->log_places = check->log_places;
    if (place.kind == LOG_PACKETS_TO_FILE)
        ruleset->log_packets = true;
    else
        ruleset->log_events = true;
}
