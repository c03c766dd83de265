"""Rules that keep the compiled core safe, as tests over its source."""

import ast
import re

import pytest
from sources import CORE, PACKAGE, code_of, files

from flowtable.packet._decode import registry
from flowtable.packet.layers import LAYER_NAMES, STEP_NAMES

PROTOCOLS = sorted((PACKAGE / "packet" / "protocols").glob("*.pxd"))
SAMPLES = [PACKAGE / "capture" / name for name in ("_sflow.pxd", "_sflow.pyx", "_samples.pyx")]
READERS = [*PROTOCOLS, *SAMPLES, PACKAGE / "flow" / "_messages.pyx"]

# Places outside the cursor's own functions that touch its ends, each looked at by a person: they set up a
# cursor over bytes that were taken, move one to where another one came to, or look at a byte that left()
# says is there. A place that moves or that is new has to be looked at again.
REVIEWED = {
    "application.pxd": [
        "cdef const uint8_t *h = d.c.p",
        "d.c.p = d.c.end",
        'while left(&c) and (c.p[0] == c"\\n" or c.p[0] == c"\\r"):',
        "h = c.p",
        "words[0].p = c.p",
        'while left(c) > 0 and c.p[0] != c"\\n" and c.p[0] != c"\\r":',
        'if c.p[0] == c" " and n < 2:',
        "words[n].end = c.p",
        "words[n].p = c.p + 1",
        "words[n].end = c.p",
        'if not c"A" <= word.p[i] <= c"Z":',
    ],
    "_samples.pyx": [
        "self._samples.p = self._room + datagram.begin",
        "self._samples.end = self._samples.p + datagram.length",
    ],
    "_sflow.pxd": ["body.p, body.end = h, h + length"],
    "_sflow.pyx": [
        "r.c.p, r.c.end = r.start, r.start + len(datagram)",
        "return self.c.p - self.start",
    ],
    "_messages.pyx": [
        "c.p = at.p",
        "at.p, at.end = m.start, m.c.end",
        "m.start = m.c.p = message.data",
        "m.c.end = message.data + message.length",
        "data.p = take(&m.c, be16(h + 8))",
        "if data.p == NULL:",
        "data.end = m.c.p",
        "c.p, c.end = message.data, message.data + message.length",
        "c.p, c.end = message.data, message.data + message.length",
    ],
    "control.pxd": [
        "cdef const uint8_t *h = d.c.p",
        "d.c.p = c.p",
        "push(d, LINK_LAYER_DISCOVERY_INFO, d.c.p)",
        "if c.p > d.c.p:",
        "push(d, CISCO_DISCOVERY_INFO, d.c.p)",
    ],
    "dns.pxd": [
        "m.start, m.c = d.c.p, d.c",
        "c.p, c.end = m.start, m.c.end",
        "data.p = take(&m.c, be16(h + 8))",
        "if data.p == NULL:",
        "data.end = m.c.p",
    ],
    "internet.pxd": [
        "push(d, FRAGMENT, d.c.p)",
        "c.p, c.end = p, p + n",
        "d.ip_end = <uint32_t>(d.c.p - d.frame) + length",
        "options.p, options.end = h + 2, c.p",
        "push(d, FRAGMENT, d.c.p)",
        "cdef uint32_t begin = <uint32_t>(h + 8 - d.frame)",
    ],
    "link.pxd": ["h = d.c.p"],
    "overlay.pxd": [
        "options.p = take(&d.c, (h[0] & 0x3F) * 4)",
        "if options.p == NULL:",
        "options.end = d.c.p",
        "cdef const uint8_t *first = d.c.p",
    ],
    "sctp.pxd": ["body.p, body.end = h + 4, h + length"],
    "wireless.pxd": [
        "push(d, layer, d.c.p)",
        "if d.data_pad and take(&d.c, -<int>(d.c.p - header) & 3) == NULL:",
        "push(d, DOT11_DATA + subtype, d.c.p)",
    ],
}
TOUCHES = re.compile(r"\b\w+(\[\w+\])?\.(p|end)\b(?!\w)|\bd\.frame\b|\.c\.(p|end)\b")


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.name)
def test_packet_bytes_are_read_through_the_cursor(path):
    lines = [line.strip() for line in code_of(path).splitlines() if TOUCHES.search(line)]
    assert lines == REVIEWED.get(path.name, [])


