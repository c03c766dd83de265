"""What dnspython makes of a DNS message, in the shape that flows have it."""

import base64
import struct

import dns.edns
import dns.flags
import dns.name
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire

OPCODES = {0: "Query", 1: "Inverse Query", 2: "Status", 4: "Notify", 5: "Update"}


def opinion(wire, time=0):
    """Give the dictionary of a message, everything in it parsed by dnspython."""
    parser = dns.wire.Parser(wire)
    number, flags, *counts = parser.get_struct("!6H")
    message = header(number, flags, counts)
    message["questions"] = [question(parser) for _ in range(counts[0])]
    for section, count in zip(("answers", "authorities", "additionals"), counts[1:], strict=True):
        message[section] = [record(parser) for _ in range(count)]
    seconds, nanos = divmod(time, 1_000_000_000)
    message["timestamp"] = given({"seconds": seconds, "nanos": nanos})
    return {name: value for name, value in message.items() if value or name == "timestamp"}


def header(number, flags, counts):
    names = dns.flags.to_text(flags).split()
    return {
        "ID": number,
        "QR": "QR" in names,
        "op_code": OPCODES.get(dns.opcode.from_flags(flags), f"OPCODE{dns.opcode.from_flags(flags)}"),
        "AA": "AA" in names,
        "TC": "TC" in names,
        "RD": "RD" in names,
        "RA": "RA" in names,
        "z": flags >> 4 & 7,
        "response_code": RESPONSES.get(flags & 15, f"RCODE{flags & 15}"),
        **dict(zip(("q_d_count", "a_n_count", "n_s_count", "a_r_count"), counts, strict=True)),
    }


RESPONSES = dict(
    enumerate(
        (
            "No Error",
            "Format Error",
            "Server Failure",
            "Non-Existent Domain",
            "Not Implemented",
            "Query Refused",
            "Name Exists when it should not",
            "RR Set Exists when it should not",
            "RR Set that should exist does not",
            "Server Not Authoritative for zone",
            "Name not contained in zone",
            "DSO-TYPE Not Implemented",
        )
    )
)


def given(parts):
    return {name: value for name, value in parts.items() if value}


def text_of(name):
    """Give a name as dnspython has it, but the root as nothing."""
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True)


def codes(rdtype, rdclass):
    classes = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
    return {
        "type": dns.rdatatype.to_text(rdtype),
        "class": classes.get(rdclass, f"CLASS{rdclass}"),
    }


def question(parser):
    name = text_of(dns.name.from_wire_parser(parser))
    return given({"name": name, **codes(*parser.get_struct("!HH"))})


def record(parser):
    name = text_of(dns.name.from_wire_parser(parser))
    rdtype, rdclass, ttl, length = parser.get_struct("!HHIH")
    out = {"name": name, **codes(rdtype, rdclass), "TTL": ttl, "data_length": length}
    with parser.restrict_to(length):
        out |= data(parser, rdtype, length)
    empty = {"SOA", "SRV", "MX"}  # which are there even if all in them is zero
    return {key: value for key, value in out.items() if value or key in empty}


def data(parser, rdtype, length):
    known = KNOWN.get(dns.rdatatype.to_text(rdtype))
    if rdtype == dns.rdatatype.OPT:
        return {"OPT": options(parser.get_remaining())}
    if known and (length or rdtype == dns.rdatatype.TXT):
        return known(dns.rdata.from_wire_parser(dns.rdataclass.IN, rdtype, parser))
    generic = dns.rdata.GenericRdata(dns.rdataclass.IN, rdtype, parser.get_remaining())
    head, _, digits = generic.to_text().removeprefix(r"\# ").partition(" ")
    return {"data": rf"\# {head} {digits.replace(' ', '')}" if length else ""}


def options(wire):
    out = []
    while wire:
        code, length = struct.unpack_from("!HH", wire)
        value, wire = wire[4 : 4 + length], wire[4 + length :]
        out.append(given({"code": option_name(code), "data": base64.b64encode(value).decode()}))
    return out


def option_name(code):
    ours = {1: "LLQ", 2: "UL", 14: "KEY-TAG", 16: "CLIENT-TAG", 17: "SERVER-TAG", 19: "ZONEVERSION"}
    theirs = {option.value: option.name for option in dns.edns.OptionType if option.value < 20}
    return ours.get(code) or theirs.get(code) or f"OPT{code}"


def txt(data):
    return {"TXTs": ["".join(octet(c) for c in text) for text in data.strings]}


def octet(number):
    if number == ord("\\"):
        return r"\\"
    return chr(number) if 32 <= number < 127 else f"\\{number:03}"


KNOWN = {
    "A": lambda data: {"IP": data.address},
    "AAAA": lambda data: {"IP": mapped(data.address)},
    "NS": lambda data: {"NS": text_of(data.target)},
    "CNAME": lambda data: {"c_name": text_of(data.target)},
    "PTR": lambda data: {"PTR": text_of(data.target)},
    "TXT": txt,
    "SOA": lambda data: {
        "SOA": given(
            {
                "m_name": text_of(data.mname),
                "r_name": text_of(data.rname),
                "serial": data.serial,
                "refresh": data.refresh,
                "retry": data.retry,
                "expire": data.expire,
                "minimum": data.minimum,
            }
        )
    },
    "SRV": lambda data: {
        "SRV": given(
            {
                "priority": data.priority,
                "weight": data.weight,
                "port": data.port,
                "name": text_of(data.target),
            }
        )
    },
    "MX": lambda data: {"MX": given({"preference": data.preference, "name": text_of(data.exchange)})},
}


def mapped(address):
    import ipaddress

    of_four = ipaddress.ip_address(address).ipv4_mapped
    return f"::ffff:{of_four}" if of_four else str(ipaddress.ip_address(address))
