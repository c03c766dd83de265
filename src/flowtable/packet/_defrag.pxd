# Pieces of IP datagrams, held until all of a datagram are there (RFC 791 and 815, RFC 8200, 4.5).
#
# A datagram knows by one bit for each eight bytes what it has, since all pieces but the last are multiples of
# eight: a piece costs what its length costs, in whatever order pieces come and however many there are. Only
# bytes that are new are stored, so that nothing that is stored overlaps.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowtable.packet._blocks cimport WORDS


cdef enum Fault:                # why a piece is thrown away; FAULT_NAMES has their names
    NO_FAULT = 0
    SHORT = 1                   # empty, or not the last and no multiple of eight bytes
    TOO_FAR = 2                 # its datagram would be longer than 65,535 bytes
    TRUNCATED_PIECE = 3         # its frame was shorter on the wire than its header says
    DUPLICATE = 4               # all that it brings is there already
    OVERLAP = 5                 # some of it is, and this is IPv6
    CONTRADICTION = 6           # it says that the datagram ends elsewhere, or lies beyond the end
    TOO_OLD = 7
    NO_ROOM = 8
    FLUSHED = 9
    FAULTS = 10


cdef struct Fragment:
    # A piece as its headers describe it; when its datagram is whole, what that is.
    const uint8_t *addresses    # source, then destination
    const uint8_t *frame        # first byte of the frame
    const uint8_t *data         # what was cut; it goes on for `captured` bytes
    int64_t time                # Unix ns
    uint64_t surroundings       # tells apart what may carry the same addresses: tunnels, VLANs
    uint32_t id
    uint32_t offset             # bytes
    uint32_t length             # bytes, as the headers say
    uint32_t captured           # of these
    uint32_t missing            # bytes of the frame that were on the wire and not captured
    uint32_t headers            # bytes in front of what is cut that count for the 65,535
    uint32_t frames             # that are accounted for with this piece; 0: other parts of its frame are in flows
    uint32_t pieces             # of the whole datagram, with the last one's
    uint32_t errors             # pieces of it that were bad
    uint8_t network             # NetworkKind; NO_NETWORK: to be left as it is
    uint8_t protocol            # of what was cut
    uint8_t more                # it is not the last piece


cdef struct DatagramKey:        # compared as a whole
    uint8_t source[16]
    uint8_t destination[16]
    uint64_t surroundings
    uint32_t id
    uint8_t network
    uint8_t protocol            # IPv4 only (RFC 791); pieces of IPv6 may differ there (RFC 8200, 4.5)
    uint16_t padding


cdef struct Piece:              # bytes of a datagram that nothing else holds; they follow
    Piece *next
    uint32_t offset
    uint32_t length


cdef struct Datagram:
    DatagramKey key
    uint64_t hash
    Datagram *chain             # the next one in its bucket
    Datagram *older             # in the order in which they began
    Datagram *newer
    Piece *stored
    int64_t begun               # ns; the time of the piece that came first
    uint32_t bytes              # of memory
    uint32_t end                # bytes of the whole; 0: the last piece is still to come
    uint32_t reach              # end of the furthest piece
    uint32_t readable           # the first byte that was not captured
    uint32_t covered            # blocks that are there
    uint32_t pieces
    uint32_t errors
    uint32_t frames             # accounted for with its pieces
    uint32_t inner              # pieces with whose frames other parts are in flows
    uint8_t protocol            # as the piece at the front says
    uint8_t broken              # Fault for which it and all that comes for it are thrown away; IPv6 only
    uint64_t blocks[WORDS]


cdef struct Whole:              # a frame with a datagram put together in it; its bytes follow
    Whole *next
    size_t size


cdef struct Defragger:
    Datagram **buckets
    uint64_t mask               # their number, a power of two, less one
    Datagram *oldest
    Datagram *newest
    Whole *finished             # in use until defragger_release()
    uint64_t finished_bytes
    uint64_t k0
    uint64_t k1
    uint64_t max_bytes
    uint64_t max_datagrams
    int64_t max_age             # ns
    int64_t time_before         # ns; of the piece before
    uint64_t bytes              # of memory, for what is held
    uint64_t datagrams          # that are held
    uint64_t held_pieces
    uint64_t held_frames
    uint64_t fragments          # pieces taken
    uint64_t joined             # pieces of datagrams that became whole
    uint64_t completed          # these datagrams
    uint64_t dropped[FAULTS]    # pieces
    uint64_t discarded[FAULTS]  # frames accounted for with them
    uint64_t lost[FAULTS]       # pieces with whose frames other parts are in flows


cdef bint put_together(Defragger *g, Fragment *f) noexcept nogil
cdef void defragger_release(Defragger *g) noexcept nogil


cdef class IPDefragger:
    cdef Defragger state

    cdef uint64_t waiting_inside(self) noexcept
