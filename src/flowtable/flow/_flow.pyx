"""Flow records: where they live, how they begin, and how their fields are read.

``schema.py`` says which fields there are; a field's place is a name in ``PLACES``.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_AS_STRING

from flowtable._types cimport IPV4, TCP, Record
from flowtable.packet._dissection cimport Part
from flowtable.packet._key cimport FlowIds, flow_uuid, part_ids, put_hex
from flowtable.packet._layers cimport LINUX_SLL, LINUX_SLL2

from flowtable.packet.layers import LAYER_NAMES

cdef extern from "sys/mman.h" nogil:
    int madvise(void *address, size_t length, int advice)
    int MADV_HUGEPAGE

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **memory, size_t alignment, size_t size)

cdef enum:
    PIECE_BYTES = PIECE_RECORDS * sizeof(Record)
    TEXT_BYTES = 48                             # the longest text of a field: an IPv6 address has 45
    CHUNK_ROWS = 1024                           # of a column at a time: their records take 256 KiB


# ---- places: where a field is in the record

cdef enum Kind:
    TEXT = 0                # made from the record: an address, an id in hex
    NAME = 1                # a number that stands for one of a few texts
    NUMBER = 2


cdef enum Place:
    P_UUID
    P_PATH
    P_APPLICATION
    P_LINK_PROTOCOL
    P_LINK_A
    P_LINK_B
    P_LINK_ID
    P_NETWORK_PROTOCOL
    P_NETWORK_A
    P_NETWORK_B
    P_NETWORK_ID
    P_TRANSPORT_PROTOCOL
    P_TRANSPORT_A
    P_TRANSPORT_B
    P_TRANSPORT_ID
    P_ICMP_TYPE
    P_ICMP_CODE
    P_ICMP_ID
    P_AB_PACKETS
    P_AB_BYTES
    P_BA_PACKETS
    P_BA_BYTES
    P_START
    P_LAST
    P_RTT
    P_TRACKING_ID
    P_L3_TRACKING_ID
    P_PARENT_UUID
    P_NODE_TID
    P_CAPTURE_ID
    P_RAW_PACKETS
    P_FINISH_TYPE


cdef class Records:
    """Flows in memory that never moves, in the order in which they began."""

    def __cinit__(self, str node_tid="", str capture_id=""):
        self.node_tid = node_tid
        self.capture_id = capture_id
        self.node_bytes = node_tid.encode()
        self.node = <const uint8_t *>PyBytes_AS_STRING(self.node_bytes)
        self.node_length = len(self.node_bytes)
        self.pieces = <Record **>calloc(MAX_PIECES, sizeof(Record *))
        self.paths = <PathNode *>calloc(MAX_PATHS, sizeof(PathNode))
        self.application_of = <int32_t *>calloc(MAX_PATHS, sizeof(int32_t))
        self.n_paths = 1
        if self.pieces == NULL or self.paths == NULL or self.application_of == NULL:
            raise MemoryError("no memory for a flow table")

    def __dealloc__(self):
        cdef uint32_t piece
        if self.pieces != NULL:
            for piece in range((self.count + PIECE_RECORDS - 1) >> PIECE_BITS):
                free(self.pieces[piece])
        free(self.pieces)
        free(self.paths)
        free(self.application_of)

    def __len__(self):
        return self.count

    cdef Record *begin_flow(self, const Part *part, uint32_t parent) noexcept nogil:
        """A new record for the first packet of a flow, not counted yet; NULL when memory is out.

        `parent` is the parent's number plus one, and 0 without.
        """
        cdef Record *record = self.new_record()
        cdef uint64_t parent_uuid = record_at(self, parent - 1).uuid if parent else 0
        cdef FlowIds ids
        if record == NULL:
            return NULL
        ids = part_ids(part, parent != 0, parent_uuid)
        record.key = part.key
        record.key.parent = parent
        record.start = record.last = part.time
        record.swapped = part.swapped
        record.path = self.path_of(part)
        record.uuid = flow_uuid(ids.key, part.time // 1000000, self.node, self.node_length)
        record.tracking_id, record.l3_tracking_id = ids.l2, ids.l3
        record.link_id, record.network_id = part.link_id, part.network_id
        record.port_a, record.port_b = part.port_a, part.port_b
        record.has_link = part.has_link
        memcpy(record.link_a, part.link_a, 6)
        memcpy(record.link_b, part.link_b, 6)
        record.icmp_type, record.icmp_code = part.icmp_type, part.icmp_code
        return record

    cdef Record *new_record(self) noexcept nogil:
        cdef uint32_t piece = self.count >> PIECE_BITS
        cdef Record *record
        if self.count & PIECE_MASK == 0 and not self.new_piece(piece):
            return NULL
        record = record_at(self, self.count)
        memset(record, 0, sizeof(Record))
        self.count += 1
        return record

    cdef bint new_piece(self, uint32_t piece) noexcept nogil:
        cdef void *memory = NULL
        if piece == MAX_PIECES or posix_memalign(&memory, PIECE_BYTES, PIECE_BYTES) != 0:
            return False
        madvise(memory, PIECE_BYTES, MADV_HUGEPAGE)     # only advice: the flows do not depend on it
        self.pieces[piece] = <Record *>memory
        return True

    cdef uint16_t path_of(self, const Part *part) noexcept nogil:
        """The path of a part's layers, without Linux cooked headers."""
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
        self.n_paths += 1
        self.paths[node].parent = parent
        self.paths[node].layer = layer
        self.paths[node].sibling = self.paths[parent].child
        self.paths[parent].child = node
        return node

    # ---- names: of these a field holds the number, and a column the dictionary

    def names(self, int place):
        """The texts that a field of kind NAME has as its numbers say."""
        if place == P_PATH:
            return self.paths_by_number()
        if place == P_APPLICATION:
            return self.applications()
        if place == P_NODE_TID:
            return (self.node_tid,)
        if place == P_CAPTURE_ID:
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

    cdef tuple applications(self):
        """Distinct last names of the paths; application_of says which of them is a path's own."""
        cdef uint32_t node
        if self.applications_known != self.n_paths:
            numbers = {"": 0}
            for node in range(1, self.n_paths):
                name = LAYER_NAMES[self.paths[node].layer]
                self.application_of[node] = numbers.setdefault(name, len(numbers))
            self.application_texts = tuple(numbers)
            self.applications_known = self.n_paths
        return self.application_texts

    # ---- single values

    def value(self, uint32_t number, int place, int kind):
        """What a field of a flow holds: int, str, or None where the flow has no such layer."""
        cdef const Record *record
        cdef char text[TEXT_BYTES]
        if number >= self.count:
            raise IndexError(number)
        record = record_at(self, number)
        if not is_present(record, place):
            return None
        if kind == TEXT:
            return text[:put_text(self, record, place, text)].decode("ascii")
        if kind == NAME:
            return self.names(place)[name_number(self, record, place)]
        return get_number(record, place)

    def parent_of(self, uint32_t number):
        """The number of a flow's parent, or None."""
        if number >= self.count:
            raise IndexError(number)
        parent = record_at(self, number).key.parent
        return parent - 1 if parent else None

    def children(self):
        """The numbers of all flows' children, by their parents' number."""
        cdef uint32_t number, parent
        found = {}
        for number in range(self.count):
            parent = record_at(self, number).key.parent
            if parent:
                found.setdefault(parent - 1, []).append(number)
        return found

    # ---- columns

    def columns(self, list fields, const uint32_t[::1] rows, uint32_t start, uint32_t stop):
        """Fields of many flows as Arrow buffers, each ``(validity, number of nulls, offsets, data)``.

        ``fields`` are ``(place, kind)``. ``rows`` are record numbers, or None for all records; ``start``
        and ``stop`` choose among them. Validity is None when nothing is null, offsets are None unless the
        kind is TEXT. Texts are UTF-8 with 32-bit offsets, names 32-bit indices into ``names(place)``, and
        all else is 64 bits wide.
        """
        cdef list columns = [Column(place, kind, stop - start) for place, kind in fields]
        cdef Column column
        cdef uint32_t at, chunk
        self.check_rows(rows, start, stop)
        self.applications()
        for at in range(start, stop, CHUNK_ROWS):
            chunk = min(stop - at, <uint32_t>CHUNK_ROWS)
            for column in columns:
                column.fill(self, rows, at, chunk)
        return [column.buffers() for column in columns]

    cdef int check_rows(self, const uint32_t[::1] rows, uint32_t start, uint32_t stop) except -1:
        cdef uint32_t row
        if not start <= stop <= (self.count if rows is None else <uint32_t>rows.shape[0]):
            raise IndexError((start, stop))
        if rows is not None:
            for row in range(start, stop):
                if rows[row] >= self.count:
                    raise IndexError(rows[row])
        return 0

    # ---- NDJSON

    def json_lines(self, programme, const uint32_t[::1] rows, uint32_t start, uint32_t stop):
        """Flows as NDJSON, a line each, as ``programme`` lays them out: see ``export/json.py``."""
        cdef JsonProgramme steps = programme
        cdef uint32_t row
        cdef bytearray out
        cdef char *at
        self.check_rows(rows, start, stop)
        out = bytearray(<Py_ssize_t>(stop - start) * steps.line_bytes)
        at = out
        with nogil:
            for row in range(start, stop):
                at += steps.put_line(self, row_at(self, rows, row), at)
        return memoryview(out)[:at - <char *>out]


