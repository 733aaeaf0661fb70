/*
 * Where events and denied packets are written: packets as blocks that others read back, and files, pipes and sockets when all is
 * well and when it is not.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sink.h"
#include "io/local_socket.h"
#include "io/outlet.h"
#include "io/pcapng.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* A folder of this test's own, and a path in it. */
static char folder[64];

static const char *path_of(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof folder, "/tmp/spid-events-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
    static const char *const names[] = {"file", "other", "pipe", "socket"};
    for (int i = 0; i < COUNT(names); i++)
        unlink(path_of(names[i]));
    rmdir(folder);
}

/* What stands in the file, in memory that the next call uses again. */
static const char *content(const char *name, size_t *length)
{
    static char bytes[1 << 18];
    int fd = open(path_of(name), O_RDONLY);
    ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes - 1) : 0;
    if (fd >= 0)
        close(fd);
    bytes[got] = '\0';
    if (length != NULL)
        *length = (size_t)got;
    return bytes;
}

/* ---- pcapng ---- */

static const struct {
    const char *bytes;
    uint32_t captured, length;
    const char *comment;
} packets[] = {
    {"\x45packet", 7, 7, "default: deny new"},
    {"\x45", 1, 1500, ""},
    {"\x60_of_8_b", 8, 8, "tcp-window"},
    {"\x45 with a comment beyond ASCII", 9, 9, "rule: \xc3\xa4"},
};

#define TIME_US UINT64_C(1795885205250001)

static void write_section(int fd)
{
    uint8_t head[PCAPNG_HEAD_BYTES], block[400];
    size_t length = pcapng_head(head, 1024);
    ck_assert_int_eq(write(fd, head, length), (ssize_t)length);
    for (int i = 0; i < COUNT(packets); i++) {
        length = pcapng_packet(block, sizeof block, TIME_US + (unsigned)i, (const uint8_t *)packets[i].bytes, packets[i].captured,
                               packets[i].length, packets[i].comment);
        ck_assert_uint_gt(length, 0);
        ck_assert_uint_eq(length % 4, 0);
        ck_assert_uint_le(length, packets[i].captured + strlen(packets[i].comment) + PCAPNG_PACKET_BYTES);
        ck_assert_int_eq(write(fd, block, length), (ssize_t)length);
    }
}

START_TEST(libpcap_reads_the_packets_back)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    int fd = open(path_of("file"), O_WRONLY | O_CREAT, 0600);
    write_section(fd);
    close(fd);
    pcap_t *pcap = pcap_open_offline(path_of("file"), error);
    ck_assert_msg(pcap != NULL, "%s", error);
    ck_assert_int_eq(pcap_datalink(pcap), DLT_RAW);
    ck_assert_int_eq(pcap_snapshot(pcap), 1024);
    for (int i = 0; i < COUNT(packets); i++) {
        ck_assert_msg(pcap_next_ex(pcap, &header, &bytes) == 1, "%s", pcap_geterr(pcap));
        ck_assert_int_eq(header->ts.tv_sec, 1795885205);
        ck_assert_int_eq(header->ts.tv_usec, 250001 + i);
        ck_assert_uint_eq(header->caplen, packets[i].captured);
        ck_assert_uint_eq(header->len, packets[i].length);
        ck_assert_mem_eq(bytes, packets[i].bytes, packets[i].captured);
    }
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &bytes), PCAP_ERROR_BREAK);
    pcap_close(pcap);
}
END_TEST

static uint32_t word_at(const char *bytes, size_t at)
{
    uint32_t word;
    memcpy(&word, bytes + at, sizeof word);
    return word;
}

START_TEST(each_packet_has_its_comment)
{
    size_t length, at = 0;
    int fd = open(path_of("file"), O_WRONLY | O_CREAT, 0600), seen = 0;
    write_section(fd);
    close(fd);
    const char *bytes = content("file", &length);
    for (; at < length; at += word_at(bytes, at + 4)) {
        ck_assert_uint_eq(word_at(bytes, at + word_at(bytes, at + 4) - 4), word_at(bytes, at + 4));
        if (word_at(bytes, at) != 6)
            continue;
        size_t option = at + 28 + (packets[seen].captured + 3) / 4 * 4, comment = strlen(packets[seen].comment);
        ck_assert_uint_eq(word_at(bytes, option), 1 | (uint32_t)comment << 16);
        ck_assert_mem_eq(bytes + option + 4, packets[seen].comment, comment);
        seen++;
    }
    ck_assert_uint_eq(at, length);
    ck_assert_int_eq(seen, COUNT(packets));
}
END_TEST

