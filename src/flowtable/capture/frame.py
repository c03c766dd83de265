"""A captured frame as Python sees it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CapturedFrame"]


class CapturedFrame(NamedTuple):
    """One frame of a capture."""

    time: int
    """Unix time in ns, 0 or later; 0 where the capture holds no time."""

    data: bytes
    """What was captured of the frame."""

    length: int
    """Bytes that the frame had on the wire, as the capture says; not checked against `data`."""

    link_type: int
    """What `data` begins with: a LINKTYPE_ number, see :class:`~flowtable.capture.link_types.LinkType`."""

    sampling_rate: int = 0
    """One packet in so many was sampled, as the sampler says; 0 where frames are not samples."""
