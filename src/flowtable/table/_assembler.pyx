"""TCP streams of single packets, for programs that have packets and no table."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from flowtable._types cimport SIDE_A, SIDE_B
from flowtable.flow._tcp cimport ENDED, Connection, stream_of
from flowtable.packet._dissection cimport TCP_RST, TCP_SYN, Part
from flowtable.table._events cimport Events, end_events, event_as
from flowtable.table._held cimport Held, drop_held
from flowtable.table._streams cimport Streams, Way, begin_streams, follow, stop, way_of

from flowtable.errors import OptionError
from flowtable.table.options import Limits
from flowtable.table.streams import StreamData, StreamEnds

cdef enum:
    CONNECTION_BYTES = 1024     # what a connection takes with its objects

LATEST = (1 << 63) - 1          # Unix ns


cdef class Conversation:
    """A connection, and who listens to it."""

    cdef Connection connection
    cdef object flow            # what its data is said to be of
    cdef object listener
    cdef tuple ends
    cdef int64_t last           # ns
    cdef bint was_reset

    def __dealloc__(self):
        cdef Held unused
        memset(&unused, 0, sizeof(Held))
        drop_held(&unused, &self.connection.streams[0])
        drop_held(&unused, &self.connection.streams[1])

    cdef bint is_over(self):
        """Whether both sides have ended, or one has reset."""
        cdef uint8_t a = stream_of(&self.connection, SIDE_A).state, b = stream_of(&self.connection, SIDE_B).state
        return self.was_reset or a & b & ENDED


cdef class TCPAssembler:
    """Puts the streams of TCP connections together from packets.

    ``new_stream(flow)`` is called for each new connection, with the flow that was registered for it or else
    its ``StreamEnds``; it gives a ``TCPAssemblerStream``, which gets what both sides send, in order. A
    connection is told from others by its addresses and ports alone: give packets of different tunnels to
    different assemblers. What waits is limited as in ``read``, and so is the number of connections, by
    ``limits.tcp_bytes`` at 1,024 bytes each.

    Times are Unix ns. What a stream raises is raised by the call that gave it data.
    """

    cdef Streams streams
    cdef object new_stream
    cdef dict conversations     # (source, destination) of the first packet -> Conversation
    cdef dict flows             # the same of registered packets -> flow
    cdef uint64_t most
    cdef uint64_t refused       # segments
    cdef uint64_t unregistered  # flows

    def __cinit__(self, new_stream, *, limits=None):
        limits = limits or Limits()
        if not callable(new_stream) or not isinstance(limits, Limits):
            raise OptionError("TCPAssembler: takes a function that gives streams, and limits as a flowtable.Limits")
        begin_streams(&self.streams, limits, True)
        self.new_stream = new_stream
        self.conversations, self.flows = {}, {}
        self.most = min(limits.tcp_bytes, 1 << 60) // CONNECTION_BYTES

    def __dealloc__(self):
        end_events(&self.streams.events)

    @cython.critical_section
    def __len__(self):
        """Count the connections that are followed."""
        return len(self.conversations)

    @property
    @cython.critical_section
    def lost(self):
        """What limits left out, by name, as ``Account.lost`` has it."""
        lost = {
            "segments of connections over tcp_bytes": self.refused,
            "registered flows over tcp_bytes": self.unregistered,
            "gaps of streams over stream_bytes": self.streams.over_bytes,
            "gaps of streams over streams_bytes": self.streams.over_all_bytes,
            "gaps of streams over stream_gaps": self.streams.over_gaps,
        }
        return {name: number for name, number in lost.items() if number}

    @cython.critical_section
    def register_flow(self, flow, packet):
        """Say which flow a packet's connection is: ``new_stream`` and the data get it in the place of the ends."""
        segment = packet.tcp_segment()
        key, _ = self.find(segment.source, segment.destination)
        if key in self.conversations:
            (<Conversation>self.conversations[key]).flow = flow
        elif key in self.flows or len(self.flows) < self.most:
            self.flows[key] = flow
        else:
            self.unregistered += 1

    @cython.critical_section
    def assemble(self, packet, time):
        """Take a packet; gives False if it is not followed, for its connection was over or there are too many.

        Raises:
            LayerNotFound: the packet has no TCP layer whose header fits, or no IP layer.
            OptionError: the time is none in Unix ns.

        """
        cdef Conversation conversation
        if not 0 <= time <= LATEST:
            raise OptionError(f"assemble: {time} is no time in Unix ns")
        segment = packet.tcp_segment()
        key, side = self.find(segment.source, segment.destination)
        conversation = self.conversations.get(key)
        if conversation is None:
            conversation = self.begin(key, segment)
        if conversation is None:
            return False
        self.take(conversation, segment, side, time)
        return True

    cdef tuple find(self, source, destination):
        """A connection's key, and which side of it the source is."""
        if (source, destination) in self.conversations or (source, destination) in self.flows:
            return (source, destination), SIDE_A
        if (destination, source) in self.conversations or (destination, source) in self.flows:
            return (destination, source), SIDE_B
        return (source, destination), SIDE_A

    cdef Conversation begin(self, key, segment):
        """A new connection; None without anything new to say, as the last ACK of one that is over, or without room."""
        cdef Conversation conversation
        if not segment.flags & TCP_SYN and (segment.length == 0 or segment.flags & TCP_RST):
            return None
        if len(self.conversations) >= self.most:
            self.refused += 1
            return None
        conversation = Conversation.__new__(Conversation)
        conversation.ends = key
        conversation.flow = self.flows[key] if key in self.flows else StreamEnds(*key)
        conversation.listener = self.new_stream(conversation.flow)
        self.flows.pop(key, None)
        self.conversations[key] = conversation
        return conversation

    cdef int take(self, Conversation conversation, segment, uint8_t side, int64_t time) except -1:
        cdef const uint8_t[::1] payload = segment.payload
        cdef Part p
        memset(&p, 0, sizeof(Part) - sizeof(p.layers))
        p.time = conversation.last = time
        p.tcp_sequence, p.tcp_acknowledgment = segment.sequence, segment.acknowledgment
        p.tcp_window, p.tcp_flags, p.tcp_length = segment.window, segment.flags, segment.length
        p.payload, p.payload_length = &payload[0] if payload.shape[0] else NULL, <uint32_t>payload.shape[0]
        follow(&self.streams, &conversation.connection, 0, side, &p)
        if p.tcp_flags & TCP_RST and stream_of(&conversation.connection, side).state & ENDED:
            conversation.was_reset = True
        if conversation.is_over():
            self.end(conversation)
        else:
            self.hand_over(conversation)
        return 0

    cdef int end(self, Conversation conversation) except -1:
        """Give on what still waits, and say that it was the last; of one that a listener has ended nothing."""
        cdef Way way
        cdef uint8_t side
        if self.conversations.get(conversation.ends) is not conversation:
            return 0
        del self.conversations[conversation.ends]
        for side in range(SIDE_A, SIDE_B + 1):
            way = way_of(&self.streams, &conversation.connection, 0, side)
            stop(&way, conversation.last)
        self.hand_over(conversation)
        conversation.listener.reassembly_complete()
        return 0

    cdef int hand_over(self, Conversation conversation) except -1:
        cdef list data
        if self.streams.held.failed or self.streams.events.failed:
            raise MemoryError("no memory for streams")
        if self.streams.events.count:
            data = self.take_data(conversation.flow)
            conversation.listener.reassembled(data)
        return 0

    cdef list take_data(self, flow):
        """What a stream has just given on, taken out first: making objects of it may let other threads in."""
        cdef Events events = self.streams.events
        cdef uint64_t at = 0
        cdef uint32_t i
        cdef list data = []
        memset(&self.streams.events, 0, sizeof(Events))
        try:
            for i in range(events.count):
                data.append(event_as(StreamData, flow, &events.list[i], events.bytes + at))
                at += events.list[i].length
        finally:
            end_events(&events)
        return data

    @cython.critical_section
    def flush_older_than(self, time):
        """End connections whose last packet is older than a time, gaps given up; gives how many."""
        cdef Conversation conversation
        cdef int64_t before = max(0, min(time, LATEST))
        cdef list old = []
        for conversation in self.conversations.values():
            if conversation.last < before:
                old.append(conversation)
        for conversation in old:
            self.end(conversation)
        return len(old)

    @cython.critical_section
    def flush_all(self):
        """End all connections, gaps given up; gives how many. Flows that were registered are forgotten."""
        cdef list all_of_them = list(self.conversations.values())
        for conversation in all_of_them:
            self.end(conversation)
        self.flows.clear()
        return len(all_of_them)
