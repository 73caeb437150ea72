"""The lock: markers keep their meaning when they are shortened, and the committed files agree with pyproject.toml."""

import itertools
import re
import subprocess
import tomllib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kitutils import lock, settings

ROOT = settings.root()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
PROJECT = PYPROJECT["project"]


def means(marker: str) -> list[bool]:
    """Where a marker holds, on each supported platform and Python."""
    found = []
    for (system, machine), python in itertools.product(lock.PLATFORMS, lock.PYTHONS):
        place = {
            "sys_platform": system,
            "platform_machine": machine,
            "os_name": "nt" if system == "win32" else "posix",
            "python_full_version": python,
            "python_version": python.rpartition(".")[0],
        }
        found.append(not marker or Marker(marker).evaluate(place))
    return found


PLACES = [f"platform_machine == '{machine}' and sys_platform == '{system}'" for system, machine in lock.PLATFORMS]
ALL = [f"python_full_version < '3.14' and {place}" for place in PLACES]


def whole(*terms):
    return " or ".join(f"({term})" for term in terms)


@pytest.mark.parametrize(
    ("marker", "short"),
    [
        (whole(*ALL), ""),
        (whole(*ALL[:3]), "sys_platform != 'win32'"),
        (whole(*ALL[:2]), "sys_platform == 'linux'"),
        (ALL[2], "sys_platform == 'darwin'"),
        (ALL[3], "sys_platform == 'win32'"),
        (ALL[1], PLACES[1]),
        (whole(*(f"python_full_version >= '3.12' and {x}" for x in ALL)), "python_full_version >= '3.12'"),
        ("python_full_version < '3.12'", "python_full_version < '3.12'"),
        ("python_full_version < '3.14'", ""),
        (whole("os_name == 'nt'", f"os_name == 'nt' and {PLACES[3]}"), "os_name == 'nt'"),
        (
            whole(*(f"python_full_version < '3.12' and {x}" for x in ALL[:2])),
            "python_full_version < '3.12' and sys_platform == 'linux'",
        ),
        (f"python_full_version < '3.14' and ({whole(*PLACES)})", ""),
        (f"({whole(*ALL[:2])}) or ({ALL[2]})", "sys_platform != 'win32'"),
        (f"os_name != 'nt' and ({whole(*PLACES[:2])})", "os_name != 'nt' and sys_platform == 'linux'"),
    ],
)
def test_a_marker_says_only_what_distinguishes(marker, short):
    assert lock.shorten(f"numpy==2.3.5 ; {marker}") == ("numpy==2.3.5 ; " + short if short else "numpy==2.3.5")
    assert means(short) == means(marker)


PYTHON = st.sampled_from(["", "python_full_version < '3.12' and ", "python_full_version >= '3.12' and "])


@hypothesis_settings(deadline=None, max_examples=40)
@given(
    st.recursive(
        st.sampled_from([*PLACES, "python_full_version < '3.12'", "python_full_version < '3.14'", "os_name == 'nt'"]),
        lambda part: st.tuples(st.sampled_from([" and ", " or "]), part, part).map(lambda t: f"({t[1]}{t[0]}{t[2]})"),
        max_leaves=6,
    )
)
def test_however_a_marker_is_nested_its_terms_mean_the_same(marker):
    tokens = re.findall(r"\(|\)|\band\b|\bor\b|\w+ \S+ '[^']*'", marker)
    assert means(whole(*(" and ".join(term) for term in lock._terms(tokens)))) == means(marker)
    assert not tokens


@hypothesis_settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(PYTHON, st.sampled_from(ALL)), min_size=1, max_size=8, unique=True))
def test_a_shortened_marker_means_the_same_everywhere(terms):
    marker = whole(*(python + place for python, place in terms))
    name, _, short = lock.shorten(f"bleach[css]==6.4.0 ; {marker}").partition(" ; ")
    assert name == "bleach[css]==6.4.0"
    assert means(short) == means(marker)
    assert len(short) <= len(marker)


def test_a_line_without_a_marker_stays_as_it_is():
    assert lock.shorten("numpy==2.4.0") == "numpy==2.4.0"


