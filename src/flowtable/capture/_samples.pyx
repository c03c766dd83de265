"""Sampled packets as frames: sFlow datagrams from a socket, or fed by hand.

Invariant: the datagrams of the last refill lie one behind the other in `room`, and stay there until the next.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_CheckSignals
from cython cimport critical_section
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close

from flowtable._cursor cimport Cursor, be32, take
from flowtable._exact cimport fence
from flowtable._text cimport put_address
from flowtable._types cimport Frame
from flowtable.capture._agents cimport Agent, Agents, note_datagram
from flowtable.capture._arrival cimport Arrival, ask_for_arrivals, receive, tells_drops, wait_for_datagram
from flowtable.capture._sflow cimport (
    COUNTER_SAMPLE, EXPANDED_COUNTER_SAMPLE, EXPANDED_FLOW_SAMPLE, FLOW_SAMPLE, NO_FAULT, OTHER_VERSION,
    RAW_HEADER, Fault, FlowHead, Head, take_flow_head, take_head, take_item,
)
from flowtable.capture._walk cimport PacketSource

import os
import threading
from collections import deque
from socket import SO_RCVBUF, SOL_SOCKET

from flowtable.capture.sflow_records import HEADER_LINK_TYPES, SFlowAgent
from flowtable.capture.sockets import LOOPBACK, AllowList, udp_socket
from flowtable.capture.statistics import SourceStatistics
from flowtable.errors import CaptureError, OptionError

cdef enum:
    DATAGRAMS = 64              # of one refill
    LARGEST = 65536             # bytes; no UDP datagram is longer
    ROOM = 4 * LARGEST
    NO_LINK_TYPE = 0xFFFF
    PROTOCOLS = 32              # header protocols that are counted apart
    KINDS = 64                  # of samples and records that are not known, likewise
    MOST_AGENTS = 1 << 20


cdef uint16_t[PROTOCOLS] LINK_TYPES     # of header protocols
for _protocol in range(PROTOCOLS):
    LINK_TYPES[_protocol] = HEADER_LINK_TYPES.get(_protocol, NO_LINK_TYPE)


cdef struct Datagram:
    size_t begin                # in `room`
    size_t length
    int64_t time                # Unix ns


cdef struct Unknown:
    uint32_t kind
    bint is_record              # of a flow sample; else a sample
    uint64_t seen


cdef struct Discards:
    uint64_t version
    uint64_t malformed
    uint64_t without_header     # samples of packets that hold none of their bytes
    uint64_t protocols[PROTOCOLS + 1]   # packets that begin with what has no link type; the last one: all others


cdef class SFlowReader(PacketSource):
    """sFlow version 5 datagrams as frames; the base of both kinds.

    Each sampled packet whose first bytes are in a datagram is a frame: with the length that it had on the wire,
    the rate it was sampled at, and the datagram's time. What a datagram holds before a fault counts. Counters and
    other records are not looked at: :func:`~flowtable.capture.sflow.parse_datagram` gives them.
    """

    cdef uint8_t *_room
    cdef size_t _used
    cdef Datagram _datagrams[DATAGRAMS]
    cdef int _n_datagrams
    cdef int _next              # datagram to walk
    cdef Cursor _samples        # of the datagram that is walked
    cdef Cursor _records        # of the sample that is walked
    cdef uint32_t _samples_left
    cdef uint32_t _records_left
    cdef bint _is_bare          # the sample has shown no packet header yet
    cdef uint32_t _rate
    cdef int64_t _time
    cdef Discards _discards
    cdef Unknown _unknown[KINDS]
    cdef int _unknown_kinds
    cdef uint64_t _unknown_others
    cdef Agents _agents
    cdef uint64_t _received
    cdef bint _stopping
    cdef public int wait_ms

    def __cinit__(self, *args, max_agents=1024, **options):
        if not 1 <= max_agents <= MOST_AGENTS:
            raise OptionError(f"max_agents: {max_agents} agents cannot be remembered; 1 to {MOST_AGENTS:,} can")
        self._room = <uint8_t *>malloc(ROOM)
        self._agents.list = <Agent *>calloc(max_agents, sizeof(Agent))
        self._agents.limit = max_agents
        if self._room == NULL or self._agents.list == NULL:
            raise MemoryError("no memory for sFlow datagrams")
        fence(self._room, 0, ROOM)
        self.wait_ms = 50

    def __dealloc__(self):
        if self._room != NULL:
            fence(self._room, ROOM, ROOM)
        free(self._room)
        free(self._agents.list)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = 0
        while n < capacity and self.next_frame(&out[n]):
            n += 1
        self.tally.frames += n
        return n

    cdef bint next_frame(self, Frame *out) noexcept nogil:
        """Give the next sampled packet of the datagrams that are here; False: there is none."""
        while True:
            if self._records_left:
                if self.take_record(out):
                    return True
            elif self._samples_left:
                self.begin_sample()
            elif self._next < self._n_datagrams:
                self.begin_datagram(&self._datagrams[self._next])
                self._next += 1
            else:
                return False

    cdef void begin_datagram(self, const Datagram *datagram) noexcept nogil:
        cdef Head head
        cdef Fault fault
        self._samples.p = self._room + datagram.begin
        self._samples.end = self._samples.p + datagram.length
        fault = take_head(&self._samples, &head)
        if fault == OTHER_VERSION:
            self._discards.version += 1
        elif fault != NO_FAULT:
            self._discards.malformed += 1
        else:
            self._samples_left, self._time = head.samples, datagram.time
            note_datagram(&self._agents, &head)

    cdef void begin_sample(self) noexcept nogil:
        cdef uint32_t kind
        cdef FlowHead head
        self._samples_left -= 1
        self._is_bare = False
        if not take_item(&self._samples, &kind, &self._records):
            self.give_up()
        elif kind == FLOW_SAMPLE or kind == EXPANDED_FLOW_SAMPLE:
            if not take_flow_head(&self._records, kind == EXPANDED_FLOW_SAMPLE, &head):
                self.give_up()
                return
            self._records_left, self._rate = head.records, head.rate
            self._is_bare = True
            self._discards.without_header += 1
        elif kind != COUNTER_SAMPLE and kind != EXPANDED_COUNTER_SAMPLE:
            self.count_unknown(kind, False)

    cdef bint take_record(self, Frame *out) noexcept nogil:
        """Take the next record of a flow sample; True: it was a packet, which is now in `out`."""
        cdef uint32_t kind
        cdef Cursor body
        self._records_left -= 1
        if not take_item(&self._records, &kind, &body):
            self.give_up()
            return False
        if kind == RAW_HEADER:
            return self.take_packet(&body, out)
        if not is_known(kind):
            self.count_unknown(kind, True)
        return False

    cdef bint take_packet(self, Cursor *c, Frame *out) noexcept nogil:
        """Take the first bytes of a packet: protocol, frame length, bytes stripped, then how many bytes there are."""
        cdef const uint8_t *h = take(c, 16)
        cdef const uint8_t *header = take(c, be32(h + 12)) if h != NULL else NULL
        cdef uint32_t protocol
        if header == NULL:
            self.give_up()
            return False
        self._discards.without_header -= self._is_bare
        self._is_bare = False
        protocol = min(be32(h), <uint32_t>PROTOCOLS)
        if protocol == PROTOCOLS or LINK_TYPES[protocol] == NO_LINK_TYPE:
            self._discards.protocols[protocol] += 1
            return False
        out.data, out.captured, out.length = header, be32(h + 12), be32(h + 4)
        out.time, out.link_type, out.sampling_rate = self._time, LINK_TYPES[protocol], self._rate
        return True

    cdef void give_up(self) noexcept nogil:
        """Something claims to be longer than what is there: the rest of the datagram means nothing."""
        self._discards.malformed += 1
        self._discards.without_header -= self._is_bare
        self._is_bare = False
        self._samples_left = self._records_left = 0

    cdef void count_unknown(self, uint32_t kind, bint is_record) noexcept nogil:
        cdef int i
        cdef Unknown *each
        for i in range(self._unknown_kinds):
            each = &self._unknown[i]
            if each.kind == kind and each.is_record == is_record:
                each.seen += 1
                return
        if self._unknown_kinds == KINDS:
            self._unknown_others += 1
            return
        each = &self._unknown[self._unknown_kinds]
        each.kind, each.is_record, each.seen = kind, is_record, 1
        self._unknown_kinds += 1

    cdef void begin_refill(self) noexcept nogil:
        """What was given before is read."""
        self._used = self._n_datagrams = self._next = 0

    cdef bint has_room(self) noexcept nogil:
        return self._n_datagrams < DATAGRAMS and ROOM - self._used >= LARGEST

    cdef void add(self, size_t length, int64_t time) noexcept nogil:
        """A datagram was put behind those that are here."""
        cdef Datagram *datagram = &self._datagrams[self._n_datagrams]
        datagram.begin, datagram.length, datagram.time = self._used, length, time
        self._n_datagrams += 1
        self._used += length
        self._received += 1

    def stop(self):
        """End the source soon: refill() says so. May be called from any thread, and while a signal is handled."""
        self._stopping = True

    @property
    def discards(self):
        """What gave no frame, by reason, as a dict: datagrams, and samples and packets of those that were read."""
        found = {
            "version": self._discards.version,
            "malformed": self._discards.malformed,
            "no packet header": self._discards.without_header,
        }
        for protocol in range(PROTOCOLS + 1):
            name = f"header protocol {protocol}" if protocol < PROTOCOLS else "other header protocol"
            found[name] = self._discards.protocols[protocol]
        return {name: count for name, count in found.items() if count}

    @property
    def skipped(self):
        """Samples, and records of flow samples, whose kind is not known, by enterprise and format number."""
        cdef int i
        found = {}
        for i in range(self._unknown_kinds):
            kind, what = self._unknown[i].kind, "flow record" if self._unknown[i].is_record else "sample"
            found[f"{what} {kind >> 12}:{kind & 0xFFF}"] = self._unknown[i].seen
        if self._unknown_others:
            found["others"] = self._unknown_others
        return found

    @property
    def agents(self):
        """A list of what came of each agent and sub-agent, as :class:`~flowtable.capture.sflow.SFlowAgent`."""
        cdef uint32_t i
        return [agent_facts(&self._agents.list[i]) for i in range(self._agents.count)]

    @property
    def agents_not_kept(self):
        """Datagrams of agents beyond `max_agents`, whose sequence is not followed. Their frames count."""
        return self._agents.not_kept

    cdef int keep_windows(self, int refills) except -1:
        raise CaptureError("what comes over a network is counted by one thread, in the order in which it comes")

    cdef int stop_reading(self) except -1:
        self._stopping = True
        self.begin_refill()
        self._samples_left = self._records_left = 0
        return 0


cdef bint is_known(uint32_t kind) noexcept nogil:
    """A flow record that parse_datagram() gives as data."""
    return 1 <= kind <= 4 or 1001 <= kind <= 1012


cdef object agent_facts(const Agent *agent):
    cdef char text[64]
    address = text[:put_address(text, agent.name.address_bytes == 4, agent.name.address)].decode("ascii")
    return SFlowAgent(
        address, agent.name.sub_agent, agent.received, agent.missing, agent.late, agent.restarts)


cdef class SFlowFeed(SFlowReader):
    """sFlow datagrams that are fed by hand, and wait until they are read.

    `max_bytes` of them may wait; what is one too many is dropped, and counted. Reading ends after stop(), when
    what was fed before is read.
    """

    cdef object _waiting        # (datagram, time), the next one first
    cdef size_t _waiting_bytes
    cdef size_t _max_bytes
    cdef uint64_t _dropped
    cdef object _comes          # set: something may wait

    def __init__(self, *, max_agents=1024, size_t max_bytes=1 << 24):
        self._waiting = deque()
        self._max_bytes = max_bytes
        self._comes = threading.Event()

    def feed(self, datagram, int64_t time):
        """Take a datagram that came at a time in Unix ns; False: too many wait, and it was dropped.

        OptionError: it is longer than any UDP datagram, or the time is before 1970.
        """
        data = bytes(memoryview(datagram))
        if len(data) >= LARGEST or time < 0:
            raise OptionError(f"feed: there is no datagram of {len(data):,} bytes at {time} ns")
        with critical_section(self):
            kept = self._waiting_bytes + len(data) <= self._max_bytes and not self._stopping
            if kept:
                self._waiting.append((data, time))
                self._waiting_bytes += len(data)
            else:
                self._dropped += 1
        self._comes.set()
        return kept

    cdef bint refill(self) except -1:
        if not self._waiting and not self._stopping and self.wait_ms > 0:
            self._comes.wait(self.wait_ms / 1e3)
        self._comes.clear()
        self.begin_refill()
        with critical_section(self):
            while self._waiting and self.has_room():
                self.take_fed(self._waiting.popleft())
        return self._n_datagrams > 0 or not self._stopping

    cdef int take_fed(self, tuple fed) except -1:
        cdef bytes data = fed[0]
        fence(self._room, self._used + len(data), ROOM)
        memcpy(self._room + self._used, PyBytes_AS_STRING(data), len(data))
        self._waiting_bytes -= len(data)
        self.add(len(data), fed[1])
        return 0

    @property
    def statistics(self):
        """:class:`~flowtable.capture.statistics.SourceStatistics`, of datagrams."""
        return SourceStatistics(self._received + self._dropped + len(self._waiting), None, None, self._dropped)

    cdef int stop_reading(self) except -1:
        self._waiting.clear()
        self._waiting_bytes = 0
        return SFlowReader.stop_reading(self)


cdef struct Network:
    uint8_t prefix[16]
    uint8_t mask[16]


cdef class SFlowSource(SFlowReader):
    """sFlow datagrams that exporters send to a UDP port.

    Listens on an address of this machine, the loopback unless told otherwise; port 0 takes a free one. Only
    senders in the networks of `allow` are heard; a sender's address can be forged, so that this keeps out
    mistakes, not attackers. `receive_buffer` is how many bytes the kernel is asked to hold, and
    `receive_buffer_size` how many it does. `max_agents` agents' sequence numbers are followed.

    CaptureError: the address and port cannot be listened on. OptionError: an option has a value that it
    cannot have.
    """

    cdef int _fd
    cdef Network *_networks
    cdef int _n_networks
    cdef uint64_t _not_allowed
    cdef uint64_t _kernel_drops
    cdef uint32_t _last_drops
    cdef int64_t _latest
    cdef int _errno
    cdef readonly str address
    cdef readonly int port
    cdef readonly int receive_buffer_size

    def __cinit__(self, *args, **options):
        self._fd = -1

    def __init__(
        self, str address="127.0.0.1", int port=6343, *, allow=LOOPBACK, int receive_buffer=1 << 22, max_agents=1024,
    ):
        if self._fd >= 0 or self._networks != NULL:
            raise RuntimeError("an SFlowSource is made once")
        self._allow(AllowList(allow).as_masks())
        listener = udp_socket(address, port, receive_buffer)
        self.address, self.port = listener.getsockname()[:2]
        self.receive_buffer_size = listener.getsockopt(SOL_SOCKET, SO_RCVBUF)
        self._fd = listener.detach()
        ask_for_arrivals(self._fd)

    def __dealloc__(self):
        if self._fd >= 0:
            close(self._fd)
        free(self._networks)

    cdef int _allow(self, list masks) except -1:
        cdef Network *networks = <Network *>calloc(max(1, len(masks)), sizeof(Network))
        cdef bytes prefix, mask
        if networks == NULL:
            raise MemoryError("no memory for networks")
        self._networks = networks
        for prefix, mask in masks:
            memcpy(networks[self._n_networks].prefix, PyBytes_AS_STRING(prefix), 16)
            memcpy(networks[self._n_networks].mask, PyBytes_AS_STRING(mask), 16)
            self._n_networks += 1
        return 0

    cdef bint refill(self) except -1:
        cdef int fd = self._fd
        if self._stopping or fd < 0:
            return False
        with nogil:
            wait_for_datagram(fd, self.wait_ms)
            self.receive_some()
        PyErr_CheckSignals()        # so that Ctrl-C is heard where nothing comes
        if self._errno:
            raise CaptureError(
                f"sFlow on {self.address} port {self.port} cannot be received: {os.strerror(self._errno)}",
                errno=self._errno)
        return True

    cdef bint read_on(self) noexcept nogil:
        if self._stopping or self._fd < 0 or self._errno:
            return False
        self.receive_some()
        return self._n_datagrams > 0

    cdef void receive_some(self) noexcept nogil:
        """Take the datagrams that are there, as many as there is room for."""
        cdef Arrival arrival
        cdef Py_ssize_t length
        cdef int tries
        self.begin_refill()
        memset(&arrival, 0, sizeof(Arrival))
        arrival.dropped = self._last_drops
        for tries in range(2 * DATAGRAMS):      # so that senders who are not allowed do not keep it busy
            if not self.has_room():
                break
            fence(self._room, self._used + LARGEST, ROOM)
            length = receive(self._fd, self._room + self._used, LARGEST, &arrival)
            if length < 0:
                if errno != EAGAIN and errno != EINTR:
                    self._errno = errno
                break
            self.take_arrival(<size_t>length, &arrival)
        fence(self._room, self._used, ROOM)

    cdef void take_arrival(self, size_t length, const Arrival *arrival) noexcept nogil:
        self._kernel_drops += <uint32_t>(arrival.dropped - self._last_drops)    # which begins again at 2^32
        self._last_drops = arrival.dropped
        if not self.is_allowed(arrival.sender):
            self._not_allowed += 1
            self._received += 1
            return
        self._latest = arrival.time or self._latest
        self.add(length, self._latest)

    cdef bint is_allowed(self, const uint8_t *sender) noexcept nogil:
        cdef int i
        for i in range(self._n_networks):
            if is_within(sender, &self._networks[i]):
                return True
        return False

    @property
    def statistics(self):
        """:class:`~flowtable.capture.statistics.SourceStatistics`, of datagrams.

        What the kernel dropped is known when the next datagram comes.
        """
        dropped = self._kernel_drops if tells_drops() else None
        return SourceStatistics(self._received, dropped, None, None)

    @property
    def discards(self):
        """What gave no frame, by reason, as a dict: datagrams, and samples and packets of those that were read."""
        others = SFlowReader.discards.__get__(self)
        return {"not allowed": self._not_allowed} | others if self._not_allowed else others

    cdef int stop_reading(self) except -1:
        if self._fd >= 0:
            close(self._fd)
        self._fd = -1
        return SFlowReader.stop_reading(self)


cdef bint is_within(const uint8_t *address, const Network *network) noexcept nogil:
    cdef int i
    for i in range(16):
        if address[i] & network.mask[i] != network.prefix[i]:
            return False
    return True
