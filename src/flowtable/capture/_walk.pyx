"""The compiled walk over capture files: from bytes in a window to frames, and several files as one.

The formats are in ``_pcap.pxd`` and ``_pcapng.pxd``; the bytes come from a stream
(``flowtable.capture.streams``), which is asked once a window, or from its file, without asking. Nothing here
is called once a packet with the interpreter lock held, except Python's own iteration.
"""

import sys
import warnings
from collections import deque

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memmove, memset
from posix.unistd cimport read

from flowtable._atomic cimport drop_flag, take_flag
from flowtable._exact cimport fence
from flowtable.capture._lanes cimport sift_down, sift_up
from flowtable.capture._record cimport (
    BLOCK_LENGTH_ODD, BLOCK_TOO_LONG, BLOCK_TOO_SHORT, BLOCK_TRAILER, GOING, INTERFACE_LIMIT,
    INTERFACE_OPTION, INTERFACE_UNKNOWN, NO_MEMORY, NOT_A_CAPTURE, OVER_SNAP, PCAP_VERSION,
    RECORD_TOO_LONG, SECTION_LENGTH, SECTION_ORDER, SECTION_VERSION,
)
from flowtable.capture._walker cimport UNKNOWN, start_walker, walk_window

from flowtable.capture.frame import CapturedFrame
from flowtable.capture.guess import looks_like
from flowtable.capture.streams import StreamError, reason
from flowtable.errors import CaptureError, CaptureWarning

cdef extern from "Python.h":
    int PyBUF_WRITE

WINDOW = 1 << 18            # bytes of one file's window; several of them fit a core's second-level cache
SMALLEST_WINDOW = 1 << 14
WINDOWS_TOGETHER = 1 << 25  # bytes that merged files' windows share, when there are many

_WHY = {
    RECORD_TOO_LONG: "a record says that it holds {0} bytes, and at most {1} are possible",
    BLOCK_LENGTH_ODD: "a block says that it is {0} bytes long, which no block is",
    BLOCK_TOO_LONG: "a block says that it is {0} bytes long, and at most {1} are possible",
    BLOCK_TRAILER: "a block's two lengths, {0} and {1}, are not the same",
    BLOCK_TOO_SHORT: "a block of type {0} is too short for what it should hold",
    SECTION_ORDER: "a section has no valid byte-order mark",
    SECTION_VERSION: "its pcapng version {0}.{1} is not known",
    SECTION_LENGTH: "its first section header says that it is {0} bytes long",
    INTERFACE_OPTION: "an interface's option {0} cannot be {1} bytes long",
    INTERFACE_LIMIT: "it describes more than {1} interfaces",
    INTERFACE_UNKNOWN: "a packet is from interface {0}, and {1} are described",
    OVER_SNAP: "a packet holds {0} bytes, more than its interface's snap length of {1}",
    NO_MEMORY: "there is no memory for its interfaces",
    PCAP_VERSION: "its pcap version {0}.{1} is not known",
}


def _warn(str message):
    """Warn of a capture, at the line outside of this package that has it read.

    A thread that counts has no such line, and not even a frame: Python then shows that of ``sys``.
    """
    cdef int level = 1
    try:
        frame = sys._getframe()
    except ValueError:
        frame = None
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "flowtable":
        frame = frame.f_back
        level += 1
    warnings.warn(message, CaptureWarning, stacklevel=level)


