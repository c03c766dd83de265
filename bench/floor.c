/* The floor: about the least that counting two-way flows can cost on this machine.
 *
 * It does: walk a classic pcap (microseconds, this machine's byte order) through a mapping; decode Ethernet,
 * VLAN tags, IPv4, IPv6 with extension headers, TCP and UDP ports, the id of ICMP echoes and, when asked to,
 * the frame inside VXLAN; keep packets, bytes, first and last time each way in a table that grows.
 *
 * It does not: read pcapng or survive a file that shrinks, key its hash (anyone can choose packets that
 * collide), keep parents of tunnelled flows, check lengths inside IP, name layers, put fragments together,
 * give ids, account for what it skips, or write anything. It is a yardstick, not a model.
 *
 *     gcc -O3 -o floor floor.c && ./floor FILE [x]        x: look inside VXLAN
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { BATCH = 32, FILE_HEADER = 24, HUGE = 1 << 21, FIRST_SLOTS = 1 << 16 };
enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, VXLAN_PORT = 4789 };

/* The end with the lower address (then port) is the first one, so that both directions have the same key. */
typedef struct {
    uint64_t low[2], high[2];       /* IPv4 addresses are the last four bytes of sixteen */
    uint16_t low_port, high_port;
    uint32_t protocol;
} Key;

typedef struct {
    Key key;
    uint64_t packets[2], bytes[2];
    int64_t first[2], last[2];      /* microseconds */
} Flow;

typedef struct {
    uint32_t seconds, microseconds, captured, length;
} PcapRecord;

/* A decoded packet that waits for its flow to arrive in the cache. */
typedef struct {
    Key key;
    uint64_t hash;
    int64_t time;
    uint32_t length;
    int direction;
} Packet;

static Flow *flows;                 /* in the order of their first packets */
static uint64_t *hashes;            /* of flows */
static uint64_t n_flows, room = FIRST_SLOTS / 2;
static uint32_t *slots;             /* a flow's number + 1, or 0; at most half are taken */
static uint64_t n_slots = FIRST_SLOTS;

/* ---- decoding */

static inline uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static inline bool is_extension(uint8_t protocol)
{
    return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
}

/* Put two ends in order; gives 1 if that exchanged them. */
static inline int set_ends(Key *key, const uint8_t *src, const uint8_t *dst, uint16_t sport, uint16_t dport)
{
    int order = memcmp(src, dst, 16);
    int swapped = order > 0 || (order == 0 && sport > dport);
    memcpy(key->low, swapped ? dst : src, 16);
    memcpy(key->high, swapped ? src : dst, 16);
    key->low_port = swapped ? dport : sport;
    key->high_port = swapped ? sport : dport;
    return swapped;
}

/* Fill in the key and direction of a frame of n bytes; false if it is not IP, or is cut short. */
static bool decode(const uint8_t *p, uint32_t n, bool look_inside, Packet *packet)
{
    uint8_t src[16] = {0}, dst[16] = {0};
    uint16_t sport = 0, dport = 0;
    uint8_t protocol;
    uint32_t at = 14;               /* of the next header */
    if (n < at)
        return false;
    uint16_t type = be16(p + 12);
    while (type == 0x8100 || type == 0x88a8) {
        if (n < at + 4)
            return false;
        type = be16(p + at + 2);
        at += 4;
    }
    if (type == 0x0800) {
        if (n < at + 20 || p[at] >> 4 != 4)
            return false;
        uint32_t size = (p[at] & 15) * 4;
        if (size < 20 || n < at + size)
            return false;
        bool later_fragment = be16(p + at + 6) & 0x1fff;
        protocol = p[at + 9];
        memcpy(src + 12, p + at + 12, 4);
        memcpy(dst + 12, p + at + 16, 4);
        at = later_fragment ? n : at + size;
    } else if (type == 0x86dd) {
        if (n < at + 40)
            return false;
        protocol = p[at + 6];
        memcpy(src, p + at + 8, 16);
        memcpy(dst, p + at + 24, 16);
        at += 40;
        for (int i = 0; i < 8 && is_extension(protocol) && n >= at + 8; i++) {
            uint32_t size = protocol == 44 ? 8 : (p[at + 1] + 1) * 8;
            protocol = p[at];
            at += size;
        }
    } else {
        return false;
    }
    if ((protocol == TCP || protocol == UDP) && n >= at + 4) {
        sport = be16(p + at);
        dport = be16(p + at + 2);
        if (look_inside && protocol == UDP && dport == VXLAN_PORT && n >= at + 16 + 14)
            return decode(p + at + 16, n - at - 16, false, packet);
    } else if ((protocol == ICMP || protocol == ICMPV6) && n >= at + 6) {
        uint8_t kind = p[at];
        if (kind == 0 || kind == 8 || kind == 128 || kind == 129)
            sport = dport = be16(p + at + 4);
    }
    packet->direction = set_ends(&packet->key, src, dst, sport, dport);
    packet->key.protocol = protocol;
    return true;
}

/* ---- the table */

static inline uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
    return x ^ x >> 32;
}

static inline uint64_t hash_key(const Key *key)
{
    uint64_t h = key->low[0] * 0x9e3779b97f4a7c15 ^ key->low[1];
    uint64_t rest = (uint64_t)key->protocol << 32 | (uint32_t)key->low_port << 16 | key->high_port;
    h = mix(h ^ key->high[0] * 0xc2b2ae3d27d4eb4f) ^ key->high[1];
    return mix(h + rest * 0x165667b19e3779f9);
}

