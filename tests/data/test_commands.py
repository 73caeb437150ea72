import json

import pytest
from typer.testing import CliRunner

from kitutils.commands.data import app
from kitutils.data import cards, formats, lookup, mirror, standins, store
from kitutils.data.faults import UnknownDataset

PENGUINS = cards.card("penguins")


@pytest.fixture
def kit(monkeypatch):
    """Run ``kit data …`` offline; returns exit code and output."""
    monkeypatch.setenv("KIT_OFFLINE", "1")

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


@pytest.fixture
def cached():
    with store.workspace(PENGUINS) as space:
        formats.write(store.part(PENGUINS, space), standins.make(PENGUINS), PENGUINS)
        store.commit(PENGUINS, space, "publisher")
    return store.folder() / "penguins.csv.gz"


def row(output: str, name: str) -> str:
    return next(line for line in output.splitlines() if f" {name} " in line)


def test_the_list_shows_each_set_with_size_licence_and_where_it_is(kit, cached):
    code, output = kit("list")
    assert code == 0
    assert all(row(output, name) for name in cards.names())
    assert "built-in" in row(output, "digits") and "CC BY 4.0 (UCI)" in row(output, "digits")
    assert "cache (from the publisher)" in row(output, "penguins") and "kB" in row(output, "penguins")
    assert "generated" in row(output, "shapes10")
    assert "170.1 MB to fetch" in row(output, "cifar10") and "stand-in (offline)" in row(output, "cifar10")
    assert str(store.folder()) in output


def test_the_list_shows_what_a_mirror_holds(kit, cached, monkeypatch, tmp_path):
    mirror.pack(tmp_path / "mirror", ["penguins"])
    cached.unlink()
    monkeypatch.setenv("KIT_MIRROR", str(tmp_path / "mirror"))
    assert "mirror" in row(kit("list")[1], "penguins")


def test_a_mirror_that_is_not_there_does_not_spoil_the_list(kit, monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_MIRROR", str(tmp_path / "nowhere"))
    code, output = kit("list")
    assert code == 0 and "The mirror cannot be read" in output and row(output, "digits")


def test_info_shows_the_card(kit):
    code, output = kit("info", "california_housing")
    assert code == 0
    for part in ("median_house_value", "ocean_proximity (text)", "Géron", "sha256 d4cd501af904", "made-up coast"):
        assert part in output
    with pytest.raises(UnknownDataset, match="digits"):
        kit("info", "digts")


def test_fetch_brings_sets_from_the_mirror_and_says_from_where(kit, cached, monkeypatch, tmp_path):
    mirror.pack(tmp_path / "mirror", ["penguins"])
    monkeypatch.setenv("KIT_MIRROR", str(tmp_path / "mirror"))
    assert "penguins: already in the cache" in kit("fetch", "penguins")[1]
    cached.unlink()
    assert "penguins: from the mirror, 3 kB" in kit("fetch", "penguins")[1]
    code, output = kit("fetch", "digits")
    assert code == 0 and "nothing to fetch" in output


def test_fetch_replaces_a_damaged_file(kit, cached, monkeypatch, tmp_path):
    mirror.pack(tmp_path / "mirror", ["penguins"])
    monkeypatch.setenv("KIT_MIRROR", str(tmp_path / "mirror"))
    cached.write_bytes(b"damaged")
    assert kit("fetch", "penguins")[0] == 0
    assert kit("verify")[0] == 0


def test_fetch_goes_on_after_a_failure_and_ends_with_exit_code_1(kit, cached):
    code, output = kit("fetch", "sst2", "penguins")
    assert code == 1
    assert "sst2 is out of reach" in output and "penguins: already in the cache" in output
    assert "Not fetched: sst2." in output


def test_pack_writes_a_mirror_that_another_kit_loads_from(kit, cached, monkeypatch, tmp_path):
    code, output = kit("pack", str(tmp_path / "stick"), "penguins", "digits")
    assert code == 0 and "holds 1 data sets" in output and "digits is built-in" in output
    assert set(json.loads((tmp_path / "stick" / "MANIFEST.json").read_text())) == {"penguins"}
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "another"))
    monkeypatch.setenv("KIT_MIRROR", str(tmp_path / "stick"))
    assert lookup.real(PENGUINS)[0] == "mirror"


def test_pack_without_names_packs_what_can_be_had_and_names_the_rest(kit, cached, tmp_path):
    code, output = kit("pack", str(tmp_path / "stick"))
    assert code == 0
    assert "Not packed:" in output and "cifar10" in output.split("Not packed:")[1]
    code, output = kit("pack", str(tmp_path / "stick"), "cifar10")
    assert code == 1 and set(json.loads((tmp_path / "stick" / "MANIFEST.json").read_text())) == {"penguins"}


def test_verify_ends_with_exit_code_1_if_a_file_has_changed(kit, cached):
    assert kit("verify") == (0, "penguins.csv.gz: whole, 3 kB\n1 cached files, 0 damaged.\n")
    cached.write_bytes(cached.read_bytes()[:-1] + b"?")
    code, output = kit("verify")
    assert code == 1 and "penguins.csv.gz has changed since it was written" in output and "1 damaged" in output
