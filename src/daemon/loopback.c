#include "daemon/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The port in words; 0: it is none. */
static uint16_t read_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long port = digits > 0 && digits <= 5 && text[digits] == '\0' ? strtoul(text, NULL, 10) : 0;
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

socklen_t loopback_read(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    char host[INET6_ADDRSTRLEN];
    bool bracket = text[0] == '[';
    const char *begin = text + bracket, *end = strchr(begin, bracket ? ']' : ':');
    const char *colon = end != NULL ? end + bracket : NULL;
    memset(address, 0, sizeof *address);
    if (colon == NULL || *colon != ':' || (size_t)(end - begin) >= sizeof host)
        return 0;
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    uint16_t port = read_port(colon + 1);
    if (port == 0)
        return 0;
    if (bracket && inet_pton(AF_INET6, host, &six->sin6_addr) == 1 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        return sizeof *six;
    }
    if (!bracket && inet_pton(AF_INET, host, &four->sin_addr) == 1 && ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return sizeof *four;
    }
    return 0;
}
