"""The engine judges answers as it promises, and notices when a check is at fault."""

import gc
import itertools
import threading
import warnings

import numpy as np
import pytest

from kitutils.course.grading import CheckerBug, assert_check, check, equal, expect, grade, part, refuse, run, sweep
from kitutils.course.registry import UnknownExercise, catalogue

HINTS = ("where to look", "the idea", "return ___")
_numbers = itertools.count(1)


def new_check(body, **options):
    """Registers a throwaway check and returns its id."""
    name = f"99.{next(_numbers)}"
    check(name, title="A throwaway", minutes=5, hints=HINTS, **options)(body)
    return name


def message(result):
    assert result.status == "wrong", result
    return "\n".join(result.messages)


# --- the check of the design's excerpt, word for word where it matters ------------------------------------------------


def modified_z(x):
    deviation = np.abs(x - np.median(x))
    mad = np.median(deviation)
    if mad == 0:
        return deviation > 0
    return 0.6745 * deviation / mad > 3.5


def with_a_loop(x):
    middle = float(np.median(x))
    mad = float(np.median([abs(v - middle) for v in x]))
    if mad == 0:
        return np.array([v != middle for v in x])
    return np.array([0.6745 * abs(v - middle) / mad > 3.5 for v in x])


def zscore_rule(x):
    return np.abs(x - x.mean()) > 3 * x.std()


def one_sided(x):
    mad = np.median(np.abs(x - np.median(x)))
    return 0.6745 * (x - np.median(x)) / mad > 3.5 if mad else x > np.median(x)


def no_zero_guard(x):
    deviation = np.abs(x - np.median(x))
    return 0.6745 * deviation / np.median(deviation) > 3.5


def returns_values(x):
    return x[modified_z(x)]


@check("98.2", title="Outliers that survive company", minutes=10, hints=HINTS)
def robust_outliers(answer, rng):
    x = rng.normal(1.8, 0.4, 500)
    x[:60] = 999.9
    x[60:70] = -5
    reference = modified_z(x)
    mask = run(answer, x)
    expect(mask.dtype == bool and mask.shape == x.shape, "Return one Boolean per value, not the values themselves.")
    refuse(mask, zscore_rule(x), "That is still the ordinary Z-score: its mean and deviation move with the outliers.")
    refuse(mask, one_sided(x), "Values far *below* the median count as well: use the absolute value.")
    equal(mask, reference, on=x)
    divided = {FloatingPointError: "MAD is 0 here, and you divided by it."}
    with np.errstate(divide="raise", invalid="raise"):
        equal(run(answer, np.r_[np.ones(90), 5.0], raised=divided), [False] * 90 + [True])


def test_the_excerpts_check_tells_every_planted_mistake():
    assert_check(
        "98.2",
        right=[modified_z, with_a_loop],
        wrong={
            "ordinary Z-score": zscore_rule,
            "absolute value": one_sided,
            "divided by it": no_zero_guard,
            "Boolean": returns_values,
        },
    )


def test_assert_check_fails_on_a_wrong_answer_called_right_and_on_a_foreign_message():
    with pytest.raises(AssertionError, match="right answer"):
        assert_check("98.2", right=[zscore_rule], wrong={})
    with pytest.raises(AssertionError, match="its message is not said"):
        assert_check("98.2", right=[], wrong={"absolute value": zscore_rule})
    with pytest.raises(AssertionError, match="says"):
        assert_check("98.2", right=[], wrong={"still the ordinary": zscore_rule, "ordinary Z-score": zscore_rule})
    with pytest.raises(AssertionError):
        assert_check("98.2", right=[], wrong={"ordinary Z-score": modified_z})


def test_the_counterexample_is_the_first_difference_with_the_input_there():
    double = new_check(
        lambda answer, rng: equal(run(answer, np.arange(5.0)), np.arange(5.0) * 2, on=np.arange(5.0) + 10)
    )
    result = grade(double, lambda x: np.array([0, 2, 4, 7, 9]))
    assert result.counterexample == (("at", "position 3"), ("input", "13"), ("yours", "7"), ("expected", "6"))
    assert "2 of 5 values" in message(result)


# --- nothing yet ------------------------------------------------------------------------------------------------------


def stub_ellipsis(x): ...


def stub_pass(x):
    pass


def stub_docstring(x):
    """Later."""


def stub_return_none(x):
    return None


def stub_not_implemented(x):
    raise NotImplementedError