cdef class Column:
    """One field of many flows, filled a chunk at a time so that the records stay in the cache meanwhile."""

    cdef int place
    cdef int kind
    cdef uint32_t filled            # rows
    cdef uint32_t present
    cdef uint32_t length            # bytes of text
    cdef bytes validity
    cdef bytes offsets
    cdef bytes data

    def __cinit__(self, int place, int kind, uint32_t rows):
        cdef Py_ssize_t width = text_width(place) if kind == TEXT else 4 if kind == NAME else 8
        self.place, self.kind = place, kind
        self.validity = bytes((rows + 7) // 8) if can_be_absent(place) else None
        self.offsets = PyBytes_FromStringAndSize(NULL, 4 * (<Py_ssize_t>rows + 1)) if kind == TEXT else None
        self.data = PyBytes_FromStringAndSize(NULL, width * rows)
        if kind == TEXT:
            (<int32_t *>PyBytes_AS_STRING(self.offsets))[0] = 0

    cdef int fill(self, Records records, const uint32_t[::1] rows, uint32_t start, uint32_t n) except -1:
        if self.validity is None:
            self.present += n
        else:
            self.fill_validity(records, rows, start, n)
        if self.kind == TEXT:
            self.fill_texts(records, rows, start, n)
        elif self.kind == NAME:
            self.fill_names(records, rows, start, n)
        else:
            self.fill_numbers(records, rows, start, n)
        self.filled += n
        return 0

    cdef void fill_validity(self, Records records, const uint32_t[::1] rows, uint32_t start, uint32_t n):
        cdef uint8_t *bits = <uint8_t *>PyBytes_AS_STRING(self.validity)
        cdef uint32_t row
        for row in range(self.filled, self.filled + n):
            if is_present(row_at(records, rows, start + row - self.filled), self.place):
                bits[row >> 3] |= 1 << (row & 7)
                self.present += 1

    cdef void fill_numbers(self, Records records, const uint32_t[::1] rows, uint32_t start, uint32_t n):
        cdef uint64_t *numbers = <uint64_t *>PyBytes_AS_STRING(self.data) + self.filled
        cdef uint32_t row
        for row in range(n):
            numbers[row] = get_number(row_at(records, rows, start + row), self.place)

    cdef void fill_names(self, Records records, const uint32_t[::1] rows, uint32_t start, uint32_t n):
        cdef int32_t *numbers = <int32_t *>PyBytes_AS_STRING(self.data) + self.filled
        cdef uint32_t row
        for row in range(n):
            numbers[row] = name_number(records, row_at(records, rows, start + row), self.place)

    cdef void fill_texts(self, Records records, const uint32_t[::1] rows, uint32_t start, uint32_t n):
        cdef int32_t *ends = <int32_t *>PyBytes_AS_STRING(self.offsets) + self.filled + 1
        cdef char *text = PyBytes_AS_STRING(self.data)
        cdef const Record *record
        cdef uint32_t row
        for row in range(n):
            record = row_at(records, rows, start + row)
            if is_present(record, self.place):
                self.length += put_text(records, record, self.place, text + self.length)
            ends[row] = self.length

    cdef tuple buffers(self):
        cdef uint32_t nulls = self.filled - self.present
        data = memoryview(self.data)[:self.length] if self.kind == TEXT else self.data
        return self.validity if nulls else None, nulls, self.offsets, data


cdef enum Shown:
    SHOW_TEXT = 0           # in quotes; these texts need no escapes
    SHOW_NAME = 1           # in quotes, escaped when the programme was made
    SHOW_NUMBER = 2
    SHOW_MS = 3             # ns as ms


cdef struct JsonStep:
    const char *before      # what stands in front of the value: a comma, perhaps a group's name, the name
    uint32_t before_length
    int place
    int shown
    uint32_t skip           # steps of the group to pass over if the flow does not have it; 0: no group begins
    bint closes             # the value is its group's last
    uint32_t first_name     # of its texts among all names


cdef class JsonProgramme:
    """How a line is put together: made once for a set of flows, run for each of them.

    ``steps`` are ``(before, place, shown, skip, closes, names)``: bytes, three numbers, a bool, and a list
    of JSON texts for names (for P_APPLICATION one for each path).
    """

    cdef JsonStep *steps
    cdef uint32_t n_steps
    cdef const char **names
    cdef uint32_t *name_lengths
    cdef list keep                  # what the pointers point into
    cdef readonly uint32_t line_bytes   # the longest line that there can be

    def __cinit__(self, list steps):
        cdef uint32_t i, n_names = sum(len(step[5]) for step in steps), at = 0
        self.keep = []
        self.steps = <JsonStep *>calloc(len(steps) + 1, sizeof(JsonStep))
        self.names = <const char **>calloc(n_names + 1, sizeof(char *))
        self.name_lengths = <uint32_t *>calloc(n_names + 1, sizeof(uint32_t))
        if self.steps == NULL or self.names == NULL or self.name_lengths == NULL:
            raise MemoryError("no memory to lay out JSON")
        self.line_bytes = 2
        for i, (before, place, shown, skip, closes, texts) in enumerate(steps):
            self.keep += [before, *texts]
            self.steps[i] = JsonStep(before, len(before), place, shown, skip, closes, at)
            for text in texts:
                self.names[at] = text
                self.name_lengths[at] = len(text)
                at += 1
            self.line_bytes += len(before) + 1 + max(TEXT_BYTES + 2, *map(len, texts), 0)
        self.n_steps = len(steps)

    def __dealloc__(self):
        free(self.steps)
        free(self.names)
        free(self.name_lengths)

    cdef Py_ssize_t put_line(self, Records records, const Record *record, char *out) noexcept nogil:
        """Write one flow; there is room for line_bytes. Gives the bytes written."""
        cdef uint32_t i = 0
        cdef char *at = out
        cdef const JsonStep *step
        while i < self.n_steps:
            step = &self.steps[i]
            if step.skip and not is_present(record, step.place):
                i += step.skip
                continue
            memcpy(at, step.before, step.before_length)
            at += step.before_length
            at += self.put_value(records, record, step, at)
            if step.closes:
                at[0] = c"}"
                at += 1
            i += 1
        at[0] = c"}"
        at[1] = c"\n"
        return at + 2 - out

    cdef int put_value(self, Records records, const Record *record, const JsonStep *step, char *out) noexcept nogil:
        cdef uint32_t name
        cdef int length
        if step.shown == SHOW_NAME:
            name = step.first_name + <uint32_t>get_number(record, step.place)
            memcpy(out, self.names[name], self.name_lengths[name])
            return <int>self.name_lengths[name]
        if step.shown == SHOW_TEXT:
            length = put_text(records, record, step.place, out + 1) if is_present(record, step.place) else 0
            out[0] = out[length + 1] = c'"'
            return length + 2
        if step.shown == SHOW_MS:
            return put_number(out, get_number(record, step.place) // 1000000)
        return put_number(out, get_number(record, step.place))


cdef inline int put_number(char *out, uint64_t value) noexcept nogil:
    """In decimal; at most twenty digits."""
    cdef char digits[20]
    cdef int n = 0, i
    while True:
        digits[n] = <char>(c"0" + value % 10)
        n += 1
        value //= 10
        if value == 0:
            break
    for i in range(n):
        out[i] = digits[n - 1 - i]
    return n


cdef inline const Record *row_at(Records records, const uint32_t[::1] rows, uint32_t row) noexcept nogil:
    return record_at(records, row if rows is None else rows[row])


PLACES = {
    "uuid": P_UUID,
    "path": P_PATH,
    "application": P_APPLICATION,
    "link_protocol": P_LINK_PROTOCOL,
    "link_a": P_LINK_A,
    "link_b": P_LINK_B,
    "link_id": P_LINK_ID,
    "network_protocol": P_NETWORK_PROTOCOL,
    "network_a": P_NETWORK_A,
    "network_b": P_NETWORK_B,
    "network_id": P_NETWORK_ID,
    "transport_protocol": P_TRANSPORT_PROTOCOL,
    "transport_a": P_TRANSPORT_A,
    "transport_b": P_TRANSPORT_B,
    "transport_id": P_TRANSPORT_ID,
    "icmp_type": P_ICMP_TYPE,
    "icmp_code": P_ICMP_CODE,
    "icmp_id": P_ICMP_ID,
    "ab_packets": P_AB_PACKETS,
    "ab_bytes": P_AB_BYTES,
    "ba_packets": P_BA_PACKETS,
    "ba_bytes": P_BA_BYTES,
    "start": P_START,
    "last": P_LAST,
    "rtt": P_RTT,
    "tracking_id": P_TRACKING_ID,
    "l3_tracking_id": P_L3_TRACKING_ID,
    "parent_uuid": P_PARENT_UUID,
    "node_tid": P_NODE_TID,
    "capture_id": P_CAPTURE_ID,
    "raw_packets": P_RAW_PACKETS,
    "finish_type": P_FINISH_TYPE,
}

ICMP_TYPES = (
    "UNKNOWN", "DESTINATION_UNREACHABLE", "ECHO", "NEIGHBOR", "ADDRESS_MASK", "INFO", "PARAMETER_PROBLEM",
    "REDIRECT", "ROUTER", "SOURCE_QUENCH", "TIME_EXCEEDED", "TIMESTAMP", "PACKET_TOO_BIG",
)
FINISH_TYPES = ("NOT_FINISHED", "TIMEOUT", "TCP_FIN", "TCP_RST")

NAMES = {
    P_LINK_PROTOCOL: ("ETHERNET",),
    P_NETWORK_PROTOCOL: ("IPV4", "IPV6"),
    P_TRANSPORT_PROTOCOL: ("TCP", "UDP", "SCTP", "RUDP", "UDPLITE"),
    P_ICMP_TYPE: ICMP_TYPES,
    P_FINISH_TYPE: FINISH_TYPES,
}


cdef inline bint can_be_absent(int place) noexcept nogil:
    return P_LINK_PROTOCOL <= place <= P_ICMP_ID or place == P_PARENT_UUID


cdef inline bint is_present(const Record *r, int place) noexcept nogil:
    """Whether the flow has the layer that a field belongs to."""
    if P_LINK_PROTOCOL <= place <= P_LINK_ID:
        return r.has_link
    if P_NETWORK_PROTOCOL <= place <= P_NETWORK_ID:
        return r.key.network
    if P_TRANSPORT_PROTOCOL <= place <= P_TRANSPORT_ID:
        return r.key.transport
    if P_ICMP_TYPE <= place <= P_ICMP_ID:
        return r.key.icmp
    if place == P_PARENT_UUID:
        return r.key.parent
    return True


cdef inline uint64_t get_number(const Record *r, int place) noexcept nogil:
    """A field that is a number, or the number of a name; of P_APPLICATION its path's."""
    if place == P_AB_PACKETS:
        return r.ab_packets
    elif place == P_AB_BYTES:
        return r.ab_bytes
    elif place == P_BA_PACKETS:
        return r.ba_packets
    elif place == P_BA_BYTES:
        return r.ba_bytes
    elif place == P_START:
        return r.start
    elif place == P_LAST:
        return r.last
    elif place == P_RTT:
        return r.rtt
    elif place == P_PATH or place == P_APPLICATION:
        return r.path
    elif place == P_LINK_ID:
        return r.link_id
    elif place == P_NETWORK_PROTOCOL:
        return r.key.network - IPV4 if r.key.network else 0
    elif place == P_NETWORK_ID:
        return r.network_id
    elif place == P_TRANSPORT_PROTOCOL:
        return r.key.transport - TCP if r.key.transport else 0
    elif place == P_TRANSPORT_A:
        return r.port_a
    elif place == P_TRANSPORT_B:
        return r.port_b
    elif place == P_ICMP_TYPE:
        return r.icmp_type
    elif place == P_ICMP_CODE:
        return r.icmp_code
    elif place == P_ICMP_ID:
        return r.key.id & 0xFFFF
    elif place == P_FINISH_TYPE:
        return r.finish
    return 0


cdef inline int32_t name_number(Records records, const Record *r, int place) noexcept nogil:
    """Which of names(place) the flow has; of its application only after applications()."""
    if place == P_APPLICATION:
        return records.application_of[r.path]
    return <int32_t>get_number(r, place)


cdef inline int text_width(int place) noexcept nogil:
    """The longest text that put_text() writes there: an IPv6 address, a MAC, or sixteen digits."""
    if place == P_NETWORK_A or place == P_NETWORK_B:
        return 45
    return 17 if place == P_LINK_A or place == P_LINK_B else 16


cdef inline int put_text(Records records, const Record *r, int place, char *out) noexcept nogil:
    """Write a field of kind TEXT, at most TEXT_BYTES; gives its length."""
    if place == P_UUID:
        return put_hex(<uint8_t *>out, r.uuid)
    elif place == P_TRACKING_ID:
        return put_hex(<uint8_t *>out, r.tracking_id)
    elif place == P_L3_TRACKING_ID:
        return put_hex(<uint8_t *>out, r.l3_tracking_id)
    elif place == P_PARENT_UUID:
        return put_hex(<uint8_t *>out, record_at(records, r.key.parent - 1).uuid)
    elif place == P_LINK_A:
        return put_mac(out, r.link_a)
    elif place == P_LINK_B:
        return put_mac(out, r.link_b)
    elif place == P_NETWORK_A:
        return put_address(out, r.key.network, address_of(r, r.swapped))
    elif place == P_NETWORK_B:
        return put_address(out, r.key.network, address_of(r, not r.swapped))
    return 0


cdef inline const uint8_t *address_of(const Record *r, bint end_b) noexcept nogil:
    """The address in one end of the key."""
    if end_b:
        return r.key.address_b
    return r.key.address_a


cdef const char *HEX_DIGITS = "0123456789abcdef"


cdef inline int put_mac(char *out, const uint8_t *mac) noexcept nogil:
    """Six bytes in hex with colons."""
    cdef int i
    for i in range(6):
        out[3 * i] = HEX_DIGITS[mac[i] >> 4]
        out[3 * i + 1] = HEX_DIGITS[mac[i] & 15]
        out[3 * i + 2] = c":"
    return 17


cdef inline int put_address(char *out, uint8_t network, const uint8_t *address) noexcept nogil:
    """An IPv4 address with dots, or an IPv6 one as RFC 5952 has it, mapped IPv4 as ::ffff:1.2.3.4."""
    cdef int i, at = 0
    if network != IPV4:
        return put_ipv6(out, address)
    for i in range(4):
        at += put_decimal(out + at, address[i])
        out[at] = c"."
        at += 1
    return at - 1


cdef inline int put_decimal(char *out, uint8_t value) noexcept nogil:
    """At most three digits."""
    cdef int at = 0
    if value >= 100:
        out[at] = c"0" + value // 100
        at += 1
    if value >= 10:
        out[at] = c"0" + value // 10 % 10
        at += 1
    out[at] = c"0" + value % 10
    return at + 1


cdef inline int put_ipv6(char *out, const uint8_t *address) noexcept nogil:
    """RFC 5952: the longest run of two or more zero groups, the first of equals, becomes `::`."""
    cdef int start = 8, length = 1, i, run = 0, at = 0
    for i in range(8):
        run = run + 1 if address[2 * i] == 0 and address[2 * i + 1] == 0 else 0
        if run > length:
            start, length = i + 1 - run, run
    if start == 0 and length == 5 and address[10] == 0xFF and address[11] == 0xFF:
        memcpy(out, b"::ffff:", 7)
        return 7 + put_address(out + 7, IPV4, address + 12)
    i = 0
    while i < 8:
        if i == start:
            out[at] = out[at + 1] = c":"
            at += 2
            i += length
            continue
        if i and i != start + length:
            out[at] = c":"
            at += 1
        at += put_hex(<uint8_t *>out + at, (<uint32_t>address[2 * i] << 8) | address[2 * i + 1])
        i += 1
    return at
