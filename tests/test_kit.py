"""The entry point: it sets up once, repairs what broke off, and hands over. No test here touches the network."""

import ast
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kitutils import settings

KIT = settings.root() / "kit.py"
# The Python that the tests' own environment was made from: it starts faster and has nothing of the kit in it.
BARE = Path(sys._base_executable).resolve()
posix = pytest.mark.skipif(os.name == "nt", reason="the fake tools on the PATH are scripts with a #! line")

# What the fakes share: a log of their arguments, and an "installation" that does what `-e .` does: a .pth file.
TOOL = """\
import json, os, pathlib, sys

def log(tool):
    with open(os.environ["CALLS"], "a", encoding="utf8") as file:
        file.write(json.dumps([tool, *sys.argv[1:]]) + "\\n")

def make(folder):  # what the venv module makes, without its second
    folder, python = pathlib.Path(folder), pathlib.Path(sys.executable)
    site = folder / "lib" / ("python%d.%d" % sys.version_info[:2]) / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(python)
    (folder / "pyvenv.cfg").write_text("home = %s\\ninclude-system-site-packages = false\\n" % python.parent)
    return site

def install(site):
    if os.environ.get("NO_NETWORK"):
        sys.exit("no network")
    lines = pathlib.Path(sys.argv[-1]).read_text(encoding="utf8").split()
    while "-r" in lines:
        lines += pathlib.Path(lines.pop(lines.index("-r") + 1)).read_text(encoding="utf8").split()
        lines.remove("-r")
    if "-e" in lines:
        (site / "kit.pth").write_text(os.getcwd(), encoding="utf8")
"""
UV = """
log("uv")
if sys.argv[1] == "venv":
    make(sys.argv[-1])
else:
    python = sys.argv[sys.argv.index("--python") + 1]
    install(next(pathlib.Path(python).parents[1].glob("lib/python*/site-packages")))
"""
# A Python whose venv module makes an environment with a pip that only takes notes.
PYTHON = """
if sys.argv[1:3] == ["-m", "venv"]:
    log("venv")
    if os.environ.get("NO_VENV"):
        sys.exit(1)
    pip = make(sys.argv[3]) / "pip"
    pip.mkdir()
    (pip / "__init__.py").touch()
    text = pathlib.Path(__file__).read_text(encoding="utf8").split("# -- the tool")[0]
    text += "log('pip')\\ninstall(pathlib.Path(__file__).parents[1])\\n"
    (pip / "__main__.py").write_text(text, encoding="utf8")
elif "print(sys.executable" in sys.argv[2]:
    print(__file__)
else:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
# The kit's command: says what it was started with; its first argument may ask for an exit code.
MAIN = """\
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "python": sys.executable, "prefix": sys.prefix, "cwd": os.getcwd(),
                  "path": os.environ["PATH"], "venv": os.environ.get("VIRTUAL_ENV")}))
