# Waiting for other threads, without the interpreter. A clock is looked at for how long to wait, and for nothing else.

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass
    int pthread_mutex_init(pthread_mutex_t *mutex, void *attributes)
    int pthread_mutex_destroy(pthread_mutex_t *mutex)
    int pthread_mutex_lock(pthread_mutex_t *mutex)
    int pthread_mutex_unlock(pthread_mutex_t *mutex)
    int pthread_cond_init(pthread_cond_t *condition, void *attributes)
    int pthread_cond_destroy(pthread_cond_t *condition)
    int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
    int pthread_cond_broadcast(pthread_cond_t *condition)


cdef extern from * nogil:
    """
    #include <pthread.h>
    #include <time.h>

    /* A condition that can be waited for by a clock that nobody sets; not 0: there is none. */
    static inline int flowtable_begin_wait(pthread_cond_t *condition)
    {
    #ifdef __APPLE__
        return pthread_cond_init(condition, NULL);
    #else
        pthread_condattr_t attributes;
        return pthread_condattr_init(&attributes)
            || pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            || pthread_cond_init(condition, &attributes);
    #endif
    }

    /* Wait for a while at most. */
    static inline void flowtable_wait_ms(pthread_cond_t *condition, pthread_mutex_t *mutex, int ms)
    {
        struct timespec until = {ms / 1000, ms % 1000 * 1000000L};
    #ifdef __APPLE__
        (void)pthread_cond_timedwait_relative_np(condition, mutex, &until);
    #else
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        until.tv_nsec += now.tv_nsec;
        until.tv_sec += now.tv_sec + until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(condition, mutex, &until);
    #endif
    }
    """
    int begin_wait "flowtable_begin_wait"(pthread_cond_t *condition)
    void wait_ms "flowtable_wait_ms"(pthread_cond_t *condition, pthread_mutex_t *mutex, int ms)
