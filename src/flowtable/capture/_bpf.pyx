"""A checked interpreter for classic BPF, the filter machine of libpcap and the Linux kernel.

A program is verified as a whole when it is made, so that running it needs no checks but one for each
load from the packet. It always ends, since every jump goes forward, and always in a RET, since every
jump stays inside and the last instruction is one. Its results are those of libpcap's ``bpf_filter``.

The machine: McCanne & Jacobson, "The BSD Packet Filter" (USENIX 1993). Opcodes and the rules of the
verifier: the kernel's Documentation/networking/filter.rst, and libpcap's validator.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from flowtable._cursor cimport be16, be32
from flowtable._exact cimport exact, forget

from itertools import islice
from operator import index

from flowtable.errors import FilterError, OptionError

cdef enum:
    MAX_INSTRUCTIONS = 4096     # the kernel's BPF_MAXINSNS; bounds the time that a packet can take
    SCRATCH_WORDS = 16          # BPF_MEMWORDS
    FIRST_ANCILLARY = 0xfffff000  # offsets from here up mean the kernel's metadata (SKF_AD, SKF_NET, SKF_LL)

cdef enum:                      # the low three bits of an opcode
    CLASS_MASK = 0x07
    CLASS_ARITHMETIC = 0x04
    CLASS_JUMP = 0x05
    CLASS_RETURN = 0x06
    SOURCE_X = 0x08             # an operand is X instead of k
    OPERATION_MASK = 0xf0

cdef enum:                      # op & OPERATION_MASK, of CLASS_ARITHMETIC
    ADD = 0x00
    SUB = 0x10
    MUL = 0x20
    DIV = 0x30
    OR = 0x40
    AND = 0x50
    LSH = 0x60
    RSH = 0x70
    NEG = 0x80
    MOD = 0x90
    XOR = 0xa0

cdef enum:                      # whole opcodes of the other classes
    LD_IMM = 0x00
    LD_WORD = 0x20
    LD_HALF = 0x28
    LD_BYTE = 0x30
    LD_WORD_X = 0x40            # at X + k
    LD_HALF_X = 0x48
    LD_BYTE_X = 0x50
    LD_SCRATCH = 0x60
    LD_LENGTH = 0x80
    LDX_IMM = 0x01
    LDX_SCRATCH = 0x61
    LDX_LENGTH = 0x81
    LDX_HEADER = 0xb1           # X = 4 * (byte & 0xf), the length of an IPv4 header
    ST = 0x02
    STX = 0x03
    JA = 0x05
    JEQ_K = 0x15
    JEQ_X = 0x1d
    JGT_K = 0x25
    JGT_X = 0x2d
    JGE_K = 0x35
    JGE_X = 0x3d
    JSET_K = 0x45
    JSET_X = 0x4d
    RET_K = 0x06
    RET_A = 0x16
    TAX = 0x07
    TXA = 0x87

PACKET_LOADS = frozenset({LD_WORD, LD_HALF, LD_BYTE, LD_WORD_X, LD_HALF_X, LD_BYTE_X, LDX_HEADER})
SCRATCH = frozenset({LD_SCRATCH, LDX_SCRATCH, ST, STX})
JUMPS = frozenset({JA, JEQ_K, JEQ_X, JGT_K, JGT_X, JGE_K, JGE_X, JSET_K, JSET_X})
OTHERS = frozenset({LD_IMM, LD_LENGTH, LDX_IMM, LDX_LENGTH, RET_K, RET_A, TAX, TXA})
ARITHMETIC = frozenset({
    CLASS_ARITHMETIC | source | operation
    for operation in (ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, MOD, XOR)
    for source in (0, SOURCE_X)
}) | {CLASS_ARITHMETIC | NEG}
KNOWN = PACKET_LOADS | SCRATCH | JUMPS | OTHERS | ARITHMETIC


# Making and verifying

cdef Instruction encoded(size_t position, object row) except *:
    """An instruction as the interpreter reads it; FilterError when its numbers do not fit there."""
    cdef Instruction instruction
    try:
        op, jt, jf, k = (index(number) for number in row)
    except (TypeError, ValueError):
        raise FilterError(f"BPF instruction {position}: {row!r} is not (op, jt, jf, k)") from None
    if not (0 <= op <= 0xffff and 0 <= jt <= 0xff and 0 <= jf <= 0xff and 0 <= k <= 0xffffffff):
        raise FilterError(f"BPF instruction {position}: {row!r} has a number out of its range")
    instruction.op, instruction.jt, instruction.jf, instruction.k = op, jt, jf, k
    return instruction


cdef object operand_fault(Instruction i):
    """What is wrong with the instruction by itself; None when nothing is."""
    if i.op not in KNOWN:
        return f"unknown opcode 0x{i.op:02x}"
    if i.op in PACKET_LOADS and i.k >= FIRST_ANCILLARY:
        return f"a load from 0x{i.k:08x}, which is live metadata (SKF_AD, SKF_NET, SKF_LL), not packet bytes"
    if i.op in SCRATCH and i.k >= SCRATCH_WORDS:
        return f"scratch word {i.k}, and there are {SCRATCH_WORDS}"
    if i.op in (CLASS_ARITHMETIC | DIV, CLASS_ARITHMETIC | MOD) and i.k == 0:
        return "division by a constant zero"
    if i.op in (CLASS_ARITHMETIC | LSH, CLASS_ARITHMETIC | RSH) and i.k > 31:
        return f"a shift by {i.k} bits, and a word has 32"
    return None


cdef object jump_fault(Instruction i, uint64_t following):
    """What is wrong with where the instruction leads, `following` instructions being after it."""
    if i.op in JUMPS:
        farthest = i.k if i.op == JA else max(i.jt, i.jf)
        if i.op == JA and farthest > 0x7fffffff:
            return "a jump backward, as 'protochain' needs; a program has to be free of loops"
        if farthest >= following:
            return "a jump out of the program"
    elif following == 0 and i.op & CLASS_MASK != CLASS_RETURN:
        return "the last instruction, and no RET"
    return None


cdef class Program:
    """A verified BPF program; it never changes, and any number of threads may run it at once.

    ``instructions`` are ``(op, jt, jf, k)``, 1 to 4,096 of them. A list that is no safe program raises
    ``FilterError``, which names the instruction and what is wrong with it.
    """

    def __cinit__(self, instructions):
        rows = list(islice(instructions, MAX_INSTRUCTIONS + 1))
        if not 1 <= len(rows) <= MAX_INSTRUCTIONS:
            raise FilterError(f"a BPF program has 1 to {MAX_INSTRUCTIONS} instructions")
        self.code = <Instruction *>PyMem_Malloc(len(rows) * sizeof(Instruction))
        if self.code == NULL:
            raise MemoryError
        self.count = <uint32_t>len(rows)
        for position, row in enumerate(rows):
            self.code[<size_t>position] = encoded(position, row)
        self._verify()

    def __dealloc__(self):
        PyMem_Free(self.code)

    def _verify(self):
        cdef uint32_t position
        for position in range(self.count):
            i = self.code[position]
            fault = operand_fault(i) or jump_fault(i, self.count - position - 1)
            if fault is not None:
                raise FilterError(f"BPF instruction {position}: {fault}")

    cdef uint32_t run(self, const uint8_t *data, uint32_t captured, uint32_t length) noexcept nogil:
        return execute(self.code, data, captured, length)

    def filter(self, data, length=None):
        """Bytes of the packet to keep; 0 when it does not match."""
        cdef Py_buffer view
        cdef const uint8_t *bytes
        cdef uint32_t kept
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            wire = view.len if length is None else index(length)
            if not 0 <= view.len <= 0xffffffff or not 0 <= wire <= 0xffffffff:
                raise OptionError(f"a packet of {wire} bytes on the wire: the range is 0 to 4294967295")
            bytes = exact(<const uint8_t *>view.buf, view.len)
            kept = execute(self.code, bytes, <uint32_t>view.len, <uint32_t>wire)
            forget(bytes)
            return kept
        finally:
            PyBuffer_Release(&view)

    @property
    def instructions(self):
        """The program as a list of ``(op, jt, jf, k)``."""
        return [(i.op, i.jt, i.jf, i.k) for i in self.code[:self.count]]

    def __len__(self):
        return self.count

    def __eq__(self, other):
        return isinstance(other, Program) and self.instructions == (<Program>other).instructions

    def __hash__(self):
        return hash(tuple(self.instructions))

    def __reduce__(self):
        return Program, (self.instructions,)

    def __repr__(self):
        return f"Program({self.instructions})"


# Running

cdef inline const uint8_t *at(
    const uint8_t *data, uint32_t captured, uint64_t offset, uint32_t size
) noexcept nogil:
    """The `size` bytes at `offset`; NULL when not all of them were captured.

    `offset` is at most X + k, which 64 bits hold without wrapping round.
    """
    if offset + size > captured:
        return NULL
    return data + offset


cdef inline uint32_t arithmetic(uint16_t operation, uint32_t a, uint32_t operand) noexcept nogil:
    """One of the operations, modulo 2**32. The operand of DIV and MOD is not zero."""
    if operation == AND:
        return a & operand
    elif operation == ADD:
        return a + operand
    elif operation == SUB:
        return a - operand
    elif operation == MUL:
        return a * operand
    elif operation == DIV:
        return a // operand
    elif operation == MOD:
        return a % operand
    elif operation == OR:
        return a | operand
    elif operation == XOR:
        return a ^ operand
    elif operation == LSH:
        return a << operand if operand < 32 else 0      # C leaves wider shifts undefined; BPF gives 0
    elif operation == RSH:
        return a >> operand if operand < 32 else 0
    else:                                               # NEG
        return <uint32_t>0 - a


# One switch over all opcodes that are not arithmetic, each but a line or three, the commonest first.
# The program is verified: `pc` stays inside it, and scratch indices are below SCRATCH_WORDS. What a packet
# can still do wrong is to end before a load, or to give a zero to divide by: both end the program with 0.
cdef uint32_t execute(
    const Instruction *code, const uint8_t *data, uint32_t captured, uint32_t length
) noexcept nogil:
    cdef const Instruction *pc = code
    cdef const Instruction *i
    cdef const uint8_t *p
    cdef uint16_t op
    cdef uint32_t a = 0, x = 0, operand
    cdef uint32_t[SCRATCH_WORDS] scratch
    memset(scratch, 0, sizeof(scratch))

    while True:
        i = pc
        pc += 1
        op = i.op
        if op == JEQ_K:
            pc += i.jt if a == i.k else i.jf
        elif op == LD_HALF:
            p = at(data, captured, i.k, 2)
            if p == NULL:
                return 0
            a = be16(p)
        elif op == LD_BYTE:
            p = at(data, captured, i.k, 1)
            if p == NULL:
                return 0
            a = p[0]
        elif op == LD_WORD:
            p = at(data, captured, i.k, 4)
            if p == NULL:
                return 0
            a = be32(p)
        elif op == LDX_HEADER:
            p = at(data, captured, i.k, 1)
            if p == NULL:
                return 0
            x = (p[0] & 0xf) << 2
        elif op == LD_HALF_X:
            p = at(data, captured, <uint64_t>x + i.k, 2)
            if p == NULL:
                return 0
            a = be16(p)
        elif op == LD_BYTE_X:
            p = at(data, captured, <uint64_t>x + i.k, 1)
            if p == NULL:
                return 0
            a = p[0]
        elif op == LD_WORD_X:
            p = at(data, captured, <uint64_t>x + i.k, 4)
            if p == NULL:
                return 0
            a = be32(p)
        elif op == JSET_K:
            pc += i.jt if a & i.k else i.jf
        elif op == JGT_K:
            pc += i.jt if a > i.k else i.jf
        elif op == JGE_K:
            pc += i.jt if a >= i.k else i.jf
        elif op == JA:
            pc += i.k
        elif op == RET_K:
            return i.k
        elif op == RET_A:
            return a
        elif op == JEQ_X:
            pc += i.jt if a == x else i.jf
        elif op == JSET_X:
            pc += i.jt if a & x else i.jf
        elif op == JGT_X:
            pc += i.jt if a > x else i.jf
        elif op == JGE_X:
            pc += i.jt if a >= x else i.jf
        elif op == LD_IMM:
            a = i.k
        elif op == LDX_IMM:
            x = i.k
        elif op == LD_LENGTH:
            a = length
        elif op == LDX_LENGTH:
            x = length
        elif op == LD_SCRATCH:
            a = scratch[i.k]
        elif op == LDX_SCRATCH:
            x = scratch[i.k]
        elif op == ST:
            scratch[i.k] = a
        elif op == STX:
            scratch[i.k] = x
        elif op == TAX:
            x = a
        elif op == TXA:
            a = x
        else:
            operand = x if op & SOURCE_X else i.k
            op &= OPERATION_MASK
            if operand == 0 and (op == DIV or op == MOD):
                return 0
            a = arithmetic(op, a, operand)
