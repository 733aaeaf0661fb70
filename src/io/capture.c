#include "io/capture.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/link.h"

struct capture {
    pcap_t *pcap;
    int link_type;
    uint64_t frames;
};

struct capture *capture_open(const char *path, char *error, size_t error_size)
{
    char reason[PCAP_ERRBUF_SIZE];
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    capture->pcap = pcap_open_offline(path, reason);
    if (capture->pcap == NULL) {
        snprintf(error, error_size, "%s", reason);
        free(capture);
        return NULL;
    }
    capture->link_type = pcap_datalink(capture->pcap);
    if (!link_known(capture->link_type)) {
        const char *name = pcap_datalink_val_to_name(capture->link_type);
        snprintf(error, error_size,
                 "its link type %d (%s) is none that spid reads: Ethernet, raw IP, Linux cooked, null, loopback",
                 capture->link_type, name != NULL ? name : "unknown");
        capture_close(capture);
        return NULL;
    }
    return capture;
}

void capture_close(struct capture *capture)
{
    if (capture == NULL)
        return;
    pcap_close(capture->pcap);
    free(capture);
}

int capture_next(struct capture *capture, struct frame *frame, char *error, size_t error_size)
{
    struct pcap_pkthdr *header;
    const u_char *bytes;
    int result = pcap_next_ex(capture->pcap, &header, &bytes);
    if (result == PCAP_ERROR_BREAK)
        return 0;
    if (result != 1) {
        snprintf(error, error_size, "after frame %llu: %s", (unsigned long long)capture->frames,
                 pcap_geterr(capture->pcap));
        return -1;
    }
    *frame = (struct frame){
        .number = ++capture->frames,
        .time_us = (int64_t)header->ts.tv_sec * 1000000 + header->ts.tv_usec,
        .bytes = bytes,
        .captured = header->caplen,
        /* Some writers leave the length on the wire out; it is never less than what was captured. */
        .length = header->len > header->caplen ? header->len : header->caplen,
    };
    return 1;
}

int capture_link_type(const struct capture *capture)
{
    return capture->link_type;
}
