# sFlow version 5 (sflow.org, sFlow Version 5, July 2004): how a datagram is put together.
#
# Everything is big-endian words, as XDR (RFC 4506) has it; what is shorter is padded to a whole word. A datagram
# is a head, then samples; a sample is a head, then records; samples and records say their kind and length.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be32, take


cdef enum:
    SFLOW_VERSION = 5
    ADDRESS_IPV4 = 1
    ADDRESS_IPV6 = 2


cdef enum:                  # kinds of samples of enterprise 0
    FLOW_SAMPLE = 1
    COUNTER_SAMPLE = 2
    EXPANDED_FLOW_SAMPLE = 3
    EXPANDED_COUNTER_SAMPLE = 4


cdef enum:
    RAW_HEADER = 1          # the flow record of enterprise 0 that holds a packet's first bytes


cdef enum Fault:            # of a datagram
    NO_FAULT = 0
    OTHER_VERSION
    CUT_SHORT               # something in it is longer than what is left for it
    NO_AGENT                # its agent's address is of no known kind


cdef struct Head:
    const uint8_t *agent
    uint32_t agent_bytes    # 4 or 16
    uint32_t sub_agent
    uint32_t sequence
    uint32_t uptime         # ms
    uint32_t samples        # that it claims


cdef struct FlowHead:
    uint32_t sequence
    uint32_t source_kind
    uint32_t source
    uint32_t rate
    uint32_t pool
    uint32_t drops
    uint32_t input_kind
    uint32_t input
    uint32_t output_kind
    uint32_t output
    uint32_t records        # that it claims


cdef inline Fault take_head(Cursor *c, Head *head) noexcept nogil:
    """Take what a datagram begins with."""
    cdef const uint8_t *h = take(c, 4)
    if h == NULL:
        return CUT_SHORT
    if be32(h) != SFLOW_VERSION:
        return OTHER_VERSION
    h = take(c, 4)
    if h == NULL:
        return CUT_SHORT
    if be32(h) != ADDRESS_IPV4 and be32(h) != ADDRESS_IPV6:
        return NO_AGENT
    head.agent_bytes = 4 if be32(h) == ADDRESS_IPV4 else 16
    head.agent = take(c, head.agent_bytes)
    h = take(c, 16)
    if head.agent == NULL or h == NULL:
        return CUT_SHORT
    head.sub_agent, head.sequence, head.uptime, head.samples = be32(h), be32(h + 4), be32(h + 8), be32(h + 12)
    return NO_FAULT


cdef inline bint take_item(Cursor *c, uint32_t *kind, Cursor *body) noexcept nogil:
    """Take a sample or a record: its kind, and what it holds; False: it is longer than what is left.

    The last one's padding may be missing.
    """
    cdef const uint8_t *h = take(c, 8)
    cdef uint32_t length
    if h == NULL:
        return False
    kind[0], length = be32(h), be32(h + 4)
    h = take(c, length)
    if h == NULL:
        return False
    body.p, body.end = h, h + length
    take(c, -length & 3)
    return True


cdef inline bint take_flow_head(Cursor *c, bint expanded, FlowHead *head) noexcept nogil:
    """Take what a flow sample begins with: where there is one word for a kind and a number, the kind is on top."""
    cdef const uint8_t *h = take(c, 44 if expanded else 32)
    if h == NULL:
        return False
    head.sequence = be32(h)
    if expanded:
        head.source_kind, head.source = be32(h + 4), be32(h + 8)
        head.rate, head.pool, head.drops = be32(h + 12), be32(h + 16), be32(h + 20)
        head.input_kind, head.input = be32(h + 24), be32(h + 28)
        head.output_kind, head.output = be32(h + 32), be32(h + 36)
        head.records = be32(h + 40)
        return True
    head.source_kind, head.source = h[4], be32(h + 4) & 0xFFFFFF
    head.rate, head.pool, head.drops = be32(h + 8), be32(h + 12), be32(h + 16)
    head.input_kind, head.input = h[20] >> 6, be32(h + 20) & 0x3FFFFFFF
    head.output_kind, head.output = h[24] >> 6, be32(h + 24) & 0x3FFFFFFF
    head.records = be32(h + 28)
    return True