sys.exit(7 if "fail" in sys.argv else 0)
"""
# sys.version_info's own type makes no second one, so a tuple with the same names stands in for it.
OLD = "import collections; sys.version_info = collections.namedtuple('v', 'major minor micro')(3, 6, 15)"


def tool(path, text):
    path.write_text(f"#!{BARE} -IS\n{TOOL}# -- the tool\n{text}", encoding="utf8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class Kit:
    """A kit with two tiny locks in a folder with a space and Chinese letters, and a PATH of its own."""

    def __init__(self, tmp_path):
        self.tmp = tmp_path
        self.root = tmp_path / "my 课程 kit"
        self.bin = tmp_path / "bin"
        self.calls_file = tmp_path / "calls"
        (self.root / "kitutils").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(KIT, self.root)
        (self.root / "kitutils" / "__init__.py").touch()
        (self.root / "kitutils" / "__main__.py").write_text(MAIN, encoding="utf8")
        self.write("pyproject.toml", "[project]\n")
        self.write("requirements.txt", "alpha==1.0\nonly-elsewhere==3 ; sys_platform == 'nowhere'\n\n-e .\n")
        self.write("requirements-dev.txt", "-r requirements.txt\n\nbeta==2.0\n")

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf8")

    @property
    def venv(self):
        return self.root / ".venv"

    @property
    def marker(self):
        return self.venv / "kit-installed.json"

    def run(self, *arguments, cwd=None, prelude="", python=BARE, **env):
        """Runs kit.py; ``prelude`` is Python that changes the interpreter first, as an old one or a full disk would."""
        self.calls_file.write_text("", encoding="utf8")
        command = [str(self.root / "kit.py"), *arguments]
        if prelude:
            start = f"import runpy, shutil, sys; {prelude}; runpy.run_path(sys.argv[0], run_name='__main__')"
            command = ["-c", f"import sys; sys.argv = sys.argv[1:]; sys.path[0] = ''; {start}", *command]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("KIT_", "PYTHON", "VIRTUAL_ENV"))}
        clean |= {"PATH": str(self.bin), "CALLS": str(self.calls_file), "PYTHONUTF8": "1"} | env
        done = subprocess.run(
            [str(python), *command], cwd=cwd or self.tmp, env=clean, capture_output=True, encoding="utf8", timeout=60
        )
        calls = [json.loads(line) for line in self.calls_file.read_text(encoding="utf8").splitlines()]
        last = done.stdout.strip().splitlines()[-1:]
        told = json.loads(last[0]) if last and last[0].startswith("{") else None
        return SimpleNamespace(
            rc=done.returncode, out=done.stdout, err=done.stderr, told=told, calls=calls, steps=[c[:2] for c in calls]
        )

    def pretend_installed(self, url=None, editable=True, **versions):
        """A site folder with installation records only, as an environment of conda or a container would have them."""
        site = self.tmp / "site"
        origin = {"url": url or self.root.as_uri(), "dir_info": {"editable": True} if editable else {}}
        for name, version in {"kitutils": "0.1.0", "alpha": "1.0", **versions}.items():
            if version is None:
                continue
            record = site / f"{name}-{version}.dist-info"
            record.mkdir(parents=True)
            (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            if name == "kitutils":
                (record / "direct_url.json").write_text(json.dumps(origin), encoding="utf8")
        # The kit itself is found as an editable installation would make it: by its folder on the path.
        return {"PYTHONPATH": os.pathsep.join([str(site), str(self.root)])}


@pytest.fixture
def kit(tmp_path):
    return Kit(tmp_path)


@pytest.fixture
def with_uv(kit):
    tool(kit.bin / "uv", UV)
    return kit


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Installs the tiny kit once for each lock; returns the kit of a command."""
    made = {}

    def of(command):
        if command not in made:
            made[command] = Kit(tmp_path_factory.mktemp("template"))
            tool(made[command].bin / "uv", UV)
            done = made[command].run(command)
            assert done.rc == 0, done.err
        return made[command]

    return of


@pytest.fixture
def installed(with_uv, template):
    """``installed(command)``: as if that command had been run here before."""

    def install(command="lab"):
        shutil.copytree(template(command).venv, with_uv.venv, symlinks=True)
        for path in (with_uv.marker, next(with_uv.venv.glob("lib/python*/site-packages/kit.pth"))):
            text = json.dumps(str(template(command).root))[1:-1], json.dumps(str(with_uv.root))[1:-1]
            if path.suffix == ".pth":
                text = str(template(command).root), str(with_uv.root)
            assert text[0] in path.read_text(encoding="utf8")
            path.write_text(path.read_text(encoding="utf8").replace(*text), encoding="utf8")
        return with_uv

    return install


# --- any Python reads it ----------------------------------------------------------------------------------------------


def test_it_parses_under_the_grammar_of_python_3_6():
    source = KIT.read_text(encoding="utf8")
    tree = ast.parse(source, feature_version=(3, 6))
    # feature_version lets some newer forms pass; these are the likely ones.
    forbidden = (ast.NamedExpr, ast.Match)
    assert not [node for node in ast.walk(tree) if isinstance(node, forbidden)]
    assert not [a for node in ast.walk(tree) if isinstance(node, ast.arguments) for a in node.posonlyargs]
    assert "from __future__ import annotations" not in source  # Python 3.7


