"""Captures that are sent over TCP: several senders, one source, and nobody waits for one of them.

Invariant: each sender's bytes are in a window of its own, which is read into only in refill(), when all frames
that it gave before are read.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from flowtable._types cimport Frame
from flowtable.capture._record cimport GOING, Tally
from flowtable.capture._walk cimport CaptureReader, PacketSource
from flowtable.capture._walker cimport start_walker

import logging
import select
from collections import Counter

from flowtable.capture.pace import SystemClock
from flowtable.capture.sockets import LOOPBACK, AllowList, SocketStream, listening_socket
from flowtable.capture.statistics import SourceStatistics
from flowtable.capture.streams import reason
from flowtable.errors import CaptureError, OptionError

cdef enum:
    WINDOW = 1 << 16            # bytes of a sender's window, until a record takes more
    LARGEST_WINDOW = 1 << 22
    MOST_SENDERS = 4096
    AT_A_TIME = 64              # connections that are taken in one refill

_log = logging.getLogger("flowtable.capture")

NOT_ALLOWED = "not allowed"
TOO_MANY = "too many senders"
NOT_ACCEPTED = "not accepted"
NO_CAPTURE = "no capture"
BROKEN = "broken"
CUT = "ended in the middle"
LOST = "connection lost"
STALLED = "stalled"
TOO_LONG = "record too long"


cdef class SentCapture(CaptureReader):
    """A capture whose bytes come when they come, its file header too. What is wrong with it ends it alone."""

    cdef bint _has_header
    cdef uint64_t _walked       # offset of the record that is waited for
    cdef int64_t _moved         # ns of the source's clock, when that was another one, or none
    cdef str _fault             # why it ended, as a discard's name; None: it goes on, or has sent all
    cdef str _message           # the same for people

    def __init__(self, stream, str name):
        self._take_stream(stream, name, WINDOW)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        return CaptureReader.walk(self, out, capacity) if self._has_header else 0

    cdef bint refill(self) except -1:
        if self._ended:
            return False
        if not (CaptureReader.refill(self) if self._has_header else self._read_header()):
            return False
        if self._walker.capacity > LARGEST_WINDOW:
            return self._give_up(TOO_LONG, f"{self._name} has a record of more than {LARGEST_WINDOW:,} bytes")
        return True

    cdef bint _read_header(self) except -1:
        """Read on in the file's header; False: it is none."""
        try:
            if not self._read_more():
                return self._give_up(NO_CAPTURE, str(self._short()))
        except OSError as error:
            return self._give_up(LOST, f"{self._name} cannot be read: {reason(error)}")
        self._has_header = start_walker(&self._walker)
        if self._walker.scan.stop != GOING:
            return self._give_up(NO_CAPTURE, str(self._refusal()))
        return True

    cdef bint _read_more(self) except -1:
        try:
            return CaptureReader._read_more(self)
        except BlockingIOError:     # nothing is there after all
            return True

    cdef bint _end(self, str message) except -1:
        if self._walker.scan.stop != GOING:
            return self._give_up(BROKEN, f"{self._name} {message}")
        return self._give_up(CUT if self._stream.at_end else LOST, f"{self._name} {message}")

    cdef bint _give_up(self, str fault, str message) except -1:
        """End it for a reason; always False."""
        self._walker.scan.tally.incomplete = 1
        self.tally = self._walker.scan.tally
        self._fault = fault
        self._message = f"{message}; packets read before it: {self.tally.frames}"
        self.stop_reading()
        return False

    cdef bint _is_stalled(self, int64_t now, int64_t after) noexcept:
        """Whether it has owed the rest of one record, or of its header, for so many ns.

        However few bytes come meanwhile: else a few senders could keep all others out.
        """
        cdef uint64_t walked = self._base + self._walker.begin
        cdef bint owes = not self._has_header or self._walker.begin < self._walker.end
        if not owes or walked != self._walked:
            self._walked, self._moved = walked, now
        return now - self._moved >= after


