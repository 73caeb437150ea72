#!/usr/bin/env python3
"""The one entry point of the course kit: sets up what is missing, then runs a command.

    python3 kit.py lab       set up, then open the lessons in JupyterLab
    python3 kit.py test      set up with the test tools, then run every check
    python3 kit.py course    set up, then run all lessons headless, one HTML page each
    python3 kit.py doctor    set up nothing; say what is wrong with this machine or the installation, and what mends it
    python3 kit.py COMMAND   any other command of the kit; python3 kit.py --help lists them

The first start makes the folder .venv and installs the versions of requirements.txt into it. A later start does so
again only if that file has changed or the installation was broken off. An environment that already holds the kit at
these versions (conda, a container) is used as it is.

Standard library only, and readable by Python 3.6, so that an old Python gets a sentence and not a traceback.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
MARKER = os.path.join(VENV, "kit-installed.json")
OLDEST, NEWEST = (3, 11), (3, 13)
DEV_COMMANDS = ("test", "build", "lint", "lock")
NEEDED_GB = {"requirements.txt": 4.5, "requirements-dev.txt": 5.0}  # the packages and pip's copy of their archives


def main(arguments):
    if sys.version_info < (3, 6):  # not even able to look for a newer one
        stop("The kit needs Python 3.%d to 3.%d; this is an older one: python3 kit.py lab" % (OLDEST[1], NEWEST[1]))
    if arguments[:1] == ["doctor"]:
        return doctor(arguments[1:])
    lock = "requirements-dev.txt" if arguments[:1] and arguments[0] in DEV_COMMANDS else "requirements.txt"
    # The running interpreter is asked first: a container or a conda environment brings everything already.
    if supported(sys.version_info) and has_kit(lock):
        python = sys.executable
    else:
        python = venv_python()
        if not up_to_date(lock):
            install(lock)
    return hand_over(python, ["-m", "kitutils"] + arguments)


def doctor(arguments):
    """Say what is wrong with this machine or the installation. Installs nothing, and works before anything is."""
    lock = "requirements.txt"
    here = (supported(sys.version_info) and has_kit(lock)) or not up_to_date(lock)
    python = sys.executable if here else venv_python()
    # By its path: a module that hides a library in the working folder must not stop the one who finds it.
    return hand_over(python, [os.path.join(ROOT, "kitutils", "doctor.py")] + arguments)


# --- the interpreter --------------------------------------------------------------------------------------------------


def supported(version):
    return OLDEST <= tuple(version[:2]) <= NEWEST and sys.maxsize > 2**32


def find_python():
    """An interpreter that the kit can use: the running one, or a supported one on the PATH."""
    if supported(sys.version_info):
        # .venv's own Python cannot make .venv anew; the one that it was made with can.
        return sys._base_executable if os.path.normcase(sys.prefix) == os.path.normcase(VENV) else sys.executable
    return python_on_path() or stop(
        "The kit needs 64-bit Python 3.%d to 3.%d; this is Python %d.%d%s. Install one of them (python.org, conda, "
        "or your system's packages) and run: python3.%d kit.py %s"
        % (
            OLDEST[1],
            NEWEST[1],
            sys.version_info[0],
            sys.version_info[1],
            "" if sys.maxsize > 2**32 else ", 32-bit",
            NEWEST[1] - 1,
            " ".join(sys.argv[1:]) or "lab",
        )
    )


def python_on_path():
    """The newest supported interpreter on the PATH, None if there is none."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for command in (["python3.%d" % minor], ["py", "-3.%d" % minor]):
            if shutil.which(command[0]):
                try:
                    code = "import sys; print(sys.executable if sys.maxsize > 2**32 else '')"
                    found = subprocess.check_output(command + ["-c", code], stderr=subprocess.DEVNULL)
                except (OSError, subprocess.CalledProcessError):
                    continue
                if found.strip():
                    return found.decode(sys.getfilesystemencoding()).strip()
    return None


def has_kit(lock):
    """Whether the running interpreter holds this very kit, editable, with every package at the lock's version."""
    if not is_this_kit():
        return False
    from importlib import metadata

    wanted = {}
    for name, version, marker in locked(lock):
        wanted.setdefault(name, []).append((version, marker))
    for name, choices in wanted.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            # A package behind a marker may rightly be missing here.
            if any(not marker for _, marker in choices):
                return False
            continue
        if found not in [version for version, _ in choices]:
            return False
    return True


def is_this_kit():
    """Whether the kit that the running interpreter has installed, if any, is this very folder, editable."""
    try:
        from importlib import metadata
        from urllib.parse import urlparse
        from urllib.request import url2pathname

        # Asked of the installation's records: importing kitutils would succeed in this folder even if not installed.
        origin = json.loads(metadata.distribution("kitutils").read_text("direct_url.json") or "{}")
        folder = url2pathname(urlparse(origin["url"]).path)
        return bool(origin["dir_info"].get("editable")) and os.path.samefile(folder, ROOT)
    except Exception:  # whatever is wrong with that environment, .venv is the answer
        return False


