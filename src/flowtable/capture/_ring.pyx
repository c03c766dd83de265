"""Frames of Linux interfaces, from rings of memory that are shared with the kernel; see ``_tpacket.pxd``.

Sockets are opened in ``flowtable.capture.packet_socket``, with the kernel's numbers from here.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport errno as c_errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from flowtable._atomic cimport fetch_add
from flowtable._types cimport Frame
from flowtable.capture._bpf cimport Program
from flowtable.capture._handed cimport LiveSource
from flowtable.capture._tpacket cimport (
    AF_PACKET, ETH_P_ALL, HEADROOM, PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP, PACKET_FANOUT,
    PACKET_FANOUT_CBPF, PACKET_FANOUT_DATA, PACKET_FANOUT_FLAG_UNIQUEID, PACKET_IGNORE_OUTGOING,
    PACKET_MR_PROMISC, PACKET_RESERVE, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, RECHECK_ALL,
    RECHECK_NONE, RECHECK_TAGGED, SOL_PACKET, SOL_SOCKET, SO_ATTACH_FILTER, TP_STATUS_USER, Ring, advance,
    bind, getsockopt, give_back, is_ready, open_block, packet_mreq, put16, setsockopt, sock_fprog, sockaddr,
    sockaddr_ll, socklen_t, tpacket_block_desc, tpacket_req3, tpacket_stats_v3,
)

import errno
import os
import socket
import warnings

from flowtable.capture.statistics import SourceStatistics
from flowtable.errors import CaptureError, CaptureWarning, OptionError

cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
    int munmap(void *address, size_t length)
    enum:
        PROT_READ
        PROT_WRITE
        MAP_SHARED
    void *MAP_FAILED

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *polled, unsigned long count, int timeout)
    enum:
        POLLIN

OPTIONS = {
    "PACKET_ADD_MEMBERSHIP": PACKET_ADD_MEMBERSHIP,
    "PACKET_DROP_MEMBERSHIP": PACKET_DROP_MEMBERSHIP,
    "PACKET_FANOUT": PACKET_FANOUT,
    "PACKET_IGNORE_OUTGOING": PACKET_IGNORE_OUTGOING,
    "PACKET_RESERVE": PACKET_RESERVE,
    "PACKET_RX_RING": PACKET_RX_RING,
    "PACKET_VERSION": PACKET_VERSION,
}

RECHECKS = {"NONE": RECHECK_NONE, "TAGGED": RECHECK_TAGGED, "ALL": RECHECK_ALL}
HEADER_ROOM = HEADROOM      # bytes before each frame

BLOCK_MS = 10               # after which the kernel closes a block that is not full
LAST_ROUNDS = 4             # of that time, in which what came before the end is waited for

cdef enum:
    TURNS_PER_COUNT = 1024  # after which the kernel's counters are read, before their 32 bits overflow


# What sockets are set up with

def ring_request(size_t block_size, size_t blocks):
    """What PACKET_RX_RING takes, as bytes."""
    cdef tpacket_req3 request
    memset(&request, 0, sizeof(request))
    request.tp_block_size, request.tp_block_nr = <unsigned int>block_size, <unsigned int>blocks
    request.tp_frame_size = 2048        # only has to fit: frames in a block are as long as they are
    request.tp_frame_nr = <unsigned int>(block_size // 2048 * blocks)
    request.tp_retire_blk_tov = BLOCK_MS
    return (<const char *>&request)[:sizeof(request)]


def promiscuous_request(int index):
    """What PACKET_ADD_MEMBERSHIP takes to see an interface's frames for others as well, as bytes."""
    cdef packet_mreq request
    memset(&request, 0, sizeof(request))
    request.mr_ifindex, request.mr_type = index, PACKET_MR_PROMISC
    return (<const char *>&request)[:sizeof(request)]


def fanout_request(group):
    """What PACKET_FANOUT takes for a program to deal out frames: in this group, or in one that is new, as an int."""
    if group is None:
        return (PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID) << 16
    return PACKET_FANOUT_CBPF << 16 | group


