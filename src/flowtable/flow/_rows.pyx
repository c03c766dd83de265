"""Many flows at a time: as Arrow buffers, and as lines of JSON."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from cpython.bytearray cimport PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from flowtable._sha1 cimport SHA1_LANES
from flowtable._text cimport Text, put, put_number, put_thousandths
from flowtable._types cimport Record
from flowtable.flow._community cimport COMMUNITY_ID_BYTES, put_community_id, put_community_ids
from flowtable.flow._flow cimport Records, check_rows, row_at
from flowtable.flow._packet_json cimport packets_room, put_packets
from flowtable.flow._packets cimport Kept, packet_at, packet_bytes
from flowtable.flow._places cimport (
    FRACTION, JSON, LONGEST_TEXT, NAME, P_COMMUNITY_ID, P_DHCPV4, P_FAMILY_COMMUNITY_ID, P_VRRPV2, TEXT,
    Spot, get_number, has_presence, is_present, json_room_of, presence_of, put_json, put_text, spot_of,
    text_width, whose_community_id,
)

cdef enum:
    CHUNK_ROWS = 1024           # of a column at a time: their records take 256 KiB


def columns(Records records not None, list fields, const uint32_t[::1] rows, uint32_t start, uint32_t stop):
    """Fields of many flows as Arrow buffers, each ``(validity, number of nulls, offsets, data)``.

    ``fields`` are ``(place, kind)``. ``rows`` are record numbers, or None for all records; ``start``
    and ``stop`` choose among them. Validity is None when nothing is null, offsets are None unless the
    kind is TEXT or JSON. Texts are UTF-8 with 32-bit offsets, names 32-bit indices into ``names(place)``, and
    all else is 64 bits wide.
    """
    cdef dict validities = {}
    cdef list columns = [Column(place, kind, stop - start, validities) for place, kind in fields]
    cdef Validity validity
    cdef Column column
    cdef Chunk chunk
    cdef uint32_t at
    check_rows(records, rows, start, stop)
    for at in range(start, stop, CHUNK_ROWS):
        take_chunk(&chunk, records, rows, at, min(stop - at, <uint32_t>CHUNK_ROWS))
        for validity in validities.values():
            validity.fill(records, &chunk)
        for column in columns:
            column.fill(records, &chunk)
    return [column.buffers() for column in columns]


cdef struct Chunk:
    const Record *records[CHUNK_ROWS]
    uint32_t rows


cdef void take_chunk(Chunk *chunk, Records records, const uint32_t[::1] rows, uint32_t start, uint32_t n) noexcept nogil:
    cdef uint32_t row
    chunk.rows = n
    for row in range(n):
        chunk.records[row] = row_at(records, rows, start + row)


cdef class Validity:
    """Which of many flows have the fields of one presence."""

    cdef int presence
    cdef uint32_t filled            # rows
    cdef uint32_t present
    cdef bytes bytes
    cdef uint8_t *bits

    def __cinit__(self, int presence, uint32_t rows):
        self.presence = presence
        self.bytes = bytes((rows + 7) // 8)
        self.bits = <uint8_t *>PyBytes_AS_STRING(self.bytes)

    cdef void fill(self, Records records, const Chunk *chunk) noexcept nogil:
        cdef uint32_t row
        for row in range(chunk.rows):
            if has_presence(records, chunk.records[row], self.presence):
                self.bits[self.filled >> 3] |= 1 << (self.filled & 7)
                self.present += 1
            self.filled += 1

    cdef inline bint has(self, uint32_t row) noexcept nogil:
        return self.bits[row >> 3] >> (row & 7) & 1


cdef class Column:
    """One field of many flows, filled a chunk at a time so that the records stay in the cache meanwhile.

    ``validities`` has the Validity of each presence, filled before the columns that share it.
    """

    cdef int place
    cdef int kind
    cdef Spot spot
    cdef uint32_t filled            # rows
    cdef uint32_t length            # bytes of text
    cdef Validity validity
    cdef bytes offsets
    cdef bytes data
    cdef bytearray json             # texts of any length
    cdef int32_t *ends              # of texts, from the first one's on
    cdef char *values               # of data

    def __cinit__(self, int place, int kind, uint32_t rows, dict validities):
        cdef Py_ssize_t width = text_width(place) if kind == TEXT else 4 if kind == NAME else 8
        cdef int presence = presence_of(place)
        self.place, self.kind, self.spot = place, kind, spot_of(place)
        if presence not in validities:
            validities[presence] = Validity(presence, rows)
        self.validity = validities[presence]
        if kind == TEXT or kind == JSON:
            self.offsets = PyBytes_FromStringAndSize(NULL, 4 * (<Py_ssize_t>rows + 1))
            self.ends = <int32_t *>PyBytes_AS_STRING(self.offsets)
            self.ends[0] = 0
        if kind == JSON:
            self.json = bytearray()
        else:
            self.data = PyBytes_FromStringAndSize(NULL, width * rows)
            self.values = PyBytes_AS_STRING(self.data)

    cdef int fill(self, Records records, const Chunk *chunk) except -1:
        if self.kind == JSON:
            self.fill_json(records, chunk)
        with nogil:
            if self.place == P_COMMUNITY_ID or self.place == P_FAMILY_COMMUNITY_ID:
                self.fill_community_ids(records, chunk)
            elif self.kind == TEXT:
                self.fill_texts(records, chunk)
            elif self.kind == NAME:
                self.fill_names(records, chunk)
            elif self.kind == FRACTION:
                self.fill_fractions(records, chunk)
            elif self.kind != JSON:
                self.fill_numbers(records, chunk)
        self.filled += chunk.rows
        return 0

    cdef void fill_numbers(self, Records records, const Chunk *chunk) noexcept nogil:
        cdef uint64_t *numbers = <uint64_t *>self.values + self.filled
        cdef Spot at = self.spot
        cdef uint32_t row
        for row in range(chunk.rows):
            numbers[row] = get_number(records, chunk.records[row], self.place, at)

    cdef void fill_fractions(self, Records records, const Chunk *chunk) noexcept nogil:
        cdef double *numbers = <double *>self.values + self.filled
        cdef uint32_t row
        for row in range(chunk.rows):
            numbers[row] = <double>get_number(records, chunk.records[row], self.place, self.spot) / 1000.0

    cdef void fill_names(self, Records records, const Chunk *chunk) noexcept nogil:
        cdef int32_t *numbers = <int32_t *>self.values + self.filled
        cdef Spot at = self.spot
        cdef uint32_t row
        for row in range(chunk.rows):
            numbers[row] = <int32_t>get_number(records, chunk.records[row], self.place, at)

    cdef void fill_texts(self, Records records, const Chunk *chunk) noexcept nogil:
        cdef int32_t *ends = self.ends + self.filled + 1
        cdef uint32_t row
        for row in range(chunk.rows):
            if self.validity.has(self.filled + row):
                self.length += put_text(records, chunk.records[row], self.place, self.values + self.length)
            ends[row] = self.length

    cdef void fill_community_ids(self, Records records, const Chunk *chunk) noexcept nogil:
        """As fill_texts(), but several at a time; all are equally long."""
        cdef const Record *whose[SHA1_LANES]
        cdef int32_t *ends = self.ends + self.filled + 1
        cdef char *out = self.values + self.length
        cdef int i, n = 0
        cdef uint32_t row
        for row in range(chunk.rows):
            if self.validity.has(self.filled + row):
                whose[n] = whose_community_id(records, chunk.records[row], self.place)
                n += 1
                self.length += COMMUNITY_ID_BYTES
            if n == SHA1_LANES:
                put_community_ids(out, whose)
                out += SHA1_LANES * COMMUNITY_ID_BYTES
                n = 0
            ends[row] = self.length
        for i in range(n):
            put_community_id(out + i * COMMUNITY_ID_BYTES, whose[i])

    cdef int fill_json(self, Records records, const Chunk *chunk) except -1:
        cdef int32_t *ends = self.ends + self.filled + 1
        cdef const Record *record
        cdef uint32_t row
        for row in range(chunk.rows):
            record = chunk.records[row]
            if self.validity.has(self.filled + row):
                self.make_room(json_room_of(records, record, self.place))
                self.length += <uint32_t>put_json(records, record, self.place, <char *>self.json + self.length)
            ends[row] = self.length
        return 0

    cdef int make_room(self, size_t more) except -1:
        """See to it that so many bytes of JSON fit; text_rows() has seen to it that offsets do."""
        if self.length + more > <size_t>len(self.json):
            PyByteArray_Resize(self.json, <Py_ssize_t>(self.length + more + self.length // 2))
        return 0

    cdef tuple buffers(self):
        cdef uint32_t nulls = self.filled - self.validity.present
        data = self.data if self.json is None else self.json
        if self.offsets is not None:
            data = memoryview(data)[:self.length]
        return self.validity.bytes if nulls else None, nulls, self.offsets, data


def text_rows(Records records not None, const uint32_t[::1] rows, uint32_t start, uint32_t stop, size_t most):
    """How far flows from ``start`` on go until their messages and packets may take more bytes than ``most``.

    Gives the row behind them, which is ``stop`` at most; there is one flow at least.
    """
    cdef size_t room = 0
    cdef uint32_t row
    check_rows(records, rows, start, stop)
    for row in range(start, stop):
        room += kept_room(records, row_at(records, rows, row))
        if room > most and row > start:
            return row
    return stop


cdef inline size_t messages_room(Records records, const Record *record) noexcept nogil:
    """The most bytes that all fields of kind JSON of a flow take."""
    cdef size_t room = 0
    cdef int place
    if record.messages:
        for place in range(P_DHCPV4, P_VRRPV2 + 1):
            if is_present(records, record, place):
                room += json_room_of(records, record, place)
    return room


cdef inline size_t kept_room(Records records, const Record *record) noexcept nogil:
    """The most bytes that all that a flow keeps takes as JSON."""
    cdef size_t room = messages_room(records, record)
    return room + packets_room(&records.packets, record.raw_packets) if record.raw_packets else room


def packet_columns(Records records not None, const uint32_t[::1] rows, uint32_t start, uint32_t stop):
    """The packets that many flows keep, as the buffers of a column of lists of structs.

    Gives ``(validity, number of nulls, offsets, packets, times, indices, data offsets, data, link types,
    lengths)``; offsets of lists have 32 bits, those of data 64, times 64, and the others 32. Flows that keep
    none are null.
    """
    cdef uint32_t row, flows = stop - start
    cdef PacketBuffers out
    check_rows(records, rows, start, stop)
    out = PacketBuffers(flows)
    for row in range(start, stop):
        out.count(records, row_at(records, rows, row))
    out.begin()
    for row in range(start, stop):
        out.add(records, row - start, row_at(records, rows, row))
    return out.buffers()


cdef class PacketBuffers:
    """A column of packets: first all are counted, then all are added."""

    cdef uint32_t flows
    cdef uint32_t present           # flows that keep packets
    cdef uint64_t packets
    cdef uint64_t length            # bytes of data
    cdef bytes validity
    cdef bytes offsets
    cdef bytes times
    cdef bytes indices
    cdef bytes ends
    cdef bytes data
    cdef bytes link_types
    cdef bytes lengths

    def __cinit__(self, uint32_t flows):
        self.flows = flows
        self.validity = bytes((flows + 7) // 8)
        self.offsets = bytes(4 * (<Py_ssize_t>flows + 1))

    cdef void count(self, Records records, const Record *record) noexcept nogil:
        cdef uint32_t last = record.raw_packets, at = last
        self.packets += record.raw_count
        while last:
            at = packet_at(&records.packets, at).next
            self.length += packet_at(&records.packets, at).captured
            if at == last:
                break

    cdef int begin(self) except -1:
        self.times = PyBytes_FromStringAndSize(NULL, 8 * self.packets)
        self.indices = PyBytes_FromStringAndSize(NULL, 4 * self.packets)
        self.ends = bytes(8 * (self.packets + 1))
        self.data = PyBytes_FromStringAndSize(NULL, self.length)
        self.link_types = PyBytes_FromStringAndSize(NULL, 4 * self.packets)
        self.lengths = PyBytes_FromStringAndSize(NULL, 4 * self.packets)
        self.packets = self.length = 0
        return 0

    cdef int add(self, Records records, uint32_t row, const Record *record) except -1:
        cdef uint32_t last = record.raw_packets, at = last
        while last:
            at = packet_at(&records.packets, at).next
            self.put(packet_at(&records.packets, at))
            if at == last:
                break
        if last:
            (<uint8_t *>PyBytes_AS_STRING(self.validity))[row >> 3] |= 1 << (row & 7)
            self.present += 1
        (<int32_t *>PyBytes_AS_STRING(self.offsets))[row + 1] = <int32_t>self.packets
        return 0

    cdef int put(self, const Kept *kept) except -1:
        cdef uint64_t n = self.packets
        memcpy(PyBytes_AS_STRING(self.data) + self.length, packet_bytes(kept), kept.captured)
        self.length += kept.captured
        self.packets += 1
        (<int64_t *>PyBytes_AS_STRING(self.times))[n] = kept.time
        (<uint32_t *>PyBytes_AS_STRING(self.indices))[n] = kept.index
        (<int64_t *>PyBytes_AS_STRING(self.ends))[n + 1] = <int64_t>self.length
        (<uint32_t *>PyBytes_AS_STRING(self.link_types))[n] = kept.link_type
        (<uint32_t *>PyBytes_AS_STRING(self.lengths))[n] = kept.length
        return 0

    cdef tuple buffers(self):
        cdef uint32_t nulls = self.flows - self.present
        return (
            self.validity if nulls else None, nulls, self.offsets, self.packets, self.times, self.indices,
            self.ends, self.data, self.link_types, self.lengths,
        )


def json_lines(Records records not None, JsonProgramme programme not None, const uint32_t[::1] rows, uint32_t start, uint32_t stop):
    """Flows as NDJSON, a line each, as ``programme`` lays them out: see ``export/json.py``.

    Gives ``(lines, row)``. The lines end before ``row``, which is ``stop`` unless flows with messages or
    packets need more room than ``line_bytes`` each; there is one line at least.
    """
    cdef bytearray out
    cdef char *at
    cdef char *end
    cdef size_t room = <size_t>(stop - start) * programme.line_bytes
    check_rows(records, rows, start, stop)
    if start == stop:
        return b"", stop
    out = bytearray(max(room, programme.line_room(records, row_at(records, rows, start))))
    at = out
    end = at + len(out)
    with nogil:
        while start < stop and <size_t>(end - at) >= programme.line_room(records, row_at(records, rows, start)):
            at += programme.put_line(records, row_at(records, rows, start), at)
            start += 1
    return memoryview(out)[:at - <char *>out], start


cdef enum Shown:
    SHOW_TEXT = 0           # in quotes; these texts need no escapes
    SHOW_NAME = 1           # in quotes, escaped when the programme was made
    SHOW_NUMBER = 2
    SHOW_MS = 3             # ns as ms
    SHOW_FRACTION = 4       # thousandths
    SHOW_FLAG = 5           # true or false
    SHOW_JSON = 6           # JSON of its own
    SHOW_PACKETS = 7        # in brackets


cdef struct JsonStep:
    Text name               # in quotes, with its colon
    Text opening            # what begins its group
    uint32_t group          # the number of its group; 0: the flow itself
    int place
    Spot spot
    int shown
    bint optional           # left out if the flow does not have the value
    uint32_t first_name     # of its texts among all names


cdef inline Text text_of(bytes text):
    return Text(text, <uint32_t>len(text))


cdef class JsonProgramme:
    """How a line is put together: made once for a set of flows, run for each of them.

    ``steps`` are ``(opening, name, place, shown, optional, names)``: what begins the group that the value
    is in (empty for the flow's own), the name with its colon, two numbers, a bool, and a list of JSON texts
    for names. A group begins with the first of its values that a flow has, and is left out if there is none.
    """

    cdef JsonStep *steps
    cdef uint32_t n_steps
    cdef Text *names
    cdef list keep                  # what the pointers point into
    cdef readonly uint32_t line_bytes   # the longest line of a flow without messages and packets

    def __cinit__(self, list steps):
        cdef uint32_t i, n_names = sum(len(step[5]) for step in steps), at = 0
        cdef dict groups = {b"": 0}
        self.keep = [steps]
        self.steps = <JsonStep *>calloc(len(steps) + 1, sizeof(JsonStep))
        self.names = <Text *>calloc(n_names + 1, sizeof(Text))
        if self.steps == NULL or self.names == NULL:
            raise MemoryError("no memory to lay out JSON")
        self.line_bytes = 3
        for i, (opening, name, place, shown, optional, texts) in enumerate(steps):
            group = groups.setdefault(opening, len(groups))
            self.steps[i] = JsonStep(
                text_of(name), text_of(opening), group, place, spot_of(place), shown, optional, at,
            )
            for text in texts:
                self.names[at] = text_of(text)
                at += 1
            self.line_bytes += len(opening) + len(name) + 3 + max(LONGEST_TEXT + 2, *map(len, texts), 0)
        self.n_steps = len(steps)

    def __dealloc__(self):
        free(self.steps)
        free(self.names)

    cdef size_t line_room(self, Records records, const Record *record) noexcept nogil:
        """The most bytes that a flow's line takes."""
        return self.line_bytes + kept_room(records, record)

    cdef Py_ssize_t put_line(self, Records records, const Record *record, char *out) noexcept nogil:
        """Write one flow; there is line_room() for it. Gives the bytes written."""
        cdef char *at = out
        cdef uint32_t i, group = 0
        cdef const JsonStep *step
        at[0] = c"{"
        at += 1
        for i in range(self.n_steps):
            step = &self.steps[i]
            if step.optional and not is_present(records, record, step.place):
                continue
            at = put_between(at, step, group, at == out + 1)
            group = step.group
            at = put(at, step.name)
            at += self.put_value(records, record, step, at)
        at = put(at, Text("}", group != 0))
        return put(at, Text("}\n", 2)) - out

    cdef Py_ssize_t put_value(self, Records records, const Record *record, const JsonStep *step, char *out) noexcept nogil:
        cdef uint32_t name
        cdef int length
        if step.shown == SHOW_NAME:
            name = step.first_name + <uint32_t>get_number(records, record, step.place, step.spot)
            return put(out, self.names[name]) - out
        if step.shown == SHOW_PACKETS:
            return put_packets(out, &records.packets, record.raw_packets)
        if step.shown == SHOW_TEXT:
            length = put_text(records, record, step.place, out + 1) if is_present(records, record, step.place) else 0
            out[0] = out[length + 1] = c'"'
            return length + 2
        if step.shown == SHOW_JSON:
            return put_json(records, record, step.place, out)
        if step.shown == SHOW_MS:
            return put_number(out, get_number(records, record, step.place, step.spot) // 1000000)
        if step.shown == SHOW_FRACTION:
            return put_thousandths(out, get_number(records, record, step.place, step.spot))
        if step.shown == SHOW_FLAG:
            return put_flag(out, get_number(records, record, step.place, step.spot))
        return put_number(out, get_number(records, record, step.place, step.spot))


cdef inline char *put_between(char *at, const JsonStep *step, uint32_t group, bint first) noexcept nogil:
    """Write what stands between a value of one group and the next value: a comma, a group's end or start."""
    if group and group != step.group:
        at = put(at, Text("}", 1))
    if not first:
        at = put(at, Text(", ", 2))
    if step.group and step.group != group:
        at = put(at, step.opening)
    return at


cdef inline int put_flag(char *out, bint flag) noexcept nogil:
    return <int>(put(out, Text("true", 4) if flag else Text("false", 5)) - out)
