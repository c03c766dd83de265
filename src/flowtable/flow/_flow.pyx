"""Flow records: where they live, how they begin, and how their fields are read.

``schema.py`` says which fields there are; a field's place is a name in ``PLACES``.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free

from flowtable._atomic cimport fetch_add, peek, peek16, put, put16
from flowtable._memory cimport aligned_memory, end_sparse, prefer_large_pages, sparse_memory
from flowtable._types cimport HAS_IP_METRIC, Record
from flowtable.flow cimport _places as P
from flowtable.flow._handed cimport Handed
from flowtable.flow._kept cimport messages_begin, messages_end
from flowtable.flow._packets cimport Kept, packet_at, packet_bytes, packets_begin, packets_end
from flowtable.flow._places cimport (
    FRACTION, JSON, LONGEST_TEXT, NAME, TEXT, get_number, is_present, json_room_of, put_json, put_text, spot_of,
)
from flowtable.flow._pool cimport pool_begin, pool_end
from flowtable.flow._statistics cimport Statistics
from flowtable.flow._tcp cimport HANDSHAKE, Connection, TcpTimes
from flowtable.packet._dissection cimport Part
from flowtable.packet._layers cimport LINUX_SLL, LINUX_SLL2

from flowtable.errors import OptionError
from flowtable.flow.extras import EXTRA_BYTES, Extras
from flowtable.flow.names import FlowFinishType
from flowtable.packet.icmp import ICMPType
from flowtable.packet.layers import LAYER_NAMES

LAYER_NUMBERS = {name: number for number, name in LAYER_NAMES.items() if number < NAMED_BY_USERS}

cdef enum:
    PIECE_BYTES = PIECE_RECORDS * sizeof(Record)


cdef class Records:
    """Flows in memory that never moves, in the order in which they began.

    ``options`` are the names of those whose fields are filled, and ``limits`` the bytes that they may take
    (``table/options.py``).
    """

    def __cinit__(self, str node_tid="", str capture_id="", options=frozenset(), limits=None):
        self.node_tid = node_tid
        self.capture_id = capture_id
        self.options = frozenset(options)
        self.keep_statistics = "packet_statistics" in self.options
        self.has_of_ip = HAS_IP_METRIC if "defrag" in self.options else 0
        self.keep_tcp = "tcp_metric" in self.options
        self.keep_streams = "reassemble" in self.options
        self.start_and_node = bytes(8) + node_tid.encode()
        self.extras = Extras(EXTRA_BYTES if limits is None else limits.extra_bytes)
        self.begin_pools(limits)
        self.pieces = <Record **>sparse_memory(MAX_PIECES * sizeof(Record *))
        self.paths = <PathNode *>sparse_memory(MAX_PATHS * sizeof(PathNode))
        self.applications = <Applications *>sparse_memory(sizeof(Applications))
        self.n_paths = 1
        self.large_pages = True
        if self.pieces == NULL or self.paths == NULL or self.applications == NULL:
            raise MemoryError("no memory for a flow table")
        self.applications.count = 1
        self.users_names = {}

    cdef int begin_pools(self, limits) except -1:
        cdef size_t of_tcp = sizeof(Connection) if self.keep_streams else 2 * sizeof(TcpTimes)
        cdef bint made = (
            pool_begin(&self.statistics, sizeof(Statistics), limits.statistics_bytes if self.keep_statistics else 0)
            and pool_begin(&self.tcp, of_tcp, limits.tcp_bytes if self.keep_tcp else 0)
            and messages_begin(&self.messages, limits.message_bytes if "extra_layers" in self.options else 0)
            and packets_begin(&self.packets, limits.raw_packet_bytes if "raw_packets" in self.options else 0)
            and pool_begin(&self.handed, sizeof(Handed), <uint64_t>MAX_PIECES * PIECE_RECORDS * sizeof(Handed) if "update_every" in self.options else 0)
        )
        if not made:
            raise MemoryError("no memory for a flow table")
        return 0

    def __dealloc__(self):
        cdef uint64_t piece
        if self.pieces != NULL:
            for piece in range(min(self.n_pieces, <uint64_t>MAX_PIECES)):
                self.end_piece(self.pieces[piece])
        messages_end(&self.messages)
        end_sparse(self.pieces, MAX_PIECES * sizeof(Record *))
        end_sparse(self.paths, MAX_PATHS * sizeof(PathNode))
        end_sparse(self.applications, sizeof(Applications))
        pool_end(&self.statistics)
        pool_end(&self.tcp)
        packets_end(&self.packets)
        pool_end(&self.handed)

    def lost(self, kinds):
        """What limits on all flows together left out, by name; ``kinds`` are those of messages by layer."""
        lost = {f"{layer} messages": self.messages.lost[<int>kind] for layer, kind in kinds.items()}
        lost["raw packets that were not kept"] = self.packets.refused
        return lost | self.extras.lost

    # ---- one thread at a time: flows are looked at by others while packets change them

    cdef void lock(self) noexcept nogil:
        """Keep other threads out until unlock().

        Who waits for longest is next, so that one who counts does not keep out those who look: it can lock again
        only through the gate, where they stand.
        A thread may lock again what it has locked, as it does where a finalizer that runs in between looks at
        a flow. Nobody who has locked waits for the interpreter, but those who have it already.
        """
        cdef uint64_t me = PyThread_get_thread_ident()
        if peek(&self.holder) != me:
            self.gate.acquire()
            self.mutex.acquire()
            self.gate.release()
            put(&self.holder, me)
        self.depth += 1

    cdef void unlock(self) noexcept nogil:
        self.depth -= 1
        if self.depth == 0:
            put(&self.holder, 0)
            self.mutex.release()

    def __len__(self):
        return self.count

    cdef uint32_t take_piece(self) noexcept nogil:
        """The number of a piece of records for one thread alone; NO_PIECE when there is none, or no memory."""
        cdef uint64_t piece = fetch_add(&self.n_pieces, 1)
        cdef void *memory = NULL
        if piece < MAX_PIECES:
            memory = aligned_memory(PIECE_BYTES) if self.large_pages else sparse_memory(PIECE_BYTES)
        if memory == NULL:
            return NO_PIECE
        if self.large_pages:
            prefer_large_pages(memory, PIECE_BYTES)
        self.pieces[piece] = <Record *>memory
        return <uint32_t>piece

    cdef void end_piece(self, Record *piece) noexcept nogil:
        if self.large_pages:
            free(piece)
        else:
            end_sparse(piece, PIECE_BYTES)

    cdef uint16_t path_of(self, const Part *part) noexcept nogil:
        """The path of a part's layers, without Linux cooked headers; to be called under the lock."""
        cdef uint16_t at = 0, child
        cdef uint8_t i, layer
        for i in range(part.n_layers):
            layer = part.layers[i]
            if layer == LINUX_SLL or layer == LINUX_SLL2:
                continue
            child = self.paths[at].child
            while child and self.paths[child].layer != layer:
                child = self.paths[child].sibling
            if child == 0:
                child = self.new_path(at, layer)
            if child == 0:
                self.paths_cut += 1
                return at
            at = child
        return at

    cdef uint16_t new_path(self, uint16_t parent, uint8_t layer) noexcept nogil:
        cdef uint16_t node = <uint16_t>self.n_paths
        if self.n_paths == MAX_PATHS:
            return 0
        self.paths[node].parent = parent
        self.paths[node].layer = layer
        self.paths[node].sibling = self.paths[parent].child
        self.paths[parent].child = node
        self.n_paths += 1           # the last, since names are made of all nodes below it
        return node

    def name_application(self, str name not None):
        """What begin_flow() takes for an application that a user has named; a layer's name is the layer."""
        if name in LAYER_NUMBERS:
            return LAYER_NUMBERS[name]
        if name not in self.users_names:
            if NAMED_BY_USERS + len(self.users_names) == MAX_APPLICATIONS:
                raise OptionError(f"there are more than {len(self.users_names):,} names of applications")
            self.users_names[name] = NAMED_BY_USERS + len(self.users_names)
        return self.users_names[name]

    cdef uint16_t use_application(self, uint16_t application) noexcept nogil:
        """The number of an application's name, which it gets when it is used for the first time."""
        cdef Applications *known = self.applications
        cdef uint16_t number = peek16(&known.number_of[application])
        if number or not application:
            return number
        self.lock()
        if known.number_of[application] == 0:
            known.used[known.count] = application
            put16(&known.number_of[application], <uint16_t>known.count)
            known.count += 1
        number = known.number_of[application]
        self.unlock()
        return number

    # ---- names: of these a field holds the number, and a column the dictionary

    def names(self, int place):
        """The texts that a field of kind NAME has as its numbers say."""
        if place == P.P_PATH or place == P.P_APPLICATION:
            with cython.critical_section(self):     # they are made once, by whoever comes first
                return self.paths_by_number() if place == P.P_PATH else self.applications_by_number()
        if place == P.P_NODE_TID:
            return (self.node_tid,)
        if place == P.P_CAPTURE_ID:
            return (self.capture_id,)
        return NAMES[place]

    cdef tuple paths_by_number(self):
        cdef uint32_t node
        if self.path_texts is None or len(self.path_texts) != self.n_paths:
            texts = [""]
            for node in range(1, self.n_paths):
                above, name = texts[self.paths[node].parent], LAYER_NAMES[self.paths[node].layer]
                texts.append(f"{above}/{name}" if above else name)
            self.path_texts = tuple(texts)
        return self.path_texts

    cdef tuple applications_by_number(self):
        cdef uint32_t number
        cdef uint16_t used
        if self.application_texts is None or len(self.application_texts) != self.applications.count:
            texts, users_names = [""], tuple(self.users_names)
            for number in range(1, self.applications.count):
                used = self.applications.used[number]
                texts.append(LAYER_NAMES[used] if used < NAMED_BY_USERS else users_names[used - NAMED_BY_USERS])
            self.application_texts = tuple(texts)
        return self.application_texts

    # ---- single values

    def value(self, uint32_t number, int place, int kind):
        """What a field of a flow holds: int, str, or None where the flow has no such layer."""
        if number >= self.count:
            raise IndexError(number)
        self.lock()
        try:
            return self.value_of(record_at(self, number), place, kind)
        finally:
            self.unlock()

    cdef object value_of(self, const Record *record, int place, int kind):
        cdef char text[LONGEST_TEXT]
        if not is_present(self, record, place):
            return None
        if kind == TEXT:
            return text[:put_text(self, record, place, text)].decode("ascii")
        if kind == JSON:
            return self.json_text(record, place)
        if kind == NAME:
            return self.names(place)[get_number(self, record, place, spot_of(place))]
        if kind == FRACTION:
            return get_number(self, record, place, spot_of(place)) / 1000.0
        return get_number(self, record, place, spot_of(place))

    cdef str json_text(self, const Record *record, int place):
        text = bytearray(json_room_of(self, record, place))
        length = put_json(self, record, place, text)
        return text[:length].decode("ascii")

    # ---- packets kept

    def packets_of(self, uint32_t number):
        """The packets that a flow keeps, each ``(Unix ns, index, bytes, link type, length on the wire)``."""
        self.lock()
        try:
            return [self.packet(at) for at in self.packet_numbers(number)]
        finally:
            self.unlock()

    def frames_in_order(self, whole, alone):
        """The frames of what many flows keep, each once, in the order in which they were read.

        A frame is given whole for a flow in ``whole``, and as the packet itself for one in ``alone``, unless it
        has been given for a flow around that one. No frame is what was put together from fragments.
        """
        cdef int64_t before = -1
        cdef const Kept *kept
        numbers = [(*self.packet_order(at), True) for row in whole for at in self.packet_numbers(row)]
        numbers += [(*self.packet_order(at), False) for row in alone for at in self.packet_numbers(row)]
        for _, _, number, is_whole in sorted(numbers):
            kept = packet_at(&self.packets, number)
            if kept.frame != before and not (is_whole and kept.apart):
                before = kept.frame
                yield self.frame(number) if is_whole else self.packet(number)

    cdef tuple packet_order(self, uint32_t number):
        """By what packets are in order: their frame, and how deep in it they are; and the number."""
        cdef const Kept *kept = packet_at(&self.packets, number)
        return kept.frame, kept.before, number

    cdef tuple frame(self, uint32_t number):
        cdef const Kept *kept = packet_at(&self.packets, number)
        data = (<const char *>&kept[1])[:kept.before + kept.captured]
        return kept.time, kept.index, data, kept.frame_link_type, kept.before + kept.length

    cdef list packet_numbers(self, uint32_t number):
        cdef list numbers = []
        cdef uint32_t last, at
        if number >= self.count:
            raise IndexError(number)
        last = at = record_at(self, number).raw_packets
        while last and (not numbers or at != last):
            at = packet_at(&self.packets, at).next
            numbers.append(at)
        return numbers

    cdef tuple packet(self, uint32_t number):
        cdef const Kept *kept = packet_at(&self.packets, number)
        data = (<const char *>packet_bytes(kept))[:kept.captured]
        return kept.time, kept.index, data, kept.link_type, kept.length

    # ---- families

    def parent_of(self, uint32_t number):
        """The number of a flow's parent, or None."""
        if number >= self.count:
            raise IndexError(number)
        parent = record_at(self, number).key.parent
        return parent - 1 if parent else None

    def children(self, uint32_t number):
        """The numbers of a flow's children, in the order in which they began."""
        self.lock()
        try:
            self.note_children()
            return tuple(self.children_of.get(number, ()))
        finally:
            self.unlock()

    cdef int note_children(self) except -1:
        """Take the flows that have begun since the last time; a finalizer may come in between, and go further."""
        cdef uint32_t child, parent
        if self.children_of is None:
            self.children_of = {}
        while self.children_known < self.count:
            child = self.children_known
            self.children_known += 1
            parent = record_at(self, child).key.parent
            if parent:
                self.children_of.setdefault(parent - 1, []).append(child)
        return 0