def test_it_imports_nothing_but_the_standard_library():
    names = set()
    for node in ast.walk(ast.parse(KIT.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert names and names <= sys.stdlib_module_names


def one_sentence_and_exit_2(done, *words):
    assert done.rc == 2
    assert "Traceback" not in done.err and len(done.err.strip().splitlines()) == 1
    assert all(word in done.err for word in words), done.err


@posix
def test_an_old_python_gets_one_sentence(with_uv, old_python):
    done = with_uv.run("lab", python=old_python) if old_python else with_uv.run("lab", prelude=OLD)
    one_sentence_and_exit_2(done, "3.11 to 3.13", "this is Python 3.", "kit.py lab")
    assert done.calls == [] and not with_uv.venv.exists()


@posix
def test_an_old_python_finds_a_supported_one_on_the_path(with_uv):
    for name, text in (("python3.13", "sys.exit(1)"), ("python3.11", "print('')")):  # a dead shim, a 32-bit one
        tool(with_uv.bin / name, text)
    python = with_uv.bin / "python3.12"
    python.symlink_to(BARE)
    done = with_uv.run("lab", prelude=OLD)
    assert done.rc == 0, done.err
    assert done.calls[0] == ["uv", "venv", "--quiet", "--python", str(python), str(with_uv.venv)]
    assert done.told["arguments"] == ["lab"]


# --- the first start and the second -----------------------------------------------------------------------------------


def test_alone_it_prints_its_help_and_does_nothing(kit):
    done = kit.run()
    assert done.rc == 0 and "kit.py lab" in done.out and "kit.py test" in done.out
    assert done.calls == [] and not kit.venv.exists()


@posix
def test_the_first_start_installs_and_hands_over_and_the_second_only_hands_over(with_uv, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = with_uv.run("course", "--only", "10-15", cwd=elsewhere)
    assert done.rc == 0, done.err
    python = str(with_uv.venv / "bin" / "python")
    assert done.steps == [["uv", "venv"], ["uv", "pip"]]
    install = done.calls[1]
    assert install[1:3] == ["pip", "install"] and install[-2:] == ["-r", "requirements.txt"]
    assert install[install.index("--python") + 1] == python
    assert done.told == {
        "arguments": ["course", "--only", "10-15"],
        "python": python,
        "prefix": str(with_uv.venv),
        "cwd": str(elsewhere),
        "path": f"{with_uv.venv / 'bin'}{os.pathsep}{with_uv.bin}",
        "venv": str(with_uv.venv),
    }
    again = with_uv.run("course", cwd=with_uv.root)
    assert again.rc == 0 and again.calls == []
    assert again.told["prefix"] == str(with_uv.venv)


@posix
def test_the_exit_code_of_the_command_comes_back(with_uv):
    assert with_uv.run("fail").rc == 7
    assert with_uv.run("lab").rc == 0


@posix
def test_without_uv_it_installs_with_pip(kit):
    python = tool(kit.bin / "python3.12", PYTHON)
    done = kit.run("lab", prelude=OLD)
    assert done.rc == 0, done.err
    assert done.calls == [
        ["venv", "-m", "venv", str(kit.venv)],
        ["pip", "install", "--disable-pip-version-check", "-r", "requirements.txt"],
    ]
    assert done.told["prefix"] == str(kit.venv)
    python.unlink()
    assert kit.run("lab", prelude=OLD).calls == []  # nothing is looked for when nothing is to be done


@posix
def test_where_venv_is_missing_it_says_which_package_brings_it(kit):
    tool(kit.bin / "python3.12", PYTHON)
    done = kit.run("lab", prelude=OLD, NO_VENV="1")
    assert done.rc == 2 and "-venv" in done.err and "Traceback" not in done.err
    assert not kit.venv.exists()


# --- what the lock decides --------------------------------------------------------------------------------------------


@posix
def test_the_test_tools_come_with_the_commands_that_need_them(installed):
    with_uv = installed("lab")
    dev = with_uv.run("test")
    assert dev.steps == [["uv", "pip"]] and dev.calls[-1][-1] == "requirements-dev.txt"
    assert with_uv.run("build").calls == []
    assert with_uv.run("lab").calls == []  # the larger lock holds the smaller one


@posix
@pytest.mark.parametrize(
    ("command", "changed"),
    [
        ("lab", "requirements.txt"),
        ("lab", "pyproject.toml"),
        ("test", "requirements-dev.txt"),
        ("test", "requirements.txt"),
    ],
)
def test_a_changed_lock_is_installed_again(installed, command, changed):
    with_uv = installed(command)
    assert with_uv.run(command).calls == []
    path = with_uv.root / changed
    path.write_text(path.read_text(encoding="utf8") + "# one line more\n", encoding="utf8")
    assert with_uv.run(command).steps == [["uv", "pip"]]
    assert with_uv.run(command).calls == []


@posix
def test_line_endings_and_the_test_tools_lock_do_not_trouble_a_learner(installed):
    with_uv = installed()
    path = with_uv.root / "requirements.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as git on Windows may check it out
    with_uv.write("requirements-dev.txt", "-r requirements.txt\n\nbeta==2.1\n")
    assert with_uv.run("lab").calls == []


@posix
def test_an_installation_that_fails_leaves_no_marker_and_the_next_start_repairs_it(with_uv):
    done = with_uv.run("lab", NO_NETWORK="1")
    assert done.rc == 2 and "did not finish" in done.err and "Traceback" not in done.err
    assert done.told is None and not with_uv.marker.exists()
    again = with_uv.run("lab")
    assert again.rc == 0 and again.steps == [["uv", "pip"]]  # the environment is kept: what is there is kept
    assert with_uv.run("lab").calls == []


@posix
def test_an_update_that_fails_is_not_taken_for_the_old_installation(installed):
    with_uv = installed()
    before = (with_uv.root / "requirements.txt").read_text(encoding="utf8")
    with_uv.write("requirements.txt", before + "gamma==1\n")
    assert with_uv.run("lab", NO_NETWORK="1").rc == 2
    with_uv.write("requirements.txt", before)
    assert with_uv.run("lab").steps == [["uv", "pip"]]


def cut_python(kit):
    python = kit.venv / "bin" / "python"
    python.unlink()
    python.symlink_to(kit.tmp / "a Python that was removed")


def broken_python(kit):
    (kit.venv / "bin" / "python").unlink()
    tool(kit.venv / "bin" / "python", "sys.exit(1)")
    kit.marker.unlink()


def empty_folder(kit):
    shutil.rmtree(kit.venv)
    (kit.venv / "lib").mkdir(parents=True)


@posix
@pytest.mark.parametrize("damage", [cut_python, broken_python, empty_folder])
def test_half_an_environment_is_made_anew(installed, damage):
    with_uv = installed()
    damage(with_uv)
    done = with_uv.run("lab")
    assert done.rc == 0, done.err
    assert done.steps == [["uv", "venv"], ["uv", "pip"]]
    assert with_uv.run("lab").calls == []


@posix
@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_marker_that_cannot_be_read_counts_as_none(installed, text):
    with_uv = installed()
    with_uv.marker.write_text(text, encoding="utf8")
    done = with_uv.run("lab")
    assert done.rc == 0 and done.steps == [["uv", "pip"]]


@posix
def test_a_moved_folder_is_installed_again_from_its_new_place(installed):
    with_uv = installed()
    with_uv.root = with_uv.root.rename(with_uv.tmp / "moved 到 here")
    done = with_uv.run("lab")
    assert done.rc == 0, done.err
    assert ["uv", "pip"] in done.steps
    assert done.told["prefix"] == str(with_uv.venv)
    assert with_uv.run("lab").calls == []


@posix
def test_fresh_starts_from_an_empty_environment(installed):
    with_uv = installed()
    (with_uv.venv / "litter").touch()
    done = with_uv.run("lab", "--fresh")
    assert done.steps == [["uv", "venv"], ["uv", "pip"]]
    assert done.told["arguments"] == ["lab"] and not (with_uv.venv / "litter").exists()


@posix
def test_fresh_works_from_within_the_environment_that_it_replaces(installed):
    with_uv = installed()
    done = with_uv.run("lab", "--fresh", python=with_uv.venv / "bin" / "python")
    assert done.rc == 0, done.err
    assert done.steps == [["uv", "venv"], ["uv", "pip"]]
    python = Path(done.calls[0][4])
    assert with_uv.venv not in python.parents and python.exists()


@pytest.mark.parametrize(("command", "needed"), [("lab", "4.5"), ("test", "5.0")])
def test_a_disk_that_is_too_small_is_told_before_anything_is_made(kit, command, needed):
    full = "import types; shutil.disk_usage = lambda path: types.SimpleNamespace(free=1.2e9)"
    done = kit.run(command, prelude=full)
    one_sentence_and_exit_2(done, f"{needed} GB", "1.2 GB")
    assert not kit.venv.exists()


# --- an environment that has everything -------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(("command", "extra"), [("lab", {}), ("test", {"beta": "2.0"})])
def test_a_running_python_that_holds_the_kit_is_used_as_it_is(with_uv, command, extra):
    done = with_uv.run(command, **with_uv.pretend_installed(**extra))
    assert done.rc == 0, done.err
    assert done.calls == [] and not with_uv.venv.exists()
    assert done.told["python"] == str(BARE) and done.told["venv"] is None


@posix
@pytest.mark.parametrize(
    ("command", "installed"),
    [
        ("lab", {"alpha": "0.9"}),
        ("lab", {"alpha": None}),
        ("lab", {"kitutils": None}),
        ("test", {}),  # the test tools are not there
        ("lab", {"url": Path(__file__).parent.as_uri()}),  # another kit's
        ("lab", {"editable": False}),  # a copy, which knows nothing of this folder
        ("lab", {"only_elsewhere": "2"}),  # a package behind a marker, present at another version
    ],
)
def test_a_running_python_that_holds_something_else_is_left_alone(with_uv, command, installed):
    done = with_uv.run(command, **with_uv.pretend_installed(**installed))
    assert done.rc == 0, done.err
    assert done.steps == [["uv", "venv"], ["uv", "pip"]]
    assert done.told["prefix"] == str(with_uv.venv)
