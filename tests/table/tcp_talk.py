"""TCP segments of two hosts by offsets into what they send, and what is heard of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from reading import read_frames

from flowtable.testing import START, TCP, Ethernet, FrameSpec, IPv4, Packet

MS = 1_000_000
ISN = {"A": 1_000, "B": 4_294_967_290}  # B's numbers go round soon


@dataclass
class Talk:
    """Frames 1 ms apart. Offset 0 is the first byte of a side's stream; its SYN is in front of that."""

    isn: dict[str, int] = field(default_factory=lambda: dict(ISN))
    frames: list[FrameSpec] = field(default_factory=list)

    def say(self, side, flags="A", offset=0, data=b"", **options):
        """Add a segment; ``ack`` is an offset into the other side's stream."""
        other = "B" if side == "A" else "A"
        ack = (self.isn[other] + 1 + options.pop("ack", 0)) % 2**32
        captured, ms = options.pop("captured", None), options.pop("ms", len(self.frames))
        ports = (4000, 80) if side == "A" else (80, 4000)
        ends = ("10.0.0.1", "10.0.0.2") if side == "A" else ("10.0.0.2", "10.0.0.1")
        number = (self.isn[side] + ("S" not in flags) + offset) % 2**32
        layers = Ethernet() / IPv4(*ends) / TCP(*ports, flags, number, ack if "A" in flags else 0, **options)
        frame = bytes(layers / data if data else Packet(layers.layers))
        self.frames.append(FrameSpec(START + ms * MS, frame[:captured], len(frame)))
        return self

    def shake(self):
        """Add a handshake."""
        return self.say("A", "S").say("B", "SA").say("A", "A")


def heard(folder, frames, **options):
    """Read frames as one flow; gives it and what a listener got."""
    got = []
    (flow,) = read_frames(folder, frames, layer_key="L3", streams=got.extend, **options)
    return flow, got


def stream(got, side):
    """Put one side's bytes together, ``?`` for each that is missing."""
    return b"".join(b"?" * max(0, item.skipped) + item.data for item in got if item.side == side)


def counts(flow, side="AB"):
    """Give what is not zero of one side's counts."""
    m = flow.to_dict()["TCPMetric"]
    names = [
        "Packets", "Bytes", "SegmentOutOfOrder", "SegmentSkipped", "SegmentSkippedBytes", "Retransmitted",
        "ZeroWindows", "SawStart", "SawEnd",
    ]  # fmt: skip
    return {name: m[side + name] for name in names if m[side + name]}