def blank_in_the_middle(x):
    mad = ...
    return np.abs(x) / mad


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        ...,
        "...",
        "…",
        "  ",
        [],
        (),
        {},
        [None, ...],
        {"a": None, "b": ...},
        lambda x: ...,
        lambda x: None,
        stub_ellipsis,
        stub_pass,
        stub_docstring,
        stub_return_none,
        stub_not_implemented,
    ],
)
@pytest.mark.parametrize("kind", ["function", "value", "order", "number"])
def test_a_stub_is_not_attempted_whatever_is_asked_for(nothing, kind):
    lines = {"lines": {"A": "a", "B": "b"}} if kind == "order" else {}
    name = new_check(lambda answer, rng: expect(False, "must not be reached"), answer=kind, **lines)
    assert grade(name, nothing).status == "not attempted"


def test_a_blank_inside_a_function_is_not_attempted_and_said_so():
    result = grade(identity, blank_in_the_middle)
    assert (result.status, result.messages) == ("not attempted", ("A blank (...) is still open.",))


class AnswersToEverything:
    """As some proxies do."""

    def __getattr__(self, name):
        return self

    def __float__(self):
        raise RuntimeError

    def __len__(self):
        raise RuntimeError


@pytest.mark.parametrize("kind", ["function", "value", "order", "number"])
@pytest.mark.parametrize("odd", [AnswersToEverything(), object(), print, [threading.Lock()], b"x", 1j, type, range(3)])
def test_whatever_is_handed_in_is_judged_and_never_raises(odd, kind):
    def body(answer, rng):
        expect(run(answer, 1) == 17 if kind == "function" else False, "Not this.")

    lines = {"lines": {"A": "a", "B": "b"}} if kind == "order" else {}
    assert grade(new_check(body, answer=kind, **lines), odd).status == "wrong"


def test_work_that_looks_a_little_like_a_stub_is_judged():
    name = new_check(lambda answer, rng: equal(run(answer, np.zeros((2, 3, 4))), np.zeros((2, 3))))
    first = 0
    assert grade(name, lambda x: x[..., 0]).status == "right"
    assert grade(name, lambda x: x[..., first]).status == "right"
    assert grade(name, lambda x: 5).status == "wrong"
    value = new_check(lambda answer, rng: equal(answer, 0), answer="value")
    assert grade(value, 0).status == "right"
    assert grade(value, [0]).status == "wrong"


# --- the wrong kind of answer -----------------------------------------------------------------------------------------


def test_each_kind_refuses_another_with_what_to_hand_in():
    function = new_check(lambda answer, rng: equal(run(answer, 1), 1))
    assert "the function itself is asked for" in message(grade(function, 3.0))
    value = new_check(lambda answer, rng: None, answer="value")
    assert "call it" in message(grade(value, modified_z))
    number = new_check(lambda answer, rng: equal(answer, 3), answer="number")
    for right in (3, 3.0, np.int64(3), np.float32(3), np.array(3)):
        assert grade(number, right).status == "right"
    assert "the text '3'" in message(grade(number, "3"))
    assert "Boolean" in message(grade(number, True))
    assert "nan" in message(grade(number, float("nan")))
    assert "array of shape (2,)" in message(grade(number, np.array([1, 2])))
    assert "a number is asked for" in message(grade(number, abs))


LINES = {"C": "model.fit(x, y)", "A": "model = build()", "B": "model.compile()"}


@pytest.mark.parametrize(
    "answer", ["ABC", " a ,b, c", "A B C", "A → B → C", ["A", "B", "C"], ("a", "b", "c"), "a\nb\nc"]
)
def test_an_order_is_read_however_it_is_written(answer):
    name = new_check(lambda got, rng: equal(got, ["A", "B", "C"]), answer="order", lines=LINES)
    assert grade(name, answer).status == "right"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("ABX", "There is no line X; the lines are C, A, B."),
        ("AB", "Line C is not in your order"),
        ("A", "Lines C, B are not in your order"),
        ("ABBC", "Line B is more than once"),
        (7, "the letters of the lines in order are asked for"),
        ([1, 2], "the letters of the lines in order are asked for"),
    ],
)
def test_an_order_that_cannot_be_one_is_told_before_the_check_runs(answer, told):
    def body(answer, rng):
        raise RuntimeError("must not be reached")

    assert told in message(grade(new_check(body, answer="order", lines=LINES), answer))


