"""The batcher: every answer goes to its own request, whatever else happens. ``run`` is a fake that can be held."""

import asyncio
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kitutils.ship.faults import BadInput
from kitutils.ship.serve.batching import Batcher, Closed, Overloaded

POISON = -1.0


class Model:
    """Answers each row with a figure of that row alone; notes its calls; waits inside a call until it is let go."""

    def __init__(self):
        self.calls, self.threads = [], set()
        self.entered, self.gate = threading.Semaphore(0), threading.Event()
        self.gate.set()

    def __call__(self, arrays):
        first = next(iter(arrays.values()))
        self.calls.append({name: array.copy() for name, array in arrays.items()})
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self.gate.wait(20)
        if (first.reshape(len(first), -1)[:, 0] == POISON).any():
            raise ValueError("poison")
        return answer(arrays)

    @property
    def sizes(self):
        return [len(next(iter(call.values()))) for call in self.calls]

    async def is_inside(self):
        """Until the next call has begun."""
        assert await asyncio.to_thread(self.entered.acquire, True, 20)


def answer(arrays):
    """(rows, 2): the sum of all values of a row, and its first value."""
    parts = [array.reshape(len(array), -1).astype(np.float64) for array in arrays.values()]
    return np.stack([sum(part.sum(axis=1) for part in parts), parts[0][:, 0]], axis=1)


def rows(*values, width=3, dtype=np.float32, name="input"):
    return {name: np.repeat(np.array(values, dtype)[:, None], width, axis=1)}


async def settle(turns=5):
    for _ in range(turns):
        await asyncio.sleep(0)


def with_batcher(test, **options):
    """Runs ``test(batcher, model)`` in an event loop of its own and closes the batcher."""
    model = Model()

    async def body():
        batcher = Batcher(model, **options)
        try:
            return await asyncio.wait_for(test(batcher, model), 60)
        finally:
            model.gate.set()
            await batcher.close()

    return asyncio.run(body())


async def gathered(batcher, model, requests, first=(900,)):
    """Submits all requests while a first one is computed; gives their answers or errors."""
    model.gate.clear()
    opening = asyncio.create_task(batcher.submit(rows(*first)))
    await model.is_inside()
    tasks = [asyncio.create_task(batcher.submit(request)) for request in requests]
    await settle()
    model.gate.set()
    await opening
    return await asyncio.gather(*tasks, return_exceptions=True)


