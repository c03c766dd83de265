# Who does what next among threads that count one capture: one reads and deals out, others count what is dealt.
#
# Invariant: fields change under the mutex, which nobody holds while doing a turn, and by whom they are said to
# be changed, who may look at them without it.

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from flowtable._wait cimport (
    begin_wait, pthread_cond_broadcast, pthread_cond_destroy, pthread_cond_init, pthread_cond_t, pthread_cond_wait,
    pthread_mutex_destroy, pthread_mutex_init, pthread_mutex_lock, pthread_mutex_t, pthread_mutex_unlock, wait_ms,
)


cdef enum Turn:
    WAIT            # there is nothing to do now
    READ            # read on, and make a deal
    COUNT           # let an engine count its hand of a deal
    REST            # there is nothing left to do


cdef struct Turns:
    pthread_mutex_t mutex
    pthread_cond_t changed  # there may be another turn
    pthread_cond_t left     # nobody works any more
    int working             # threads that take turns, or will
    int engines
    uint64_t deals          # that may be in use at a time
    uint64_t dealt          # by who reads
    uint64_t *counted       # [engine]: deals; by who has its turn
    bint *counts            # [engine]: somebody has its turn
    bint reads              # somebody has the source's turn
    bint over               # there is no more to read
    bint stopped
    int outcome             # what stopped it


cdef inline bint begin_turns(Turns *t, int engines, int deals) noexcept:
    """False: there is no memory."""
    t.engines, t.deals = engines, deals
    t.counted = <uint64_t *>calloc(engines, sizeof(uint64_t))
    t.counts = <bint *>calloc(engines, sizeof(bint))
    return (t.counted != NULL and t.counts != NULL and pthread_mutex_init(&t.mutex, NULL) == 0
            and pthread_cond_init(&t.changed, NULL) == 0 and begin_wait(&t.left) == 0)


cdef inline void end_turns(Turns *t) noexcept:
    if t.engines:
        pthread_mutex_destroy(&t.mutex)
        pthread_cond_destroy(&t.changed)
        pthread_cond_destroy(&t.left)
    free(t.counted)
    free(t.counts)


cdef inline int next_turn(Turns *t, int *engine) noexcept nogil:
    """Take the next turn, and wait until there is one; gives the engine that is to count."""
    cdef int turn
    pthread_mutex_lock(&t.mutex)
    turn = what_is_next(t, engine)
    while turn == WAIT:
        pthread_cond_wait(&t.changed, &t.mutex)
        turn = what_is_next(t, engine)
    if turn == READ:
        t.reads = True
    elif turn == COUNT:
        t.counts[engine[0]] = True
    pthread_mutex_unlock(&t.mutex)
    return turn


cdef inline void read_done(Turns *t, bint goes_on) noexcept nogil:
    """A deal is made, and perhaps it was not the last one."""
    pthread_mutex_lock(&t.mutex)
    t.reads = False
    t.over = not goes_on
    t.dealt += 1
    pthread_cond_broadcast(&t.changed)
    pthread_mutex_unlock(&t.mutex)


cdef inline void count_done(Turns *t, int engine) noexcept nogil:
    """An engine has counted its hand."""
    pthread_mutex_lock(&t.mutex)
    t.counts[engine] = False
    t.counted[engine] += 1
    pthread_cond_broadcast(&t.changed)
    pthread_mutex_unlock(&t.mutex)


cdef inline void stop_turns(Turns *t, int outcome) noexcept nogil:
    """Let no thread take another turn."""
    pthread_mutex_lock(&t.mutex)
    if not t.stopped:
        t.stopped = True
        t.outcome = outcome
    pthread_cond_broadcast(&t.changed)
    pthread_mutex_unlock(&t.mutex)


cdef inline void enter(Turns *t) noexcept nogil:
    """One more thread is going to take turns."""
    pthread_mutex_lock(&t.mutex)
    t.working += 1
    pthread_mutex_unlock(&t.mutex)


cdef inline void leave(Turns *t) noexcept nogil:
    """It takes no more."""
    pthread_mutex_lock(&t.mutex)
    t.working -= 1
    if t.working == 0:
        pthread_cond_broadcast(&t.left)
    pthread_mutex_unlock(&t.mutex)


cdef inline bint all_left(Turns *t, int ms) noexcept nogil:
    """Wait for a while, or until all threads have left."""
    cdef bint done
    pthread_mutex_lock(&t.mutex)
    if t.working:
        wait_ms(&t.left, &t.mutex, ms)
    done = t.working == 0
    pthread_mutex_unlock(&t.mutex)
    return done


cdef inline int what_is_next(const Turns *t, int *engine) noexcept nogil:
    """Count, for the engine that is furthest behind; but first read, unless half of the deals wait for it."""
    cdef int i, behind = -1
    cdef uint64_t waiting = 0, most = 0     # deals that engines have to count: those at rest, and all
    if t.stopped:
        return REST
    for i in range(t.engines):
        most = max(most, t.dealt - t.counted[i])
        if not t.counts[i] and t.dealt - t.counted[i] > waiting:
            behind, waiting = i, t.dealt - t.counted[i]
    if not t.reads and not t.over and most < t.deals and 2 * waiting < t.deals:
        return READ
    if behind >= 0:
        engine[0] = behind
        return COUNT
    return REST if t.over and not t.reads else WAIT
