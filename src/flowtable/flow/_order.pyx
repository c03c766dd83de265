"""Many flows put into an order, the first ones of equal ones, and flows of several tables put together.

Orders go by keys: bytes of one width for each flow, one behind the other, that compare as memcmp() does.
"""

from cpython cimport array
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from flowtable._hash cimport SipState, sip_begin, sip_end, sip_word
from flowtable._types cimport KEY_IDS, KEY_LINK, FlowKey, Record
from flowtable.flow._flow cimport Records, check_rows, row_at, stand_aside
from flowtable.flow._places cimport (
    NAME, TEXT, Spot, get_number, has_presence, presence_of, put_text, spot_of, text_width,
)

import os
from array import array as new_array

cdef enum:
    BYTE_VALUES = 256
    ENDS_BYTES = sizeof(FlowKey)
    ID_OFFSET = ENDS_BYTES - 8          # in keys of ends: over the key's parent and GRE key, which the id knows


# ---- numbers of flows


cdef array.array numbers_for(size_t n):
    """Room for so many numbers."""
    return array.clone(new_array("I"), n, zero=False)


def chosen(const uint32_t[::1] rows, const uint8_t[::1] mask not None):
    """Those of some records' numbers, or of all numbers, that have a 1 in a mask, in the same order."""
    cdef uint32_t row, flows = <uint32_t>mask.shape[0], n = 0
    cdef array.array out
    cdef uint32_t[::1] numbers
    if rows is not None and <uint32_t>rows.shape[0] != flows:
        raise IndexError(flows)
    for row in range(flows):
        n += mask[row] != 0
    out = numbers_for(n)
    numbers, n = out, 0
    for row in range(flows):
        if mask[row]:
            numbers[n] = row if rows is None else rows[row]
            n += 1
    return out


def taken(const uint32_t[::1] rows not None, const uint32_t[::1] positions not None):
    """The numbers at some positions, in the order of these."""
    cdef uint32_t at, n = <uint32_t>positions.shape[0]
    cdef array.array out = numbers_for(n)
    cdef uint32_t[::1] numbers = out
    for at in range(n):
        if positions[at] >= <uint32_t>rows.shape[0]:
            raise IndexError(positions[at])
        numbers[at] = rows[positions[at]]
    return out


def split(const uint32_t[::1] rows not None, const uint32_t[::1] whose not None, uint32_t tables):
    """Numbers of each table, ``whose`` of all of them says of which, and where each is among these in a row."""
    cdef uint32_t at, n = <uint32_t>rows.shape[0]
    cdef array.array grouped = numbers_for(n), places = numbers_for(n)
    cdef array.array following = array.clone(new_array("I"), tables + 1, zero=True)
    cdef uint32_t[::1] group = grouped, place = places, next_of = following
    if <uint32_t>whose.shape[0] != n:
        raise IndexError(n)
    for at in range(n):
        if whose[at] >= tables:
            raise IndexError(whose[at])
        next_of[whose[at] + 1] += 1
    for at in range(tables):
        next_of[at + 1] += next_of[at]
    ends = list(following)
    for at in range(n):
        place[at] = next_of[whose[at]]
        group[place[at]] = rows[at]
        next_of[whose[at]] += 1
    return [grouped[start:stop] for start, stop in zip(ends, ends[1:])], places


def rearranged(const uint8_t[::1] items not None, uint32_t width, const uint32_t[::1] places not None):
    """Items of some bytes each, taken from these places among them."""
    cdef size_t at, n = places.shape[0], there = items.shape[0] // width
    cdef bytearray out = bytearray(n * width)
    cdef uint8_t *p = out
    for at in range(n):
        if places[at] >= there:
            raise IndexError(places[at])
        memcpy(p + at * width, &items[places[at] * <size_t>width], width)
    return out


# ---- keys


def key_width(int place, int kind):
    """Bytes of a key made of a field."""
    return 1 + (text_width(place) if kind == TEXT else 8)


def keys(Records records not None, const uint32_t[::1] rows, int place, int kind, const uint32_t[::1] ranks):
    """Keys of flows by a field: a 1 in front where a flow does not have it, and what it has, the smallest first.

    Of names ``ranks`` says how they compare, by their numbers.
    """
    cdef uint32_t row, flows = records.count if rows is None else <uint32_t>rows.shape[0]
    cdef size_t width = key_width(place, kind)
    cdef bytearray out = bytearray(flows * width)
    cdef uint8_t *p = out
    cdef Spot at = spot_of(place)
    cdef int presence = presence_of(place)
    cdef const Record *record
    check_rows(records, rows, 0, flows)
    records.lock()
    for row in range(flows):
        record = row_at(records, rows, row)
        if not has_presence(records, record, presence):
            p[0] = 1
        elif kind == TEXT:
            put_text(records, record, place, <char *>p + 1)
        else:
            put_number(p + 1, rank_of(get_number(records, record, place, at), kind, ranks))
        p += width
        stand_aside(records, row)
    records.unlock()
    return out


