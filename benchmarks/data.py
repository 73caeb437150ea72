"""How well ``audit`` and ``clean`` do on tables that were spoiled on purpose, and how long an audit takes.

    python benchmarks/data.py quality [--seeds 100 101 102 103 104] [--record]
    python benchmarks/data.py speed [--rows 1000000] [--rounds 3] [--record]
    python benchmarks/data.py labels | augment | features [--record]

``quality`` spoils the shop's table and three that the kit did not make with the same corruptor, and scores suspected
cells, duplicates and repairs against the truth; beside it the usual recipe: dropna, 1.5 IQR, drop_duplicates. ``speed``
audits a generated table of a million rows and 20 columns, in a process of its own a round. A few minutes each on two
quiet cores; ``quality`` needs penguins, california_housing and bike_sharing in the cache or a mirror (KIT_MIRROR).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

os.environ["KIT_STRICT_DATA"] = "1"

import _record
import numpy as np
import pandas as pd
import psutil

from kitutils import data
from kitutils.data import shop
from kitutils.data.corrupt import CELL_RATES, ROW_RATES, corrupt
from kitutils.data.scoring import score_cells, score_repairs, score_rows

TUNED_ON = [0, 1, 2, 3, 4]
HELD_OUT = [100, 101, 102, 103, 104]
# The kit's own table is another one a seed; of the others only the spoiling is.
TABLES = {
    "shop": ("returned", shop.KEYS),
    "penguins": ("species", ()),
    "california_housing": ("median_house_value", ()),
    "bike_sharing": ("cnt", ()),
}
SIBLINGS = {  # figures of the data stage that have a program of their own
    "labels": ("data_labels.py",),
    "augment": ("data_augment.py", "speed"),
    "features": ("data_features.py",),
}
GOALS = {"f1": 0.80, "share_right": 0.65, "share_altered": 0.01, "seconds": 30, "memory": 3}


def clean_table(name: str, seed: int) -> pd.DataFrame:
    """A table in which nothing is missing, so that all that is wrong with the spoiled one is known."""
    if name == "shop":
        return shop.generate(seed=seed).table()
    return data.load(name).frame.dropna().reset_index(drop=True)


def usual_recipe(frame: pd.DataFrame, coerce: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """What dropna, the 1.5 IQR rule (Tukey, "Exploratory data analysis", 1977) and drop_duplicates object to.

    Args:
        frame: the spoiled table.
        coerce: whether columns in which most cells read as numbers are turned into numbers first, with
            ``pd.to_numeric(errors="coerce")``. Without it, one word makes a column of numbers a column of texts.

    Returns:
        Suspected cells (``row, column, kind``), and bool per row: dropped as a duplicate.
    """
    duplicated = frame.duplicated().to_numpy()
    suspected = []
    for column in frame.columns:
        values = frame[column]
        if coerce and not pd.api.types.is_numeric_dtype(values):
            numbers = pd.to_numeric(values, errors="coerce")
            values = numbers if numbers.notna().mean() > 0.5 else values
        wrong = {"missing": values.isna().to_numpy()}
        if pd.api.types.is_numeric_dtype(values):
            low, high = values.quantile(0.25), values.quantile(0.75)
            reach = 1.5 * (high - low)
            wrong["range"] = ((values < low - reach) | (values > high + reach)).to_numpy()
        for kind, rows in wrong.items():
            suspected.append(pd.DataFrame({"row": np.flatnonzero(rows), "column": column, "kind": kind}))
    return pd.concat(suspected, ignore_index=True), duplicated


def one(name: str, seed: int) -> dict:
    """Every score of one spoiled table."""
    target, keep = TABLES[name]
    dirty, truth = corrupt(clean_table(name, seed), seed, keep=keep)
    begin = time.perf_counter()
    findings = data.audit(dirty, target=target)
    cleaned = data.clean(dirty, data.clean_plan(findings))
    seconds = time.perf_counter() - begin
    cells = score_cells(findings.cells(), truth)
    rows = np.union1d(findings.rows_of("duplicate"), findings.rows_of("near-duplicate"))
    repairs = score_repairs(cleaned.frame, truth, dirty)
    recipes = {
        label: score_cells(usual_recipe(dirty, coerce)[0], truth)["f1"]
        for label, coerce in (("as it is", False), ("numbers coerced", True))
    }
    return {
        "f1": cells["f1"].to_dict(),
        "precision": cells["precision"].to_dict(),
        "recall": cells["recall"].to_dict(),
        "right_kind": (cells["right_kind"] / cells["found"].clip(lower=1)).to_dict(),
        "duplicates_f1": score_rows(rows, truth).loc["duplicates", "f1"],
        "recipe_duplicates_f1": score_rows(np.flatnonzero(usual_recipe(dirty, False)[1]), truth).loc[
            "duplicates", "f1"
        ],
        "share_right": repairs["share_right"].to_dict(),
        "share_restored": repairs.loc["all", "restored"] / repairs.loc["all", "spoiled"],
        "share_made_missing": repairs.loc["all", "made_missing"] / repairs.loc["all", "spoiled"],
        "share_altered": repairs.loc["all", "share_altered"],
        "recipe_f1": {label: f1[["all", "all but missing"]].to_dict() for label, f1 in recipes.items()},
        "seconds": seconds,
    }


def middle(runs: list):
    """The median of each number of equally shaped nested dictionaries, to four significant digits."""
    if isinstance(runs[0], dict):
        return {key: middle([run[key] for run in runs if key in run]) for key in runs[0]}
    return float(f"{statistics.median(runs):.4g}")


def summary(runs: list[dict]) -> dict:
    """Medians over the seeds, the worst of each headline, and the ratio to the recipe. No F1 is above 1."""
    found = {"median": middle(runs)}
    found["worst"] = {
        "f1": round(min(run["f1"]["all"] for run in runs), 4),
        "f1_but_missing": round(min(run["f1"]["all but missing"] for run in runs), 4),
        "share_right": round(min(run["share_right"]["all"] for run in runs), 4),
        "share_altered": round(max(run["share_altered"] for run in runs), 6),
    }
    found["times_the_recipe"] = {
        label: round(found["median"]["f1"]["all"] / f1["all"], 2) for label, f1 in found["median"]["recipe_f1"].items()
    }
    return found


def quality(seeds: list[int], record: bool) -> None:
    results = {}
    for name in TABLES:
        results[name] = summary([one(name, seed) for seed in seeds])
        _tell(name, results[name])
    if record:
        _record.write(
            "data_quality",
            what="suspected cells, duplicates and repairs on spoiled tables, against the truth; over the seeds",
            results=results,
            packages=("numpy", "pandas"),
            goals={key: GOALS[key] for key in ("f1", "share_right", "share_altered")} | {"times_the_recipe": 2},
            seeds={"measured": seeds, "tuned on": TUNED_ON, "of": "corruptor; for the shop, of the generator as well"},
            spoiled={"cells": dict(CELL_RATES), "rows": dict(ROW_RATES)},
        )


def _tell(name: str, found: dict) -> None:
    m, worst = found["median"], found["worst"]
    print(f"\n{name}: F1 {m['f1']['all']:.3f}, without plain missing {m['f1']['all but missing']:.3f} ", end="")
    print(f"(worst {worst['f1']:.3f}, {worst['f1_but_missing']:.3f})")
    print("  by kind: " + ", ".join(f"{k} {v:.3f}" for k, v in m["f1"].items() if not k.startswith("all")))
    for label, f1 in m["recipe_f1"].items():
        print(
            f"  usual recipe, {label}: F1 {f1['all']:.3f}, without plain missing {f1['all but missing']:.3f}; ", end=""
        )
        print(f"ours is {found['times_the_recipe'][label]:.2f} times that")
    print(f"  duplicates: F1 {m['duplicates_f1']:.3f}, recipe {m['recipe_duplicates_f1']:.3f}")
    print(f"  repairs right {m['share_right']['all']:.3f} (restored {m['share_restored']:.3f}, ", end="")
    print(f"made missing {m['share_made_missing']:.3f}), worst {worst['share_right']:.3f}; ", end="")
    print(f"clean cells altered {m['share_altered']:.4%}, worst {worst['share_altered']:.4%}", flush=True)


def large_table(rows: int) -> pd.DataFrame:
    """20 columns as tables have them: a counter, measurements, counts, codes, categories, dates, names; a target."""
    rng = np.random.default_rng(0)
    text = lambda values: pd.Series(values, dtype="str")
    columns: dict = {"id": np.arange(rows)}
    columns |= {f"amount_{n}": rng.lognormal(3, 0.6, rows).round(2) for n in range(6)}
    columns |= {f"count_{n}": rng.integers(0, most, rows) for n, most in enumerate((5, 100, 10_000, 2))}
    for n, size in enumerate((4, 30, 1000)):
        names = np.array([f"value {number}" for number in range(size)], dtype=object)
        columns[f"category_{n}"] = text(names[rng.integers(0, size, rows)])
    for n in range(2):
        days = np.datetime64("2020-01-01") + rng.integers(0, 1500, rows)
        columns[f"date_{n}"] = text(days.astype(str).astype(object))
    columns["name"] = text([f"text {number}" for number in rng.integers(0, 10**9, rows)])
    columns["number_as_text"] = text(rng.normal(50, 9, rows).round(2).astype(str).astype(object))
    columns |= {"normal": rng.normal(0, 1, rows), "target": rng.integers(0, 2, rows)}
    frame = pd.DataFrame(columns)
    for column in frame.columns[1:-1]:
        frame.loc[rng.integers(0, rows, rows // 50), column] = np.nan
    return frame


def measure(rows: int) -> dict:
    """Seconds of one audit, and how far the process grew meanwhile over the memory of the table (resident sets)."""
    frame = large_table(rows)
    data.audit(frame.head(1000), target="target")  # imports
    process = psutil.Process()
    size, before = int(frame.memory_usage(deep=True).sum()), process.memory_info().rss
    peak, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin, used = time.perf_counter(), time.process_time()
    found = data.audit(frame, target="target")
    seconds, processor = time.perf_counter() - begin, time.process_time() - used
    done.set()
    watcher.join()
    return {
        "seconds": seconds,
        "processor_seconds": processor,
        "table_mb": size / 1e6,
        "extra_mb": (peak[0] - before) / 1e6,
        "extra_over_table": (peak[0] - before) / size,
        "findings": len(found),
    }


def speed(rows: int, rounds: int, record: bool) -> None:
    runs = []
    for _ in range(rounds):
        command = [sys.executable, __file__, "measure", "--rows", str(rows)]
        runs.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        print({key: round(value, 2) for key, value in runs[-1].items()}, flush=True)
    results = middle(runs) | {"goal_seconds": GOALS["seconds"], "goal_extra_over_table": GOALS["memory"]}
    if record:
        _record.write(
            "data_speed",
            what=f"one audit of a generated table of {rows:,} rows and 20 columns; median of the rounds",
            results=results,
            packages=("numpy", "pandas"),
            rounds=rounds,
            memory="growth of the resident set during the audit, sampled every 5 ms, over memory_usage(deep=True)",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["quality", "speed", "measure", *SIBLINGS])
    parser.add_argument("--seeds", type=int, nargs="+", default=HELD_OUT)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="write benchmarks/records/data_*.json")
    chosen = parser.parse_args()
    if chosen.what == "quality":
        quality(chosen.seeds, chosen.record)
    elif chosen.what in SIBLINGS:
        program, *arguments = SIBLINGS[chosen.what]
        arguments += ["--record"] * chosen.record
        raise SystemExit(subprocess.call([sys.executable, Path(__file__).with_name(program), *arguments]))
    elif chosen.what == "speed":
        speed(chosen.rows, chosen.rounds, chosen.record)
    else:
        print(json.dumps(measure(chosen.rows)))


if __name__ == "__main__":
    main()
