"""The messages that flows keep, as Python sees them: what ``extra_layers`` asks for.

It is loaded by the first message that somebody looks at: most programs look at none, and a dozen classes
take a tenth of the time that flowtable takes to start.

Each class mirrors a message of the reference; a part's name there and its protobuf number stand in its
metadata. Whatever a message does not have is zero, false or empty.
"""

from __future__ import annotations

import base64
import json
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flowtable.errors import FieldNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MESSAGES",
    "DHCPv4Message",
    "DNSMailExchange",
    "DNSMessage",
    "DNSOption",
    "DNSQuestion",
    "DNSRecord",
    "DNSService",
    "DNSStartOfAuthority",
    "VRRPAdvertisement",
    "dictionary",
    "message",
    "part_of",
]

NS_PER_S: Final = 1_000_000_000

_T = TypeVar("_T")


def _part(name: str, number: int, zero: _T, read: Callable[[Any], _T] | None = None) -> _T:
    """Give a part its name and number in the reference's message, and how it is read from JSON."""
    part: _T = field(default=zero, metadata={"name": name, "number": number, "read": read})
    return part


def _typed(kind: Any, values: dict[str, Any]) -> Any:
    """Make a message, or what is inside one, from its dictionary."""
    given = {}
    for f in fields(kind):
        if f.metadata["name"] in values:
            value, read = values[f.metadata["name"]], f.metadata["read"]
            given[f.name] = value if read is None else read(value)
    return kind(**given)


def _one(kind: type[_T]) -> Callable[[Any], _T | None]:
    return lambda values: _typed(kind, values)


def _several(kind: type[_T]) -> Callable[[Any], tuple[_T, ...]]:
    return lambda values: tuple(_typed(kind, value) for value in values)


def _nanoseconds(time: dict[str, int]) -> int:
    return time.get("seconds", 0) * NS_PER_S + time.get("nanos", 0)


@dataclass(frozen=True, slots=True)
class DNSQuestion:
    """What is asked; the root's name is empty."""

    name: str = _part("name", 1, "")
    type: str = _part("type", 2, "")
    class_: str = _part("class", 3, "")


@dataclass(frozen=True, slots=True)
class DNSStartOfAuthority:
    """Data of a SOA record; times in seconds."""

    m_name: str = _part("m_name", 1, "")
    r_name: str = _part("r_name", 2, "")
    serial: int = _part("serial", 3, 0)
    refresh: int = _part("refresh", 4, 0)
    retry: int = _part("retry", 5, 0)
    expire: int = _part("expire", 6, 0)
    minimum: int = _part("minimum", 7, 0)


@dataclass(frozen=True, slots=True)
class DNSService:
    """Data of a SRV record (RFC 2782)."""

    priority: int = _part("priority", 1, 0)
    weight: int = _part("weight", 2, 0)
    port: int = _part("port", 3, 0)
    name: str = _part("name", 4, "")


@dataclass(frozen=True, slots=True)
class DNSMailExchange:
    """Data of an MX record."""

    preference: int = _part("preference", 1, 0)
    name: str = _part("name", 2, "")


@dataclass(frozen=True, slots=True)
class DNSOption:
    """An EDNS option (RFC 6891) of an OPT record."""

    code: str = _part("code", 1, "")
    data: bytes = _part("data", 2, b"", base64.b64decode)


@dataclass(frozen=True, slots=True)
class DNSRecord:
    r"""A resource record: what it is of, and its data by its type.

    ``ttl`` is in seconds, ``data_length`` in bytes. ``data`` is that of types without a part of their own,
    as RFC 3597 writes it: ``\# 4 0a000001``.
    """

    name: str = _part("name", 1, "")
    type: str = _part("type", 2, "")
    class_: str = _part("class", 3, "")
    ttl: int = _part("TTL", 4, 0)
    data_length: int = _part("data_length", 5, 0)
    ip: str = _part("IP", 6, "")
    ns: str = _part("NS", 7, "")
    c_name: str = _part("c_name", 8, "")
    ptr: str = _part("PTR", 9, "")
    txts: tuple[str, ...] = _part("TXTs", 10, (), tuple)
    soa: DNSStartOfAuthority | None = _part("SOA", 11, None, _one(DNSStartOfAuthority))  # noqa: RUF009 - gives a dataclass field
    srv: DNSService | None = _part("SRV", 12, None, _one(DNSService))  # noqa: RUF009 - gives a dataclass field
    mx: DNSMailExchange | None = _part("MX", 13, None, _one(DNSMailExchange))  # noqa: RUF009 - gives a dataclass field
    opt: tuple[DNSOption, ...] = _part("OPT", 14, (), _several(DNSOption))
    data: str = _part("data", 2000, "")


