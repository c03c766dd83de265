"""Settings from TOML files and mappings: what is wrong is said with file, table and key."""

import pytest

from flowtable.config import TABLES, Settings
from flowtable.errors import OptionError


def written(folder, text):
    path = folder / "flowtable.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_tables_of_a_file(tmp_path):
    path = written(tmp_path, "[application_ports.tcp]\n80 = 'http'\n")
    for given in (path, str(path)):
        settings = Settings.load(given)
        assert settings.table("application_ports", "tcp") == {"80": "http"}
        assert settings.table("application_ports", "udp") == {}
        assert settings.place("application_ports", "tcp") == f"{path}: [application_ports.tcp]"


def test_a_mapping_is_as_good_as_a_file():
    assert Settings.load({"application_ports": {"tcp": {80: "http"}}}).table("application_ports", "tcp") == {
        80: "http"
    }
    assert Settings.load({}).table("application_ports") == {}


def test_every_table_is_known():
    assert Settings.load({name: {} for name in TABLES}).tables.keys() == set(TABLES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[aplication_ports]\n", r"flowtable\.toml: there is no table 'aplication_ports'; there are applic"),
        ("x = 1", "there is no table 'x'"),
        ("[application_ports", r"flowtable\.toml' is no TOML: .*end of document"),
        ("[application_ports.tcp]\n80 = 'a'\n80 = 'b'\n", r"is no TOML: Cannot overwrite a value .*line 3"),
        (b"\xff\xfe", "is no TOML"),
        ("application_ports = " + "[" * 50_000, "is no TOML"),
    ],
    ids=lambda text: str(text)[:30],
)
def test_what_is_no_settings_file(tmp_path, text, message):
    with pytest.raises(OptionError, match=message):
        Settings.load(written(tmp_path, text))


@pytest.mark.parametrize("value", ["5", "'text'", "[]", "true"])
def test_what_should_be_a_table(tmp_path, value):
    settings = Settings.load(written(tmp_path, f"[application_ports]\ntcp = {value}\n"))
    with pytest.raises(OptionError, match=r"flowtable\.toml: \[application_ports\.tcp\] is a table, and not"):
        settings.table("application_ports", "tcp")
    with pytest.raises(OptionError, match=r"settings: \[application_ports\] is a table"):
        Settings.load({"application_ports": 5}).table("application_ports", "tcp")


@pytest.mark.parametrize("path", ["missing.toml", ".", "\0"])
def test_what_cannot_be_read(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError):
        Settings.load(path)


@pytest.mark.parametrize("source", [None, 5, b"path", ["path"]])
def test_what_is_no_source(source):
    with pytest.raises(OptionError, match="takes a path or a mapping"):
        Settings.load(source)


def test_odd_names_of_files_are_spelled_out(tmp_path):
    path = tmp_path / "\x1b[2J.toml"
    path.write_text("x = 1")
    with pytest.raises(OptionError) as raised:
        Settings.load(path)
    assert "\x1b" not in str(raised.value)