START_TEST(a_block_that_does_not_fit_is_none)
{
    uint8_t block[60];
    static const uint8_t bytes[20];
    memset(block, 0xaa, sizeof block);
    ck_assert_uint_eq(pcapng_packet(block, 56, 0, bytes, 20, 20, "why"), 0);
    ck_assert_uint_eq(block[56], 0xaa);
    ck_assert_uint_eq(pcapng_packet(block, 60, 0, bytes, 12, 20, "why"), 56);
}
END_TEST

/* ---- places ---- */

static const struct iovec lines[] = {{(char *)"first\n", 6}, {(char *)"second\n", 7}, {(char *)"third\n", 6}};

static struct outlet outlet_to(const char *name)
{
    return (struct outlet){.kind = LOG_TO_FILE, .path = path_of(name), .fd = -1};
}

START_TEST(a_file_is_added_to)
{
    struct outlet outlet = outlet_to("file");
    struct stat stat_now;
    ck_assert_int_eq(outlet_open(&outlet), 0);
    ck_assert_int_eq(outlet_put(&outlet, lines, 2), 2);
    outlet_close(&outlet);
    ck_assert_int_eq(outlet_open(&outlet), 0);
    ck_assert_int_eq(outlet_put(&outlet, lines + 2, 1), 1);
    outlet_close(&outlet);
    ck_assert_str_eq(content("file", NULL), "first\nsecond\nthird\n");
    ck_assert_int_eq(stat(path_of("file"), &stat_now), 0);
    ck_assert_uint_eq(stat_now.st_mode & 07137, 0); /* not for everybody */
}
END_TEST

START_TEST(a_capture_has_its_head_once)
{
    struct outlet outlet = outlet_to("file");
    outlet.head = (const uint8_t *)"head\n";
    outlet.head_length = 5;
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(outlet_open(&outlet), 0);
        ck_assert_int_eq(outlet_put(&outlet, lines + i, 1), 1);
        outlet_close(&outlet);
    }
    ck_assert_str_eq(content("file", NULL), "head\nfirst\nsecond\nthird\n");
    /* What is something else gets a section of its own. */
    outlet.head = (const uint8_t *)"neck\n";
    ck_assert_int_eq(outlet_open(&outlet), 0);
    outlet_close(&outlet);
    ck_assert_str_eq(content("file", NULL), "head\nfirst\nsecond\nthird\nneck\n");
}
END_TEST

