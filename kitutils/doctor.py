"""``kit doctor``: what is wrong with this machine or the installation, from what cause, and what mends it.

It works before anything is installed and when what is installed is broken, so it needs the standard library only and
is readable by Python 3.6. :func:`probe` looks, :func:`diagnose` judges, this module reports::

    findings = diagnose(facts := probe())

What every Python can look at is in ``doctor_probe`` and judged in ``doctor_findings``; ``doctor_packages``,
``doctor_gpu`` and ``doctor_data`` look at and judge what only a supported Python comes to.
"""

# Python 3.6 evaluates annotations, and knows neither list[str] nor str | None.
# ruff: noqa: UP006, UP031, UP035, UP045

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Tuple

if __name__ == "__main__":  # kit.py starts it by its path: the package need not be installed
    _here = Path(__file__).resolve().parent
    sys.path[:] = [str(_here.parent), *(folder for folder in sys.path if folder != str(_here))]
    import kitutils  # noqa: F401 - once found, its modules are found through it

    del sys.path[0]  # a numpy.py in the kit's folder must hide nothing from the one who looks for it

from kitutils import doctor_findings
from kitutils.doctor_findings import OK, PROBLEM, WARNING, Finding, inside
from kitutils.doctor_probe import ROOT, Facts, probe

__all__ = [
    "OK",
    "PROBLEM",
    "WARNING",
    "Facts",
    "Finding",
    "as_json",
    "diagnose",
    "help_report",
    "lines",
    "main",
    "probe",
]
VERSIONS = ("tensorflow", "keras", "numpy", "protobuf", "jupyterlab", "ipykernel")


def main(arguments: Optional[List[str]] = None) -> int:
    """Look, judge, print. Returns the exit code: 1 if there is a problem, else 0."""
    parser = argparse.ArgumentParser(prog="kit doctor", description=__doc__.partition("\n")[0].replace("``", ""))
    parser.add_argument("--json", action="store_true", help="print one JSON object, without personal paths")
    chosen = parser.parse_args(arguments)
    facts = probe()
    findings = diagnose(facts)
    if chosen.json:
        _say(as_json(facts, findings))
    else:
        for _, text in lines(findings):
            _say(text)
        _say("\n" + closing(facts, findings))
        _say("\n" + help_report(facts, findings))
    return exit_code(findings)


def diagnose(facts: Facts) -> List[Finding]:
    """What each check says of the facts: that it is OK, or one finding for each fault. Pure."""
    checks = list(doctor_findings.CHECKS)
    if facts.supported:
        from kitutils import doctor_data, doctor_gpu, doctor_packages  # not readable by old Pythons

        checks += [*(doctor_packages.CHECKS if inside(facts) else ()), *doctor_gpu.CHECKS, *doctor_data.CHECKS]
    return [finding for check in checks for finding in check(facts)]


def exit_code(findings: Iterable[Finding]) -> int:
    """1 if there is a problem, else 0."""
    return int(any(finding.level == PROBLEM for finding in findings))


def lines(findings: Iterable[Finding]) -> List[Tuple[str, str]]:
    """(level, text) for each line to show: one a finding, and below a fault its cause and what mends it."""
    shown = []
    for check, level, found, cause, mend in findings:
        shown.append((level, "%-8s %-13s %s" % (level, check, found)))
        if level != OK:
            shown.append(("", "%22s %s" % ("", cause)))
            shown += [("mend", "%22s %s" % ("->", line)) for line in mend.splitlines()]
    return shown


def closing(facts: Facts, findings: Iterable[Finding]) -> str:
    """The last word: how it stands, and where the commands are meant for."""
    levels = [finding.level for finding in findings]
    problems, warnings = levels.count(PROBLEM), levels.count(WARNING)
    if not problems and not warnings:
        return "All is well."
    count = " and ".join(
        "%d %s%s" % (number, word, "" if number == 1 else "s")
        for number, word in ((problems, "problem"), (warnings, "warning"))
        if number
    )
    return f'{count}. The commands are meant for the kit\'s folder: cd "{ROOT}"'


def help_report(facts: Facts, findings: Iterable[Finding]) -> str:
    """What to send along with a question: machine, versions, faults, without personal paths."""
    findings = list(findings)
    machine = [".".join(map(str, facts.python)), "%d bits" % facts.bits, facts.system, facts.machine, facts.release]
    memory = "" if facts.memory_gb is None else "memory %.1f GB, " % facts.memory_gb
    versions = ["%s %s" % (name, facts.packages[name]) for name in VERSIONS if name in facts.packages]
    text = [
        "Python " + ", ".join(filter(None, machine)),
        memory + "disk %.1f GB free, installation: %s" % (facts.free_disk_gb, facts.installation),
        ", ".join(versions) or "packages not looked at",
        *(text for _, text in lines(finding for finding in findings if finding.level != OK)),
        "ok: " + ", ".join(finding.check for finding in findings if finding.level == OK),
    ]
    body = impersonal("\n".join(text), facts)
    return "--- copy this help report ---\n%s\n--- end of the help report ---" % body


def as_json(facts: Facts, findings: Iterable[Finding]) -> str:
    """``{"ok": no problem, "findings": [{check, level, found, cause, mend}], "report": text}``, impersonal."""
    findings = list(findings)
    rows: List[Dict[str, str]] = [
        {field: impersonal(text, facts) for field, text in finding._asdict().items()} for finding in findings
    ]
    report = help_report(facts, findings)
    return json.dumps({"ok": not exit_code(findings), "findings": rows, "report": report}, indent=1, ensure_ascii=False)


def impersonal(text: str, facts: Facts) -> str:
    """The text with personal folders, addresses and the user's name replaced by what they are."""
    flags = re.IGNORECASE if facts.system in ("win32", "darwin") else 0
    stands_for = {}
    for private, name in facts.private:
        if private.strip("/\\"):  # the home folder of a user without one is the root
            for spelled in {private, private.replace("\\", "/"), private.replace("\\", "\\\\")}:
                stands_for[spelled.rstrip("/\\")] = name
    for private in sorted(stands_for, key=len, reverse=True):
        edges = r"(?<![A-Za-z0-9_.-])%s(?![A-Za-z0-9_-])"
        text = re.sub(edges % re.escape(private), lambda _, p=private: stands_for[p], text, flags=flags)
    if facts.user:
        # Only where it may be a name: in what looks like a path.
        name = r"(?<![A-Za-z0-9])%s(?![A-Za-z0-9])" % re.escape(facts.user)
        text = re.sub(r"\S*[/\\]\S*", lambda path: re.sub(name, "<user>", path.group(), flags=flags), text)
    return text


def _say(text: str) -> None:
    """Print; a terminal that lacks a letter gets a question mark for it, not a traceback."""
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding))


if __name__ == "__main__":
    sys.exit(main())