KINDS = [("input", 3, "float32"), ("input", 4, "float32"), ("input", 3, "int32"), ("other", 3, "float32")]
REQUEST = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 9),
        "kind": st.sampled_from(KINDS),
        "poisoned": st.sampled_from([False] * 6 + [True]),
        "cancel": st.sampled_from(["never"] * 5 + ["in the queue", "when it likes"]),
        "yields": st.integers(0, 2),
    }
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(plan=st.lists(REQUEST, min_size=1, max_size=14), max_batch=st.integers(1, 8), held=st.booleans())
def test_every_answer_goes_to_its_own_request(plan, max_batch, held):
    told = []

    async def test(batcher, model):
        if held:
            model.gate.clear()
        opening = asyncio.create_task(batcher.submit(rows(900)))
        await model.is_inside()
        made, tasks, number = [], [], 0
        for one in plan:
            name, width, dtype = one["kind"]
            values = np.arange(number, number + one["rows"], dtype=float)
            number += one["rows"]
            if one["poisoned"]:
                values[len(values) // 2] = POISON
            request = rows(*values, width=width, dtype=dtype, name=name)
            made.append(request)
            tasks.append(asyncio.create_task(batcher.submit(request)))
            await settle(one["yields"])
        await settle()
        for one, task in zip(plan, tasks, strict=True):
            if (one["cancel"] == "in the queue" and held) or one["cancel"] == "when it likes":
                task.cancel()
                await settle(one["yields"])
        await settle()  # the queue hears of it before the model is let go
        model.gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        np.testing.assert_array_equal(await opening, answer(rows(900)))
        await settle()
        assert batcher.waiting == 0
        return made, found, model

    made, found, model = with_batcher(
        test, max_batch=max_batch, queue=1000, on_batch=lambda count, seconds: told.append(count)
    )
    for one, request, outcome in zip(plan, made, found, strict=True):
        if isinstance(outcome, asyncio.CancelledError):
            assert one["cancel"] != "never"
        elif one["poisoned"]:
            assert isinstance(outcome, ValueError) and str(outcome) == "poison"
        else:
            np.testing.assert_array_equal(outcome, answer(request))
    assert max(model.sizes) <= max_batch
    computed = [value for call in model.calls for value in next(iter(call.values()))[:, 0]]
    for one, request, outcome in zip(plan, made, found, strict=True):
        if held and one["cancel"] == "in the queue" and isinstance(outcome, asyncio.CancelledError):
            own = set(next(iter(request.values()))[:, 0].tolist()) - {POISON}
            assert not own & set(computed), "it was computed although it was cancelled before its turn"
    assert len(model.threads) == 1 and threading.get_ident() not in model.threads
    poisoned_calls = [size for size, call in zip(model.sizes, model.calls, strict=True) if _poisoned(call)]
    assert sum(told) == sum(model.sizes) - sum(poisoned_calls)


def _poisoned(call):
    return bool((next(iter(call.values()))[:, 0] == POISON).any())


def test_a_request_alone_is_computed_at_once_and_alone():
    async def test(batcher, model):
        for value in range(3):
            np.testing.assert_array_equal(await batcher.submit(rows(value)), answer(rows(value)))
        assert model.sizes == [1, 1, 1]

    with_batcher(test)


def test_what_arrives_while_a_batch_is_computed_is_computed_together_next():
    async def test(batcher, model):
        requests = [rows(value) for value in range(5)]
        found = await gathered(batcher, model, requests)
        for request, outcome in zip(requests, found, strict=True):
            np.testing.assert_array_equal(outcome, answer(request))
        assert model.sizes == [1, 5]

    with_batcher(test)


def test_a_batch_has_at_most_max_batch_rows_and_requests_stay_in_order():
    async def test(batcher, model):
        await gathered(batcher, model, [rows(1, 2), rows(3, 4), rows(5, 6, 7), rows(8)])
        assert [call["input"][:, 0].tolist() for call in model.calls] == [[900], [1, 2, 3, 4], [5, 6, 7, 8]]

    with_batcher(test, max_batch=4)


def test_a_request_of_more_rows_is_computed_in_parts_of_which_the_last_has_company():
    async def test(batcher, model):
        long = rows(*range(10))
        found = await gathered(batcher, model, [long, rows(77)])
        np.testing.assert_array_equal(found[0], answer(long))
        np.testing.assert_array_equal(found[1], answer(rows(77)))
        assert model.sizes == [1, 4, 4, 3]

    with_batcher(test, max_batch=4)


@pytest.mark.parametrize(
    "other",
    [
        rows(1, width=4),
        rows(1, dtype=np.float64),
        rows(1, name="other"),
        {"input": np.ones((1, 3, 1), np.float32)},
        {**rows(1), **rows(1, name="second")},
    ],
    ids=["width", "dtype", "name", "rank", "one more"],
)
def test_rows_of_another_kind_wait_for_the_next_batch_and_lose_nothing(other):
    async def test(batcher, model):
        requests = [rows(1), other, rows(2), other]
        found = await gathered(batcher, model, requests)
        for request, outcome in zip(requests, found, strict=True):
            np.testing.assert_array_equal(outcome, answer(request))
        assert model.sizes == [1, 2, 2]

    with_batcher(test)


def test_rows_of_a_rare_kind_are_not_put_behind_those_that_came_later():
    async def test(batcher, model):
        await gathered(batcher, model, [rows(1), rows(2, width=4), rows(3), rows(4), rows(5)])
        assert [call["input"][:, 0].tolist() for call in model.calls] == [[900], [1, 3], [2], [4, 5]]

    with_batcher(test, max_batch=2)


def test_the_order_of_the_names_keeps_nobody_apart():
    async def test(batcher, model):
        one = {"a": np.ones((1, 2)), "b": np.zeros((1, 2))}
        await gathered(batcher, model, [one, dict(reversed(one.items()))])
        assert model.sizes == [1, 2]

    with_batcher(test)


def test_an_idle_batcher_waits_for_company_until_the_batch_is_full():
    async def test(batcher, model):
        tasks = []
        for value in range(3):
            tasks.append(asyncio.create_task(batcher.submit(rows(value))))
            await asyncio.sleep(0.02)  # time to compute it, for a batcher that does not wait
        await asyncio.gather(*tasks)
        assert model.sizes == [3]

    with_batcher(test, max_batch=3, max_wait_ms=3_600_000)


def test_what_gathered_while_a_batch_was_computed_has_waited_enough():
    async def test(batcher, model):
        await gathered(batcher, model, [rows(1)], first=(900, 901, 902))
        assert model.sizes == [3, 1]

    with_batcher(test, max_batch=3, max_wait_ms=3_600_000)


def test_whoever_waits_for_company_is_computed_when_the_time_is_over():
    async def test(batcher, model):
        np.testing.assert_array_equal(await batcher.submit(rows(1)), answer(rows(1)))

    with_batcher(test, max_batch=3, max_wait_ms=5)


def test_close_does_not_leave_anybody_waiting_for_company():
    async def test(batcher, model):
        task = asyncio.create_task(batcher.submit(rows(1)))
        await settle()
        await batcher.close()
        np.testing.assert_array_equal(await task, answer(rows(1)))

    with_batcher(test, max_batch=3, max_wait_ms=3_600_000)


def test_too_much_is_refused_at_once_and_what_was_accepted_is_answered():
    async def test(batcher, model):
        model.gate.clear()
        tasks = [asyncio.create_task(batcher.submit(rows(1, 2)))]
        await model.is_inside()
        tasks.append(asyncio.create_task(batcher.submit(rows(3))))
        await settle()
        assert batcher.waiting == 3
        with pytest.raises(Overloaded, match="3 rows wait, and 4 may; there is no room for 2 more"):
            await batcher.submit(rows(4, 5))
        tasks.append(asyncio.create_task(batcher.submit(rows(6))))
        await settle()
        assert batcher.waiting == 4 and not any(task.done() for task in tasks)
        tasks[1].cancel()  # makes room
        await settle()
        tasks[1] = asyncio.create_task(batcher.submit(rows(3)))
        await settle()
        assert batcher.waiting == 4
        model.gate.set()
        found = await asyncio.gather(*tasks)
        for outcome, values in zip(found, [(1, 2), (3,), (6,)], strict=True):
            np.testing.assert_array_equal(outcome, answer(rows(*values)))
        assert batcher.waiting == 0
        await batcher.submit(rows(1, 2, 3, 4))

    with_batcher(test, queue=4)


def test_only_the_culprit_gets_the_error_and_the_others_their_answers():
    async def test(batcher, model):
        requests = [rows(1), rows(2, POISON), rows(3, 4)]
        found = await gathered(batcher, model, requests)
        np.testing.assert_array_equal(found[0], answer(requests[0]))
        assert isinstance(found[1], ValueError)
        np.testing.assert_array_equal(found[2], answer(requests[2]))
        assert model.sizes == [1, 5, 1, 2, 2]
        assert (await batcher.submit(rows(5))).shape == (1, 2)

    with_batcher(test)


def test_one_bad_part_of_a_long_request_is_an_error_for_all_of_it_and_said_once(caplog):
    async def test(batcher, model):
        found = await gathered(batcher, model, [rows(1, POISON, 3, POISON, POISON), rows(7)])
        assert isinstance(found[0], ValueError)
        np.testing.assert_array_equal(found[1], answer(rows(7)))
        assert batcher.waiting == 0

    with_batcher(test, max_batch=2)
    assert not caplog.records  # asyncio logs an exception that nobody took


@pytest.mark.parametrize("error", [StopIteration("odd"), SystemExit(3), KeyboardInterrupt(), MemoryError("full")])
def test_whatever_run_raises_the_request_is_told_and_the_thread_goes_on(error):
    broken = [True]

    def run(arrays):
        if broken.pop() if broken else False:
            raise error
        return answer(arrays)

    async def body():
        batcher = Batcher(run)
        with pytest.raises(RuntimeError if not isinstance(error, MemoryError) else MemoryError):
            await asyncio.wait_for(batcher.submit(rows(1)), 20)
        np.testing.assert_array_equal(await batcher.submit(rows(2)), answer(rows(2)))
        await batcher.close()

    asyncio.run(body())


def test_a_model_that_answers_too_few_rows_answers_nobody_wrongly():
    async def body():
        batcher = Batcher(lambda arrays: answer(arrays)[:-1])
        with pytest.raises(RuntimeError, match="answered 2 rows with 1"):
            await batcher.submit(rows(1, 2))
        await batcher.close()

    asyncio.run(body())


def test_a_request_cancelled_while_it_is_computed_disturbs_nobody():
    async def test(batcher, model):
        model.gate.clear()
        first, beside, later = (asyncio.create_task(batcher.submit(rows(value))) for value in range(3))
        await model.is_inside()
        first.cancel()
        await settle()
        model.gate.set()
        for value, task in ((1, beside), (2, later)):
            np.testing.assert_array_equal(await task, answer(rows(value)))
        with pytest.raises(asyncio.CancelledError):
            await first
        assert batcher.waiting == 0 and model.sizes == [2, 1]

    with_batcher(test, max_batch=2, max_wait_ms=3_600_000)


def test_close_answers_what_was_accepted_then_refuses_and_the_thread_ends():
    async def test(batcher, model):
        before = _threads()
        model.gate.clear()
        tasks = [asyncio.create_task(batcher.submit(rows(value))) for value in range(4)]
        await model.is_inside()
        ends = [asyncio.create_task(batcher.close()) for _ in range(3)]
        await settle()
        ends.pop().cancel()  # whoever cannot wait for the end does not keep it from the others
        await settle()
        with pytest.raises(Closed):
            await batcher.submit(rows(9))
        assert not any(end.done() for end in ends)
        model.gate.set()
        for value, outcome in enumerate(await asyncio.gather(*tasks)):
            np.testing.assert_array_equal(outcome, answer(rows(value)))
        await asyncio.gather(*ends)
        for thread in _threads() - before:
            await asyncio.to_thread(thread.join, 20)
            assert not thread.is_alive()

    with_batcher(test, max_batch=2)


def test_a_batcher_that_was_never_asked_can_be_closed():
    async def body():
        batcher = Batcher(answer)
        await batcher.close()
        with pytest.raises(Closed):
            await batcher.submit(rows(1))

    asyncio.run(asyncio.wait_for(body(), 20))


def test_an_event_loop_that_ends_first_leaves_no_thread_and_no_complaint():
    model, before, complaints = Model(), _threads(), []
    hook, threading.excepthook = threading.excepthook, complaints.append
    model.gate.clear()

    async def body():
        task = asyncio.create_task(Batcher(model).submit(rows(1)))
        await model.is_inside()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(body())
        model.gate.set()
        for thread in _threads() - before:
            thread.join(20)
            assert not thread.is_alive()
    finally:
        threading.excepthook = hook
    assert not complaints


def _threads():
    return {thread for thread in threading.enumerate() if thread.name == "batcher"}


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"input": np.zeros((0, 3))},
        {"input": np.float32(1)},
        {"a": np.zeros((2, 3)), "b": np.zeros((3, 3))},
    ],
    ids=["nothing", "no row", "no rows at all", "of different length"],
)
def test_what_has_no_rows_or_not_as_many_in_each_array_is_refused_at_the_door(arrays):
    async def test(batcher, model):
        with pytest.raises(BadInput, match="same number of rows"):
            await batcher.submit(arrays)
        assert not model.calls and batcher.waiting == 0

    with_batcher(test)


def test_room_is_given_back_before_the_event_loop_comes_round():
    async def test():
        batcher = Batcher(lambda arrays: arrays["x"], queue=1)
        task = asyncio.create_task(batcher.submit({"x": np.zeros((1, 2))}))
        await asyncio.sleep(0)  # it is accepted
        end = time.monotonic() + 10
        while batcher.waiting and time.monotonic() < end:
            time.sleep(0.001)  # the loop is busy, as with a thousand refusals; the thread computes meanwhile
        assert batcher.waiting == 0 and not task.done()
        assert len(await task) == 1
        await batcher.close()

    asyncio.run(test())