def locked(lock):
    """(name, version, marker) of each line of a lock file; the files that it includes are read too."""
    with open(os.path.join(ROOT, lock), encoding="utf8") as file:
        for line in file:
            line = line.split("#")[0].strip()
            if line.startswith("-r "):
                for row in locked(line[3:].strip()):
                    yield row
            elif "==" in line:
                requirement, _, marker = (part.strip() for part in line.partition(";"))
                name, version = requirement.split("==")
                yield name.split("[")[0], version, marker


# --- the environment --------------------------------------------------------------------------------------------------


def venv_python():
    return os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python.exe" if os.name == "nt" else "python")


def lock_hashes():
    hashes = {}
    for lock in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, lock), "rb") as file:
            hashes[lock] = hashlib.sha256(file.read().replace(b"\r\n", b"\n")).hexdigest()
    return hashes


def up_to_date(lock):
    """Whether .venv holds what the lock asks for. The marker is written last, so a broken-off install has none."""
    try:
        with open(MARKER, encoding="utf8") as file:
            marker = dict(json.load(file))
    except (OSError, ValueError, TypeError):
        return False
    hashes = lock_hashes()
    if marker.get("root") != ROOT or not os.path.exists(venv_python()):  # the folder was moved or the Python removed
        return False
    # The test tools' lock includes the lessons', so a change of that one concerns both.
    return all(marker.get(name) == hashes[name] for name in ("pyproject.toml", "requirements.txt", lock))


def install(lock):
    """Make .venv if there is none that runs, and install the lock into it."""
    python = find_python()
    fresh = not works(venv_python())
    if fresh:
        check_disk(NEEDED_GB[lock])
    uv = shutil.which("uv")
    say(
        "Setting up the kit in .venv with Python %s. The first time this downloads about 1 GB." % python_version(python)
        if fresh
        else "Bringing .venv up to date."
    )
    if os.path.exists(MARKER):
        os.remove(MARKER)  # from here until the end, .venv counts as unfinished
    if fresh:
        make_venv(python, uv)
    if uv:
        command = [uv, "pip", "install", "--compile-bytecode", "--python", venv_python(), "-r", lock]
    else:
        command = [venv_python(), "-m", "pip", "install", "--disable-pip-version-check", "-r", lock]
    # In the kit's folder, because the lock's last line, -e ., is read from there.
    if subprocess.call(command, cwd=ROOT) != 0:
        stop(
            "The installation did not finish; the lines above say why. If it was the network, run the same command "
            "again: what is already there is kept. python3 kit.py with --fresh starts from an empty .venv."
        )
    marker = lock_hashes()
    marker["root"] = ROOT
    if lock == "requirements.txt":
        del marker["requirements-dev.txt"]
    with open(MARKER + ".part", "w", encoding="utf8") as file:
        json.dump(marker, file, indent=1)
    os.replace(MARKER + ".part", MARKER)


def make_venv(python, uv):
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        code = subprocess.call([uv, "venv", "--quiet", "--python", python, VENV])
    else:
        code = subprocess.call([python, "-m", "venv", VENV])
    if code != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        stop(
            "Python could not make a virtual environment. On Debian and Ubuntu its module is a package of its own: "
            "sudo apt install python%s-venv" % python_version(python)
        )


def works(python):
    """Whether that interpreter starts and has what an installation needs: a venv that was cut short does not."""
    if not os.path.exists(python):
        return False
    need = "" if shutil.which("uv") else "; import pip"
    code = "import sys%s; sys.exit(not %r <= sys.version_info[:2] <= %r)" % (need, OLDEST, NEWEST)
    try:
        return subprocess.call([python, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def python_version(python):
    return subprocess.check_output([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).decode().strip()


def check_disk(needed):
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < needed:
        stop("The kit needs about %.1f GB of disk for its packages; %.1f GB are free where it lies." % (needed, free))


# --- handing over -----------------------------------------------------------------------------------------------------


def hand_over(python, arguments):
    """Become that interpreter with these arguments; on Windows, wait for it and return its exit code."""
    environment = dict(os.environ)
    # Programs that a command starts, such as jupyter, are found beside the interpreter.
    environment["PATH"] = os.path.dirname(python) + os.pathsep + environment.get("PATH", "")
    if python == venv_python():
        environment["VIRTUAL_ENV"] = VENV
    environment.pop("PYTHONHOME", None)
    command = [python] + arguments
    if os.name != "nt":
        sys.stdout.flush()
        os.execve(python, command, environment)
    process = subprocess.Popen(command, env=environment)
    while True:  # Windows has no exec: wait, and leave Ctrl-C to the command, which gets it too
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stop(text):
    sys.stderr.write(text + "\n")
    sys.exit(2)


if __name__ == "__main__":
    words = sys.argv[1:]
    if not words:
        say(__doc__.strip())
        sys.exit(0)
    if "--fresh" in words and words[0] != "doctor":  # which changes nothing
        words.remove("--fresh")
        shutil.rmtree(VENV, ignore_errors=True)
    try:
        sys.exit(main(words))
    except KeyboardInterrupt:
        stop("Broken off. The same command goes on from here.")
