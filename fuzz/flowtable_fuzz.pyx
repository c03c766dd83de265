"""What libFuzzer runs: each target takes one input, and an input that breaks a promise ends the process.

The form of the inputs is in ``fuzz_inputs.py``.

The promises: no memory is touched that is not the input's; every frame is accounted for; no time runs
backwards within a flow; NDJSON says what ``to_dict`` says; nothing but a FlowError is raised; a live table
hands out each flow once when it ends, those inside before those around, and counts each packet once.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport abort

from flowtable._cursor cimport Cursor, be16, left, take
from flowtable._types cimport Frame, Record
from flowtable.capture._walk cimport CaptureReader, PacketSource
from flowtable.flow._flow cimport ACTIVE_TIMEOUT, Records, record_at
from flowtable.flow._handed cimport Handed
from flowtable.flow._pool cimport pool_item
from flowtable.table._index cimport (
    NOT_FOUND, Index, index_add, index_begin, index_end, index_guess, index_remove,
)
from flowtable.table._lives cimport (
    NEVER, Lives, first_due, lives_begin, lives_end, lives_grow, wait_no_more, wait_until,
)

import io
import traceback
import warnings
from dataclasses import replace
from inspect import signature

from fuzz_inputs import EVERYTHING, MODEST, START, filter_of, life_of, options_of
from promises import LONGEST_DATAGRAM, hold, hold_samples

from flowtable.capture._bpf import Program
from flowtable.capture.sflow import SFlowFeed
from flowtable.errors import CaptureError, FilterError
from flowtable.flow.flowset import FlowSet
from flowtable.table._engine import Engine
from flowtable.table._live import LiveEngine
from flowtable.table.cores import Cores
from flowtable.table.options import EngineOptions
from flowtable.table.reader import make_account, read

warnings.simplefilter("ignore")     # a capture that ends early is no finding

LISTENS, SHARED = EVERYTHING + 1, 2 * (EVERYTHING + 1)      # two more flags
EXPORT_EVERY = 256  # writing flows takes longer than all else; a process's first input is exported in any case


cdef class InputFrames(PacketSource):
    """The frames of an input."""

    cdef Cursor c
    cdef uint16_t link_type
    cdef int64_t time

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = 0
        while n < capacity and self.next_frame(&out[n]):
            n += 1
        return n

    cdef bint next_frame(self, Frame *frame) noexcept nogil:
        cdef const uint8_t *h = take(&self.c, 4)
        if h == NULL:
            return False
        frame.captured = <uint32_t>min(<size_t>be16(h), left(&self.c))
        frame.data = take(&self.c, frame.captured)
        frame.length = frame.captured + h[3]
        self.time += cubic_ms(h[2]) * 1_000_000
        frame.time = self.time
        frame.link_type = self.link_type
        frame.sampling_rate = 0
        return True


cdef int64_t cubic_ms(uint8_t step) noexcept nogil:
    cdef int64_t ms = <int64_t>step - 256 if step & 0x80 else step
    return ms * ms * ms


class InputStream:
    """An input as the bytes of a capture file, given in pieces."""

    place = ""
    descriptor = -1

    def __init__(self, data):
        self._bytes = io.BytesIO(data)
        self.size = len(data)
        self.readinto = self._bytes.readinto

    @property
    def position(self):
        return self._bytes.tell()

    def close(self):
        """There is nothing to give back."""


DEFAULTS = {
    name: option.default
    for name, option in signature(read).parameters.items()
    if name in signature(EngineOptions.checked).parameters
}
DEFAULTS["limits"] = MODEST
ENGINE_OPTIONS = [EngineOptions.checked(**DEFAULTS | options_of(flags)) for flags in range(EVERYTHING + 1)]


def fuzz_frames(data):
    """Frames of one link type through the engine."""
    cdef const uint8_t[::1] view = data
    cdef InputFrames source = InputFrames()
    if len(data) < 4:
        return
    source.c.p = &view[0] + 4
    source.c.end = &view[0] + len(data)
    source.link_type = be16(&view[0])
    source.time = START
    run(source, be16(&view[2]))


def fuzz_lives(data):
    """Frames of one link type through a live table."""
    cdef const uint8_t[::1] view = data
    cdef InputFrames source = InputFrames()
    if len(data) < 4:
        return
    source.c.p = &view[0] + 4
    source.c.end = &view[0] + len(data)
    source.link_type = be16(&view[0])
    source.time = START
    live(source, be16(&view[2]))


def fuzz_captures(data):
    """A whole capture file through the reader, in a small window, and the engine."""
    try:
        source = CaptureReader(InputStream(data), "input", window=1024)
    except CaptureError:
        return
    run(source, <uint16_t>(len(data) * 0x9E37))


def fuzz_filters(data):
    """A BPF program, and a frame for it."""
    instructions, frame = filter_of(data)
    try:
        program = Program(instructions)
    except FilterError:
        return
    program.filter(frame)


def fuzz_samples(data):
    """An sFlow datagram as data and as frames, which agree where all of it can be read; the frames as flows."""
    if len(data) > LONGEST_DATAGRAM:
        return
    hold_samples(data, START)
    source = SFlowFeed(max_agents=1)
    source.feed(data, START)
    source.stop()
    run(source, <uint16_t>(len(data) * 0x9E37 % SHARED))     # one thread counts what comes over a network


def fuzz_places(data):
    """Keys that come and go in the index, and dues in the heap, against a set and a dictionary."""
    cdef Places places = Places()
    cdef size_t at
    for at in range(len(data) // 4):
        places.do(data[4 * at], data[4 * at + 1] << 8 | data[4 * at + 2], data[4 * at + 3])
    places.look_at_all()


cdef class Places:
    """An index and a heap; keys are the numbers of their records, and many of them have their place in common."""

    cdef Index index
    cdef Lives lives
    cdef set keys
    cdef dict dues

    def __cinit__(self):
        assert index_begin(&self.index) and lives_begin(&self.lives)
        self.keys, self.dues = set(), {}

    def __dealloc__(self):
        index_end(&self.index)
        lives_end(&self.lives)

    cdef uint64_t hash(self, uint32_t key):
        return (<uint64_t>key << 16 | (key & 7)) << 32 | 0xFFFFFFFF

    cdef int do(self, uint8_t what, uint32_t key, uint8_t more) except -1:
        cdef uint32_t each
        if what & 3 == 0:                       # some keys in a row are added
            for each in range(key, min(key + more % 64, <uint32_t>65536)):
                if each not in self.keys:
                    assert index_add(&self.index, self.hash(each), each)
                    self.keys.add(each)
        elif what & 3 == 1:                     # or removed
            for each in range(key, min(key + more % 64, <uint32_t>65536)):
                if each in self.keys:
                    index_remove(&self.index, <uint32_t>(self.hash(each) >> 32), each)
                    self.keys.remove(each)
        elif what & 3 == 2 and lives_grow(&self.lives, key):
            wait_until(&self.lives, key, more << (what >> 4))
            self.dues[key] = more << (what >> 4)
        elif key in self.dues:
            wait_no_more(&self.lives, key)
            del self.dues[key]
        self.look_at(key)
        assert first_due(&self.lives) == min(self.dues.values(), default=<int64_t>NEVER)
        return 0

    cdef int look_at(self, uint32_t key) except -1:
        cdef uint32_t found = index_guess(&self.index, self.hash(key))
        assert found == (key if key in self.keys else <uint32_t>NOT_FOUND)
        return 0

    cdef int look_at_all(self) except -1:
        cdef uint32_t key
        for key in range(65536 if len(self.keys) > 4096 else 0):
            self.look_at(key)
        for key in list(self.keys):
            self.look_at(key)
        assert self.index.count == len(self.keys) and self.lives.waiting == len(self.dues)
        for time in sorted(self.dues.values()):
            assert first_due(&self.lives) == time
            key = self.lives.heap[0].number
            assert self.dues.pop(key) == time
            wait_no_more(&self.lives, key)
        assert first_due(&self.lives) == <int64_t>NEVER
        return 0


cdef uint64_t inputs = 0


cdef object run(PacketSource source, uint16_t flags):
    """Read everything, and look at what came of it."""
    global inputs
    options = ENGINE_OPTIONS[flags & EVERYTHING]
    cdef Records records = Records("", "", options.filled, options.limits)
    table = table_of(records, options, flags)
    assert table.run(source) == "done"
    rows = table.rows()
    look_at(records)
    inputs += 1
    if inputs % EXPORT_EVERY == 1:
        hold(FlowSet(records, make_account(table.counts(), records, [source]), rows))


cdef object table_of(Records records, options, uint16_t flags):
    """One engine, which may have a listener to streams, or two that share the flows."""
    if flags & SHARED and not (options.raw_packets or options.defrag):
        return Shared([Engine(records, options, None, engines=2) for _ in range(2)], options.tunnels)
    return Engine(records, options, None, listen if flags & LISTENS and options.reassemble else None)


cdef object live(PacketSource source, uint16_t flags):
    """Let flows end while frames are read, and look at all that is handed out."""
    timers, room = life_of(flags)
    options = replace(ENGINE_OPTIONS[flags & EVERYTHING], max_flows=room)
    table = LiveEngine(Records("", "", options.filled | {"update_every"}, options.limits), options, None)
    table.begin(timers, options.limits)
    seen = Seen(timers)
    outcome = "goes on"
    while outcome == "goes on" or table.refill(source):
        outcome = table.count_window(source)
        assert outcome != "no memory"
        assert table.life_counts()["living"] <= room
        seen.take(table, source)
    table.pass_until(table.clock + timers.expire_after // 2)
    while table.stop_some():
        seen.take(table, source)
    seen.take(table, source)
    counts, account = table.life_counts(), table.counts()
    assert counts["living"] == 0
    assert sum(counts["ended"].values()) == counts["begun"] == seen.ended == account["flows"]
    assert counts["segments"] == seen.cut
    if options.layer_key == 0:          # flows without addresses count nothing by L3 keys
        assert seen.packets == seen.updates


cdef class Seen:
    """What a live table has handed out."""

    cdef uint64_t ended
    cdef uint64_t cut
    cdef uint64_t packets       # of records that are for good
    cdef uint64_t updates       # of packets, as updates and ends say
    cdef set gone               # UUIDs

    def __init__(self, timers):
        self.gone = set()

    def take(self, table, source):
        global inputs
        handed = table.handed()
        if handed is None:
            return
        records, groups = handed
        look_at(records)
        for ended, _, rows in groups:
            self.count(records, ended, rows)
            inputs += 1
            if inputs % EXPORT_EVERY == 1:
                hold(FlowSet(records, make_account(table.counts(), table.records, [source]), rows))

    cdef int count(self, Records records, bint ended, rows) except -1:
        cdef const Record *r
        cdef const Handed *handed
        for row in rows:
            r = record_at(records, row)
            handed = <const Handed *>pool_item(&records.handed, r.handed)
            if ended:
                self.packets += r.ab_packets + r.ba_packets
            if ended and r.finish == ACTIVE_TIMEOUT:
                self.cut += 1
                continue
            self.updates += handed.ab_packets + handed.ba_packets
            self.ended += ended
            if ended:
                if r.key.parent:
                    assert (record_at(records, r.key.parent - 1).uuid, record_at(records, r.key.parent - 1).order) not in self.gone
                self.gone.add((r.uuid, r.order))
        return 0


def listen(items):
    """What is heard of a stream says of which flow it is, and how much is missing."""
    assert all(item.skipped >= -1 and item.flow.start >= 0 for item in items)


class Shared(Cores):
    """Several engines in one thread: more would take longer than the inputs."""

    def run(self, source, progress=None):
        return self._crew.run(source, progress, threads=0)


cdef int look_at(Records records) except -1:
    """No flow ends before it begins, and no answer comes before its question."""
    cdef const Record *record
    cdef uint32_t number
    for number in range(records.count):
        record = record_at(records, number)
        assert 0 <= record.start <= record.last
        assert 0 <= record.rtt
    return 0


# ---- for the harness

TARGETS = {
    "frames": fuzz_frames, "lives": fuzz_lives, "captures": fuzz_captures, "filters": fuzz_filters,
    "places": fuzz_places, "samples": fuzz_samples,
}
cdef object target


cdef int one_input(const uint8_t *data, size_t size) noexcept:
    try:
        target(data[:size])
    except BaseException:
        traceback.print_exc()
        abort()
    return 0


def choose(name):
    """Make a target the one that is run; gives the address of the function that runs it."""
    global target
    target = TARGETS[name]
    return <uintptr_t>&one_input