cdef class PacketSource:
    """Something that frames come from; the base of all kinds.

    Iterating gives a :class:`~flowtable.capture.frame.CapturedFrame` a frame, with its bytes copied.
    A source is read once, either by iterating or by an engine, and by one reader at a time: CaptureError
    for another thread that comes in between.
    """

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        return 0

    cdef bint refill(self) except -1:
        return False

    cdef bint read_on(self) noexcept nogil:
        return False

    cdef int begin_reading(self) except -1:
        if not take_flag(&self._is_read):
            raise CaptureError("this capture is being read already; open it once for each reader")
        return 0

    cdef void end_reading(self) noexcept:
        drop_flag(&self._is_read)

    def __iter__(self):
        return self

    def __next__(self):
        cdef Frame *frame
        self.begin_reading()
        try:
            while self._at == self._count:
                self._at = 0
                with nogil:
                    self._count = self.walk(self._batch, BATCH)
                if self._count == 0 and not self.refill():
                    raise StopIteration
            frame = &self._batch[self._at]
            self._at += 1
            data = PyBytes_FromStringAndSize(<const char *>frame.data, frame.captured)
            return CapturedFrame(frame.time, data, frame.length, frame.link_type, frame.sampling_rate)
        finally:
            self.end_reading()

    def drain(self):
        """Walk to the end without making anything of the frames; returns how many they were."""
        cdef Frame batch[BATCH]
        cdef int n
        cdef uint64_t total = 0
        self.begin_reading()
        try:
            while True:
                with nogil:
                    n = self.walk(batch, BATCH)
                total += n
                if n == 0 and not self.refill():
                    return total
        finally:
            self.end_reading()

    @property
    def frames(self):
        """Frames walked so far."""
        return self.tally.frames

    @property
    def times_clamped(self):
        """Frames whose time was before 1970 or beyond 2^63-1 ns, or had a fraction of many seconds."""
        return self.tally.times_clamped

    @property
    def snapped(self):
        """Frames that held more bytes than their file's snap length, and were cut to it."""
        return self.tally.snapped

    @property
    def incomplete(self):
        """Files that ended or broke before their end; a CaptureWarning each said where."""
        return self.tally.incomplete

    @property
    def position(self):
        """Bytes read so far, as they are on disk; with `size`, for a progress bar."""
        return 0

    @property
    def size(self):
        """Bytes that there are to read, as they are on disk; None where that is not known."""
        return None

    def close(self):
        """Give back files and memory; frames given before become invalid."""
        self.begin_reading()
        try:
            self.stop_reading()
        finally:
            self.end_reading()

    cdef int keep_windows(self, int refills) except -1:
        return refills

    cdef int stop_reading(self) except -1:
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


