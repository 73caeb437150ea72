import json

import pytest

from kitutils import settings
from kitutils.course import records
from kitutils.course.records import NoRecord, record

GOOD = {
    "what": "seconds of a run",
    "results": {"seconds": [1, 2]},
    "machine": {"processor": "a processor", "cores": 2},
    "date": "2026-01-31",
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "benchmarks" / "records"
    path.mkdir(parents=True)
    return path


def test_a_record_tells_its_origin(folder, tmp_path):
    (folder / "runs.json").write_text(json.dumps(GOOD), encoding="utf8")
    found = record("runs", tmp_path)
    assert found["seconds"] == [1, 2]
    assert found.origin == "Recorded on 2026-01-31, 2 cores, a processor: seconds of a run."
    with pytest.raises(KeyError, match="no 'minutes'; it has 'seconds'"):
        found["minutes"]


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps({key: GOOD[key] for key in ("what", "results")})])
def test_what_cannot_be_read_is_said(folder, tmp_path, text):
    (folder / "runs.json").write_text(text, encoding="utf8")
    with pytest.raises(NoRecord, match=r"runs\.json cannot be read.*Fetch the kit anew"):
        record("runs", tmp_path)


def test_one_core_is_one_core(folder, tmp_path):
    alone = GOOD | {"machine": {"processor": "a processor", "cores": 1}}
    (folder / "runs.json").write_text(json.dumps(alone), encoding="utf8")
    assert "1 core, a processor" in record("runs", tmp_path).origin


def test_a_missing_one_too(tmp_path):
    with pytest.raises(NoRecord, match="FileNotFoundError"):
        record("runs", tmp_path)


def test_every_record_of_the_kit_can_be_read():
    for path in (settings.root() / "benchmarks" / "records").glob("*.json"):
        if "machine" in json.loads(path.read_text(encoding="utf8")):
            assert records.record(path.stem).origin
