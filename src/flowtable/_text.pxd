# Numbers, addresses, ids and bytes as text. Each function writes at `out` and gives the bytes that it wrote; it
# writes none beyond these.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef extern from * nogil:
    int leading_zeros "__builtin_clzll"(unsigned long long value)


cdef struct Text:
    const char *text
    uint32_t length


cdef inline char *put(char *at, Text text) noexcept nogil:
    """Write a text; unlike the others this gives the place behind it."""
    memcpy(at, text.text, text.length)
    return at + text.length


cdef inline int put_hex(uint8_t *out, uint64_t value) noexcept nogil:
    """Write a number as an id is printed: in hex, without leading zeros. Gives the number of digits."""
    cdef int digits = (67 - leading_zeros(value | 1)) // 4, i
    for i in range(digits):
        out[i] = b"0123456789abcdef"[(value >> (4 * (digits - 1 - i))) & 15]
    return digits


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


cdef inline int put_thousandths(char *out, uint64_t value) noexcept nogil:
    """A number of thousandths, as a decimal fraction."""
    cdef int at = put_number(out, value // 1000), i
    cdef uint64_t rest = value % 1000
    out[at] = c"."
    for i in range(3):
        out[at + 3 - i] = <char>(c"0" + rest % 10)
        rest //= 10
    return at + 4


cdef inline int put_mac(char *out, const uint8_t *mac) noexcept nogil:
    """Six bytes in hex with colons."""
    cdef int i
    for i in range(6):
        if i:
            out[3 * i - 1] = c":"
        out[3 * i] = b"0123456789abcdef"[mac[i] >> 4]
        out[3 * i + 1] = b"0123456789abcdef"[mac[i] & 15]
    return 17


cdef inline int put_address(char *out, bint is_ipv4, const uint8_t *address) noexcept nogil:
    """An IPv4 address with dots, or an IPv6 one as RFC 5952 has it, mapped IPv4 as ::ffff:1.2.3.4."""
    cdef int i, at = 0
    if not is_ipv4:
        return put_ipv6(out, address)
    for i in range(4):
        if i:
            out[at] = c"."
            at += 1
        at += put_decimal(out + at, address[i])
    return at


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
        return 7 + put_address(out + 7, True, address + 12)
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


cdef inline Py_ssize_t put_base64(char *out, const uint8_t *data, Py_ssize_t size) noexcept nogil:
    """RFC 4648, section 4: four digits for each three bytes begun."""
    cdef const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    cdef Py_ssize_t at = 0, i
    cdef uint32_t word, j
    for i in range(0, size, 3):
        word = <uint32_t>data[i] << 16
        word |= <uint32_t>data[i + 1] << 8 if i + 1 < size else 0
        word |= data[i + 2] if i + 2 < size else 0
        for j in range(4):
            out[at + j] = digits[(word >> (18 - 6 * j)) & 63] if i + j <= size else c"="
        at += 4
    return at
