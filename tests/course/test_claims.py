"""Claims: the band decides, the stand-in has a rule of its own, and the cell's output carries the record."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kitutils.course import claims
from kitutils.course.claims import MIME, BrokenClaim, band_text, claim
from kitutils.errors import KitError

REAL = SimpleNamespace(source="built-in")
STANDIN = SimpleNamespace(source="stand-in")


@pytest.fixture
def records(monkeypatch):
    """The records that cells would carry."""
    found = []
    monkeypatch.setattr(claims, "_show", lambda text, record: found.append(record | {"text": text}))
    return found


NUMBERS = st.floats(-1e6, 1e6)
END = st.none() | NUMBERS


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(value=NUMBERS, low=END, high=END, standin_low=END, standin=st.booleans(), on_the_edge=st.booleans())
def test_the_band_decides_and_on_a_standin_only_its_own_lower_end(
    records, value, low, high, standin_low, standin, on_the_edge
):
    if low is not None and high is not None and low > high:
        low, high = high, low
    if on_the_edge and low is not None:
        value = low  # both ends belong to the band
    records.clear()
    data = STANDIN if standin else REAL
    claim("a.b", value, at_least=low, at_most=high, standin_at_least=standin_low, data=data)

    lowest, highest = (standin_low, None) if standin else (low, high)
    wanted = (-math.inf if lowest is None else lowest) <= value <= (math.inf if highest is None else highest)
    (record,) = records
    assert record["holds"] is wanted
    assert (record["at_least"], record["at_most"]) == (lowest, highest)
    assert record["value"] == value and record["source"] == data.source
    assert record["text"].startswith("✓" if wanted else "✗")


def test_only_a_broken_claim_raises_and_only_when_it_is_asked_to(records, monkeypatch):
    monkeypatch.setenv("KIT_STRICT_CLAIMS", "1")
    claim("a.b", 0.9, at_least=0.9, at_most=0.9)
    with pytest.raises(BrokenClaim, match=r"a\.b: 0\.5, expected ≥ 0\.9.*Likely reason"):
        claim("a.b", 0.5, at_least=0.9)
    with pytest.raises(BrokenClaim):
        claim("a.b", 0.5, at_least=0.9, standin_at_least=0.6, data=STANDIN)
    claim("a.b", 0.5, at_least=0.9, data=STANDIN)
    monkeypatch.delenv("KIT_STRICT_CLAIMS")
    claim("a.b", 0.5, at_least=0.9)
    assert [record["holds"] for record in records] == [True, True, False]


def test_a_broken_claim_is_the_kits_error_and_an_assertion():
    assert issubclass(BrokenClaim, KitError) and issubclass(BrokenClaim, AssertionError)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_what_is_no_finite_number_is_refused_strict_or_not(records, value):
    with pytest.raises(ValueError, match="not a finite number"):
        claim("a.b", value, at_least=0)
    with pytest.raises(ValueError, match="not a finite number"):
        claim("a.b", value)
    assert records == []


def test_an_empty_band_is_refused(records):
    with pytest.raises(ValueError, match="at least 2 and at most 1"):
        claim("a.b", 1.5, at_least=2, at_most=1)
    assert records == []


def test_a_number_of_numpy_becomes_one_of_json(records):
    claim("a.b", np.float32(0.25), at_most=np.int64(1))
    claim("a.c", np.array(3), at_least=np.float64(3))
    assert [record["value"] for record in records] == [0.25, 3.0]
    assert [json.loads(json.dumps(record))["holds"] for record in records] == [True, True]


def test_a_broken_claim_names_value_band_and_likely_reason(capsys):
    claim("digits.cnn", 0.91234, at_least=0.96, at_most=1, data=REAL, label="Small CNN")
    claim("digits.cnn", 0.5, standin_at_least=0.6, data=STANDIN, label="Small CNN")
    real, standin = capsys.readouterr().out.splitlines()
    assert "Small CNN: 0.9123, expected 0.96 to 1" in real and "'ci'" in real and "Restart the kernel" in real
    assert "stand-in" in standin and "the stand-in is not the data that the text speaks of" in standin


def test_a_claim_that_holds_is_one_line_and_says_when_it_is_a_standins(capsys):
    claim("a.b", 0.97, at_least=0.96, data=REAL)
    claim("a.b", 0.41, at_least=0.96, data=STANDIN)
    claim("a.b", 3, at_most=4.5)
    claim("a.b", 3)
    assert capsys.readouterr().out.splitlines() == [
        "✓ a.b: 0.97 (expected ≥ 0.96)",
        "✓ a.b: 0.41 on the stand-in, not on the real data",
        "✓ a.b: 3 (expected ≤ 4.5)",
        "✓ a.b: 3",
    ]


@pytest.mark.parametrize(
    ("low", "high", "words"), [(None, None, ""), (0.9, None, "≥ 0.9"), (None, 3, "≤ 3"), (0.123456, 1, "0.1235 to 1")]
)
def test_a_band_in_words(low, high, words):
    assert band_text(low, high) == words


def test_in_a_notebook_the_cells_output_carries_the_record(monkeypatch, capsys):
    import IPython
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append((data, raw)))
    claim("digits.cnn", 0.97, at_least=0.96, data=REAL, label="Small CNN")
    ((bundle, raw),) = shown
    assert raw is True and capsys.readouterr().out == ""
    assert MIME == "application/vnd.kit.claim+json" and set(bundle) == {"text/plain", MIME}
    assert bundle["text/plain"] == "✓ Small CNN: 0.97 (expected ≥ 0.96)"
    assert json.loads(json.dumps(bundle[MIME])) == {
        "name": "digits.cnn",
        "label": "Small CNN",
        "value": 0.97,
        "at_least": 0.96,
        "at_most": None,
        "holds": True,
        "headline": False,
        "profile": "ci",
        "source": "built-in",
    }
