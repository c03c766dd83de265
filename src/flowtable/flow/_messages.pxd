from libc.stdint cimport uint32_t

from flowtable.flow._kept cimport Message


cdef size_t text_room(uint32_t length) noexcept nogil
cdef size_t put_message(const Message *message, char *out) noexcept nogil