cdef class PcapOverTcpSource(PacketSource):
    """Captures, pcap or pcapng, that others send over TCP while they make them.

    Listens on an address of this machine, the loopback unless told otherwise; port 0 takes a free one. Senders
    have to be in the networks of `allow`, and at most `max_senders` are connected at a time; others are turned
    away. One that sends no capture, a broken one, or stops in the middle of a record for `stalled_after` seconds,
    loses its connection, with a line in the log of ``flowtable.capture``; the frames before that count. A sender
    that is quiet between two records may stay. With `once`, the source ends when the last sender has gone.

    CaptureError: the address and port cannot be listened on. OptionError: an option has a value that it
    cannot have.
    """

    cdef object _listener
    cdef object _poll
    cdef object _allow
    cdef object _clock
    cdef dict _senders          # of their descriptors
    cdef list _leaving          # those that have ended, whose frames are still read
    cdef object _discards
    cdef void **_ready          # SentCapture that may have frames; they are among the senders, or leaving
    cdef int _n_ready
    cdef int _at                # of those that are ready
    cdef int _max_senders
    cdef int64_t _stalled_after # ns
    cdef bint _once
    cdef bint _stopping
    cdef uint64_t _accepted
    cdef public int wait_ms
    cdef readonly str address
    cdef readonly int port

    def __init__(
        self, str address="127.0.0.1", int port=57012, *, allow=LOOPBACK, int max_senders=64,
        double stalled_after=30.0, bint once=False, clock=None,
    ):
        if self._ready != NULL:
            raise RuntimeError("a PcapOverTcpSource is made once")
        if not 1 <= max_senders <= MOST_SENDERS:
            raise OptionError(f"max_senders: {max_senders} is none of 1 to {MOST_SENDERS:,}")
        if not 0 < stalled_after <= 1e9:
            raise OptionError(f"stalled_after: {stalled_after} is no time in seconds that can pass")
        self._allow = AllowList(allow)
        self._ready = <void **>calloc(max_senders, sizeof(void *))
        if self._ready == NULL:
            raise MemoryError("no memory for senders")
        self._max_senders, self._once, self.wait_ms = max_senders, once, 50
        self._stalled_after = <int64_t>(stalled_after * 1e9)
        self._clock = SystemClock() if clock is None else clock
        self._senders, self._leaving, self._discards = {}, [], Counter()
        self._poll = select.poll()
        self._listener = listening_socket(address, port, AT_A_TIME)
        self.address, self.port = self._listener.getsockname()[:2]
        self._poll.register(self._listener, select.POLLIN)

    def __dealloc__(self):
        free(self._ready)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = 0, found
        while n < capacity and self._at < self._n_ready:
            found = self.walk_sender(self._ready[self._at], out + n, capacity - n)
            if found == 0:
                self._at += 1
            n += found
        self.tally.frames += n
        return n

    cdef int walk_sender(self, void *sender, Frame *out, int capacity) noexcept nogil:
        """Walk one sender's window, and take over what is counted besides frames."""
        cdef Tally *its = &(<SentCapture>sender)._walker.scan.tally
        cdef uint64_t clamped = its.times_clamped, snapped = its.snapped
        cdef int n = (<SentCapture>sender).walk(out, capacity)
        self.tally.times_clamped += its.times_clamped - clamped
        self.tally.snapped += its.snapped - snapped
        return n

    cdef bint refill(self) except -1:
        if self._stopping or self._listener is None:
            return False
        self._leaving.clear()
        self._n_ready = self._at = 0
        events = self._poll.poll(self.wait_ms)
        PyErr_CheckSignals()
        now = self._clock.now()
        self._end_stalled(now)
        for descriptor, _ in events:
            if descriptor == self._listener.fileno():
                self._accept(now)
            elif descriptor in self._senders:
                self._read(descriptor)
        return self._n_ready > 0 or not (self._once and self._accepted and not self._senders)

    cdef int _read(self, int descriptor) except -1:
        """Take what a sender has sent, which poll() says is something."""
        cdef SentCapture sender = self._senders[descriptor]
        if sender.refill():
            self._ready[self._n_ready] = <void *>sender
            self._n_ready += 1
        else:
            self._retire(descriptor)
        return 0

    cdef int _end_stalled(self, int64_t now) except -1:
        """End those who stopped in the middle of a record. This comes before reading: all that is whole is walked."""
        cdef SentCapture sender
        for descriptor, sender in list(self._senders.items()):
            if sender._is_stalled(now, self._stalled_after):
                sender._give_up(STALLED, f"{sender._name} has stopped in the middle of a record, or of its header")
                self._retire(descriptor)
        return 0

    cdef int _retire(self, int descriptor) except -1:
        """Forget a sender that has ended; frames of its window stay until the next refill."""
        cdef SentCapture sender = self._senders.pop(descriptor)
        self._poll.unregister(descriptor)
        self._leaving.append(sender)
        if sender._fault is not None:
            self.tally.incomplete += 1
            self._discards[sender._fault] += 1
            _log.warning("%s", sender._message)
        return 0

    cdef int _accept(self, int64_t now) except -1:
        """Take new connections, or turn them away."""
        cdef int i
        for i in range(AT_A_TIME):
            try:
                connection, peer = self._listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                self._discards[NOT_ACCEPTED] += 1
                _log.warning("a connection to port %d cannot be accepted: %s", self.port, reason(error))
                self._clock.wait(self.wait_ms / 1e3)   # there are no descriptors left, perhaps; others go on
                break
            self._welcome(connection, peer, now)
        return 0

    cdef int _welcome(self, connection, tuple peer, int64_t now) except -1:
        cdef SentCapture sender
        refusal = None if self._allow.allows(peer[0]) else NOT_ALLOWED
        if refusal is None and len(self._senders) >= self._max_senders:
            refusal = TOO_MANY
        if refusal is not None:
            connection.close()
            self._discards[refusal] += 1
            _log.warning("%s port %d is turned away: %s", peer[0], peer[1], refusal)
            return 0
        sender = SentCapture(SocketStream(connection), f"{peer[0]} port {peer[1]}")
        sender._moved = now
        self._senders[connection.fileno()] = sender
        self._poll.register(connection, select.POLLIN)
        self._accepted += 1
        return 0

    def stop(self):
        """End the source soon: refill() says so. May be called from any thread, and while a signal is handled."""
        self._stopping = True

    @property
    def senders(self):
        """How many are connected."""
        return len(self._senders)

    @property
    def accepted(self):
        """How many have been connected, those that still are too."""
        return self._accepted

    @property
    def discards(self):
        """Senders that were turned away, or lost their connection before they had sent all, by reason."""
        return dict(self._discards)

    @property
    def statistics(self):
        """:class:`~flowtable.capture.statistics.SourceStatistics`, of frames; what senders lost is not told."""
        return SourceStatistics(self.tally.frames, None, None, None)

    cdef int keep_windows(self, int refills) except -1:
        raise CaptureError("what comes over a network is counted by one thread, in the order in which it comes")

    cdef int stop_reading(self) except -1:
        cdef SentCapture sender
        self._stopping = True
        if self._listener is None:
            return 0
        self._n_ready = self._at = 0
        self._listener.close()
        self._listener = None
        self._leaving += self._senders.values()
        self._senders.clear()
        for sender in self._leaving:
            sender.stop_reading()
        return 0
