# What a live table says of a flow that it hands out, beside the flow: an item of a side pool.

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef struct Handed:
    uint64_t ab_packets     # since the last time that it was handed out
    uint64_t ab_bytes
    uint64_t ba_packets
    uint64_t ba_bytes
    int64_t start           # ns; that time, or the flow's start
    int64_t last            # ns; now, or the flow's end
    uint32_t segment        # how many records of the flow an active timeout cut before
