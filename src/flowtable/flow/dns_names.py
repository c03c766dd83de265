"""Names of the numbers in DNS messages (IANA, Domain Name System Parameters).

A number without a name is shown as RFC 3597, 5 has it: ``TYPE65280``, ``CLASS4096``, and likewise
``OPCODE3``, ``RCODE15``, ``OPT65001``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CLASSES", "OPCODES", "OPTIONS", "RESPONSE_CODES", "TYPES"]


def _numbered(names: str, start: int) -> dict[int, str]:
    """Give names the numbers from ``start`` on; ``-`` stands for a number without a name."""
    return {number: name for number, name in enumerate(names.split(), start) if name != "-"}


TYPES: Final[dict[int, str]] = {
    **_numbered("A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT", 1),
    **_numbered("NSAP NSAP-PTR SIG KEY PX GPOS AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT A6", 22),
    **_numbered("DNAME SINK OPT APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY DHCID NSEC3 NSEC3PARAM", 39),
    **_numbered("TLSA SMIMEA - HIP NINFO RKEY TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS", 52),
    **_numbered("DSYNC HHIT BRID", 66),
    **_numbered("SPF UINFO UID GID UNSPEC NID L32 L64 LP EUI48 EUI64", 99),
    128: "NXNAME",
    **_numbered("TKEY TSIG IXFR AXFR MAILB MAILA ANY URI CAA AVC DOA AMTRELAY RESINFO WALLET", 249),
    32768: "TA",
    32769: "DLV",
}
CLASSES: Final[dict[int, str]] = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
OPCODES: Final[dict[int, str]] = {
    0: "Query",
    1: "Inverse Query",
    2: "Status",
    4: "Notify",
    5: "Update",
    6: "DNS Stateful Operations",
}
RESPONSE_CODES: Final[dict[int, str]] = {
    0: "No Error",
    1: "Format Error",
    2: "Server Failure",
    3: "Non-Existent Domain",
    4: "Not Implemented",
    5: "Query Refused",
    6: "Name Exists when it should not",
    7: "RR Set Exists when it should not",
    8: "RR Set that should exist does not",
    9: "Server Not Authoritative for zone",
    10: "Name not contained in zone",
    11: "DSO-TYPE Not Implemented",
}
OPTIONS: Final[dict[int, str]] = {
    **_numbered("LLQ UL NSID - DAU DHU N3U ECS EXPIRE COOKIE KEEPALIVE PADDING CHAIN KEY-TAG EDE", 1),
    **_numbered("CLIENT-TAG SERVER-TAG REPORTCHANNEL ZONEVERSION", 16),
}
