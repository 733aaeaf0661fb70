/*
 * What nf_tables says of itself over netlink: that something has changed, and which rules take packets past all hooks. An accept in
 * a chain of nft's is none of them: every chain is asked, whatever another has said.
 */
#ifndef IO_NFT_H
#define IO_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A socket that becomes readable whenever rules of nf_tables change, ours too (io/netlink.h); -errno where it cannot be had.
 */
int nft_watch(void);

struct nft_rule {
    uint8_t family; /* NFPROTO_... */
    char table[64], chain[64];
    uint64_t handle;
    const char *statement; /* what nft calls it: "flow add", "fwd" */
};

/*
 * The first rule that sends forwarded packets on before a chain at `forward` is asked: into a flowtable, or to an interface at
 * ingress. 1: there is one, 0: there is none, or no nf_tables; -errno: that cannot be read.
 */
int nft_find_shortcut(struct nft_rule *rule);

struct nlmsghdr;

/* Is the NFT_MSG_NEWRULE MESSAGE such a rule? Fills it then. */
bool nft_read_shortcut(const struct nlmsghdr *message, struct nft_rule *rule);

/* The family's name, as nft takes it. */
const char *nft_family_name(uint8_t family);

#endif
