"""Random bytes as frames, whole captures of them at a time."""

import io

import pytest
from reading import read_frames, seeded

from flowtable.packet._decode import registry

BY_LINK_TYPE = 1
LINK_TYPES = [number for space, number, _ in registry() if space == BY_LINK_TYPE]
# What decoders look at first; random bytes seldom hit it.
LIKELY = [
    bytes.fromhex(text)
    for text in [
        "45000040",
        "4500004000000000401100000a0000010a000002",
        "6000000000403a40",
        "0800",
        "86dd",
        "8100",
        "8847",
        "88cc",
        "888e",
        "9000",
        "0806",
        "00350035",
        "12b512b5",
        "17c117c1",
        "c00c",
        "ff03",
        "aaaa03",
        "424203",
        "02000000",
        "0021",
        "08",
        "88be",
        "6558",
        "2f",
        "84",
        "3a",
        "00",
        "2c",
        "2b",
        "3c",
        "ffff",
        "0000",
    ]
]


def likely_bytes(random):
    pieces = (random.choice(LIKELY) if random.random() < 0.6 else random.randbytes(random.randint(1, 12))
              for _ in range(random.randint(1, 30)))  # fmt: skip
    return b"".join(pieces)


@pytest.mark.parametrize("link_type", LINK_TYPES)
def test_random_bytes_of_every_link_type_add_up(tmp_path, link_type):
    random = seeded(link_type)
    frames = [random.randbytes(random.randrange(150)) for _ in range(800)]
    frames += [likely_bytes(random) for _ in range(800)]
    for mode in ("L2", "L3"):
        flows = read_frames(tmp_path, frames, link_type=link_type, layer_key=mode)
        account = flows.account
        assert account.frames == len(frames)
        assert account.in_flows + account.frames_discarded == len(frames)
        out = io.BytesIO()
        flows.write_json(out)
        assert out.getvalue().count(b"\n") == len(flows) == flows.to_arrow().num_rows


def test_every_link_type_has_frames_that_are_discarded_by_name(tmp_path):
    for link_type in LINK_TYPES:
        account = read_frames(tmp_path, [b""] * 3, link_type=link_type).account
        assert list(account.discarded.values()) == [3]
        (name,) = account.discarded
        assert name.startswith("truncated ")


def test_frames_of_every_unknown_link_type_are_discarded(tmp_path):
    """Many kinds of discards, each with a name of its own."""
    from flowtable.testing import START, Interface, write_pcapng
    from flowtable.testing.captures import FrameSpec

    unknown = [number for number in range(0, 65536, 17) if number not in LINK_TYPES]
    frames = [FrameSpec(START, b"frame", None, at) for at in range(len(unknown))]
    path = tmp_path / "unknown.pcapng"
    write_pcapng(path, frames, interfaces=tuple(Interface(number) for number in unknown))
    import flowtable

    account = flowtable.read(path).account
    assert account.adds_up()
    assert account.frames_discarded == len(account.discarded) == len(unknown)
    assert str(account).endswith(f"{len(unknown) - 5:,} for {len(unknown) - 5:,} other reasons)")