def test_a_value_is_judged_on_a_copy():
    def body(answer, rng):
        answer[0] = 99

    mine = [1, 2]
    assert grade(new_check(body, answer="value"), mine).status == "right"
    assert mine == [1, 2]


# --- what a learner's function can do wrong ---------------------------------------------------------------------------

identity = new_check(lambda answer, rng: equal(run(answer, np.arange(3)), np.arange(3)))
limited = new_check(lambda answer, rng: equal(run(answer, 1, limit=0.2), 1))


def test_an_endless_loop_is_stopped_even_if_it_catches_everything():
    def plain(x):
        while True:
            pass

    def stubborn(x):
        while True:
            try:  # noqa: SIM105
                sum(range(100))
            except:  # noqa: E722
                pass

    for endless in (plain, stubborn):
        assert "had not finished after 0.2 seconds" in message(grade(limited, endless))


def test_an_exception_is_shown_with_the_learners_own_line_and_the_input():
    def divides(x):
        total = 0
        return x / total.missing

    result = grade(identity, divides)
    assert "AttributeError: 'int' object has no attribute 'missing'" in message(result)
    rows = dict(result.counterexample)
    assert rows["input"] == "[0, 1, 2]"
    line = divides.__code__.co_firstlineno + 2
    assert rows["where"] == f"line {line}: return x / total.missing"


def test_the_line_is_the_learners_even_if_a_library_raised():
    def asks_too_much(x):
        return np.reshape(x, (7, 7))

    assert dict(grade(identity, asks_too_much).counterexample)["where"].endswith("return np.reshape(x, (7, 7))")


def test_exit_does_not_end_anything():
    def leaves(x):
        raise SystemExit

    assert "exit()" in message(grade(identity, leaves))


def test_a_changed_input_is_named_and_stays_unchanged_for_the_check():
    def sorts(values):
        values.sort()
        return list(values)

    def body(answer, rng):
        x = [3, 1]
        equal(run(answer, x), [1, 3])
        assert x == [3, 1]

    assert "changed its input values" in message(grade(new_check(body), sorts))

    def allowed(answer, rng):
        equal(run(answer, [3, 1], may_change=True), [1, 3])

    assert grade(new_check(allowed), sorts).status == "right"


def test_a_changed_table_is_noticed():
    pd = pytest.importorskip("pandas")

    def fills(frame):
        frame["a"] = frame["a"].fillna(0)
        return frame

    def body(answer, rng):
        equal(run(answer, pd.DataFrame({"a": [1.0, np.nan]})), pd.DataFrame({"a": [1.0, 0.0]}))

    name = new_check(body)
    assert "changed its input frame" in message(grade(name, fills))
    assert grade(name, lambda frame: frame.fillna(0)).status == "right"


def test_printing_in_place_of_returning(capsys):
    def prints(x):
        print("the answer is", x.sum())

    result = grade(identity, prints)
    assert "Replace print(…) by return" in message(result)
    assert dict(result.counterexample)["printed"] == "the answer is 3"

    def both(x):
        print("thinking")
        return x

    assert grade(identity, both).status == "right"
    assert capsys.readouterr().out == ""


def test_a_forgotten_return():
    def forgets(x):
        x + 1

    assert "Did you forget return?" in message(grade(identity, forgets))

    def in_place(x):
        x += 1

    assert "returned nothing" in message(grade(identity, in_place))


def test_a_generator_and_a_coroutine():
    def yields(x):
        yield x

    async def waits(x):
        return x

    assert "generator" in message(grade(identity, yields))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")  # such as: coroutine was never awaited
        assert "coroutine" in message(grade(identity, waits))
        gc.collect()
    assert told == []


def test_a_signature_that_does_not_fit():
    assert "cannot be called with 1 argument" in message(grade(identity, lambda: 0))
    assert "cannot be called with 1 argument" in message(grade(identity, lambda x, y: 0))


def test_a_result_type_that_the_check_relies_on():
    name = new_check(lambda answer, rng: expect(run(answer, 1, returns=np.ndarray).shape == (1,), "One value."))
    assert "returned a list of 1; a NumPy array was expected" in message(grade(name, lambda x: [x]))
    assert grade(name, lambda x: np.array([x])).status == "right"
    number = new_check(lambda answer, rng: expect(run(answer, 1, returns=float) >= 1, "At least 1."))
    assert grade(number, lambda x: np.int64(x)).status == "right"
    assert "the Boolean True; a number was expected" in message(grade(number, lambda x: True))