START_TEST(a_full_disk_leaves_whole_lines)
{
    struct outlet outlet = outlet_to("file");
    const struct rlimit few = {15, RLIM_INFINITY}, many = {RLIM_INFINITY, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(outlet_open(&outlet), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    int put = outlet_put(&outlet, lines, 3), more = outlet_put(&outlet, lines + 2, 1);
    setrlimit(RLIMIT_FSIZE, &many);
    ck_assert_int_eq(put, 2);
    ck_assert_str_eq(content("file", NULL), "first\nsecond\n");
    ck_assert_int_eq(more, -ENOSPC);
    ck_assert(!outlet_is_broken(ENOSPC));
    ck_assert_int_eq(outlet_put(&outlet, lines + 2, 1), 1);
    ck_assert_str_eq(content("file", NULL), "first\nsecond\nthird\n");
    outlet_close(&outlet);
}
END_TEST

START_TEST(a_file_that_was_removed_is_gone)
{
    struct outlet outlet = outlet_to("file");
    ck_assert_int_eq(outlet_open(&outlet), 0);
    ck_assert(!outlet_is_gone(&outlet));
    char other[200];
    snprintf(other, sizeof other, "%s/other", folder);
    /* Renamed it is where who renamed it wants it, until he says that it is to be opened anew. */
    ck_assert_int_eq(rename(path_of("file"), other), 0);
    ck_assert(!outlet_is_gone(&outlet));
    ck_assert_int_eq(unlink(other), 0);
    ck_assert(outlet_is_gone(&outlet));
    outlet_close(&outlet);
}
END_TEST

START_TEST(a_pipe_is_never_waited_for)
{
    struct outlet outlet = outlet_to("pipe");
    char buffer[100], filler[4000];
    const struct iovec large = {memset(filler, 'x', sizeof filler), sizeof filler};
    int put;
    ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
    ck_assert_int_eq(outlet_open(&outlet), -ENXIO);
    int reader = open(path_of("pipe"), O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(outlet_open(&outlet), 0);
    ck_assert_int_eq(outlet_put(&outlet, lines, 3), 1);
    ck_assert_int_eq(read(reader, buffer, sizeof buffer), 6);
    while ((put = outlet_put(&outlet, &large, 1)) == 1)
        ;
    ck_assert_int_eq(put, -EAGAIN);
    close(reader);
    put = outlet_put(&outlet, &large, 1);
    ck_assert_int_eq(put, -EPIPE);
    ck_assert(outlet_is_broken(EPIPE));
    outlet_close(&outlet);
}
END_TEST

static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path_of(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

START_TEST(a_socket_is_never_waited_for)
{
    char buffer[100] = "";
    int sent;
    ck_assert_int_eq(local_socket_open(path_of("socket")), -ENOENT);
    int reader = listen_at("socket"), fd = local_socket_open(path_of("socket"));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(local_socket_send(fd, lines, 2), 0);
    ck_assert_int_eq(recv(reader, buffer, sizeof buffer, 0), 13);
    ck_assert_str_eq(buffer, "first\nsecond\n");
    while ((sent = local_socket_send(fd, lines, 1)) == 0)
        ;
    ck_assert_int_eq(sent, -EAGAIN);
    close(reader);
    sent = local_socket_send(fd, lines, 1);
    ck_assert(sent < 0 && outlet_is_broken(-sent));
    close(fd);
    ck_assert_int_eq(local_socket_open(path_of("socket")), -ECONNREFUSED);
}
END_TEST

/* ---- a place with its thread ---- */

static struct sink *sink_to(const char *name)
{
    const struct log_place place = {LOG_TO_FILE, path_of(name)};
    struct sink *sink = sink_new(&place);
    ck_assert_ptr_nonnull(sink);
    ck_assert(sink_is_of(sink, &place));
    ck_assert(sink_start(sink));
    return sink;
}

static void pause_shortly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* Waits until so many records are written, or this is wrong. */
static void wait_for(struct sink *sink, uint64_t written, int error)
{
    struct sink_state state;
    for (unsigned i = 0; i < 2000; i++) {
        state = sink_state(sink);
        if (state.written == written && state.error == error)
            return;
        pause_shortly();
    }
    ck_abort_msg("%llu written, error %d", (unsigned long long)state.written, state.error);
}

START_TEST(what_is_put_is_written_in_its_order)
{
    struct sink *sink = sink_to("file");
    char line[20], wanted[60000] = "";
    size_t length = 0;
    for (int i = 0; i < 5000; i++) {
        int size = snprintf(line, sizeof line, "line %d\n", i);
        sink_put(sink, line, (size_t)size);
        memcpy(wanted + length, line, (size_t)size + 1);
        length += (size_t)size;
    }
    wait_for(sink, 5000, 0);
    sink_put(sink, "last\n", 5);
    sink_stop(sink);
    strcat(wanted, "last\n");
    ck_assert_str_eq(content("file", NULL), wanted);
}
END_TEST

START_TEST(a_renamed_file_is_left_when_it_is_said)
{
    struct sink *sink = sink_to("file");
    char other[200];
    snprintf(other, sizeof other, "%s/other", folder);
    sink_put(sink, "first\n", 6);
    wait_for(sink, 1, 0);
    ck_assert_int_eq(rename(path_of("file"), other), 0);
    sink_put(sink, "second\n", 7);
    wait_for(sink, 2, 0);
    sink_reopen(sink);
    /* It is there before there is anything to write. */
    for (unsigned i = 0; i < 2000 && access(path_of("file"), F_OK) != 0; i++)
        pause_shortly();
    sink_put(sink, "third\n", 6);
    wait_for(sink, 3, 0);
    ck_assert_str_eq(content("other", NULL), "first\nsecond\n");
    ck_assert_str_eq(content("file", NULL), "third\n");
    sink_stop(sink);
}
END_TEST

START_TEST(a_folder_that_comes_back_is_written_to)
{
    struct sink *sink = sink_to("file");
    char aside[100];
    snprintf(aside, sizeof aside, "%s-aside", folder);
    sink_put(sink, "first\n", 6);
    wait_for(sink, 1, 0);
    unlink(path_of("file"));
    ck_assert_int_eq(rename(folder, aside), 0);
    sink_put(sink, "second\n", 7);
    wait_for(sink, 1, ENOENT);
    ck_assert_int_eq(rename(aside, folder), 0);
    wait_for(sink, 2, 0);
    ck_assert_str_eq(content("file", NULL), "second\n");
    sink_stop(sink);
}
END_TEST

START_TEST(what_nobody_reads_is_lost_and_counted)
{
    char line[1000];
    memset(line, 'x', sizeof line);
    ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
    struct sink *sink = sink_to("pipe");
    for (unsigned i = 0; i < 5000; i++)
        sink_put(sink, line, sizeof line);
    wait_for(sink, 0, ENXIO);
    struct sink_state state = sink_state(sink);
    ck_assert_uint_gt(state.lost, 3800);
    ck_assert_uint_lt(state.lost, 4000);
    /* Who reads at last gets what has waited, oldest first. */
    int reader = open(path_of("pipe"), O_RDONLY | O_NONBLOCK);
    size_t got = 0;
    for (unsigned i = 0; i < 2000 && got < (5000 - state.lost) * sizeof line; i++) {
        ssize_t more = read(reader, line, sizeof line);
        got += more > 0 ? (size_t)more : 0;
        if (more <= 0)
            pause_shortly();
    }
    ck_assert_uint_eq(got, (5000 - state.lost) * sizeof line);
    wait_for(sink, 5000 - state.lost, 0);
    /* He stops: that is said, and stopping waits for him no longer than is bearable. */
    for (unsigned i = 0; i < 200; i++)
        sink_put(sink, line, sizeof line);
    for (unsigned i = 0; i < 2000 && sink_state(sink).error != EAGAIN; i++)
        pause_shortly();
    ck_assert_int_eq(sink_state(sink).error, EAGAIN);
    sink_stop(sink);
    close(reader);
}
END_TEST

START_TEST(a_record_that_is_too_large_is_lost)
{
    static char large[SINK_RECORD_BYTES + 1];
    struct sink *sink = sink_to("file");
    sink_put(sink, large, sizeof large);
    sink_put(sink, large, sizeof large - 1);
    wait_for(sink, 1, 0);
    ck_assert_uint_eq(sink_state(sink).lost, 1);
    sink_stop(sink);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sink");
    TCase *tests = tcase_create("sink");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, libpcap_reads_the_packets_back);
    tcase_add_test(tests, each_packet_has_its_comment);
    tcase_add_test(tests, a_block_that_does_not_fit_is_none);
    tcase_add_test(tests, a_file_is_added_to);
    tcase_add_test(tests, a_capture_has_its_head_once);
    tcase_add_test(tests, a_full_disk_leaves_whole_lines);
    tcase_add_test(tests, a_file_that_was_removed_is_gone);
    tcase_add_test(tests, a_pipe_is_never_waited_for);
    tcase_add_test(tests, a_socket_is_never_waited_for);
    tcase_add_test(tests, what_is_put_is_written_in_its_order);
    tcase_add_test(tests, a_renamed_file_is_left_when_it_is_said);
    tcase_add_test(tests, a_folder_that_comes_back_is_written_to);
    tcase_add_test(tests, what_nobody_reads_is_lost_and_counted);
    tcase_add_test(tests, a_record_that_is_too_large_is_lost);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