def attach_filter(sock, instructions):
    """Let a BPF program choose the frames that a socket receives; OSError when the kernel does not take it."""
    set_program(sock, SOL_SOCKET, SO_ATTACH_FILTER, instructions)


def attach_fanout(sock, instructions):
    """Let a BPF program choose the socket of a group that receives a frame."""
    set_program(sock, SOL_PACKET, PACKET_FANOUT_DATA, instructions)


def bind_to(sock, int index):
    """Receive frames of an interface, or of all if `index` is 0. Python's own bind() takes names, and not all."""
    cdef sockaddr_ll address
    memset(&address, 0, sizeof(address))
    address.sll_family, address.sll_ifindex = AF_PACKET, index
    put16(<uint8_t *>&address.sll_protocol, ETH_P_ALL)
    if bind(sock.fileno(), <const sockaddr *>&address, sizeof(address)) != 0:
        raise OSError(c_errno, os.strerror(c_errno))


cdef int set_program(sock, int level, int option, instructions) except -1:
    cdef sock_fprog program
    cdef bytes code = b"".join([
        op.to_bytes(2, "little") + bytes((jt, jf)) + k.to_bytes(4, "little") for op, jt, jf, k in instructions
    ])
    program.len = <unsigned short>len(instructions)
    program.filter = <void *><char *>code
    sock.setsockopt(level, option, (<const char *>&program)[:sizeof(program)])
    return 0


# Reading