/* Memory in huge pages, if the kernel has some: the table is visited at random, and the cache of the page
 * table is small. */
static void *huge(uint64_t size)
{
    void *memory = aligned_alloc(HUGE, (size + HUGE - 1) & ~(uint64_t)(HUGE - 1));
    if (memory == NULL)
        exit(1);
    madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

static void *moved(void *old, uint64_t old_size, uint64_t size)
{
    void *memory = huge(size);
    memcpy(memory, old, old_size);
    free(old);
    return memory;
}

static void grow_flows(void)
{
    flows = moved(flows, room * sizeof *flows, 2 * room * sizeof *flows);
    hashes = moved(hashes, room * sizeof *hashes, 2 * room * sizeof *hashes);
    room *= 2;
}

static void grow_slots(void)
{
    n_slots *= 2;
    free(slots);
    slots = huge(n_slots * sizeof *slots);
    memset(slots, 0, n_slots * sizeof *slots);
    for (uint64_t i = 0; i < n_flows; i++) {
        uint64_t at = hashes[i] & (n_slots - 1);
        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = (uint32_t)i + 1;
    }
}

static Flow *begin_flow(const Packet *packet, uint64_t at)
{
    if (n_flows == room)
        grow_flows();
    Flow *flow = &flows[n_flows];
    memset(flow, 0, sizeof *flow);
    flow->key = packet->key;
    flow->first[0] = flow->first[1] = INT64_MAX;
    hashes[n_flows] = packet->hash;
    slots[at] = (uint32_t)++n_flows;
    if (n_flows * 2 > n_slots)
        grow_slots();
    return flow;
}

static inline Flow *flow_of(const Packet *packet)
{
    uint64_t at = packet->hash & (n_slots - 1);
    for (; slots[at]; at = (at + 1) & (n_slots - 1)) {
        uint64_t i = slots[at] - 1;
        if (hashes[i] == packet->hash && memcmp(&flows[i].key, &packet->key, sizeof(Key)) == 0)
            return &flows[i];
    }
    return begin_flow(packet, at);
}

static inline void count(const Packet *packet)
{
    Flow *flow = flow_of(packet);
    int way = packet->direction;
    flow->packets[way]++;
    flow->bytes[way] += packet->length;
    if (packet->time < flow->first[way])
        flow->first[way] = packet->time;
    if (packet->time > flow->last[way])
        flow->last[way] = packet->time;
}

/* Ask for what counting will need; the slots were asked for when the packet was decoded. */
static inline void prefetch_flow(const Packet *packet)
{
    uint32_t i = slots[packet->hash & (n_slots - 1)];
    if (i == 0)
        return;
    __builtin_prefetch(&hashes[i - 1]);
    __builtin_prefetch(&flows[i - 1]);
    __builtin_prefetch((char *)&flows[i - 1] + 64);
}

/* ---- the file */

static const uint8_t *file, *file_end;
static uint64_t n_frames, n_not_ip;

/* Decode up to a batch of packets; gives how many, and moves on in the file. */
static int next_batch(const uint8_t **at, bool look_inside, Packet *batch)
{
    int n = 0;
    PcapRecord record;
    while (n < BATCH && (size_t)(file_end - *at) >= sizeof record) {
        memcpy(&record, *at, sizeof record);
        const uint8_t *frame = *at + sizeof record;
        if (record.captured > (size_t)(file_end - frame))
            break;
        n_frames++;
        if (decode(frame, record.captured, look_inside, &batch[n])) {
            batch[n].hash = hash_key(&batch[n].key);
            batch[n].time = (int64_t)record.seconds * 1000000 + record.microseconds;
            batch[n].length = record.length;
            __builtin_prefetch(&slots[batch[n].hash & (n_slots - 1)]);
            n++;
        } else {
            n_not_ip++;
        }
        *at = frame + record.captured;
    }
    return n;
}

static bool map(const char *path)
{
    struct stat about;
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0 || fstat(descriptor, &about) < 0 || about.st_size < FILE_HEADER)
        return false;
    file = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (file == MAP_FAILED)
        return false;
    madvise((void *)file, about.st_size, MADV_SEQUENTIAL);
    file_end = file + about.st_size;
    return true;
}

int main(int argc, char **argv)
{
    static Packet batch[BATCH];
    int n;
    if (argc < 2 || !map(argv[1])) {
        fprintf(stderr, "floor: cannot read the capture\n");
        return 2;
    }
    flows = huge(room * sizeof *flows);
    hashes = huge(room * sizeof *hashes);
    slots = huge(n_slots * sizeof *slots);
    memset(slots, 0, n_slots * sizeof *slots);
    const uint8_t *at = file + FILE_HEADER;
    while ((n = next_batch(&at, argc > 2, batch))) {
        for (int i = 0; i < n; i++)
            prefetch_flow(&batch[i]);
        for (int i = 0; i < n; i++)
            count(&batch[i]);
    }
    printf("flows=%" PRIu64 " packets=%" PRIu64 " not_ip=%" PRIu64 "\n", n_flows, n_frames, n_not_ip);
    return 0;
}
