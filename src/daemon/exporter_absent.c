/* In place of the figures over HTTP where libmicrohttpd is missing. */
#include <stdio.h>

#include "daemon/exporter.h"

struct exporter *exporter_start(struct daemon *daemon, const char *place, char *error, size_t error_size)
{
    (void)daemon;
    snprintf(error, error_size, "--metrics %s: this spid was built without libmicrohttpd; 'spidctl metrics' gives the same figures",
             place);
    return NULL;
}

void exporter_stop(struct exporter *exporter)
{
    (void)exporter;
}
