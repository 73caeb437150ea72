"""Runs one lesson in a larger profile and records what it claims, for figures that a learner's minutes cannot reach.

.venv/bin/python benchmarks/lesson.py 01 --profile full --record
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import _record

from kitutils import settings
from kitutils.course import build, lessons
from kitutils.course.execute import execute


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", help="its number, such as 01")
    parser.add_argument("--profile", choices=settings.PROFILES, default="full")
    parser.add_argument("--record", action="store_true", help="write records/lesson_NN_PROFILE.json")
    args = parser.parse_args()
    (lesson,) = lessons.select(lessons.find(settings.root()), args.lesson)
    with tempfile.TemporaryDirectory() as folder:
        run = execute(build.read_source(lesson), profile=args.profile, artifacts=Path(folder), strict_data=True)
    if run.failure:
        raise SystemExit(f"{lesson.name} failed: {run.failure}\n{run.traceback}")
    for claim in run.claims:
        print(f"{claim.label}: {claim.value:.4g}" + (f" (expected {claim.band})" if claim.band else ""))
    said = [
        line
        for cell in run.notebook.cells
        for output in cell.get("outputs", ())
        if output.get("name") == "stdout"
        for line in output["text"].splitlines()
        if " splits: " in line
    ]
    print(*said, f"{run.seconds:.0f} s", sep="\n")
    if args.record:
        path = _record.write(
            f"lesson_{lesson.number}_{args.profile}",
            what=f"the claims of lesson {lesson.number} in profile {args.profile}",
            results={claim.name: float(f"{claim.value:.6g}") for claim in run.claims},
            packages=("keras", "tensorflow", "scikit-learn"),
            said=said,
            seconds=round(run.seconds),
        )
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
