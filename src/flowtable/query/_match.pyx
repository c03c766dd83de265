"""Which flows a single condition is true of, one byte a flow."""

from cpython cimport array
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from flowtable._types cimport IPV4, Record, address_of
from flowtable.flow._flow cimport Records, record_at
from flowtable.flow._places cimport LONGEST_TEXT, Spot, get_number, is_present, put_text, spot_of

from array import array as new_array

cdef enum:
    ADDRESS_BYTES = 16


cdef enum Comparison:           # as filters.py numbers them
    EQUAL = 0
    GREATER = 1
    LESS = 2


cdef inline const Record *row_at(Records records, const uint32_t[::1] rows, uint32_t row) noexcept nogil:
    return record_at(records, row if rows is None else rows[row])


cdef bytearray as_many_as(Records records, const uint32_t[::1] rows):
    """A zero for each flow, whose numbers are checked."""
    cdef uint32_t row, flows = records.count if rows is None else <uint32_t>rows.shape[0]
    for row in range(flows if rows is not None else 0):
        if rows[row] >= records.count:
            raise IndexError(rows[row])
    return bytearray(flows)


def chosen(const uint32_t[::1] rows, const uint8_t[::1] mask not None):
    """Those of some records' numbers, or of all numbers, that have a 1 in a mask, in the same order."""
    cdef uint32_t row, flows = <uint32_t>mask.shape[0], n = 0
    cdef array.array out
    cdef uint32_t[::1] numbers
    if rows is not None and <uint32_t>rows.shape[0] != flows:
        raise IndexError(flows)
    for row in range(flows):
        n += mask[row] != 0
    out = array.clone(new_array("I"), n, zero=False)
    if n == 0:
        return out
    numbers, n = out, 0
    for row in range(flows):
        if mask[row]:
            numbers[n] = row if rows is None else rows[row]
            n += 1
    return out


def match_presence(Records records not None, const uint32_t[::1] rows, int place):
    """1 for flows that have a field."""
    cdef bytearray out = as_many_as(records, rows)
    cdef uint8_t *matches = out
    cdef uint32_t row, flows = <uint32_t>len(out)
    records.lock()
    for row in range(flows):
        matches[row] = is_present(records, row_at(records, rows, row), place)
    records.unlock()
    return out


def match_number(Records records not None, const uint32_t[::1] rows, int place, int comparison, int64_t wanted):
    """1 for flows that have a field of a number that is equal, greater or less."""
    cdef bytearray out = as_many_as(records, rows)
    cdef uint8_t *matches = out
    cdef uint32_t row, flows = <uint32_t>len(out)
    cdef Spot at = spot_of(place)
    cdef const Record *record
    cdef int64_t number
    records.lock()
    for row in range(flows):
        record = row_at(records, rows, row)
        if is_present(records, record, place):
            number = <int64_t>min(get_number(records, record, place, at), <uint64_t>0x7FFFFFFFFFFFFFFF)
            matches[row] = (
                number == wanted if comparison == EQUAL else number > wanted if comparison == GREATER
                else number < wanted
            )
    records.unlock()
    return out


def match_name(Records records not None, const uint32_t[::1] rows, int place, bytes wanted not None):
    """1 for flows that have a field whose number has a 1 in ``wanted``, which is as long as there are names."""
    cdef bytearray out = as_many_as(records, rows)
    cdef uint8_t *matches = out
    cdef const uint8_t *is_wanted = wanted
    cdef uint32_t row, flows = <uint32_t>len(out)
    cdef uint64_t number, names = len(wanted)
    cdef Spot at = spot_of(place)
    cdef const Record *record
    records.lock()
    for row in range(flows):
        record = row_at(records, rows, row)
        if is_present(records, record, place):
            number = get_number(records, record, place, at)
            matches[row] = number < names and is_wanted[number]
    records.unlock()
    return out


def match_text(Records records not None, const uint32_t[::1] rows, int place, bytes wanted not None):
    """1 for flows that have a field with this text."""
    cdef bytearray out = as_many_as(records, rows)
    cdef uint8_t *matches = out
    cdef const char *text = wanted
    cdef char shown[LONGEST_TEXT]
    cdef uint32_t row, flows = <uint32_t>len(out)
    cdef int length = <int>min(<Py_ssize_t>len(wanted), <Py_ssize_t>LONGEST_TEXT + 1)
    cdef const Record *record
    records.lock()
    for row in range(flows):
        record = row_at(records, rows, row)
        if is_present(records, record, place):
            matches[row] = put_text(records, record, place, shown) == length and memcmp(shown, text, length) == 0
    records.unlock()
    return out


def match_network(Records records not None, const uint32_t[::1] rows, bint end_b, bytes network not None, int prefix):
    """1 for flows whose address of A or of B is in a network, of 4 or 16 bytes, by its first ``prefix`` bits."""
    cdef bytearray out = as_many_as(records, rows)
    cdef uint8_t *matches = out
    cdef const uint8_t *wanted = network
    cdef bint is_v4 = len(network) == 4
    cdef uint32_t row, flows = <uint32_t>len(out)
    cdef const Record *record
    if not 0 <= prefix <= 8 * len(network) or len(network) not in (4, ADDRESS_BYTES):
        raise ValueError((network, prefix))
    records.lock()
    for row in range(flows):
        record = row_at(records, rows, row)
        if record.key.network and (record.key.network == IPV4) == is_v4:
            matches[row] = begins_with(address_of(record, record.swapped != end_b), wanted, prefix)
    records.unlock()
    return out


cdef inline bint begins_with(const uint8_t *address, const uint8_t *wanted, int bits) noexcept nogil:
    cdef int whole = bits >> 3
    cdef uint8_t mask = <uint8_t>(0xFF00 >> (bits & 7))
    if memcmp(address, wanted, whole) != 0:
        return False
    return bits & 7 == 0 or (address[whole] ^ wanted[whole]) & mask == 0
