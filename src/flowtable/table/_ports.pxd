# Applications that users name by port.

from libc.stdint cimport uint16_t

from flowtable._types cimport TCP, UDP
from flowtable.packet._dissection cimport Part


cdef struct PortNames:
    # [port]: what Records.name_application() gave; 0: no name
    uint16_t tcp[65536]
    uint16_t udp[65536]


cdef inline uint16_t name_by_port(const PortNames *names, const Part *part) noexcept nogil:
    """What the packet that begins a flow is called by its ports, its source's first; 0: nothing."""
    cdef const uint16_t *by_port
    if names == NULL or (part.key.transport != TCP and part.key.transport != UDP):
        return 0
    by_port = &names.tcp[0] if part.key.transport == TCP else &names.udp[0]
    return by_port[part.port_a] or by_port[part.port_b]