cdef class CaptureReader(PacketSource):
    """One capture, pcap or pcapng, from a stream of bytes.

    `stream` has ``readinto``, ``close``, ``position``, ``size`` and ``place`` as those of
    ``flowtable.capture.streams``; the reader closes it. `name` is what messages call the capture, and
    `window` is in bytes. The file's header is read at once: CaptureError when it is not that of a
    capture. Whatever is wrong later ends the capture there, with a CaptureWarning.
    """

    def __cinit__(self):
        memset(&self._walker, 0, sizeof(Walker))
        self._ended = True
        self._descriptor = -1
        self._clock = &self._turns

    def __init__(self, stream, str name, *, size_t window=WINDOW):
        self._take_stream(stream, name, window)
        try:
            self._start()
        except BaseException:
            self.stop_reading()
            raise

    cdef int _take_stream(self, stream, str name, size_t window) except -1:
        """Make a window for a stream, of which nothing is read yet."""
        if self._walker.window is not NULL:
            raise RuntimeError("a CaptureReader is made once")
        self._stream = stream
        self._name = name
        self._step = self._walker.capacity = max(window, 1024)
        self._walker.window = <uint8_t *>malloc(self._walker.capacity)
        if self._walker.window is NULL:
            raise MemoryError("no memory for a capture's window")
        self._ended = False
        return 0

    def __dealloc__(self):
        cdef int i
        free(self._walker.window)
        for i in range(self._resting_windows):
            free(self._resting[i].memory)
        free(self._resting)
        free(self._walker.pcapng.interfaces)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = walk_window(&self._walker, out, capacity)
        self.tally = self._walker.scan.tally
        return n

    cdef bint refill(self) except -1:
        cdef Walker *w = &self._walker
        if self._ended:
            return False
        if w.has_first:     # it points into the window, and is still to be given
            return True
        if w.scan.stop != GOING:
            why = _WHY[w.scan.stop].format(w.scan.found, w.scan.allowed)
            return self._end(f"is broken at {self._place(w.begin)}: {why}")
        try:
            if self._read_more():
                return True
        except (StreamError, OSError) as error:
            return self._end(f"cannot be read on at {self._place(w.end)}: {reason(error)}")
        if w.begin < w.end:
            return self._end(f"ends in the middle of the record at {self._place(w.begin)}")
        self.stop_reading()
        return False

    cdef bint _start(self) except -1:
        """Read until the file's header is whole, and take it."""
        cdef Walker *w = &self._walker
        while not start_walker(w):
            if w.scan.stop != GOING:
                raise self._refusal()
            try:
                if self._read_more():
                    continue
            except (StreamError, OSError) as error:
                raise self._error(f"cannot be read at {self._place(w.end)}: {reason(error)}") from error
            raise self._short()
        return True

    def _refusal(self):
        """The error for bytes that begin no capture."""
        cdef Walker *w = &self._walker
        if w.scan.stop != NOT_A_CAPTURE:
            why = _WHY[w.scan.stop].format(w.scan.found, w.scan.allowed)
            return self._error(f"cannot be read at {self._place(0)}: {why}")
        head = PyBytes_FromStringAndSize(<const char *>w.window, min(w.end, 512))
        return self._error(f"is not a capture: at {self._place(0)} it looks like {looks_like(head)}")

    def _short(self):
        """The error for a file that ends before its header does."""
        cdef Walker *w = &self._walker
        if w.end == 0:
            what = "unpacks to nothing" if self._stream.place else "is empty"
            return self._error(f"is not a capture: it {what}")
        if w.format == UNKNOWN:
            w.scan.stop = NOT_A_CAPTURE
            return self._refusal()
        return self._error(f"ends in the middle of its file header, at {self._place(w.end)}")

    def _error(self, str message):
        return CaptureError(f"{self._name} {message}", filename=self._name)

    def _place(self, size_t at):
        """What a message calls a byte of the window: its offset in the file, or in what it unpacks to."""
        return f"byte {self._base + at}{self._stream.place}"

    cdef bint _read_more(self) except -1:
        """Ask the stream for more; False: it is at its end."""
        cdef Walker *w = &self._walker
        cdef size_t before
        if not self._make_ready():
            raise StreamError("there is no memory for a window that its next record fits into")
        before = w.end
        fence(w.window, w.capacity, w.capacity)
        room = PyMemoryView_FromMemory(<char *>w.window + before, self._room(), PyBUF_WRITE)
        try:
            w.end += <size_t>self._stream.readinto(room)
        finally:
            room.release()
            fence(w.window, w.end, w.capacity)
        self._descriptor = self._stream.descriptor
        return w.end > before

    cdef bint read_on(self) noexcept nogil:
        cdef Walker *w = &self._walker
        cdef ssize_t count
        if self._descriptor < 0 or self._ended or w.has_first or w.scan.stop != GOING or not self._make_ready():
            return False
        fence(w.window, w.capacity, w.capacity)
        count = read(self._descriptor, w.window + w.end, self._room())
        if count > 0:
            w.end += count
            self._read_past += count
        fence(w.window, w.end, w.capacity)
        return count > 0

    cdef size_t _room(self) noexcept nogil:
        """How much to read at once: behind a large record no more than elsewhere."""
        return min(self._step, self._walker.capacity - self._walker.end)

    cdef bint _make_ready(self) noexcept nogil:
        """Move what is left to the front of a window that has room behind it; False: there is no memory.

        Doing so again before anything is read changes nothing.
        """
        cdef Walker *w = &self._walker
        if self._resting_windows and w.scan.tally.frames != self._given:
            if not self._take_turns():
                return False
        elif w.begin:
            memmove(w.window, w.window + w.begin, w.end - w.begin)
        self._base += w.begin
        w.end -= w.begin
        w.begin = 0
        return self._make_room()

    cdef int keep_windows(self, int refills) except -1:
        self._resting = <Window *>calloc(refills, sizeof(Window))
        if self._resting is NULL:
            raise MemoryError("no memory for a capture's windows")
        self._resting_windows = refills
        return refills

    cdef bint _take_turns(self) noexcept nogil:
        """Go on in a window that has rested, at whose front is then what is left; False: no memory.

        One that has given no frame since the last turn goes on being used. One that has grown for a large
        record goes when it has rested.
        """
        cdef Walker *w = &self._walker
        cdef Window *other = self._rested()
        cdef size_t capacity = self._step
        while capacity <= w.end - w.begin:
            capacity *= 2
        if other.capacity != capacity:
            free(other.memory)
            other.capacity = 0
            other.memory = <uint8_t *>malloc(capacity)
            if other.memory is NULL:
                return False
            other.capacity = capacity
        fence(other.memory, other.capacity, other.capacity)
        memcpy(other.memory, w.window + w.begin, w.end - w.begin)
        other.memory, w.window = w.window, other.memory
        other.capacity, w.capacity = w.capacity, other.capacity
        other.left = self._clock[0]
        self._turns += 1
        self._given = w.scan.tally.frames
        return True

    cdef Window *_rested(self) noexcept nogil:
        """A window whose frames nobody may use any more, or a new one if there is none.

        As many as are resting were left one after the other, so that the first of them has rested by then.
        """
        cdef int i
        for i in range(self._resting_windows):
            if self._resting[i].memory is NULL or self._resting[i].left + self._resting_windows <= self._clock[0]:
                break
        return &self._resting[i]

    cdef bint _make_room(self) noexcept nogil:
        """Double a full window, until the record that did not fit does; False: there is no memory.

        Only as bytes of that record come, so that a length alone makes nothing grow; the formats
        limit the length.
        """
        cdef Walker *w = &self._walker
        cdef void *bigger
        if w.end < w.capacity:
            return True
        bigger = realloc(w.window, 2 * w.capacity)
        if bigger is NULL:
            return False
        w.window = <uint8_t *>bigger
        w.capacity *= 2
        return True

    cdef bint _end(self, str message) except -1:
        """Give the rest of the file up, and say so; returns False."""
        self._walker.scan.tally.incomplete = 1
        self.tally = self._walker.scan.tally
        self.stop_reading()
        _warn(f"{self._name} {message}; packets read before it: {self.tally.frames}")
        return False

    def first_time(self):
        """The time of the first frame in Unix ns, without taking it; None when there is no frame."""
        cdef Walker *w = &self._walker
        self.begin_reading()
        try:
            while not w.has_first:
                if walk_window(w, &w.first, 1) == 1:
                    w.has_first = True
                elif not self.refill():
                    return None
            return w.first.time
        finally:
            self.end_reading()

    @property
    def name(self):
        """What messages call this capture."""
        return self._name

    @property
    def position(self):
        return self._stream.position + self._read_past

    @property
    def size(self):
        return self._stream.size

    cdef int stop_reading(self) except -1:
        # The window stays, since frames of it may be in use, but nothing more is walked.
        self._ended = True
        self._descriptor = -1
        self._walker.begin = self._walker.end
        self._walker.has_first = False
        self._stream.close()
        return 0