HAVE_ASKED = {"routing"}  # igmp() has peeked what its three kinds of messages take


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.name)
def test_what_was_taken_is_looked_at_before_it_is_read(path):
    """A header that take() or peek() may refuse is compared with NULL in the lines below it."""
    lines = code_of(path).splitlines()
    for at, line in enumerate(lines):
        found = re.search(r"\bcdef const uint8_t \*(\w+) = (?:take|peek)\(", line)
        if found and f"{found[1]} != NULL" not in line:
            following = "\n".join(lines[at + 1 : at + 9])
            guard = re.search(rf"\b{found[1]} [!=]= NULL", following)
            assert guard or path.stem in HAVE_ASKED, (path.name, line)
            read = re.search(rf"(?<!& )\b{found[1]}\[", following)
            assert path.stem in HAVE_ASKED or not read or guard.start() < read.start(), (path.name, line)


def registered():
    """Give the names of the protocol functions in the registry's rows."""
    text = (PACKAGE / "packet" / "_decode.pyx").read_text()
    return set(re.findall(r"row\([\w.]+, (\w+\.\w+)", text))


def test_every_registered_protocol_says_what_it_reads():
    functions = registered()
    assert len(functions) > 50
    for function in functions:
        module, _, name = function.partition(".")
        text = (PACKAGE / "packet" / "protocols" / f"{module}.pxd").read_text()
        found = re.search(rf'uint32_t {name}\(Dissection \*d\) noexcept nogil:\n    """\S', text)
        assert found, function


def test_every_registered_layer_has_a_name():
    assert {layer for _, _, layer in registry()} <= {*LAYER_NAMES, *STEP_NAMES}


def test_protocols_are_noexcept_and_without_the_lock():
    for path in PROTOCOLS:
        for line in re.findall(r"^cdef inline .*?:$", code_of(path), re.MULTILINE | re.DOTALL):
            assert line.endswith("noexcept nogil:"), (path.name, line)


CLOCKS = re.compile(
    r"\b(clock_gettime|gettimeofday|monotonic|perf_counter)\b|^ *(from|import) (time|datetime)\b",
    re.MULTILINE,
)


WAITS = "capture/pace.py"  # for a frame's time to come, or for a sender to go on; no flow depends on it


@pytest.mark.parametrize("path", files(".py", ".pyx", ".pxd", rooms=CORE), ids=lambda path: path.name)
def test_the_core_reads_no_clock(path):
    assert bool(CLOCKS.search(path.read_text())) == (path.relative_to(PACKAGE).as_posix() == WAITS)


# Where code runs that may raise anything, which is counted and shown, or raised where it is asked for.
MAY_CATCH_ALL = {"enhance/pipeline.py": 1, "background.py": 1, "table/handlers.py": 1}


@pytest.mark.parametrize("path", files(".py"), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_hides_all_errors_or_prints(path):
    catching_all = 0
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, path
            everything = isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            catching_all += everything and not isinstance(node.body[-1], ast.Raise)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "eval", "exec"), path
        if isinstance(node, ast.ImportFrom):
            assert [alias.name for alias in node.names] != ["*"], path
    assert catching_all == MAY_CATCH_ALL.get(path.relative_to(PACKAGE).as_posix(), 0)


@pytest.mark.parametrize("path", files(".pyx", ".pxd"), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_compiled_module_hides_all_errors(path):
    assert not re.search(r"\bexcept\s*:", code_of(path))


def test_memory_is_asked_for_in_few_places_and_always_looked_at():
    for path in files(".pyx", ".pxd", rooms=CORE):
        code = code_of(path)
        for name in re.findall(r"([\w.]+) = <[^>]+>\s*(?:calloc|malloc|realloc)\(", code):
            assert re.search(rf"{re.escape(name)} (?:==|!=|is|is not) NULL", code), (path.name, name)
