"""Scapy's opinion of a frame."""

from __future__ import annotations

import logging
import warnings

logging.getLogger("scapy").setLevel(logging.ERROR)  # it warns of interfaces that it would not use
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # modules move about between scapy's versions
    from scapy import all as scapy
    from scapy.contrib import (
        bfd,
        cdp,
        erspan,
        etherip,
        geneve,
        gtp,
        igmp,
        igmpv3,
        lldp,
        mpls,
        nsh,
        ospf,
        wireguard,
    )
    from scapy.packet import NoPayload, Packet

__all__ = [
    "bfd",
    "cdp",
    "erspan",
    "etherip",
    "geneve",
    "gtp",
    "igmp",
    "igmpv3",
    "lldp",
    "mpls",
    "nsh",
    "ospf",
    "rebuilt",
    "scapy",
    "wireguard",
]

WORKED_OUT = {
    *("len", "plen", "length", "ihl", "dataofs", "hlen", "optionlen", "chksum", "cksum", "checksum"),
    *("qdcount", "ancount", "nscount", "arcount", "rdlen"),
    *("records_number", "numsrc", "numgrp", "ipcount", "lsacount", "linkcount"),
}


def rebuilt(first: type[Packet], frame: bytes) -> bytes:
    """Take a frame apart, forget what scapy works out by itself, and put it together again."""
    packet = first(frame)
    layer = packet
    while not isinstance(layer, NoPayload):
        layer.raw_packet_cache = None
        for field in layer.fields_desc:
            if field.default is None and field.name in WORKED_OUT:
                layer.fields.pop(field.name, None)
        layer = layer.payload
    return bytes(packet)