cdef class RingSource(LiveSource):
    """Frames of one or several interfaces, each with a socket of its own, in order of time as far as it is known.

    `sockets` are :class:`~flowtable.capture.packet_socket.PacketSocket`, which the source closes. Frames are given
    where the kernel put them, a block at a time: a block that is 10 ms old is given even if it is not full.
    """

    cdef Ring *_rings
    cdef int _count
    cdef pollfd *_polled        # of each ring, and the sleeper last
    cdef list _sockets
    cdef uint64_t _turn         # calls of refill(), and of read_on() where it did something
    cdef int _keep              # turns over which frames stay valid; 0: until the next one
    cdef bint _is_due           # a ring's block is walked, and its next one comes before any other frame
    cdef bint _is_shut
    cdef bint _is_closed
    cdef int _rounds            # that are left at the end
    cdef uint64_t _went_down

    def __cinit__(self, sockets, *args, **kwargs):
        self._sockets = list(sockets)
        self._count = <int>len(self._sockets)
        self._rounds = LAST_ROUNDS
        self._rings = <Ring *>calloc(self._count, sizeof(Ring))
        self._polled = <pollfd *>calloc(self._count + 1, sizeof(pollfd))
        if self._rings is NULL or self._polled is NULL:
            raise MemoryError("no memory for packet rings")
        for i, sock in enumerate(self._sockets):
            self._map(<int>i, sock)
        self._polled[self._count].fd = self._sleeper
        self._polled[self._count].events = POLLIN

    cdef int _map(self, int i, sock) except -1:
        """Map a socket's ring."""
        cdef Ring *r = &self._rings[i]
        cdef Program program = sock.program
        cdef void *memory
        r.fd = self._polled[i].fd = sock.socket.fileno()
        self._polled[i].events = POLLIN
        r.block_size, r.blocks = sock.block_size, sock.blocks
        r.link_type, r.snap, r.recheck = sock.link_type, sock.snap, sock.recheck
        r.program = NULL if program is None else program.code
        r.finished = <uint64_t *>calloc(r.blocks, sizeof(uint64_t))
        if r.finished is NULL:
            raise MemoryError("no memory for a packet ring")
        memory = mmap(NULL, r.block_size * r.blocks, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, 0)
        if memory == MAP_FAILED:
            raise CaptureError(f"the packet ring of {sock.name} cannot be mapped", filename=sock.name)
        r.memory = <uint8_t *>memory
        return 0

    def __dealloc__(self):
        cdef int i
        for i in range(self._count if self._rings is not NULL else 0):
            if self._rings[i].memory is not NULL:
                munmap(self._rings[i].memory, self._rings[i].block_size * self._rings[i].blocks)
            free(self._rings[i].finished)
        free(self._rings)
        free(self._polled)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = 0
        cdef Ring *r = self._earliest()
        while n < capacity and r is not NULL:
            out[n] = r.ahead
            n += 1
            advance(r, self._turn)
            self._is_due = not r.has_ahead and is_ready(r)
            r = self._earliest()
        self.tally.frames += n
        return n

    cdef Ring *_earliest(self) noexcept nogil:
        """The ring whose next frame is the earliest; NULL: none has one, or one that is ready has to be begun."""
        cdef int i
        cdef Ring *found = NULL
        for i in range(0 if self._is_due or self._is_closed else self._count):
            if self._rings[i].has_ahead and (found is NULL or self._rings[i].ahead.time < found.ahead.time):
                found = &self._rings[i]
        return found

    cdef bint read_on(self) noexcept nogil:
        if self._is_closed or not self._any_ready():
            return False
        self._begin_turn()
        self._open_blocks()
        return True

    cdef bint _any_ready(self) noexcept nogil:
        cdef int i
        for i in range(self._count):
            if not self._rings[i].has_ahead and is_ready(&self._rings[i]):
                return True
        return False

    cdef void _begin_turn(self) noexcept nogil:
        """Give back the blocks whose frames are not valid any more."""
        cdef int i
        self._turn += 1
        if self._turn % TURNS_PER_COUNT == 0:
            self._count_drops()
        for i in range(self._count if self._turn > <uint64_t>self._keep else 0):
            give_back(&self._rings[i], self._turn - 1 - self._keep)

    cdef bint _open_blocks(self) noexcept nogil:
        """Begin blocks that are ready; False: there is no frame in any."""
        cdef int i
        cdef bint found = False
        cdef uint64_t clamped = 0
        for i in range(self._count):
            found |= open_block(&self._rings[i], self._turn)
            clamped += self._rings[i].times_clamped
        self._is_due = False
        self.tally.times_clamped = clamped
        return found

    cdef bint refill(self) except -1:
        cdef bint found
        if self._is_closed:
            return False
        if not self._is_shut and (self._stopping or self._all_gone()):
            self._shut()
        self._begin_turn()
        found = self._open_blocks()
        if self._is_shut and not found:
            return self._wait_for_the_last()
        self._wait(0 if found else self.wait_ms, self._count + 1)   # and hear of what is wrong in any case
        if not found:
            self._open_blocks()
        return True

    cdef int _shut(self) except -1:
        """Let nothing more in; what has come until now is still given."""
        self._is_shut = True
        for sock in self._sockets:
            sock.shut()
        return 0

    cdef int _wait(self, int wait_ms, int polled) except -1:
        """Until a block is ready, or something is wrong; and hear of signals, as nobody else does here."""
        cdef int i
        with nogil:
            for i in range(polled):
                self._polled[i].revents = 0
            poll(self._polled, polled, wait_ms)
        PyErr_CheckSignals()
        for i in range(self._count):
            if self._polled[i].revents & ~POLLIN or self._rings[i].is_down:
                self._look_at(i)
        return 0

    cdef bint _wait_for_the_last(self) except -1:
        """Wait for blocks that the kernel closes when their time is over; False when that is done."""
        if self._rounds == 0:
            self._count_drops()
            self.stop_reading()
            return False
        self._rounds -= 1
        self._wait(BLOCK_MS, self._count)       # without the sleeper, which is awake
        self._open_blocks()
        return True

    cdef bint _all_gone(self) noexcept nogil:
        cdef int i
        for i in range(self._count):
            if not self._rings[i].is_gone:
                return False
        return True

    cdef int _look_at(self, int i) except -1:
        """Something is wrong with an interface: it is down, or it was removed."""
        cdef Ring *r = &self._rings[i]
        cdef object sock = self._sockets[i]
        if r.is_gone:
            return 0
        wrong = sock.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if wrong == errno.ENETDOWN:
            self._went_down += 1
            r.is_down = True
        if sock.is_removed():
            return self._give_up(i, "was removed")
        if wrong not in (0, errno.ENETDOWN):
            return self._give_up(i, f"cannot be read on: {os.strerror(wrong)}")
        if r.is_down and sock.is_up():
            r.is_down = False
        return 0

    cdef int _give_up(self, int i, str why) except -1:
        self._rings[i].is_gone, self._rings[i].is_down = True, False
        self._polled[i].fd = -1
        self.tally.incomplete += 1
        warnings.warn(f"{self._sockets[i].name} {why}; no more frames come from it", CaptureWarning, stacklevel=2)
        return 0

    cdef void _count_drops(self) noexcept nogil:
        """Take over the kernel's counters, which start again from 0 whenever they are read."""
        cdef int i
        cdef tpacket_stats_v3 counted
        cdef socklen_t size
        for i in range(0 if self._is_closed else self._count):
            size = sizeof(counted)
            if getsockopt(self._rings[i].fd, SOL_PACKET, PACKET_STATISTICS, &counted, &size) == 0:
                fetch_add(&self._rings[i].kernel_frames, counted.tp_packets)
                fetch_add(&self._rings[i].kernel_drops, counted.tp_drops)

    @property
    def statistics(self):
        cdef int i
        cdef uint64_t frames = 0, drops = 0
        self._count_drops()
        for i in range(self._count):
            frames += self._rings[i].kernel_frames
            drops += self._rings[i].kernel_drops
        by_interface = [sock.interface_drops() for sock in self._sockets]
        known = [count for count in by_interface if count is not None]
        return SourceStatistics(
            received=frames - drops, dropped_by_kernel=drops, dropped_by_interface=sum(known) if known else None
        )

    @property
    def interfaces(self):
        """The names of the interfaces."""
        return tuple([sock.name for sock in self._sockets])

    @property
    def went_down(self):
        """Times that an interface was down, or was so from the beginning."""
        return self._went_down

    @property
    def filtered(self):
        """Frames that the filter refused here: those that it could not be asked about in the kernel."""
        return sum([self._rings[i].filtered for i in range(self._count)])

    @property
    def own_copies(self):
        """Frames sent on loopback that were left out, as they are received there as well."""
        return sum([self._rings[i].own_copies for i in range(self._count)])

    @property
    def malformed(self):
        """Frames that the kernel announced, and that were not where it said."""
        return sum([self._rings[i].malformed for i in range(self._count)])

    cdef int keep_windows(self, int refills) except -1:
        blocks = min([sock.blocks for sock in self._sockets])
        if blocks < 2 * refills:
            raise OptionError(f"a packet ring of {blocks} blocks is too small for several threads: give a larger buffer")
        self._keep = refills
        return refills

    cdef int stop_reading(self) except -1:
        # The rings stay mapped, since frames of them may be in use, but nothing more comes, and nothing is walked.
        if not self._is_closed:
            self._count_drops()
            self._is_closed = True
            for sock in self._sockets:
                sock.close()
        return LiveSource.stop_reading(self)


# For tests

def frames_of_block(bytes block not None, int link_type, int snap):
    """The frames of one block of a ring, as (time, data, length, link type), and how many were announced wrongly."""
    cdef Ring ring
    cdef uint64_t finished = 0
    cdef uint64_t turn = 1
    cdef size_t size = len(block)
    found = []
    if size < sizeof(tpacket_block_desc):
        raise OptionError(f"a block of {size} bytes does not hold its own header")
    memset(&ring, 0, sizeof(ring))
    ring.memory = <uint8_t *>calloc(1, size)
    if ring.memory is NULL:
        raise MemoryError
    memcpy(ring.memory, <const char *>block, size)
    (<tpacket_block_desc *>ring.memory).hdr.bh1.block_status = TP_STATUS_USER
    ring.block_size, ring.blocks, ring.finished = size, 1, &finished
    ring.link_type, ring.snap = link_type, snap
    open_block(&ring, turn)
    while ring.has_ahead:
        data = (<const char *>ring.ahead.data)[:ring.ahead.captured]
        found.append((ring.ahead.time, data, ring.ahead.length, ring.ahead.link_type))
        advance(&ring, turn)
    free(ring.memory)
    return found, ring.malformed
