# Memory for tables: asked for in large pages where the system has them, since a table larger than the
# caches waits for address translation otherwise.


cdef extern from * nogil:
    """
    #include <stdlib.h>
    #include <sys/mman.h>

    /* Only advice: nothing depends on its success, and systems without it lose some speed. */
    static inline void flowtable_prefer_large_pages(void *memory, size_t size)
    {
    #ifdef MADV_HUGEPAGE
        char *first = (char *)(((size_t)memory + 4095) & ~(size_t)4095);
        if (size >= (size_t)1 << 21)
            (void)madvise(first, size - (size_t)(first - (char *)memory), MADV_HUGEPAGE);
    #endif
    }

    /* Have the system find the page that a byte of fresh memory, which is zero, is in. */
    static inline void flowtable_touch(char *memory)
    {
        *(volatile char *)memory = 0;
    }

    /* Memory of a power of two in size, aligned to its size; NULL when there is none. */
    static inline void *flowtable_aligned(size_t size)
    {
        void *memory = NULL;
        return posix_memalign(&memory, size, size) == 0 ? memory : NULL;
    }

    /* Memory that is zero, of which only what is touched is taken: an allocator may give some that was in use
       before, and has to clear all of it. In a build for sanitizers these look after its bounds. */
    static inline void *flowtable_sparse(size_t size)
    {
    #ifdef FLOWTABLE_SANITIZE
        return calloc(1, size);
    #else
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return memory == MAP_FAILED ? NULL : memory;
    #endif
    }

    static inline void flowtable_end_sparse(void *memory, size_t size)
    {
    #ifdef FLOWTABLE_SANITIZE
        free(memory);
    #else
        if (memory != NULL)
            (void)munmap(memory, size);
    #endif
    }
    """
    void prefer_large_pages "flowtable_prefer_large_pages"(void *memory, size_t size)
    void touch "flowtable_touch"(char *memory)
    void *aligned_memory "flowtable_aligned"(size_t size)
    void *sparse_memory "flowtable_sparse"(size_t size)
    void end_sparse "flowtable_end_sparse"(void *memory, size_t size)


cdef enum:
    PAGE = 4096             # bytes; the smallest that systems have
