# Classic BPF programs, verified when they are made and run over frames by compiled rooms.

from libc.stdint cimport uint8_t, uint16_t, uint32_t


cdef struct Instruction:    # as the kernel's sock_filter lays it out
    uint16_t op
    uint8_t jt              # instructions to skip when a comparison holds
    uint8_t jf              # and when it does not
    uint32_t k


# Runs the code of a Program, for loops that keep pointers instead of objects; see Program.run.
cdef uint32_t execute(
    const Instruction *code, const uint8_t *data, uint32_t captured, uint32_t length
) noexcept nogil


cdef class Program:
    # Invariant: `code` holds `count` verified instructions, and neither changes while the object lives.
    cdef Instruction *code
    cdef uint32_t count

    # Bytes of the frame to keep; 0: no match. `captured` bytes are at `data`; `length` were on the wire.
    cdef uint32_t run(self, const uint8_t *data, uint32_t captured, uint32_t length) noexcept nogil
