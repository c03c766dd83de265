"""Which flows a single condition is true of, one byte a flow."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from flowtable._types cimport IPV4, NO_NETWORK, Record, address_of
from flowtable.flow._flow cimport Records, check_rows, row_at, stand_aside
from flowtable.flow._places cimport (
    LONGEST_TEXT, P_NETWORK_A, P_NETWORK_B, Spot, get_number, has_presence, presence_of, put_text, spot_of,
)

cdef enum:
    ADDRESS_BYTES = 16


cdef enum Comparison:           # as filters.py numbers the first three
    EQUAL = 0
    GREATER = 1
    LESS = 2
    IS_PRESENT = 3
    IS_NAME = 4
    IS_TEXT = 5
    IN_NETWORK = 6


cdef struct Condition:
    int comparison
    int place
    int presence                # of the place
    Spot spot
    int64_t number
    const uint8_t *wanted       # a text, a network's address, or a 1 for each name that is wanted
    int length                  # of that; of a network its bytes
    int bits                    # of a network


def match_presence(Records records not None, const uint32_t[::1] rows, int place):
    """1 for flows that have a field."""
    cdef Condition condition = condition_on(place, IS_PRESENT)
    return matches(records, rows, condition)


def match_number(Records records not None, const uint32_t[::1] rows, int place, int comparison, int64_t wanted):
    """1 for flows that have a field of a number that is equal, greater or less."""
    cdef Condition condition = condition_on(place, comparison)
    condition.number = wanted
    return matches(records, rows, condition)


def match_name(Records records not None, const uint32_t[::1] rows, int place, bytes wanted not None):
    """1 for flows that have a field whose number has a 1 in ``wanted``, which is as long as there are names."""
    cdef Condition condition = condition_on(place, IS_NAME)
    condition.wanted, condition.length = wanted, <int>len(wanted)
    return matches(records, rows, condition)


def match_text(Records records not None, const uint32_t[::1] rows, int place, bytes wanted not None):
    """1 for flows that have a field with this text."""
    cdef Condition condition = condition_on(place, IS_TEXT)
    condition.wanted = wanted
    condition.length = <int>min(<Py_ssize_t>len(wanted), <Py_ssize_t>LONGEST_TEXT + 1)
    return matches(records, rows, condition)


def match_network(Records records not None, const uint32_t[::1] rows, bint end_b, bytes network not None, int prefix):
    """1 for flows whose address of A or of B is in a network, of 4 or 16 bytes, by its first ``prefix`` bits."""
    cdef Condition condition = condition_on(P_NETWORK_B if end_b else P_NETWORK_A, IN_NETWORK)
    if not 0 <= prefix <= 8 * len(network) or len(network) not in (4, ADDRESS_BYTES):
        raise ValueError((network, prefix))
    condition.wanted, condition.length, condition.bits = network, <int>len(network), prefix
    return matches(records, rows, condition)


cdef inline Condition condition_on(int place, int comparison) noexcept:
    return Condition(comparison, place, presence_of(place), spot_of(place), 0, NULL, 0, 0)


cdef bytearray matches(Records records, const uint32_t[::1] rows, Condition condition):
    """A byte for each flow of some rows, which are checked, or of all: whether the condition holds."""
    cdef uint32_t row, flows = records.count if rows is None else <uint32_t>rows.shape[0]
    cdef bytearray out = bytearray(flows)
    cdef uint8_t *holding = out
    check_rows(records, rows, 0, flows)
    records.lock()
    for row in range(flows):
        holding[row] = holds(records, row_at(records, rows, row), condition)
        stand_aside(records, row)
    records.unlock()
    return out


cdef inline bint holds(Records records, const Record *record, Condition c) noexcept nogil:
    cdef char text[LONGEST_TEXT]
    cdef uint64_t number
    if c.comparison == IN_NETWORK:
        return in_network(record, c)
    if not has_presence(records, record, c.presence):
        return False
    if c.comparison == IS_PRESENT:
        return True
    if c.comparison == IS_TEXT:
        return put_text(records, record, c.place, text) == c.length and memcmp(text, c.wanted, c.length) == 0
    number = get_number(records, record, c.place, c.spot)
    if c.comparison == IS_NAME:
        return number < <uint64_t>c.length and c.wanted[number]
    number = min(number, <uint64_t>0x7FFFFFFFFFFFFFFF)
    if c.comparison == EQUAL:
        return <int64_t>number == c.number
    return <int64_t>number > c.number if c.comparison == GREATER else <int64_t>number < c.number


cdef inline bint in_network(const Record *record, Condition c) noexcept nogil:
    if record.key.network == NO_NETWORK or (record.key.network == IPV4) != (c.length == 4):
        return False
    return begins_with(address_of(record, record.swapped != (c.place == P_NETWORK_B)), c.wanted, c.bits)


cdef inline bint begins_with(const uint8_t *address, const uint8_t *wanted, int bits) noexcept nogil:
    cdef int whole = bits >> 3
    cdef uint8_t mask = <uint8_t>(0xFF00 >> (bits & 7))
    if memcmp(address, wanted, whole) != 0:
        return False
    return bits & 7 == 0 or (address[whole] ^ wanted[whole]) & mask == 0