@dataclass(frozen=True, slots=True)
class DNSMessage:
    """A DNS message (RFC 1035). ``timestamp`` is when it was seen, Unix ns.

    ``z`` is three bits: reserved 4, AD 2, CD 1 (RFC 4035). The counts are those of the header. ``cut``
    says that records are left out: as text they are more than thirty times as long as in the packet, or their
    names are pointers to pointers without end.
    """

    id: int = _part("ID", 1, 0)
    qr: bool = _part("QR", 2, zero=False)
    op_code: str = _part("op_code", 3, "")
    aa: bool = _part("AA", 4, zero=False)
    tc: bool = _part("TC", 5, zero=False)
    rd: bool = _part("RD", 6, zero=False)
    ra: bool = _part("RA", 7, zero=False)
    z: int = _part("z", 8, 0)
    response_code: str = _part("response_code", 9, "")
    q_d_count: int = _part("q_d_count", 10, 0)
    a_n_count: int = _part("a_n_count", 11, 0)
    n_s_count: int = _part("n_s_count", 12, 0)
    a_r_count: int = _part("a_r_count", 13, 0)
    questions: tuple[DNSQuestion, ...] = _part("questions", 14, (), _several(DNSQuestion))
    answers: tuple[DNSRecord, ...] = _part("answers", 15, (), _several(DNSRecord))
    authorities: tuple[DNSRecord, ...] = _part("authorities", 16, (), _several(DNSRecord))
    additionals: tuple[DNSRecord, ...] = _part("additionals", 17, (), _several(DNSRecord))
    timestamp: int = _part("timestamp", 18, 0, _nanoseconds)
    cut: bool = _part("cut", 2000, zero=False)


@dataclass(frozen=True, slots=True)
class DHCPv4Message:
    """The fixed part of a DHCP or BOOTP message (RFC 2131); ``hardware_opts`` are the relays on its way."""

    hardware_len: int = _part("hardware_len", 3, 0)
    hardware_opts: int = _part("hardware_opts", 4, 0)
    xid: int = _part("xid", 5, 0)
    secs: int = _part("secs", 6, 0)
    flags: int = _part("flags", 7, 0)
    server_name: bytes = _part("server_name", 8, b"", base64.b64decode)
    file: bytes = _part("file", 9, b"", base64.b64decode)


@dataclass(frozen=True, slots=True)
class VRRPAdvertisement:
    """A VRRP advertisement, version 2 (RFC 3768) or 3 (RFC 9568).

    ``adver_int`` is the byte that version 2 has for the interval in seconds. Version 3 has twelve bits and
    hundredths of a second: ``max_adver_int``, of which ``adver_int`` is the lowest byte.
    """

    version: int = _part("version", 3, 0)
    virtual_rtr_id: int = _part("virtual_rtrID", 4, 0)
    priority: int = _part("priority", 5, 0)
    count_ipaddr: int = _part("count_ipaddr", 6, 0)
    adver_int: int = _part("adver_int", 7, 0)
    checksum: int = _part("checksum", 8, 0)
    max_adver_int: int = _part("max_adver_int", 2000, 0)


MESSAGES: Final[dict[str, Any]] = {
    "DHCPv4": DHCPv4Message,
    "DNS": DNSMessage,
    "VRRPv2": VRRPAdvertisement,
}
"""The fields of a flow that are messages."""


def message(path: str, text: str | None) -> Any:
    """Make the message ``path`` from the JSON that its column has; None from None."""
    return None if text is None else _typed(MESSAGES[path], json.loads(text))


def dictionary(text: str) -> Any:
    """Give a message as dictionaries show it."""
    return json.loads(text)


def part_of(path: str, name: str, text: str | None) -> Any:
    """Give a part of the message ``path`` as dictionaries show it, what is left out there as its zero.

    Raises:
        FieldNotFound: the message has no such part.

    """
    parts: dict[str, Field[Any]] = {f.metadata["name"]: f for f in fields(MESSAGES[path])}
    if name not in parts:
        raise FieldNotFound(f"{path} has no part {name!r}; it has {', '.join(parts)}")
    if text is None:
        return None
    zero = parts[name].default
    return json.loads(text).get(name, list(zero) if isinstance(zero, tuple) else zero)
