# Datagrams from a socket, with what the kernel knows of each: when it came, from where, and how many it dropped.

from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef extern from * nogil:
    """
    #include <errno.h>
    #include <netinet/in.h>
    #include <poll.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/time.h>

    typedef struct {
        int64_t time;           /* Unix ns; 0: the kernel did not say */
        uint32_t dropped;       /* datagrams of this socket until then */
        uint8_t from[16];       /* IPv4 as ::ffff:a.b.c.d */
    } flowtable_arrival;

    /* Have the kernel say so; systems that cannot leave these things out. */
    static void flowtable_ask_for_arrivals(int fd)
    {
        int on = 1;
    #ifdef SO_TIMESTAMPNS
        (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    #elif defined(SO_TIMESTAMP)
        (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
    #endif
    #ifdef SO_RXQ_OVFL
        (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
    #endif
    }

    static int flowtable_tells_drops(void)
    {
    #ifdef SO_RXQ_OVFL
        return 1;
    #else
        return 0;
    #endif
    }

    static void flowtable_note_message(struct cmsghdr *message, flowtable_arrival *arrival)
    {
        if (message->cmsg_level != SOL_SOCKET)
            return;
    #ifdef SO_TIMESTAMPNS
        if (message->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(message), sizeof(time));
            arrival->time = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
        }
    #elif defined(SO_TIMESTAMP)
        if (message->cmsg_type == SCM_TIMESTAMP) {
            struct timeval time;
            memcpy(&time, CMSG_DATA(message), sizeof(time));
            arrival->time = (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
        }
    #endif
    #ifdef SO_RXQ_OVFL
        if (message->cmsg_type == SO_RXQ_OVFL)
            memcpy(&arrival->dropped, CMSG_DATA(message), sizeof(arrival->dropped));
    #endif
    }

    static void flowtable_note_sender(const struct sockaddr_storage *from, flowtable_arrival *arrival)
    {
        memset(arrival->from, 0, sizeof(arrival->from));
        if (from->ss_family == AF_INET6) {
            memcpy(arrival->from, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
        } else if (from->ss_family == AF_INET) {
            arrival->from[10] = arrival->from[11] = 0xFF;
            memcpy(arrival->from + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
        }
    }

    /* Take a datagram that is there; gives its length, or less than 0 and errno. */
    static Py_ssize_t flowtable_receive(int fd, uint8_t *room, size_t size, flowtable_arrival *arrival)
    {
        struct sockaddr_storage from;
        union { struct cmsghdr align; char room[256]; } control;
        struct iovec data = { room, size };
        struct msghdr message;
        struct cmsghdr *each;
        ssize_t length;
        memset(&message, 0, sizeof(message));
        memset(&from, 0, sizeof(from));
        message.msg_name = &from;
        message.msg_namelen = sizeof(from);
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        length = recvmsg(fd, &message, MSG_DONTWAIT);
        if (length < 0)
            return -1;
        arrival->time = 0;
        for (each = CMSG_FIRSTHDR(&message); each != NULL; each = CMSG_NXTHDR(&message, each))
            flowtable_note_message(each, arrival);
        flowtable_note_sender(&from, arrival);
        return length;
    }

    /* Wait until a socket has something, but no longer than so many ms. */
    static void flowtable_wait(int fd, int ms)
    {
        struct pollfd each = { fd, POLLIN, 0 };
        (void)poll(&each, 1, ms);
    }
    """
    ctypedef struct Arrival "flowtable_arrival":
        int64_t time            # Unix ns; 0: the kernel did not say
        uint32_t dropped        # datagrams of this socket until then; as before where the kernel does not say
        uint8_t sender "from"[16]

    void ask_for_arrivals "flowtable_ask_for_arrivals"(int fd)
    bint tells_drops "flowtable_tells_drops"()
    Py_ssize_t receive "flowtable_receive"(int fd, uint8_t *room, size_t size, Arrival *arrival)
    void wait_for_datagram "flowtable_wait"(int fd, int ms)
