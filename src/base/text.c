#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

void text_init(struct text *text, char *data, size_t size)
{
    *text = (struct text){.data = data, .size = size};
    data[0] = '\0';
}

const char *text_add(struct text *text, const char *format, ...)
{
    size_t room = text->size - text->length;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text->data + text->length, room, format, arguments);
    va_end(arguments);
    if (wanted < 0) {
        text->data[text->length] = '\0';
        text->cut = true;
    } else if ((size_t)wanted >= room) {
        text->length = text->size - 1;
        text->cut = true;
    } else {
        text->length += (size_t)wanted;
    }
    return text->data;
}
