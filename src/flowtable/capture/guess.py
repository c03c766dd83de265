"""A short, honest guess at what a file is that is not a capture, for error messages."""

from __future__ import annotations

__all__ = ["looks_like"]

_MAGIC = (
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\x04\x22\x4d\x18", "lz4 data"),
    (b"\x1f\x9d", "compress (.Z) data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "an ELF program or library"),
    (b"MZ", "a Windows program"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1\0\0", "an Arrow file"),
    (b"snoop\0\0\0", "a snoop capture, which is neither pcap nor pcapng"),
    (b"GMBU", "a Network Monitor capture, which is neither pcap nor pcapng"),
    (b"XCP\0", "a NetXRay capture, which is neither pcap nor pcapng"),
    (b"\xa1\xb2\x34\xcd", "a pcap variant that is not known"),
    (b"\xcd\x34\xb2\xa1", "a pcap variant that is not known"),
    (b"\xa1\x2b\x3c\x4d", "a pcap variant that is not known"),
    (b"\x4d\x3c\x2b\xa1", "a pcap variant that is not known"),
    (b"\n\r\r\n", "the beginning of a pcapng file, without its byte-order mark"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_TEXT_CONTROLS = frozenset("\t\n\v\f\r\x1b")


def looks_like(head: bytes) -> str:
    """Say what a file with these first bytes, up to 512, looks like; fits after "it looks like"."""
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if head[257:262] == b"ustar":
        return "a tar archive"
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    text = _text(head)
    if text is None:
        return f"data of an unknown kind, which begin with {head[:8].hex(' ')}"
    return _kind_of_text(text)


def _text(head: bytes) -> str | None:
    """Decode text, but for a character cut off at its end; None when it is none."""
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        if text and all(c.isprintable() or c in _TEXT_CONTROLS or c == "\ufeff" for c in text):
            return text
        return None
    return None


def _kind_of_text(text: str) -> str:
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html", "<head")):
        return "an HTML page"
    if start.startswith("<?xml"):
        return "XML"
    if start.startswith(("{", "[")):
        return "JSON"
    if start.startswith("#!"):
        return "a script"
    line = text.splitlines()[0] if text.splitlines() else ""
    return "text with commas (CSV)" if line.count(",") >= 2 else "text"
