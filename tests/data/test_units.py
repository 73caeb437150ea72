"""One clock, one currency, one spelling."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.units import one_spelling, to_eur, to_utc

FORM = "%Y-%m-%d %H:%M:%S"
BERLIN = ZoneInfo("Europe/Berlin")
RATES = pd.DataFrame(
    {
        "from_day": ["2024-02-01", "2024-01-01", "2024-01-01", "2024-01-01"],
        "currency": ["CHF", "CHF", "PLN", "EUR"],
        "per_eur": ["0.5", "0.8", "4", "1"],
    }
)


@settings(max_examples=60, deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)))
def test_local_times_agree_with_the_standard_library_where_the_hour_is_known(local):
    local = local.replace(microsecond=0)
    early, late = (local.replace(tzinfo=BERLIN, fold=fold).astimezone(UTC) for fold in (0, 1))
    found = to_utc(pd.Series([str(local)]), "Europe/Berlin", FORM)[0]
    if early == late:
        assert found == early
    else:  # there twice, or not at all
        assert found is pd.NaT


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2024-01-01 00:30:00", "2023-12-31 23:30:00+00:00"),  # another year
        ("2024-07-01 00:30:00", "2024-06-30 22:30:00+00:00"),
        ("2024-10-27 02:30:00", None),  # the clock strikes 2:30 twice
        ("2024-03-31 02:30:00", None),  # the clock jumps over 2:30
        ("2025-02-30 10:00:00", None),
        ("yesterday", None),
    ],
)
def test_times_worked_out_by_hand(local, expected):
    found = to_utc(pd.Series([local], index=[7]), "Europe/Berlin", FORM)
    assert found.index.tolist() == [7]
    assert found.isna()[7] if expected is None else found[7] == pd.Timestamp(expected)


def test_amounts_at_the_rate_of_their_day():
    frame = pd.DataFrame(
        {
            "amount": [8.0, 8.0, 8.0, 8.0, 5.0, 1.0, 1.0, np.nan],
            "currency": ["CHF", "CHF", "PLN", "EUR", "CHF", "GBP", "CHF", "EUR"],
            "day": [
                "2024-02-01",
                "2024-01-31",
                "2025-01-01",
                "2024-01-09",
                "2023-12-31",
                "2024-02-01",
                None,
                "2024-02-01",
            ],
        },
        index=[3, 1, 4, 1, 5, 9, 2, 6],  # a table in pieces: labels out of order, one of them twice
    )
    found = to_eur(frame["amount"], frame["currency"], frame["day"], RATES)
    assert found.index.tolist() == frame.index.tolist()
    assert found.to_numpy() == pytest.approx([16, 10, 2, 8, np.nan, np.nan, np.nan, np.nan], nan_ok=True)


def test_no_amounts_are_no_amounts():
    nothing = pd.Series(dtype="str")
    assert len(to_eur(nothing.astype(float), nothing, nothing, RATES)) == 0


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, 99999), filled=st.booleans(), prefix=st.sampled_from(["", "C-", "c-"]), space=st.booleans()
)
def test_every_spelling_of_a_key_becomes_one(number, filled, prefix, space):
    key = " " * space + prefix + (f"{number:05d}" if filled else str(number)) + "\t" * space
    assert one_spelling(pd.Series([key]), "C", 5)[0] == f"C-{number:05d}"


def test_whole_numbers_are_keys_and_what_is_no_key_stays():
    assert one_spelling(pd.Series([7, 12]), "O", 6).tolist() == ["O-000007", "O-000012"]
    odd = ["", "C-123456", "D-00001", "12a", "C--1", "٣"]
    assert one_spelling(pd.Series(odd), "C", 5).tolist() == odd
