"""Programs for the kernel, as far as they can be looked at without it."""

from hypothesis import given
from hypothesis import strategies as st

from flowtable.capture.fanout import fanout_program
from flowtable.capture.kernel_filter import MAX_KERNEL_PROGRAM, TAKE_ALL, kernel_program


def test_the_program_fits_and_its_number_is_made_up():
    programs = [fanout_program(ethernet=True) for _ in range(2)]
    assert programs[0] != programs[1]
    assert len(programs[0]) < MAX_KERNEL_PROGRAM / 4
    assert fanout_program(ethernet=False, factor=4) == fanout_program(ethernet=False, factor=5)
    for program in programs:
        for at, (op, jt, jf, _) in enumerate(program):
            assert at + max(jt, jf) + 1 < len(program) or op in (0x06, 0x16)


LOADS = [0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x81, 0xB1]
OTHERS = [0x15, 0x25, 0x45, 0x06, 0x54, 0x07, 0x02]
INSTRUCTIONS = st.tuples(
    st.sampled_from(LOADS + OTHERS), st.integers(0, 3), st.integers(0, 3), st.integers(0, 70)
)


@given(st.lists(INSTRUCTIONS, min_size=1, max_size=30), st.integers(1, 262_144))
def test_the_kernels_program_is_as_long_as_two_and_jumps_the_same(program, snap):
    made = kernel_program(program, snap, tags=True)
    assert len(made) == 3 + 2 * len(program)
    tagged, plain = made[3 : 3 + len(program)], made[3 + len(program) :]
    assert made[2] == (0x05, 0, 0, len(tagged))
    for before, with_tag, without in zip(program, tagged, plain, strict=True):
        assert without == before or (before[0] == without[0] == 0x06 and without[3] == snap and before[3])
        assert with_tag == TAKE_ALL[0] or with_tag[1:3] == before[1:3] or with_tag[1:3] == (0, 0)
        if before[0] == 0x06 and before[3] == 0:
            assert with_tag == before
    assert kernel_program(program, snap, tags=False) == plain
