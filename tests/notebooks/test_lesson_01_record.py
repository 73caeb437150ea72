"""What lesson 01 says of its recorded run is what the record says."""

import json
import re

from kitutils import settings


def test_the_prose_quotes_the_record():
    root = settings.root()
    record = json.loads((root / "benchmarks/records/lesson_01_full.json").read_text(encoding="utf8"))
    (said,) = record["said"]
    splits, lead, low, high = re.fullmatch(
        r"CNN minus SVC, (\d+) splits: ([+-][\d.]+) points \(([+-][\d.]+) to ([+-][\d.]+)\)", said
    ).groups()
    prose = (root / "notebooks/source/01_pipeline_in_one_sitting.py").read_text(encoding="utf8").replace("\n# ", " ")
    assert splits == "20" and record["results"]["digits.cnn_mean"] >= 0.985
    assert f"the CNN reads {record['results']['digits.cnn_mean']:.1%}".replace("%", " %") in prose
    assert f"{-float(lead):.1f} points behind the SVC" in prose
    assert f"an interval from {-float(low):.1f} behind to {float(high):.1f} ahead" in prose