def test_global_random_state_is_left_alone_and_makes_no_difference():
    name = new_check(lambda answer, rng: equal(run(answer, 3), run(answer, 3)))
    np.random.seed(7)
    before = np.random.get_state()[1].copy()
    assert grade(name, lambda n: np.random.rand(n)).status == "right"
    assert np.array_equal(np.random.get_state()[1], before)


def test_a_generator_given_as_input_is_copied():
    name = new_check(lambda answer, rng: equal(run(answer, rng), run(answer, rng)))
    assert grade(name, lambda rng: rng.random(3)).status == "right"


# --- bugs of ours -----------------------------------------------------------------------------------------------------


def test_a_planted_mistake_that_equals_the_reference_is_our_bug():
    def body(answer, rng):
        got = run(answer, 2)
        refuse(got, 4, "You doubled.")  # 2 + 2 = 2 · 2 = 2²
        equal(got, 4)

    name = new_check(body)
    for answer in (lambda x: x * x, lambda x: x + x, lambda x: 0):
        with pytest.raises(CheckerBug, match=rf"Exercise {name}: .*'You doubled.' gives the right answer"):
            grade(name, answer)


def test_a_refuse_without_its_equal_is_our_bug():
    def forgotten(answer, rng):
        refuse(run(answer, 2), 5, "You did that.")

    def on_another_result(answer, rng):
        first, second = run(answer, 2), run(answer, 3)
        refuse(first, 5, "You did that.")
        equal(second, 9)

    def in_a_part(answer, rng):
        with part("one"):
            refuse(run(answer, 2), 5, "You did that.")
        with part("two"):
            equal(run(answer, 2), 4)

    for body in (forgotten, on_another_result, in_a_part):
        with pytest.raises(CheckerBug, match="no equal"):
            grade(new_check(body), lambda x: x * x)


def test_an_error_of_the_check_itself_is_our_bug_and_says_what_it_saw():
    name = new_check(lambda answer, rng: expect(run(answer, 1).dtype == bool, "Booleans."))
    with pytest.raises(CheckerBug, match=r"AttributeError.*The last result it got was a list of 1"):
        grade(name, lambda x: [x])


def test_input_that_cannot_be_copied_is_our_bug():
    name = new_check(lambda answer, rng: run(answer, (i for i in range(3))))
    with pytest.raises(CheckerBug, match="cannot be copied"):
        grade(name, list)


def test_the_words_of_a_check_refuse_to_work_outside_of_one():
    with pytest.raises(RuntimeError, match="belong into a check"):
        run(abs, 1)


# --- sweep ------------------------------------------------------------------------------------------------------------


def swept(**options):
    inputs = [0, 1, 2, 3, -1, -2]
    return new_check(lambda answer, rng: sweep(answer, abs, inputs, **options))


def test_sweep_shows_the_smallest_failing_input():
    result = grade(swept(message="Mind the sign."), lambda x: x)
    assert message(result) == "Mind the sign."
    assert result.counterexample == (("input", "-1"), ("yours", "-1"), ("expected", "1"))
    assert grade(swept(), abs).status == "right"


def test_sweep_names_a_planted_mistake_only_if_all_outputs_agree_with_it():
    planted = ((lambda x: x, "You dropped the sign rule."), (lambda x: 1 / x, "You inverted."))
    assert "sign rule" in message(grade(swept(planted=planted), lambda x: x))
    assert "sign rule" not in message(grade(swept(planted=planted), lambda x: x if x > -2 else 5))
    assert "inverted" in message(grade(swept(planted=planted), lambda x: 1 / x))  # both raise on 0


def test_sweep_with_a_planted_mistake_that_nothing_tells_apart_is_our_bug():
    with pytest.raises(CheckerBug, match=r"'Same.' gives the right answer on all 6 inputs"):
        grade(swept(planted=((lambda x: max(x, -x), "Same."),)), abs)