cdef class MergedReader(PacketSource):
    """Several captures as one, merged by each one's next frame; equal times in the order given.

    Captures that run backwards are not sorted. `waiting` are
    :class:`~flowtable.capture.sources.Waiting`, opened when their first frame's turn comes, so that
    thousands of captures that follow each other take one or two windows. `size` is their total, and
    `incomplete` counts those that ended before their first frame, and so do not wait.
    """

    def __cinit__(self, waiting, *, size=None, uint64_t incomplete=0):
        self._heap = <Lane **>malloc((len(waiting) + 1) * sizeof(Lane *))
        if self._heap is NULL:
            raise MemoryError("no memory for merging captures")
        self._readers = {}
        self._leaving = deque()
        self._done = 0
        self._size = size
        self.tally.incomplete = incomplete
        self._waiting = sorted(waiting, key=lambda each: (each.first, each.order), reverse=True)
        self._look_at_waiting()

    def __dealloc__(self):
        self._drop_lanes()
        free(self._heap)

    cdef int keep_windows(self, int refills) except -1:
        """There may be many files: only those that are read often take more than two windows."""
        self._refills = refills
        for reader in self._readers.values():
            self._keep_windows_of(reader)
        return self._refills

    cdef int _keep_windows_of(self, CaptureReader reader) except -1:
        reader.keep_windows(self._refills)
        reader._clock = &self._refilled
        return 0

    cdef void _drop_lanes(self) noexcept nogil:
        while self._lanes > 0:
            self._lanes -= 1
            free(self._heap[self._lanes])
        free(self._starved)
        self._starved = NULL

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        # A lane in the heap has a next frame. A lane that has none here, until refill(), may have
        # the earliest frame, so nothing can be given while one is starved.
        cdef int n = 0
        cdef Lane *root
        while n < capacity and self._lanes > 0 and self._starved is NULL:
            root = self._heap[0]
            out[n] = root.queue[root.at]
            if self._any_waiting and (self._next_time < out[n].time or (
                    self._next_time == out[n].time and self._next_order < root.order)):
                break
            n += 1
            root.at += 1
            if root.at == root.count and not self._fill_lane(root):
                self._lanes -= 1
                self._heap[0] = self._heap[self._lanes]
                self._starved = root
            if self._lanes > 1:
                sift_down(self._heap, self._lanes)
        self.tally.frames += n
        return n

    cdef bint _fill_lane(self, Lane *lane) noexcept nogil:
        """Walk the lane's window on; False: there is no whole frame left in it."""
        cdef Tally *its = &lane.walker.scan.tally
        cdef uint64_t clamped = its.times_clamped
        cdef uint64_t snapped = its.snapped
        lane.at = 0
        lane.count = walk_window(lane.walker, lane.queue, BATCH)
        self.tally.times_clamped += its.times_clamped - clamped
        self.tally.snapped += its.snapped - snapped
        return lane.count > 0

    cdef bint refill(self) except -1:
        cdef Lane *lane = self._starved
        self._refilled += 1
        while self._leaving and self._leaving[0][0] + self._refills < self._refilled:
            self._leaving.popleft()
        if lane is not NULL:
            self._starved = NULL
            self._feed(lane)
        while self._any_waiting and (self._lanes == 0 or self._waiting_is_due()):
            self._open_next()
        return self._lanes > 0

    def _waiting_is_due(self):
        cdef Lane *root = self._heap[0]
        cdef int64_t time = root.queue[root.at].time
        return self._next_time < time or (self._next_time == time and self._next_order < root.order)

    cdef bint _feed(self, Lane *lane) except -1:
        """Refill the lane's file until a frame comes, and put the lane into the heap; or retire it."""
        cdef CaptureReader reader = self._readers[lane.order]
        try:
            while not self._fill_lane(lane):
                if not reader.refill():
                    return self._retire(lane)
        except BaseException:   # an interrupt, or a warning that the user turned into an error
            self._starved = lane    # it goes on with the next refill, or is found to be at its end
            raise
        self._heap[self._lanes] = lane
        self._lanes += 1
        sift_up(self._heap, self._lanes - 1)
        return True

    cdef bint _retire(self, Lane *lane) except -1:
        """The lane's file is read; its windows go as soon as its frames may.

        Who is interrupted in what is Python here finds the lane as it was.
        """
        cdef CaptureReader reader = self._readers[lane.order]
        cdef uint64_t position = reader.position
        reader.stop_reading()
        with cython.critical_section(self):     # nothing in between lets another thread in
            self._readers.pop(lane.order)
            self._done += position
        self.tally.incomplete += reader._walker.scan.tally.incomplete
        if self._refills:
            self._leaving.append((self._refilled, reader))
        free(lane)
        return True

    cdef bint _open_next(self) except -1:
        """Open the earliest capture that waits; one that has gone since is warned of."""
        cdef Lane *lane
        cdef CaptureReader reader
        each = self._waiting[len(self._waiting) - 1]
        try:
            reader = each.open(len(self._readers))
        except CaptureError as error:
            self._take_waiting()
            self.tally.incomplete += 1
            _warn(str(error))
            return True
        lane = <Lane *>malloc(sizeof(Lane))
        if lane is NULL:
            raise MemoryError("no memory for merging captures")
        self._take_waiting()    # not before: who is interrupted while it is opened finds it waiting
        self._readers[each.order] = reader
        if self._refills:
            self._keep_windows_of(reader)
        lane.walker = &reader._walker
        lane.order = each.order
        self.tally.times_clamped += reader._walker.scan.tally.times_clamped
        self.tally.snapped += reader._walker.scan.tally.snapped
        return self._feed(lane)

    cdef int _take_waiting(self) except -1:
        """The earliest capture does not wait any more."""
        self._waiting.pop()
        self._look_at_waiting()
        return 0

    cdef void _look_at_waiting(self):
        self._any_waiting = bool(self._waiting)
        if self._any_waiting:
            # Spelt out: the build's wraparound=False makes [-1] the memory before the list.
            earliest = self._waiting[len(self._waiting) - 1]
            self._next_time = earliest.first
            self._next_order = earliest.order

    @property
    def position(self):
        cdef uint64_t done
        with cython.critical_section(self):
            done = self._done
            readers = list(self._readers.values())
        # One that is done with meanwhile still knows how far it came.
        return done + sum([reader.position for reader in readers])

    @property
    def size(self):
        return self._size

    cdef int stop_reading(self) except -1:
        # As with one capture, windows stay until the source goes, but nothing more is given.
        self._waiting.clear()
        self._any_waiting = False
        self._drop_lanes()
        for reader in self._readers.values():
            reader.close()
        return 0
