from libc.stdint cimport uint16_t, uint32_t, uint64_t

from flowtable._types cimport Frame
from flowtable.packet._dissection cimport Decoding, Dissection, Part


cdef uint32_t decode_frame(Dissection *d, const Frame *frame, Part *parts, const Decoding *how) noexcept nogil
cdef bint decode_application(Dissection *scratch, Part *part) noexcept nogil
cdef bint knows_link_type(uint16_t link_type) noexcept nogil
cdef uint64_t tunnel_set(object names) except? 0
