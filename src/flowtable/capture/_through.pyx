"""Sources that give the frames of another one: at the pace of their times, or those that a filter passes.

Invariant: what is in the queue is in the other source's window, which is read on only when the queue is empty.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from flowtable._types cimport BATCH, Frame
from flowtable.capture._bpf cimport Instruction, Program, execute
from flowtable.capture._walk cimport PacketSource

from flowtable.capture.bpf import LinkFilters
from flowtable.capture.pace import SystemClock
from flowtable.errors import OptionError

cdef enum:
    LINK_TYPES = 65536
    SECOND = 1_000_000_000

cdef int64_t LONGEST_TIME = 4_000_000_000 * <int64_t>SECOND     # two of them are no overflow

cdef Instruction NOTHING        # stands for a filter that fits no frame of its link type


cdef class ThroughSource(PacketSource):
    """Gives the frames of another source, which is this one's from now on, and closed with it."""

    cdef PacketSource _source
    cdef Frame _queue[BATCH]
    cdef int _first             # of the queue; from there on frames are to be given
    cdef int _n_queue
    cdef bint _stopping
    cdef public int wait_ms

    cdef int _take_source(self, PacketSource source) except -1:
        """From now on nobody else may read it."""
        if self._source is not None:
            raise RuntimeError("a source is made once")
        source.begin_reading()
        self._source = source
        self.wait_ms = 50
        return 0

    cdef bint has_next(self) noexcept nogil:
        """Whether there is a frame at the front of the queue, after looking for more."""
        if self._first == self._n_queue:
            self._first = 0
            self._n_queue = self._source.walk(self._queue, BATCH)
        return self._first < self._n_queue

    def stop(self):
        """End the source soon: refill() says so. May be called from any thread, and while a signal is handled."""
        self._stopping = True
        if hasattr(self._source, "stop"):
            self._source.stop()

    @property
    def times_clamped(self):
        """As the other source has it."""
        return self._source.times_clamped

    @property
    def snapped(self):
        """As the other source has it."""
        return self._source.snapped

    @property
    def incomplete(self):
        """As the other source has it."""
        return self._source.incomplete

    @property
    def position(self):
        """As the other source has it."""
        return self._source.position

    @property
    def size(self):
        """None, since frames come when they come."""
        return None

    cdef int keep_windows(self, int refills) except -1:
        return self._source.keep_windows(refills)

    cdef int stop_reading(self) except -1:
        self._stopping = True
        self._first = self._n_queue = 0
        return self._source.stop_reading()