cdef inline uint64_t rank_of(uint64_t number, int kind, const uint32_t[::1] ranks) noexcept nogil:
    if kind != NAME:
        return number
    return ranks[number] if ranks is not None and number < <uint64_t>ranks.shape[0] else <uint64_t>0xFFFFFFFF


cdef inline void put_number(uint8_t *p, uint64_t number) noexcept nogil:
    """In network byte order, in which bytes compare as numbers do."""
    cdef int i
    for i in range(8):
        p[i] = <uint8_t>(number >> (56 - 8 * i))


def keys_of_ends(Records records not None, const uint32_t[::1] rows, bint with_link):
    """Keys of flows by their ``TrackingID``, or without links by ``L3TrackingID``, and by what these are made from.

    The ids are hashes that a sender can make collide; addresses, ports, ICMP and tunnel ids say whether they did.
    """
    cdef uint32_t row, flows = records.count if rows is None else <uint32_t>rows.shape[0]
    cdef bytearray out = bytearray(flows * <size_t>ENDS_BYTES)
    cdef uint8_t *p = out
    cdef const Record *record
    check_rows(records, rows, 0, flows)
    records.lock()
    for row in range(flows):
        record = row_at(records, rows, row)
        put_ends(p, record, with_link)
        p += ENDS_BYTES
        stand_aside(records, row)
    records.unlock()
    return out


cdef inline void put_ends(uint8_t *p, const Record *record, bint with_link) noexcept nogil:
    cdef FlowKey key = record.key
    key.flags &= ~(KEY_IDS if with_link else KEY_IDS | KEY_LINK)
    if not with_link:
        memset(key.mac_a, 0, sizeof(key.mac_a))
        memset(key.mac_b, 0, sizeof(key.mac_b))
    memcpy(p, &key, ENDS_BYTES)
    memcpy(p + ID_OFFSET, &record.tracking_id if with_link else &record.l3_tracking_id, 8)


# ---- what keys say


def ordered(const uint8_t[::1] keys not None, uint32_t width, bint descending):
    """Positions of keys, the smallest or the largest first; equal ones, and first bytes, keep their order.

    A radix sort, the last byte first. What the first byte of a key says is smallest first in any case.
    """
    cdef uint32_t at, n = <uint32_t>(keys.shape[0] // width), byte
    cdef array.array out = numbers_for(n), spare = numbers_for(n)
    cdef uint32_t *order = out.data.as_uints
    cdef uint32_t *other = spare.data.as_uints
    if n == 0:
        return out
    with nogil:
        for at in range(n):
            order[at] = at
        for byte in range(width - 1, 0, -1):
            if order_by_byte(&keys[byte], n, width, descending, order, other):
                order, other = other, order
        if order_by_byte(&keys[0], n, width, False, order, other):
            order = other
    return out if order == out.data.as_uints else spare


cdef bint order_by_byte(
    const uint8_t *bytes, uint32_t n, size_t width, bint descending, const uint32_t *order, uint32_t *out
) noexcept nogil:
    """Order positions by a byte of each key; False if all have the same one, and nothing is put out."""
    cdef uint32_t starts[BYTE_VALUES]
    cdef uint32_t i, count, at = 0
    cdef int value
    memset(starts, 0, sizeof(starts))
    for i in range(n):
        starts[bytes[i * width]] += 1
    if starts[bytes[0]] == n:
        return False
    for i in range(BYTE_VALUES):
        value = BYTE_VALUES - 1 - i if descending else i
        count, starts[value] = starts[value], at
        at += count
    for i in range(n):
        value = bytes[order[i] * width]
        out[starts[value]] = order[i]
        starts[value] += 1
    return True


def firsts(const uint8_t[::1] keys not None, uint32_t width):
    """1 for each key that no key before it is equal to.

    By a hash under a random key, so that nobody can choose flows that collide; whole keys are compared.
    """
    cdef uint32_t at, n = <uint32_t>(keys.shape[0] // width)
    cdef bytearray out = bytearray(n)
    cdef uint8_t *first = out
    cdef const uint8_t *key
    cdef uint64_t slot, most = 1
    cdef SipState secret
    while most < 2 * <uint64_t>n:
        most *= 2
    cdef array.array table = array.clone(new_array("I"), most, zero=True)
    cdef uint32_t *slots = table.data.as_uints
    cdef const uint8_t[::1] random = os.urandom(16)
    sip_begin(&secret, (<const uint64_t *>&random[0])[0], (<const uint64_t *>&random[8])[0])
    with nogil:
        for at in range(n):
            key = &keys[at * <size_t>width]
            slot = hash_of(secret, key, width) & (most - 1)
            while slots[slot] and memcmp(&keys[(slots[slot] - 1) * <size_t>width], key, width) != 0:
                slot = (slot + 1) & (most - 1)
            if slots[slot] == 0:
                slots[slot] = at + 1
                first[at] = 1
    return out


cdef inline uint64_t hash_of(SipState state, const uint8_t *p, size_t n) noexcept nogil:
    cdef uint64_t word
    while n >= 8:
        memcpy(&word, p, 8)
        sip_word(&state, word)
        p += 8
        n -= 8
    word = 0
    memcpy(&word, p, n)
    sip_word(&state, word)
    return sip_end(&state)
