# sFlow agents, and what their sequence numbers say of datagrams that did not come.

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove, memset

from flowtable.capture._sflow cimport Head


cdef enum:
    LATE = 1024             # datagrams; one that is further behind says that its agent began again


cdef struct Name:
    # Of an agent and one of its sub-agents, in the order in which they are kept.
    uint8_t address[16]
    uint32_t address_bytes
    uint32_t sub_agent


cdef struct Agent:
    Name name
    uint32_t next           # sequence number
    uint64_t received
    uint64_t missing        # sequence numbers that were skipped, and did not come later
    uint64_t late           # datagrams behind one with a higher number, or sent twice
    uint64_t restarts


cdef struct Agents:
    Agent *list             # by name
    uint32_t count
    uint32_t limit
    uint64_t not_kept       # datagrams of agents that there was no room to remember


cdef inline void note_datagram(Agents *agents, const Head *head) noexcept nogil:
    """Count a datagram, and those that should have come before it."""
    cdef Name name
    cdef Agent *agent
    memset(&name, 0, sizeof(Name))
    memcpy(name.address, head.agent, head.agent_bytes)
    name.address_bytes, name.sub_agent = head.agent_bytes, head.sub_agent
    agent = agent_of(agents, &name, head.sequence)
    if agent == NULL:
        agents.not_kept += 1
        return
    agent.received += 1
    note_sequence(agent, head.sequence)


cdef inline void note_sequence(Agent *agent, uint32_t sequence) noexcept nogil:
    cdef int32_t ahead = <int32_t>(sequence - agent.next)
    if -LATE <= ahead < 0:
        agent.late += 1
        agent.missing -= agent.missing > 0
        return
    if ahead < 0:
        agent.restarts += 1
    else:
        agent.missing += <uint32_t>ahead
    agent.next = sequence + 1


cdef inline Agent *agent_of(Agents *agents, const Name *name, uint32_t sequence) noexcept nogil:
    """Find an agent, or begin one whose first datagram this is; NULL: there is no room."""
    cdef uint32_t low = 0, high = agents.count, middle
    cdef Agent *found
    cdef int order
    while low < high:
        middle = (low + high) // 2
        order = memcmp(&agents.list[middle].name, name, sizeof(Name))
        if order == 0:
            return &agents.list[middle]
        if order < 0:
            low = middle + 1
        else:
            high = middle
    if agents.count == agents.limit:
        return NULL
    found = &agents.list[low]
    memmove(found + 1, found, (agents.count - low) * sizeof(Agent))
    memset(found, 0, sizeof(Agent))
    found.name, found.next = name[0], sequence
    agents.count += 1
    return found