cdef class PacedSource(ThroughSource):
    """Gives a capture's frames when their time has come, counted from when its first one was given.

    A `speed` of 2.0 is twice as fast as the capture, and infinity as fast as they are read. Frames keep their
    times. A gap of more than `longest_gap` seconds of the capture is cut to it, and counted; a frame whose time is
    before that of another one is given at once, and if it is as much as such a gap before it, the capture goes on
    from there. Who reads too slowly is given what has come due at once, until the pace is met again.

    OptionError: the speed is not 0.001 or more, or the gap not 0 to 10^9 s.
    """

    cdef object _clock
    cdef double _speed
    cdef int64_t _longest_gap   # ns
    cdef bint _begun
    cdef bint _is_timed         # `_due` is the first frame's of the queue
    cdef int64_t _began         # ns of the clock
    cdef int64_t _now           # the same, as refill() found it
    cdef int64_t _due           # the same
    cdef int64_t _latest        # of the capture's times; -1: none yet
    cdef int64_t _played        # ns of the capture, until there
    cdef readonly uint64_t gaps_cut
    cdef readonly uint64_t steps_back

    def __init__(self, PacketSource source not None, double speed=1.0, *, double longest_gap=60.0, clock=None):
        if not speed >= 0.001:
            raise OptionError(f"speed: {speed} is no pace; it has to be 0.001 or more, and 1 is the capture's own")
        if not 0 <= longest_gap <= 1e9:
            raise OptionError(f"longest_gap: {longest_gap} is none of 0 to 1,000,000,000 seconds")
        self._clock = SystemClock() if clock is None else clock
        self._speed, self._longest_gap, self._latest = speed, <int64_t>(longest_gap * SECOND), -1
        self._take_source(source)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = 0
        while self._begun and n < capacity and self.has_next() and self.is_due():
            out[n] = self._queue[self._first]
            self._first += 1
            self._is_timed = False
            n += 1
        self.tally.frames += n
        return n

    cdef bint is_due(self) noexcept nogil:
        """Whether the time of the queue's first frame has come."""
        if not self._is_timed:
            self.play_to(self._queue[self._first].time)
            self._due = self._began + <int64_t>min(self._played / self._speed, <double>LONGEST_TIME)
            self._is_timed = True
        return self._due <= self._now

    cdef void play_to(self, int64_t time) noexcept nogil:
        """Move on in the capture to a frame's time; 0 is that of frames without one."""
        cdef int64_t step = time - self._latest
        if time == 0:
            return
        if self._latest < 0 or step < -self._longest_gap:
            self.steps_back += self._latest >= 0
            self._latest = time
            return
        if step <= 0:
            return
        if step > self._longest_gap:
            self.gaps_cut += 1
            step = self._longest_gap
        self._latest = time
        self._played = min(self._played + step, LONGEST_TIME)

    cdef bint refill(self) except -1:
        if self._stopping:
            return False
        if not self._begun:
            self._began, self._begun = self._clock.now(), True
        elif self._first < self._n_queue:
            self._wait()
        elif not self._source.refill():
            return False
        self._now = self._clock.now()
        return True

    cdef int _wait(self) except -1:
        """Let time pass until the first frame is due, but not longer than `wait_ms`."""
        cdef double left = (self._due - <int64_t>self._clock.now()) / 1e9
        if self._is_timed and left > 0:
            self._clock.wait(min(left, self.wait_ms / 1e3))
            PyErr_CheckSignals()        # so that Ctrl-C is heard between two frames
        return 0


cdef class FilteredSource(ThroughSource):
    """Gives those frames of a source that a BPF expression matches, whatever their link types.

    A link type that the expression does not fit matches nothing, and a FilterWarning says so once. Link types that
    nothing is known of match nothing either.

    FilterError: the expression is wrong for every link type.
    """

    cdef object _filters
    cdef dict _programs                     # keeps alive what `_code` points to
    cdef const Instruction **_code          # [link type]: its program, NOTHING, or NULL: not compiled yet
    cdef readonly uint64_t filtered         # frames that did not match

    def __init__(self, PacketSource source not None, str expression):
        self._filters = LinkFilters(expression)
        self._programs = {}
        self._code = <const Instruction **>calloc(LINK_TYPES, sizeof(void *))
        if self._code == NULL:
            raise MemoryError("no memory for filters")
        self._take_source(source)

    def __dealloc__(self):
        free(self._code)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = 0
        cdef const Frame *frame
        while n < capacity and self.has_next():
            frame = &self._queue[self._first]
            if self._code[frame.link_type] == NULL:
                break               # refill() compiles it
            self._first += 1
            if self.passes(frame):
                out[n] = frame[0]
                n += 1
            else:
                self.filtered += 1
        self.tally.frames += n
        return n

    cdef bint passes(self, const Frame *frame) noexcept nogil:
        cdef const Instruction *code = self._code[frame.link_type]
        return code != &NOTHING and execute(code, frame.data, frame.captured, frame.length) != 0

    cdef bint refill(self) except -1:
        if self._stopping:
            return False
        if self._first == self._n_queue:
            return self._source.refill()
        link_type = self._queue[self._first].link_type
        program = self._filters.program(link_type)
        self._programs[link_type] = program
        self._code[self._queue[self._first].link_type] = &NOTHING if program is None else (<Program>program).code
        return True