def test_sweep_reports_an_exception_with_its_input():
    result = grade(swept(), lambda x: abs(x) * (1 // (x - 3) + 1) if x == 3 else abs(x))
    assert "ZeroDivisionError" in message(result)
    assert dict(result.counterexample)["input"] == "3"


def test_sweep_with_several_arguments_names_them():
    name = new_check(lambda answer, rng: sweep(answer, lambda a, b: a + b, [(0, 0), (1, 2)]))
    result = grade(name, lambda left, right: left * right)
    assert result.counterexample[:2] == (("input", "left = 1"), ("", "right = 2"))


def test_sweep_may_expect_none():
    name = new_check(lambda answer, rng: sweep(answer, {}.get, ["a"]))
    assert grade(name, lambda key: None if key else 1).status == "right"


# --- partial credit ---------------------------------------------------------------------------------------------------


def four_parts(answer, rng):
    split = run(answer, 4)
    with part("whole numbers"):
        expect(isinstance(split, dict), "Return a dictionary.")
    with part("a"):
        equal(split["a"], 1)
    with part("b"):
        refuse(split["b"], 3, "b is a planted 3.")
        equal(split["b"], 2)
    with part("c"):
        equal(split["c"], 3)


def test_parts_are_counted_and_named():
    name = new_check(four_parts)
    result = grade(name, lambda x: {"a": 1, "b": 3, "c": 3})
    assert (result.held, result.total) == (3, 4)
    assert result.messages == ("b is a planted 3.", "3 of 4 properties hold. Not yet: b.")
    right = grade(name, lambda x: {"a": 1, "b": 2, "c": 3})
    assert (right.status, right.held, right.total) == ("right", 4, 4)


def test_only_the_first_failure_is_explained():
    result = grade(new_check(four_parts), lambda x: {"a": 7, "b": 3, "c": 3})
    assert "planted" not in message(result)
    assert (result.held, result.total) == (2, 4)


def test_an_error_in_a_later_part_counts_as_not_holding():
    result = grade(new_check(four_parts), lambda x: [1, 2, 3])
    assert (result.held, result.total) == (0, 4)
    assert result.messages[0] == "Return a dictionary."


def test_an_error_in_a_part_without_an_earlier_failure_is_our_bug():
    with pytest.raises(CheckerBug, match="KeyError"):
        grade(new_check(four_parts), lambda x: {"a": 1})


def test_a_failure_outside_the_parts_ends_the_check():
    def body(answer, rng):
        with part("one"):
            equal(run(answer, 1), 1)
        expect(False, "The end.")

    result = grade(new_check(body), lambda x: x)
    assert (result.held, result.total, result.messages[0]) == (1, 2, "The end.")


def test_a_check_that_breaks_off_after_a_failure_does_not_count_the_parts_it_never_reached():
    def body(answer, rng):
        with part("one"):
            got = run(answer, 1)
        shape = got.shape
        with part("two"):
            expect(shape == (1,), "One value.")

    result = grade(new_check(body), lambda x: None if x else 1)
    assert result.messages == ("Your function returned None. Did you forget return?",)
    assert result.held == 0


# --- probes and ids ---------------------------------------------------------------------------------------------------


def test_the_seed_and_the_exercise_decide_the_probes():
    drawn = []
    names = [new_check(lambda answer, rng: drawn.append(rng.random()), answer="value") for _ in range(2)]
    for name, seed in ((names[0], 1), (names[0], 1), (names[0], 2), (names[1], 1), (names[0], "a1b2")):
        grade(name, 1, seed)
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 4


@pytest.mark.parametrize("unknown", ["1.1", "98.3", "98.22", "nonsense", 98.2, None, ""])
def test_an_unknown_id_is_told(unknown):
    with pytest.raises(UnknownExercise, match="There is no exercise"):
        grade(unknown, abs)


def test_a_check_is_registered_with_all_it_needs():
    for options, told in (
        ({"exercise": "1.1"}, "two digits"),
        ({"hints": ("only", "two")}, "three hints"),
        ({"answer": "essay"}, "must be one of"),
        ({"answer": "order"}, "go with"),
        ({"lines": {"A": "a"}}, "go with"),
        ({"answer": "order", "lines": {"a": "a"}}, "go with"),
    ):
        given = {"exercise": "97.1", "title": "t", "minutes": 1, "hints": HINTS, **options}
        with pytest.raises(ValueError, match=told):
            check(given.pop("exercise"), **given)
    with pytest.raises(ValueError, match="is taken by"):
        check("98.2", title="t", minutes=1, hints=HINTS)(zscore_rule)


def test_the_catalogue_holds_the_courses_checks_in_order_and_no_others():
    found = list(catalogue())
    assert not [name for name in found if name[:2] in ("97", "98", "99")]
    assert found == sorted(found, key=lambda name: (name[:2], int(name[3:])))
