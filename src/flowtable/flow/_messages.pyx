"""The messages that flows keep, from bytes to JSON in the reference's shape.

What is zero, false or empty is left out. Numbers have the names of ``dns_names.py``; a name or a text
that is not printable ASCII has the escapes of master files (RFC 1035, 5.1); other bytes are in base64.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowtable._cursor cimport Cursor, be16, be32, left, take
from flowtable._text cimport put_address, put_number
from flowtable._types cimport HAS_DHCPV4, HAS_DNS, HAS_VRRP
from flowtable.flow._json cimport (
    Json, json_bytes, json_close, json_flag, json_key, json_number, json_octet, json_open, json_raw, json_room,
    json_string,
)
from flowtable.flow._kept cimport Message
from flowtable.packet._layers cimport DHCPV4, DNS, VRRP
cimport flowtable.packet.protocols.dns as dns
from flowtable.packet.protocols.dns cimport next_label

from flowtable.flow.dns_names import CLASSES, OPCODES, OPTIONS, RESPONSE_CODES, TYPES

cdef enum:
    TEXT_A_BYTE = 32        # names that stand once and are pointed to often are many times as long as text
    TEXT_AT_LEAST = 2048    # more than there is outside the records of a DNS message
    TAIL = 128              # of that for what stands behind the records
    LIST_END = 3            # of that for the end of a list


cdef const char *TYPE_NAMES[65536]
cdef const char *CLASS_NAMES[65536]
cdef const char *OPTION_NAMES[65536]
cdef const char *OPCODE_NAMES[16]
cdef const char *RESPONSE_NAMES[16]
cdef list KEEP = []         # what the pointers point into


cdef void fill_names(const char **table, dict names):
    for number, name in names.items():
        text = name.encode()
        KEEP.append(text)
        table[<uint16_t>number] = text


fill_names(TYPE_NAMES, TYPES)
fill_names(CLASS_NAMES, CLASSES)
fill_names(OPTION_NAMES, OPTIONS)
fill_names(OPCODE_NAMES, OPCODES)
fill_names(RESPONSE_NAMES, RESPONSE_CODES)

LAYERS = {"DNS": DNS, "DHCPv4": DHCPV4, "VRRP": VRRP}
KINDS = {"DNS": HAS_DNS, "DHCPv4": HAS_DHCPV4, "VRRP": HAS_VRRP}


def message_text(str layer not None, bytes data not None, uint64_t time=0):
    """One message as the text that its column has; ``layer`` is a name of ``KINDS``, ``time`` is in ns."""
    cdef Message message
    cdef size_t length = len(data)
    cdef uint8_t *at = data
    message.kind = KINDS[layer]
    message.data, message.length, message.time = at, <uint32_t>length, <int64_t>time
    out = bytearray(text_room(message.length))
    length = put_message(&message, out)
    return out[:length].decode("ascii")


cdef size_t text_room(uint32_t length) noexcept nogil:
    """The most bytes that put_message() writes for a message of a length."""
    return TEXT_AT_LEAST + <size_t>TEXT_A_BYTE * length


cdef size_t put_message(const Message *message, char *out) noexcept nogil:
    """Write a message as JSON at `out`, where there is text_room(); gives the bytes written."""
    cdef Json j
    j.at, j.stop, j.full = out, out + text_room(message.length), False
    json_raw(&j, b"{")
    if message.kind == HAS_DNS:
        put_dns(&j, message)
    elif message.kind == HAS_DHCPV4:
        put_dhcpv4(&j, message)
    else:
        put_vrrp(&j, message)
    json_close(&j, b"}")
    return j.at - out - 2        # json_close() leaves a comma


# ---- DNS (RFC 1035, 4)


cdef enum:
    STEPS_A_BYTE = 4        # labels and pointers of all names together that are followed, for each byte


cdef struct Names:
    const uint8_t *start
    Cursor c
    uint32_t steps          # that are left; names that are pointers to pointers run out of them


cdef const uint8_t *label_of_name(Names *m, Cursor *c, Cursor *at, bint *jumped) noexcept nogil:
    """The next label of a name that `at` goes along, by way of pointers; NULL if there is none.

    `c` moves past what stands in the name's place when the first pointer or the empty label is there.
    """
    cdef const uint8_t *label
    while m.steps:
        m.steps -= 1
        label = next_label(at)
        if label == NULL:
            return NULL
        if not jumped[0] and (label[0] == 0 or label[0] >= 0xC0):
            c.p = at.p
        if label[0] < 0xC0:
            return label
        jumped[0] = True
        at.p, at.end = m.start, m.c.end
        if take(at, be16(label) & 0x3FFF) == NULL:
            return NULL
    return NULL


cdef void put_dns(Json *j, const Message *message) noexcept nogil:
    """The header, the four sections as far as there is room, and when the message was seen."""
    cdef Names m
    cdef const uint8_t *h
    cdef bint whole
    cdef char *end = j.stop
    m.start = m.c.p = message.data
    m.c.end = message.data + message.length
    m.steps = STEPS_A_BYTE * message.length
    h = take(&m.c, 12)
    if h == NULL:
        return
    put_header(j, h)
    j.stop = end - TAIL
    whole = (
        put_section(j, &m, b"questions", be16(h + 4), put_question)
        and put_section(j, &m, b"answers", be16(h + 6), put_record)
        and put_section(j, &m, b"authorities", be16(h + 8), put_record)
        and put_section(j, &m, b"additionals", be16(h + 10), put_record)
    )
    j.stop = end
    json_flag(j, b"cut", not whole)
    put_timestamp(j, message.time)


cdef void put_header(Json *j, const uint8_t *h) noexcept nogil:
    json_number(j, b"ID", be16(h))
    json_flag(j, b"QR", h[2] & 0x80)
    put_code(j, b"op_code", OPCODE_NAMES, b"OPCODE", h[2] >> 3 & 15)
    json_flag(j, b"AA", h[2] & 4)
    json_flag(j, b"TC", h[2] & 2)
    json_flag(j, b"RD", h[2] & 1)
    json_flag(j, b"RA", h[3] & 0x80)
    json_number(j, b"z", h[3] >> 4 & 7)
    put_code(j, b"response_code", RESPONSE_NAMES, b"RCODE", h[3] & 15)
    json_number(j, b"q_d_count", be16(h + 4))
    json_number(j, b"a_n_count", be16(h + 6))
    json_number(j, b"n_s_count", be16(h + 8))
    json_number(j, b"a_r_count", be16(h + 10))


cdef void put_timestamp(Json *j, int64_t time) noexcept nogil:
    json_open(j, b"timestamp", b"{")
    json_number(j, b"seconds", time // 1000000000)
    json_number(j, b"nanos", time % 1000000000)
    json_close(j, b"}")


ctypedef bint (*PutEntry)(Json *j, Names *m) noexcept nogil


cdef bint put_section(Json *j, Names *m, const char *key, uint16_t count, PutEntry entry) noexcept nogil:
    """A list of what is whole and fits; False if that is not all. A section without entries is left out."""
    cdef char *mark = j.at
    cdef bint whole = True
    if count == 0:
        return True
    json_open(j, key, b"[")
    while whole and count:
        mark = j.at
        json_open(j, NULL, b"{")
        whole = entry(j, m)
        json_close(j, b"}")
        whole = whole and not j.full
        count -= 1
    if not whole:
        j.at = mark
    j.full, j.stop = False, j.stop + LIST_END
    json_close(j, b"]")
    return whole


cdef bint put_question(Json *j, Names *m) noexcept nogil:
    """A name, a type and a class; False if it does not parse."""
    cdef const uint8_t *h
    if not put_name(j, b"name", m, &m.c):
        return False
    h = take(&m.c, 4)
    if h == NULL:
        return False
    put_code(j, b"type", TYPE_NAMES, b"TYPE", be16(h))
    put_code(j, b"class", CLASS_NAMES, b"CLASS", be16(h + 2))
    return True


cdef bint put_record(Json *j, Names *m) noexcept nogil:
    """A resource record; False if it does not parse."""
    cdef const uint8_t *h
    cdef Cursor data
    if not put_name(j, b"name", m, &m.c):
        return False
    h = take(&m.c, 10)
    if h == NULL:
        return False
    data.p = take(&m.c, be16(h + 8))
    if data.p == NULL:
        return False
    data.end = m.c.p
    put_code(j, b"type", TYPE_NAMES, b"TYPE", be16(h))
    put_code(j, b"class", CLASS_NAMES, b"CLASS", be16(h + 2))
    json_number(j, b"TTL", be32(h + 4))
    json_number(j, b"data_length", be16(h + 8))
    return put_data(j, m, &data, be16(h))


cdef bint put_data(Json *j, Names *m, Cursor *data, uint16_t type) noexcept nogil:
    """What the data holds by its type; False if it does not parse."""
    if type == dns.RECORD_A and left(data) == 4:
        put_ip(j, take(data, 4), True)
    elif type == dns.RECORD_AAAA and left(data) == 16:
        put_ip(j, take(data, 16), False)
    elif type == dns.RECORD_NS:
        return put_name(j, b"NS", m, data)
    elif type == dns.RECORD_CNAME:
        return put_name(j, b"c_name", m, data)
    elif type == dns.RECORD_PTR:
        return put_name(j, b"PTR", m, data)
    elif type == dns.RECORD_TXT:
        return put_texts(j, data)
    elif type == dns.RECORD_SOA:
        return put_soa(j, m, data)
    elif type == dns.RECORD_SRV:
        return put_srv(j, m, data)
    elif type == dns.RECORD_MX:
        return put_mx(j, m, data)
    elif type == dns.RECORD_OPT:
        return put_options(j, data)
    elif left(data):
        put_unknown(j, data)
    return True


cdef void put_ip(Json *j, const uint8_t *address, bint is_ipv4) noexcept nogil:
    json_key(j, b"IP")
    json_raw(j, b'"')
    if json_room(j, 45):
        j.at += put_address(j.at, is_ipv4, address)
    json_raw(j, b'", ')


cdef bint put_name(Json *j, const char *key, Names *m, Cursor *c) noexcept nogil:
    """Labels with dots between them; the root is an empty text, and left out. False if it does not parse.

    `c` moves past what stands in the name's place.
    """
    cdef Cursor at = c[0]
    cdef bint jumped = False
    cdef char *mark = j.at
    cdef const uint8_t *label = label_of_name(m, c, &at, &jumped)
    cdef uint32_t i
    json_key(j, key)
    json_raw(j, b'"')
    if label != NULL and label[0] == 0:
        j.at = mark
        return True
    while label != NULL and label[0]:
        for i in range(1, 1 + <uint32_t>label[0]):
            json_octet(j, label[i], b'"().;\\@$', c"!")
        json_raw(j, b".")
        label = label_of_name(m, c, &at, &jumped)
    if j.full or label == NULL:
        return False
    j.at -= 1                    # the last dot
    json_raw(j, b'", ')
    return True


cdef bint put_texts(Json *j, Cursor *data) noexcept nogil:
    cdef const uint8_t *h
    cdef const uint8_t *text
    cdef uint32_t i
    json_open(j, b"TXTs", b"[")
    while left(data):
        h = take(data, 1)
        text = take(data, h[0])
        if text == NULL:
            return False
        json_raw(j, b'"')
        for i in range(h[0]):
            json_octet(j, text[i], b"\\", c" ")
        json_raw(j, b'", ')
        if j.full:
            return False
    json_close(j, b"]")
    return True


cdef bint put_soa(Json *j, Names *m, Cursor *data) noexcept nogil:
    cdef const uint8_t *h
    json_open(j, b"SOA", b"{")
    if not put_name(j, b"m_name", m, data) or not put_name(j, b"r_name", m, data):
        return False
    h = take(data, 20)
    if h == NULL:
        return False
    json_number(j, b"serial", be32(h))
    json_number(j, b"refresh", be32(h + 4))
    json_number(j, b"retry", be32(h + 8))
    json_number(j, b"expire", be32(h + 12))
    json_number(j, b"minimum", be32(h + 16))
    json_close(j, b"}")
    return True


cdef bint put_srv(Json *j, Names *m, Cursor *data) noexcept nogil:
    """RFC 2782."""
    cdef const uint8_t *h = take(data, 6)
    if h == NULL:
        return False
    json_open(j, b"SRV", b"{")
    json_number(j, b"priority", be16(h))
    json_number(j, b"weight", be16(h + 2))
    json_number(j, b"port", be16(h + 4))
    if not put_name(j, b"name", m, data):
        return False
    json_close(j, b"}")
    return True


cdef bint put_mx(Json *j, Names *m, Cursor *data) noexcept nogil:
    cdef const uint8_t *h = take(data, 2)
    if h == NULL:
        return False
    json_open(j, b"MX", b"{")
    json_number(j, b"preference", be16(h))
    if not put_name(j, b"name", m, data):
        return False
    json_close(j, b"}")
    return True


cdef bint put_options(Json *j, Cursor *data) noexcept nogil:
    """EDNS options (RFC 6891, 6.1.2); no list if there are none."""
    cdef const uint8_t *h
    cdef const uint8_t *value
    if left(data) == 0:
        return True
    json_open(j, b"OPT", b"[")
    while left(data):
        h = take(data, 4)
        if h == NULL:
            return False
        value = take(data, be16(h + 2))
        if value == NULL or j.full:
            return False
        json_open(j, NULL, b"{")
        put_code(j, b"code", OPTION_NAMES, b"OPT", be16(h))
        if be16(h + 2):
            json_bytes(j, b"data", value, be16(h + 2))
        json_close(j, b"}")
    json_close(j, b"]")
    return True


cdef void put_unknown(Json *j, Cursor *data) noexcept nogil:
    """Data of any type as RFC 3597, 5 has it: `\\# 4 0a000001`."""
    cdef uint32_t i, n = <uint32_t>left(data)
    cdef const uint8_t *h = take(data, n)
    json_key(j, b"data")
    json_raw(j, b'"\\\\# ')
    if h == NULL or not json_room(j, 22 + 2 * n):
        return
    j.at += put_number(j.at, n)
    j.at[0] = c" "
    j.at += 1
    for i in range(n):
        j.at[0] = b"0123456789abcdef"[h[i] >> 4]
        j.at[1] = b"0123456789abcdef"[h[i] & 15]
        j.at += 2
    json_raw(j, b'", ')


cdef void put_code(Json *j, const char *key, const char **names, const char *prefix, uint16_t code) noexcept nogil:
    """The name of a number; if it has none, the number behind a prefix."""
    if names[code] != NULL:
        json_string(j, key, names[code])
        return
    json_key(j, key)
    json_raw(j, b'"')
    json_raw(j, prefix)
    if json_room(j, 20):
        j.at += put_number(j.at, code)
    json_raw(j, b'", ')


# ---- DHCPv4 and VRRP


cdef void put_dhcpv4(Json *j, const Message *message) noexcept nogil:
    """RFC 2131, 2: the fixed part."""
    cdef Cursor c
    cdef const uint8_t *h
    c.p, c.end = message.data, message.data + message.length
    h = take(&c, 236)
    if h == NULL:
        return
    json_number(j, b"hardware_len", h[2])
    json_number(j, b"hardware_opts", h[3])
    json_number(j, b"xid", be32(h + 4))
    json_number(j, b"secs", be16(h + 8))
    json_number(j, b"flags", be16(h + 10))
    json_bytes(j, b"server_name", h + 44, 64)
    json_bytes(j, b"file", h + 108, 128)


cdef void put_vrrp(Json *j, const Message *message) noexcept nogil:
    """RFC 3768, 5.1, whose names the fields have, and RFC 9568, 5.2.

    Version 3 has the interval in 12 bits and in hundredths of a second, the lowest eight where version 2
    has seconds.
    """
    cdef Cursor c
    cdef const uint8_t *h
    c.p, c.end = message.data, message.data + message.length
    h = take(&c, 8)
    if h == NULL:
        return
    json_number(j, b"version", h[0] >> 4)
    json_number(j, b"virtual_rtrID", h[1])
    json_number(j, b"priority", h[2])
    json_number(j, b"count_ipaddr", h[3])
    json_number(j, b"adver_int", h[5])
    json_number(j, b"checksum", be16(h + 6))
    if h[0] >> 4 == 3:
        json_number(j, b"max_adver_int", be16(h + 4) & 0xFFF)
