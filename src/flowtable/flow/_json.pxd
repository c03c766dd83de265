# JSON into a buffer of a size (RFC 8259), in ASCII whatever the bytes are.
#
# Invariant: what is written so far, without the `, ` at its end and with its brackets closed, is JSON. What does
# not fit sets `full` and is left out, so that whoever writes goes back to a place where that held.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, strlen

from flowtable._text cimport put_base64, put_number


cdef struct Json:
    char *at
    char *stop
    bint full


cdef inline bint json_room(Json *j, size_t n) noexcept nogil:
    """Whether n more bytes fit; if not, nothing more will."""
    if j.full or <size_t>(j.stop - j.at) < n:
        j.full = True
    return not j.full


cdef inline void json_raw(Json *j, const char *text) noexcept nogil:
    """A text that is JSON already."""
    cdef size_t n = strlen(text)
    if json_room(j, n):
        memcpy(j.at, text, n)
        j.at += n


cdef inline void json_key(Json *j, const char *key) noexcept nogil:
    """The name of what follows; NULL inside a list."""
    if key != NULL:
        json_raw(j, b'"')
        json_raw(j, key)
        json_raw(j, b'": ')


cdef inline void json_open(Json *j, const char *key, const char *bracket) noexcept nogil:
    json_key(j, key)
    json_raw(j, bracket)


cdef inline void json_close(Json *j, const char *bracket) noexcept nogil:
    """Close an object or a list. There is a character before `at`, since a bracket was opened."""
    if (j.at - 1)[0] == c" ":
        j.at -= 2
    json_raw(j, bracket)
    json_raw(j, b", ")


cdef inline void json_number(Json *j, const char *key, uint64_t value) noexcept nogil:
    """A number; zero is left out."""
    if value == 0:
        return
    json_key(j, key)
    if json_room(j, 22):
        j.at += put_number(j.at, value)
    json_raw(j, b", ")


cdef inline void json_flag(Json *j, const char *key, bint value) noexcept nogil:
    """A truth; what is false is left out."""
    if value:
        json_key(j, key)
        json_raw(j, b"true, ")


cdef inline void json_string(Json *j, const char *key, const char *text) noexcept nogil:
    """A text that needs no escapes."""
    json_key(j, key)
    json_raw(j, b'"')
    json_raw(j, text)
    json_raw(j, b'", ')


cdef inline void json_bytes(Json *j, const char *key, const uint8_t *data, uint32_t n) noexcept nogil:
    """Bytes in base64."""
    json_key(j, key)
    json_raw(j, b'"')
    if json_room(j, (n + 2) // 3 * 4):
        j.at += put_base64(j.at, data, n)
    json_raw(j, b'", ')


cdef inline void json_octet(Json *j, uint8_t octet, const char *special, uint8_t first) noexcept nogil:
    """A byte inside a string as master files have it (RFC 1035, 5.1): what does not print is \\DDD.

    `special` are bytes that get a backslash, and `first` is the lowest that prints: space or `!`.
    """
    if not json_room(j, 6):
        return
    if octet < first or octet > 126:
        j.at[0] = j.at[1] = c"\\"
        j.at[2] = c"0" + octet // 100
        j.at[3] = c"0" + octet // 10 % 10
        j.at[4] = c"0" + octet % 10
        j.at += 5
        return
    if is_one_of(octet, special):
        j.at[0] = j.at[1] = c"\\"
        j.at += 2
    if octet == c'"' or octet == c"\\":
        j.at[0] = c"\\"
        j.at += 1
    j.at[0] = <char>octet
    j.at += 1


cdef inline bint is_one_of(uint8_t octet, const char *several) noexcept nogil:
    while several[0]:
        if <uint8_t>several[0] == octet:
            return True
        several += 1
    return False
