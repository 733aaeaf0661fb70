#include "ctl/columns.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Lines that are looked at before their widths are decided. What is wider later pushes the rest of its line away. */
#define LINES_MAX 500

#define CELL_BYTES_MAX 5000

#define GAP 2u
#define INDENT 4u

struct columns {
    FILE *out;
    unsigned width, count;
    const struct column *columns;
    unsigned widest[COLUMNS_MAX];
    bool titled; /* the titles are printed */
    size_t used;
    char *cells[LINES_MAX * COLUMNS_MAX];
};

unsigned columns_width(FILE *out)
{
    struct winsize size = {.ws_col = 0};
    int fd = fileno(out);
    return fd >= 0 && isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

unsigned columns_places(const char *text)
{
    unsigned places = 0;
    for (; *text != '\0'; text++)
        places += ((unsigned char)*text & 0xc0) != 0x80;
    return places;
}

struct columns *columns_new(FILE *out, unsigned width, const struct column *columns, unsigned count)
{
    struct columns *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->out = out;
    table->width = width;
    table->columns = columns;
    table->count = count;
    table->titled = columns[0].title == NULL;
    for (unsigned i = 0; i < count && !table->titled; i++)
        table->widest[i] = columns_places(columns[i].title);
    return table;
}

/* Each column begins on the line where it fits. */
static void print_line(const struct columns *table, const char *const *cells)
{
    unsigned at = 0, pending = 0;
    bool fold = false;
    for (unsigned i = 0; i < table->count; i++) {
        unsigned places = columns_places(cells[i]), room = table->widest[i] > places ? table->widest[i] - places : 0;
        if (i > 0 && table->width > 0 && at + GAP + table->widest[i] > table->width) {
            fold = true;
            at = pending = INDENT;
        } else if (i > 0) {
            at += GAP;
            pending += GAP;
        }
        if (table->columns[i].right)
            pending += room;
        /* No blanks at the end of a line, and no line of nothing else. */
        if (places > 0) {
            fprintf(table->out, "%s%*s%s", fold ? "\n" : "", (int)pending, "", cells[i]);
            fold = false;
            pending = 0;
        }
        if (!table->columns[i].right)
            pending += room;
        at += places + room;
    }
    fputc('\n', table->out);
}

static void print_titles(const struct columns *table)
{
    const char *titles[COLUMNS_MAX];
    for (unsigned i = 0; i < table->count; i++)
        titles[i] = table->columns[i].title;
    print_line(table, titles);
}

static void print_cells(struct columns *table)
{
    for (size_t i = 0; i < table->used; i++) {
        unsigned *widest = &table->widest[i % table->count], places = columns_places(table->cells[i]);
        *widest = places > *widest ? places : *widest;
    }
    if (!table->titled && table->used > 0)
        print_titles(table);
    table->titled |= table->used > 0;
    for (size_t i = 0; i + table->count <= table->used; i += table->count)
        print_line(table, (const char *const *)&table->cells[i]);
    for (size_t i = 0; i < table->used; i++)
        free(table->cells[i]);
    table->used = 0;
}

void columns_cell(struct columns *table, const char *format, ...)
{
    char text[CELL_BYTES_MAX];
    va_list arguments;
    if (table == NULL)
        return;
    if (table->used == (size_t)LINES_MAX * table->count)
        print_cells(table);
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *cell = strdup(text);
    if (cell == NULL) {
        fputs("spidctl: no memory\n", stderr);
        exit(1);
    }
    table->cells[table->used++] = cell;
}

void columns_end(struct columns *table)
{
    if (table == NULL)
        return;
    print_cells(table);
    free(table);
}
