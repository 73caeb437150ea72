"""Where a tail breaks: shapes that measurements have, with and without something else beyond their end."""

import numpy as np
import pytest

from kitutils.data.audits.tails import break_above

ROWS = 4000
SHAPES = {
    "normal": lambda rng: rng.normal(100, 15, ROWS),
    "rounded": lambda rng: rng.normal(100, 15, ROWS).round(),
    "uniform": lambda rng: rng.uniform(0, 10, ROWS),
    "exponential": lambda rng: rng.exponential(5, ROWS),
    "dice": lambda rng: rng.integers(1, 7, ROWS).astype(float),
    "hours": lambda rng: rng.integers(0, 24, ROWS).astype(float),
    "counts": lambda rng: rng.poisson(0.5, ROWS).astype(float),
    "geometric": lambda rng: rng.geometric(0.2, ROWS).astype(float),
    "discounts": lambda rng: rng.choice([0.0, 0, 0, 10, 20, 30, 50], ROWS),
    "two peaks": lambda rng: np.where(rng.random(ROWS) < 0.5, rng.normal(0, 1, ROWS), rng.normal(20, 1, ROWS)),
    "prices": lambda rng: np.round(rng.lognormal(4, 0.3, ROWS)) - 0.05,
}


def cut(values):
    distinct, counts = np.unique(values, return_counts=True)
    at = break_above(distinct, counts)
    return None if at is None else distinct[at]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(8))
def test_a_tail_that_ends_as_tails_do_has_no_break(shape, seed):
    assert cut(SHAPES[shape](np.random.default_rng(seed))) is None


@pytest.mark.parametrize("draw", ["normal", "exponential", "uniform"])
def test_small_tables_raise_few_false_alarms(draw):
    # With twenty rows, four values are the whole tail: a gap must be far wider to mean as much.
    columns = getattr(np.random.default_rng(1), draw)(size=(300, 20))
    assert sum(cut(column) is not None for column in columns) <= 3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_spread_far_beyond_the_end_is_cut_off(shape, seed):
    rng = np.random.default_rng(seed)
    own = SHAPES[shape](rng)
    own = own[own < np.quantile(own, 0.998)] if shape in ("exponential", "geometric") else own
    width = own.max() - own.min()
    strange = own.max() + rng.uniform(0.4, 2, 60) * width
    strange = np.ceil(strange) if (own == np.rint(own)).all() else strange
    first = cut(np.concatenate([own, strange]))
    assert first is not None
    lost = (own >= first).sum()
    assert first <= strange.min() and lost <= 0.005 * ROWS


def test_one_far_value_is_no_break_unless_it_is_absurd():
    rng = np.random.default_rng(0)
    own = rng.normal(100, 15, 500)
    assert cut(np.append(own, 190)) is None
    assert cut(np.append(own, 1e6)) == 1e6


def test_a_second_group_of_many_rows_is_no_error():
    rng = np.random.default_rng(0)
    assert cut(np.concatenate([rng.normal(0, 1, 800), rng.normal(50, 1, 200)])) is None


def test_one_value_that_many_rows_share_is_no_error():
    # One heavy product, ordered forty times.
    rng = np.random.default_rng(0)
    assert cut(np.concatenate([rng.uniform(50, 1500, 3000).round(), np.full(40, 1900.0)])) is None


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0], [0.0, 0.0, 5.0], [1.0, 2.0, 3.0]])
def test_a_few_values_say_nothing(values):
    assert cut(np.array(values)) is None
