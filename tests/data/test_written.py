"""Numbers written with decimal commas, thousands marks and units."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils import data
from kitutils.data import Step
from kitutils.data.audits import written
from kitutils.data.plans import Plan, PlanError


def findings(values):
    found = data.audit(pd.DataFrame({"x": values}))
    return [one for one in found if one.kind in ("type", "unit")]


def german(number):
    return f"{number:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9).map(lambda cents: cents / 100), min_size=1, max_size=20))
def test_what_is_written_is_read_back(numbers):
    np.testing.assert_allclose(written.read([german(number) for number in numbers], ","), numbers)
    np.testing.assert_allclose(written.read([f"{number:,.2f}" for number in numbers], "."), numbers)
    np.testing.assert_allclose(written.read([f"{number:.2f} kg" for number in numbers], ".", "kg"), numbers)


def test_decimal_commas_are_found_converted_and_taken_back():
    prices = np.round(np.random.default_rng(0).lognormal(7, 1, 200), 2)
    frame = pd.DataFrame({"x": [german(price) for price in prices]})
    (found,) = findings(frame["x"])
    assert found.kind == "type" and "a decimal comma" in found.evidence
    cleaned = data.clean(frame, data.clean_plan(data.audit(frame)))
    np.testing.assert_allclose(cleaned.frame["x"], prices)
    pd.testing.assert_frame_equal(data.undo(cleaned.frame, cleaned.log), frame)


def test_one_unit_for_all_is_taken_off():
    frame = pd.DataFrame({"x": [f"{n / 10} kg" for n in range(30)]})
    (found,) = findings(frame["x"])
    assert "the unit kg" in found.evidence
    assert data.clean(frame, data.clean_plan(data.audit(frame))).frame["x"].tolist() == [n / 10 for n in range(30)]


def test_several_units_are_named_with_their_rows_and_left_to_a_person():
    values = [f"{n / 10} kg" for n in range(30)] + ["900 g", "1200 g"]
    (found,) = findings(values)
    assert found.kind == "unit" and found.rows.tolist() == [30, 31] and "30 × kg, 2 × g" in found.evidence
    assert found.fix is None
    frame = pd.DataFrame({"x": values})
    assert data.clean(frame, data.clean_plan(data.audit(frame))).frame["x"].tolist() == values


def test_a_comma_that_may_be_either_is_said_and_not_converted():
    (found,) = findings([f"{n},{n:03d}" for n in range(101, 131)])
    assert "may be decimal or between thousands" in found.evidence and found.fix is None


@pytest.mark.parametrize(
    "values",
    [
        [f"192.168.0.{n}" for n in range(20)],
        [f"{n}a" for n in range(1, 30)],
        [f"12-3{n}" for n in range(10, 40)],
        [f"030 123 {n}" for n in range(100, 130)],
        ["M", "L", "XL", "S", "XS"] * 9,
        [f"{n}.{n}.{n}" for n in range(20)],
    ],
)
def test_addresses_house_numbers_postcodes_and_sizes_are_no_numbers(values):
    assert findings(values) == []


def test_a_plan_with_a_strange_decimal_mark_is_refused():
    frame = pd.DataFrame({"x": ["1;5", "2;5"]})
    with pytest.raises(PlanError, match="a point or a comma, got ';'"):
        data.clean(frame, Plan([Step("x", "to number", {"decimal": ";"})]))