def test_a_wrongly_shortened_marker_is_refused(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(lock, "_NAMES", {lock._places("linux"): "sys_platform != 'win32'"})
        with pytest.raises(lock.LockFailed, match="differs on"):
            lock.shorten(f"x==1 ; {whole(*ALL[:2])}")
    with pytest.raises(lock.LockFailed, match="differs on"):
        lock._check("sys_platform == 'linux'", "sys_platform != 'win32'")
    with pytest.raises(lock.LockFailed, match="differs on"):
        lock._check("python_full_version < '3.12'", "")


def uv_answering(monkeypatch, answer, code=0):
    """Puts a uv in place that gives ``answer``; returns the commands that it got."""
    commands = []

    def run(command, **options):
        commands.append(command)
        return SimpleNamespace(returncode=code, stdout=answer(command), stderr="no such version")

    monkeypatch.setattr(lock.shutil, "which", lambda *a, **k: "uv")
    monkeypatch.setattr(lock, "subprocess", SimpleNamespace(run=run, CompletedProcess=subprocess.CompletedProcess))
    return commands


def test_the_files_are_written_from_what_the_resolver_says(monkeypatch, tmp_path):
    def answer(command):
        extras = [command[i + 1] for i, word in enumerate(command) if word == "--extra"]
        lines = ["numpy==2.4.0", f"appnope==1.0 ; {ALL[2]}"] + [f"{extra}-tool==1" for extra in extras]
        if "--group" in command:
            assert "pyproject.toml" not in command  # or the lessons' packages would be among them
            lines = [f"{command[command.index('--group') + 1]}-tool==1"]
        return "\n".join(lines) + "\n"

    commands = uv_answering(monkeypatch, answer)
    written = lock.write_all(tmp_path)
    assert [path.name for path in written] == [
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-gpu.txt",
        "requirements-serve.txt",
        "environment.yml",
    ]
    assert all("--universal" in command and "--generate-hashes" not in command for command in commands)
    assert ["--constraint" in command for command in commands] == [False, True, True, True]
    body = [[x for x in path.read_text(encoding="utf8").splitlines() if not x.startswith("#")] for path in written]
    assert body[0] == ["numpy==2.4.0", "appnope==1.0 ; sys_platform == 'darwin'", "", "-e ."]
    assert body[1] == ["-r requirements.txt", "", "dev-tool==1", "presets-tool==1"]
    assert body[2] == ["-r requirements.txt", "", "gpu-tool==1"]
    assert body[3] == ["serve-tool==1"]
    assert "-r requirements.txt" in body[4][-1]


def test_without_a_resolver_or_without_a_solution_nothing_is_written(monkeypatch, tmp_path):
    uv_answering(monkeypatch, lambda command: "", code=1)
    with pytest.raises(lock.LockFailed, match="no such version"):
        lock.write_all(tmp_path)
    monkeypatch.setattr(lock.shutil, "which", lambda *a, **k: None)
    with pytest.raises(lock.LockFailed, match=r"requirements-dev\.txt"):
        lock.write_all(tmp_path)
    assert not list(tmp_path.iterdir())


# --- the committed files ----------------------------------------------------------------------------------------------

ALONE = ("requirements.txt", "requirements-serve.txt")
ON_TOP = ("requirements-dev.txt", "requirements-gpu.txt")
NAMES = (*ALONE, *ON_TOP)
LINES = {name: (ROOT / name).read_text(encoding="utf8").splitlines() for name in NAMES}


def locked(name: str) -> list[Requirement]:
    return [Requirement(line) for line in LINES[name] if "==" in line and not line.startswith("#")]


def versions(requirements, package: str) -> list[Requirement]:
    return [r for r in requirements if canonicalize_name(r.name) == canonicalize_name(package)]


def version(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    return only.version


EVERYTHING = locked("requirements.txt") + locked("requirements-dev.txt")
GROUPS = {
    "requirements.txt": (PROJECT["dependencies"], locked("requirements.txt")),
    "requirements-dev.txt": (
        PROJECT["optional-dependencies"]["dev"] + PROJECT["optional-dependencies"]["presets"],
        EVERYTHING,
    ),
    "requirements-gpu.txt": (PROJECT["optional-dependencies"]["gpu"], locked("requirements-gpu.txt")),
    "requirements-serve.txt": (PYPROJECT["dependency-groups"]["serve"], locked("requirements-serve.txt")),
}


@pytest.mark.parametrize("name", NAMES)
def test_each_direct_dependency_is_locked_at_a_version_that_pyproject_allows(name):
    wanted, held = GROUPS[name]
    assert wanted
    for line in wanted:
        requirement = Requirement(line)
        found = versions(held, requirement.name)
        assert found, f"{requirement.name} is not in {name}: run kit lock"
        for lock_line in found:
            assert version(lock_line) in requirement.specifier, f"{lock_line} does not satisfy {line}: run kit lock"
            assert requirement.extras <= lock_line.extras
        here = [means(str(lock_line.marker or "")) for lock_line in found]
        assert [any(column) for column in zip(*here, strict=True)] == means(str(requirement.marker or "")), line


@pytest.mark.parametrize("name", NAMES)
def test_each_package_has_one_version_on_each_platform_and_python(name):
    for package in {r.name for r in locked(name)}:
        here = [means(str(r.marker or "")) for r in versions(locked(name), package)]
        assert all(sum(column) <= 1 for column in zip(*here, strict=True)), package


@pytest.mark.parametrize("name", NAMES)
def test_no_index_no_hash_no_prerelease_no_path(name):
    assert len(LINES[name]) > 10
    for line in LINES[name]:
        # What pip is given beside "name==version ; marker".
        assert re.match(
            r"#|$|-e \.$|-r requirements\.txt$|[a-z0-9.\-]+(\[[a-z,\-]+\])?==[0-9.]+(post[0-9]+)?( ; .+)?$", line
        ), line
        assert "://" not in line and "--" not in line.partition(" ; ")[0], line


def test_the_kit_itself_comes_last_and_the_other_locks_stand_on_the_first():
    assert LINES["requirements.txt"][-1] == "-e ."
    assert all("-e ." not in LINES[name] for name in NAMES[1:])
    for name in ON_TOP:
        rows = [line for line in LINES[name] if line and not line.startswith("#")]
        assert rows[0] == "-r requirements.txt"


def test_a_service_runs_with_the_versions_that_the_lessons_measured():
    assert set(LINES["requirements-serve.txt"][2:]) <= set(LINES["requirements.txt"])
    assert set(PYPROJECT["dependency-groups"]["serve"]) <= set(PROJECT["dependencies"])


def test_the_locks_do_not_contradict_one_another():
    for name in ON_TOP:
        for requirement in locked(name):
            if requirement.name == "tensorflow":
                continue  # compared below: the GPU build is the same release with an extra
            assert not versions(locked("requirements.txt"), requirement.name), f"{requirement} is in both locks"


def test_the_gpu_build_is_the_same_release():
    (cpu,) = versions(locked("requirements.txt"), "tensorflow")
    (gpu,) = versions(locked("requirements-gpu.txt"), "tensorflow")
    assert gpu.extras == {"and-cuda"} and version(gpu) == version(cpu)
    assert all(requirement.marker for requirement in locked("requirements-gpu.txt"))  # Linux only


def test_what_other_packages_need_without_saying_so_is_there():
    (converter,) = versions(locked("requirements.txt"), "tf2onnx")
    assert version(converter) in Requirement("tf2onnx>=1.17").specifier  # older ones cannot read Keras 3 models
    assert versions(locked("requirements.txt"), "tensorboard")  # keras-tuner imports it
    (text,) = versions(EVERYTHING, "tensorflow-text")
    assert str(text.marker).replace('"', "'") == "sys_platform != 'win32'"  # no wheels there


def test_conda_reads_the_same_lock():
    import yaml

    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))
    python = next(x for x in environment["dependencies"] if isinstance(x, str) and x.startswith("python="))
    assert python.removeprefix("python=") + ".0" in Requirement(f"x{PROJECT['requires-python']}").specifier
    assert {"pip": ["-r requirements.txt"]} in environment["dependencies"]


def test_pyproject_names_the_platforms_that_the_lock_is_checked_on():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    environments = tomllib.loads(text)["tool"]["uv"]["environments"]
    columns = zip(*(means(marker) for marker in environments), strict=True)
    assert len(environments) == len(lock.PLATFORMS)
    assert all(sum(column) == 1 for column in columns)
