"""What the environment asks of the kit."""

import os
from pathlib import Path

import pytest

from kitutils import settings


def test_the_root_holds_the_notebooks_and_the_cards():
    assert (settings.root() / "notebooks").is_dir() and (settings.root() / "datasets").is_dir()


def test_a_package_away_from_its_folder_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "__file__", str(tmp_path / "site-packages" / "kitutils" / "settings.py"))
    with pytest.raises(RuntimeError, match=r"datasets/.*Install it from the kit's own folder"):
        settings.root()


@pytest.mark.parametrize(("value", "profile"), [(None, "workshop"), ("", "workshop"), (" full ", "full"), ("ci", "ci")])
def test_the_profile_is_workshop_unless_set(monkeypatch, value, profile):
    monkeypatch.delenv("KIT_PROFILE")
    if value is not None:
        monkeypatch.setenv("KIT_PROFILE", value)
    assert settings.profile() == profile


@pytest.mark.parametrize("value", ["CI", "fast", "workshop,ci"])
def test_an_unknown_profile_is_named_with_the_known_ones(monkeypatch, value):
    monkeypatch.setenv("KIT_PROFILE", value)
    with pytest.raises(ValueError, match=f"{value}.*ci, workshop, full"):
        settings.profile()


FLAGS = {
    "KIT_OFFLINE": settings.offline,
    "KIT_STRICT_DATA": settings.strict_data,
    "KIT_STRICT_CLAIMS": settings.strict_claims,
    "KIT_HEADLESS": settings.headless,
}
VALUES = [("1", True), ("true", True), ("YES", True), (" on ", True), ("0", False), ("False", False), ("", False)]


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize(("value", "wanted"), VALUES)
def test_flags_read_the_usual_words(monkeypatch, name, value, wanted):
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    monkeypatch.setenv(name, value)
    assert FLAGS[name]() is wanted


@pytest.mark.parametrize("name", FLAGS)
def test_flags_are_off_unless_set_and_refuse_other_words(monkeypatch, name):
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    monkeypatch.delenv(name, raising=False)
    assert FLAGS[name]() is False
    monkeypatch.setenv(name, "maybe")
    with pytest.raises(ValueError, match=f"{name} is 'maybe'"):
        FLAGS[name]()


def test_ci_is_offline_and_headless_whatever_the_flags_say(monkeypatch):
    monkeypatch.setenv("KIT_PROFILE", "ci")
    monkeypatch.setenv("KIT_OFFLINE", "0")
    monkeypatch.setenv("KIT_HEADLESS", "0")
    assert settings.offline() and settings.headless()
    assert not settings.strict_claims() and not settings.strict_data()


@pytest.mark.parametrize(
    ("name", "folder", "default"),
    [
        ("KIT_HOME", settings.home, lambda: Path.home() / ".kitutils"),
        ("KIT_ARTIFACTS", settings.artifact_root, lambda: settings.root() / "artifacts"),
    ],
)
def test_folders_are_absolute_and_know_the_users_home(monkeypatch, tmp_path, name, folder, default):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    for value, wanted in (("~/kit", tmp_path / "me" / "kit"), ("here", tmp_path / "here"), (" ", default())):
        monkeypatch.setenv(name, value)
        assert folder() == wanted
    monkeypatch.delenv(name)
    assert folder() == default()


@pytest.mark.parametrize(("value", "wanted"), [("", None), ("  ", None), (" https://host/x ", "https://host/x")])
def test_a_mirror_is_a_place_or_none(monkeypatch, value, wanted):
    monkeypatch.setenv("KIT_MIRROR", value)
    assert settings.mirror() == wanted
    monkeypatch.delenv("KIT_MIRROR")
    assert settings.mirror() is None


def test_relative_folders_are_read_from_where_the_command_was_typed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in {"KIT_MIRROR": "mirror", "KIT_HOME": "my home", "KIT_ARTIFACTS": "https://host/x"}.items():
        monkeypatch.setenv(name, value)
    settings.make_paths_absolute()
    monkeypatch.chdir("/")
    assert settings.mirror() == str(tmp_path / "mirror") and settings.home() == tmp_path / "my home"
    assert os.environ["KIT_ARTIFACTS"] == "https://host/x"


def test_every_variable_is_read_here_and_nowhere_else():
    for path in (settings.root() / "kitutils").rglob("*.py"):
        text = path.read_text(encoding="utf8")
        if path.name != "settings.py":
            for reader in ('environ["KIT_', "environ['KIT_", 'environ.get("KIT_', 'getenv("KIT_'):
                assert reader not in text, f"{path.name} reads a KIT_ variable"
