"""Reading sFlow version 5 datagrams as data; ``_sflow.pxd`` has how they are put together.

Every length and count is the sender's word: nothing is read, and no room made, beyond what is there.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be32, be64, left, take
from flowtable._text cimport put_address, put_mac

from flowtable.capture.sflow_records import (
    COUNTER_RECORDS, FLOW_RECORDS, ASPathSegment, CounterSample, FlowSample, SFlowDatagram, SFlowInterface,
)
from flowtable.errors import FlowProtocolError


def parse_datagram(data):
    """Read a whole sFlow version 5 datagram.

    FlowProtocolError: it is of another version, or something in it claims to be longer than what is there;
    says what, and at which byte. Bytes behind the last sample are let be, as are those behind the fields of a
    record that is known, since later editions may add some.
    """
    cdef bytes datagram = bytes(memoryview(data))
    cdef Reader r = Reader.__new__(Reader)
    r.start = <const uint8_t *>PyBytes_AS_STRING(datagram)
    r.c.p, r.c.end = r.start, r.start + len(datagram)
    return r.datagram()


cdef class Reader:
    """Where the reading of a datagram stands. `c` goes through the innermost thing that has a length."""

    cdef const uint8_t *start
    cdef Cursor c
    cdef dict skipped

    cdef object datagram(self):
        cdef Head head
        cdef Fault fault = take_head(&self.c, &head)
        cdef uint32_t i
        cdef list samples = []
        if fault == OTHER_VERSION:
            raise FlowProtocolError(f"this is sFlow version {be32(self.start)}, or none; version 5 is understood")
        if fault == NO_AGENT:
            raise FlowProtocolError(f"the sFlow agent's address is of type {be32(self.start + 4)}, not 1 or 2")
        if fault != NO_FAULT:
            raise self.short("the datagram's head")
        self.skipped = {}
        for i in range(head.samples):
            sample = self.sample(i)
            if sample is not None:
                samples.append(sample)
        agent = address_text(head.agent, head.agent_bytes)
        return SFlowDatagram(agent, head.sub_agent, head.sequence, head.uptime, tuple(samples), self.skipped)

    cdef object sample(self, uint32_t i):
        """Read a sample; None if it is of no known kind."""
        cdef uint32_t kind
        cdef Cursor body, outer
        if not take_item(&self.c, &kind, &body):
            raise self.short(f"sample {i + 1}")
        outer, self.c = self.c, body
        try:
            if kind == FLOW_SAMPLE or kind == EXPANDED_FLOW_SAMPLE:
                return self.flow_sample(kind == EXPANDED_FLOW_SAMPLE)
            if kind == COUNTER_SAMPLE or kind == EXPANDED_COUNTER_SAMPLE:
                return self.counter_sample(kind == EXPANDED_COUNTER_SAMPLE)
            return self.skip("sample", kind)
        finally:
            self.c = outer

    cdef object flow_sample(self, bint expanded):
        cdef FlowHead h
        if not take_flow_head(&self.c, expanded, &h):
            raise self.short("a flow sample's head")
        records = self.records("flow record", FLOW_RECORDS, h.records)
        return FlowSample(
            h.sequence, (h.source_kind, h.source), h.rate, h.pool, h.drops, SFlowInterface(h.input_kind, h.input),
            SFlowInterface(h.output_kind, h.output), records, expanded)

    cdef object counter_sample(self, bint expanded):
        cdef const uint8_t *h = take(&self.c, 16 if expanded else 12)
        cdef uint32_t sequence, source_kind, source
        if h == NULL:
            raise self.short("a counter sample's head")
        sequence, source_kind, source = be32(h), be32(h + 4), be32(h + 8)
        if not expanded:
            source_kind, source = h[4], be32(h + 4) & 0xFFFFFF
        records = self.records("counter record", COUNTER_RECORDS, be32(h + 12 if expanded else h + 8))
        return CounterSample(sequence, (source_kind, source), records, expanded)

    cdef object records(self, str what, dict known, uint32_t count):
        """Read a sample's records, of which it claims so many."""
        cdef uint32_t i, kind
        cdef Cursor body, outer
        cdef list records = []
        for i in range(count):
            if not take_item(&self.c, &kind, &body):
                raise self.short(f"{what} {i + 1} of a sample")
            if kind not in known:
                self.skip(what, kind)
                continue
            outer, self.c = self.c, body
            records.append(self.record(known[kind]))
            self.c = outer
        return tuple(records)

    cdef object record(self, object cls):
        return cls(*[self.field(code, cls) for code in cls.layout])

    cdef object skip(self, str what, uint32_t kind):
        """Count what is of no known kind."""
        name = f"{what} {kind >> 12}:{kind & 0xFFF}"
        self.skipped[name] = self.skipped.get(name, 0) + 1

    cdef object field(self, Py_UCS4 code, object cls):
        """Read a field of a record as its layout says."""
        if code == u"w":
            return self.word(cls)
        if code == u"q":
            return be64(self.taken(8, cls))
        if code == u"m":
            return mac_text(self.taken(8, cls))
        if code == u"4" or code == u"6":
            return address_text(self.taken(4 if code == u"4" else 16, cls), 4 if code == u"4" else 16)
        if code == u"a":
            return self.address(cls)
        if code == u"l":
            return self.words(cls)
        if code == u"p":
            return tuple([ASPathSegment(self.word(cls), self.words(cls)) for _ in range(self.count(cls, 8))])
        data = self.opaque(cls)
        return data.decode("utf-8", "replace") if code == u"t" else data

    cdef const uint8_t *taken(self, size_t n, object cls) except NULL:
        cdef const uint8_t *p = take(&self.c, n)
        if p == NULL:
            raise self.short(cls.__name__)
        return p

    cdef uint32_t word(self, object cls) except? 0:
        return be32(self.taken(4, cls))

    cdef uint32_t count(self, object cls, size_t each) except? 0:
        """How many of something follow; at least so many bytes each have to be there."""
        cdef uint32_t n = self.word(cls)
        if n > left(&self.c) / each:
            raise self.short(f"{cls.__name__}, a list of {n:,} in it")
        return n

    cdef object words(self, object cls):
        return tuple([self.word(cls) for _ in range(self.count(cls, 4))])

    cdef object address(self, object cls):
        """An address, or None for one of type 0, which is unknown."""
        cdef uint32_t kind = self.word(cls)
        if kind > ADDRESS_IPV6:
            raise FlowProtocolError(f"sFlow at byte {self.offset() - 4}: there is no address of type {kind}")
        if kind == 0:
            return None
        return address_text(self.taken(4 if kind == ADDRESS_IPV4 else 16, cls), 4 if kind == ADDRESS_IPV4 else 16)

    cdef object opaque(self, object cls):
        """Bytes with their length before them, padded to whole words; the last ones' padding may be missing."""
        cdef uint32_t n = self.count(cls, 1)
        cdef const uint8_t *p = self.taken(n, cls)
        take(&self.c, -n & 3)
        return p[:n]

    cdef size_t offset(self):
        return self.c.p - self.start

    cdef object short(self, str what):
        return FlowProtocolError(
            f"sFlow at byte {self.offset()}: {what} is longer than the {left(&self.c):,} bytes left for it")


cdef str address_text(const uint8_t *address, uint32_t size):
    cdef char text[64]
    return text[:put_address(text, size == 4, address)].decode("ascii")


cdef str mac_text(const uint8_t *mac):
    cdef char text[32]
    return text[:put_mac(text, mac)].decode("ascii")