PLACES = {
    "uuid": P.P_UUID,
    "path": P.P_PATH,
    "application": P.P_APPLICATION,
    "link_protocol": P.P_LINK_PROTOCOL,
    "link_a": P.P_LINK_A,
    "link_b": P.P_LINK_B,
    "link_id": P.P_LINK_ID,
    "network_protocol": P.P_NETWORK_PROTOCOL,
    "network_a": P.P_NETWORK_A,
    "network_b": P.P_NETWORK_B,
    "network_id": P.P_NETWORK_ID,
    "transport_protocol": P.P_TRANSPORT_PROTOCOL,
    "transport_a": P.P_TRANSPORT_A,
    "transport_b": P.P_TRANSPORT_B,
    "transport_id": P.P_TRANSPORT_ID,
    "icmp_type": P.P_ICMP_TYPE,
    "icmp_code": P.P_ICMP_CODE,
    "icmp_id": P.P_ICMP_ID,
    "ab_packets": P.P_AB_PACKETS,
    "ab_bytes": P.P_AB_BYTES,
    "ba_packets": P.P_BA_PACKETS,
    "ba_bytes": P.P_BA_BYTES,
    "start": P.P_START,
    "last": P.P_LAST,
    "rtt": P.P_RTT,
    "tracking_id": P.P_TRACKING_ID,
    "l3_tracking_id": P.P_L3_TRACKING_ID,
    "parent_uuid": P.P_PARENT_UUID,
    "node_tid": P.P_NODE_TID,
    "capture_id": P.P_CAPTURE_ID,
    "raw_packets": P.P_RAW_PACKETS,
    "packets": P.P_PACKETS,
    "finish_type": P.P_FINISH_TYPE,
    "ab_tcp_flags": P.P_AB_TCP_FLAGS,
    "ba_tcp_flags": P.P_BA_TCP_FLAGS,
    "min_ttl": P.P_MIN_TTL,
    "max_ttl": P.P_MAX_TTL,
    "dscp": P.P_DSCP,
    "client": P.P_CLIENT,
    "community_id": P.P_COMMUNITY_ID,
    "family_community_id": P.P_FAMILY_COMMUNITY_ID,
    "fragments": P.P_FRAGMENTS,
    "fragment_errors": P.P_FRAGMENT_ERRORS,
    "sampling_rate": P.P_SAMPLING_RATE,
    "ab_min_size": P.P_AB_MIN_SIZE,
    "ab_mean_size": P.P_AB_MEAN_SIZE,
    "ab_size_deviation": P.P_AB_SIZE_DEVIATION,
    "ab_max_size": P.P_AB_MAX_SIZE,
    "ba_min_size": P.P_BA_MIN_SIZE,
    "ba_mean_size": P.P_BA_MEAN_SIZE,
    "ba_size_deviation": P.P_BA_SIZE_DEVIATION,
    "ba_max_size": P.P_BA_MAX_SIZE,
    "ab_min_gap": P.P_AB_MIN_GAP,
    "ab_mean_gap": P.P_AB_MEAN_GAP,
    "ab_gap_deviation": P.P_AB_GAP_DEVIATION,
    "ab_max_gap": P.P_AB_MAX_GAP,
    "ba_min_gap": P.P_BA_MIN_GAP,
    "ba_mean_gap": P.P_BA_MEAN_GAP,
    "ba_gap_deviation": P.P_BA_GAP_DEVIATION,
    "ba_max_gap": P.P_BA_MAX_GAP,
    "ab_tunnel_id": P.P_AB_TUNNEL_ID,
    "ba_tunnel_id": P.P_BA_TUNNEL_ID,
    "dhcpv4": P.P_DHCPV4,
    "dns": P.P_DNS,
    "vrrpv2": P.P_VRRPV2,
    "update_ab_packets": P.P_UPDATE_AB_PACKETS,
    "update_ab_bytes": P.P_UPDATE_AB_BYTES,
    "update_ba_packets": P.P_UPDATE_BA_PACKETS,
    "update_ba_bytes": P.P_UPDATE_BA_BYTES,
    "update_start": P.P_UPDATE_START,
    "update_last": P.P_UPDATE_LAST,
    "update_rtt": P.P_UPDATE_RTT,
    "segment": P.P_SEGMENT,
}

TCP_FIELDS = (                          # by TcpField
    "syn_start", "syn_ttl", "fin_start", "rst_start", "segment_out_of_order", "segment_skipped",
    "segment_skipped_bytes", "packets", "bytes", "saw_start", "saw_end", "retransmitted", "zero_windows",
)
PLACES.update(
    (f"tcp_{side}_{name}", P.P_TCP + 2 * number + of_b)
    for number, name in enumerate(TCP_FIELDS)
    for of_b, side in enumerate(("ab", "ba"))
)
PLACES["tcp_handshake_time"] = P.P_TCP + 2 * HANDSHAKE

NAMES = {
    P.P_CLIENT: ("A", "B"),
    P.P_LINK_PROTOCOL: ("ETHERNET",),
    P.P_NETWORK_PROTOCOL: ("IPV4", "IPV6"),
    P.P_TRANSPORT_PROTOCOL: ("TCP", "UDP", "SCTP", "RUDP", "UDPLITE"),
    P.P_ICMP_TYPE: tuple(kind.name for kind in ICMPType),
    P.P_FINISH_TYPE: tuple(kind.name for kind in FlowFinishType),
}
