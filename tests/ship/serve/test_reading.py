"""Bodies, JSON and TensorFlow Serving's form: what comes through is right, all else is refused with a sentence."""

import asyncio
import base64
import io
import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from kitutils.ship.faults import BadInput
from kitutils.ship.serve import Overloaded, Settings
from kitutils.ship.serve.instances import arrays_of
from kitutils.ship.serve.reading import Aside, Gone, Reader, Refused, parsed
from kitutils.ship.serve.single import one_input

SMALL = Settings(max_body=1000, max_rows=4, max_characters=50, body_seconds=0.1)


def receive_of(messages):
    left = iter(messages)

    async def receive():
        try:
            return next(left)
        except StopIteration:
            await asyncio.sleep(60)

    return receive


def pieces(body, cuts):
    ends = [*sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    parts = [body[first:last] for first, last in zip([0, *ends], ends, strict=False)]
    return [{"type": "http.request", "body": part, "more_body": i < len(parts) - 1} for i, part in enumerate(parts)]


def read(messages, headers=(), reader=None):
    return asyncio.run((reader or Reader(SMALL)).body({"headers": list(headers)}, receive_of(messages)))


# --- bodies -----------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=1100), st.lists(st.integers(0, 2000), max_size=6))
@example(bytes(1000), [])
@example(bytes(1001), [])
@example(bytes(1001), [500])
def test_a_body_comes_together_from_its_pieces_or_is_too_long(body, cuts):
    if len(body) <= 1000:
        assert read(pieces(body, cuts)) == body
        return
    with pytest.raises(Refused, match="at most 1,000 bytes") as caught:
        read(pieces(body, cuts))
    assert caught.value.status == 413


def test_a_declared_length_is_refused_before_anything_is_read():
    with pytest.raises(Refused, match="at most 1,000 bytes; got 1,001 bytes") as caught:
        read([], [(b"content-length", b"1001")])
    assert caught.value.status == 413 and not caught.value.headers
    with pytest.raises(Refused) as caught:
        read([], [(b"content-length", b"1001"), (b"expect", b"100-continue")])
    assert caught.value.headers == {"Connection": "close"}


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"\xb2", b"9" * 5000])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(Refused) as caught:
        read([], [(b"content-length", length)])
    assert caught.value.status == 400


def test_a_packed_body_is_refused():
    with pytest.raises(Refused) as caught:
        read(pieces(b"x", []), [(b"content-encoding", b"gzip")])
    assert caught.value.status == 415


def test_a_body_that_does_not_come_is_given_up():
    for messages in ([], pieces(b"abc", [1])[:1]):
        with pytest.raises(Refused, match=r"not complete after 0\.1 s") as caught:
            read(messages)
        assert caught.value.status == 408 and caught.value.headers == {"Connection": "close"}


def test_a_client_that_leaves_is_nobody_to_answer():
    gone = {"type": "http.disconnect"}
    for messages in ([gone], [*pieces(b"abc", [1])[:1], gone]):
        with pytest.raises(Gone):
            read(messages)


def test_all_bodies_together_have_a_limit_and_give_their_room_back():
    async def main():
        reader = Reader(SMALL)
        waiting = [
            asyncio.create_task(reader.body({"headers": []}, receive_of(pieces(bytes(1000), [900])[:1])))
            for _ in range(17)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await reader.body({"headers": []}, receive_of(pieces(bytes(1000), [900])))
        await asyncio.gather(*waiting, return_exceptions=True)
        return await reader.body({"headers": []}, receive_of(pieces(bytes(1000), [900])))

    assert asyncio.run(main()) == bytes(1000)


def test_long_work_is_done_aside_and_only_so_much_of_it():
    async def main():
        aside, go = Aside(), asyncio.Event()
        loop = asyncio.get_running_loop()
        wait = lambda: asyncio.run_coroutine_threadsafe(go.wait(), loop).result()
        tasks = [asyncio.create_task(aside(wait)) for _ in range(32)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await aside(wait)
        go.set()
        assert await asyncio.gather(*tasks) == [True] * 32
        assert await aside(sum, [1, 2]) == 3
        aside.close()

    asyncio.run(main())


# --- JSON -------------------------------------------------------------------------------------------------------------

WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(WILD)
def test_json_is_read(content):
    assert parsed(json.dumps(content).encode()) == content


@pytest.mark.parametrize(
    "body, said",
    [
        (b"", "empty"),
        (b"{", "no JSON"),
        (b"\xff\xfe{}", "byte 0"),
        ('{"a": 1}'.encode("utf-16"), "byte 0"),
        (b'{"instances": [NaN]}', "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1" * 5001, "thousands of digits"),
        (b"{} {}", "no JSON"),
        (b"\xef\xbb\xbf{}", "no JSON"),
    ],
)
def test_what_is_no_json_is_refused(body, said):
    with pytest.raises(Refused, match=said) as caught:
        parsed(body)
    assert caught.value.status == 400


# --- one input --------------------------------------------------------------------------------------------------------


def single(kind, whole, body):
    return asyncio.run(one_input(kind, whole.partition(";")[0], whole, body, SMALL))


def form(*parts):
    made = b"".join(b"--xx\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return made + b"--xx--\r\n"


FILE = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png'
FIELD = b'Content-Disposition: form-data; name="note"'


def test_each_kind_of_body_gives_its_input():
    assert single("images", "image/png", b"abc") == b"abc"
    assert single("texts", "text/plain; charset=utf-8", "äöü\0".encode()) == "äöü\0"
    assert single("strings", "text/plain", b"") == ""
    assert single("texts", "application/json", b'{"text": "a"}') == "a"
    assert single("rows", "application/json", b'{"row": {"a": null}}') == {"a": None}
    content = bytes(range(256)) * 3  # line ends and null bytes within
    assert single("images", "multipart/form-data; boundary=xx", form((FIELD, b"x"), (FILE, content))) == content


@pytest.mark.parametrize(
    "status, kind, whole, body",
    [
        (415, "images", "", b"abc"),
        (415, "images", "image/gif", b"abc"),
        (415, "images", "text/plain", b"abc"),
        (400, "images", "application/json", b'{"text": "a"}'),
        (400, "images", "image/png", b""),
        (415, "texts", "image/png", b"abc"),
        (415, "texts", "text/plain; charset=utf-16", b"abc"),
        (400, "texts", "text/plain", b"\xff"),
        (413, "texts", "text/plain", b"x" * 51),
        (413, "texts", "application/json", json.dumps({"text": "x" * 51}).encode()),
        (400, "texts", "application/json", b'{"text": 3}'),
        (400, "texts", "application/json", b'{"text": "a", "more": 1}'),
        (400, "rows", "application/json", b'{"row": []}'),
        (400, "rows", "application/json", b"[]"),
        (415, "plain", "image/png", b"abc"),
        (400, "images", "multipart/form-data", form((FILE, b"abc"))),
        (400, "images", "multipart/form-data; boundary=yy", form((FILE, b"abc"))),
        (400, "images", "multipart/form-data; boundary=xx; charset=nix", form((FIELD, b"abc"))),
        (400, "images", "multipart/form-data; boundary=xx", form((FILE, b"a"), (FILE, b"b"))),
        (400, "images", "multipart/form-data; boundary=xx", form((FIELD, b"abc"))),
        (400, "images", "multipart/form-data; boundary=xx", form((FILE, b"abc"))[:-20]),
        (415, "images", "multipart/form-data; boundary=xx", form((FILE.replace(b"png", b"gif"), b"abc"))),
    ],
)
def test_what_is_no_input_is_refused(status, kind, whole, body):
    with pytest.raises(Refused) as caught:
        single(kind, whole, body)
    assert caught.value.status == status and len(str(caught.value)) > 20


# --- TensorFlow Serving's form ----------------------------------------------------------------------------------------


def b64(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return {"b64": base64.b64encode(file.getvalue()).decode()}


def test_images_as_lists_files_and_columns_are_the_same(predictor, shipped):
    served, raw = predictor("images", "litert"), shipped("images").raw[:2]
    expected = served.prepare(raw)["input"]
    lists = [image.tolist() for image in raw]
    for content, key in [
        ({"instances": lists}, "predictions"),
        ({"instances": [b64(image) for image in raw]}, "predictions"),
        ({"instances": [{"input": lists[0]}, {"input": b64(raw[1])}]}, "predictions"),
        ({"inputs": lists, "signature_name": "serving_default"}, "outputs"),
        ({"inputs": {"input": lists}}, "outputs"),
    ]:
        arrays, where = arrays_of(content, served, SMALL)
        assert where == key
        assert np.array_equal(arrays["input"], expected)


def test_rows_by_row_and_by_column_are_the_same(predictor, shipped):
    served = predictor("rows", "litert")
    raw = [{k: None if v != v else v for k, v in row.items()} for row in shipped("rows").raw[:3]]
    expected = served.prepare(raw)
    columns = {name: [row[name] for row in raw] for name in raw[0]}
    for content in ({"instances": raw}, {"inputs": columns}):
        arrays, _ = arrays_of(content, served, SMALL)
        assert all(
            np.array_equal(arrays[name], expected[name], equal_nan=expected[name].dtype != object) for name in expected
        )
    name = next(name for name, value in raw[0].items() if isinstance(value, str))
    packed = raw[0] | {name: {"b64": base64.b64encode(raw[0][name].encode()).decode()}}
    assert arrays_of({"instances": [packed]}, served, SMALL)[0][name][0] == raw[0][name]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(alphabet="the drscamolunwti", max_size=40), min_size=1, max_size=4), st.booleans())
def test_texts_as_pieces_are_the_texts_themselves(predictor, texts, columns):
    served = predictor("texts", "litert")
    expected = served.prepare(texts)
    width = max(1, int((expected["token_ids"] != 0).sum(axis=1).max()))
    prepared = {name: array[:, :width].tolist() for name, array in expected.items()}
    rows = [dict(zip(prepared, values, strict=True)) for values in zip(*prepared.values(), strict=True)]
    content = {"inputs": prepared} if columns else {"instances": rows}
    arrays, _ = arrays_of(content, served, SMALL)
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)
    arrays, _ = arrays_of({"inputs": texts} if columns else {"instances": texts}, served, SMALL)
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)


IDS, MASK = [2, 7, 3], [1, 1, 1]
WRONG = [
    ("images", []),
    ("images", {}),
    ("images", {"instances": [1], "inputs": [1]}),
    ("images", {"instances": []}),
    ("images", {"instances": {}}),
    ("images", {"instances": None}),
    ("images", {"instances": ["setup.py"]}),  # a path, to the predictor
    ("images", {"instances": [{"input": "/etc/passwd"}]}),
    ("images", {"instances": [{"b64": "*"}]}),
    ("images", {"instances": [{"b64": 3}]}),
    ("images", {"instances": [{"b64": base64.b64encode(b"no image").decode()}]}),
    ("images", {"instances": [[1, 2, 3]]}),
    ("images", {"instances": [[[1], [2, 3]]]}),
    ("images", {"instances": [[[["a"] * 3] * 16] * 16]}),
    ("images", {"instances": [[[[1e400] * 3] * 16] * 16]}),
    ("images", {"instances": [[[[10**4000] * 3] * 16] * 16]}),
    ("images", {"instances": [[[[None] * 3] * 16] * 16]}),
    ("images", {"instances": [[[[True] * 3] * 16] * 16]}),
    ("images", {"instances": [[[[256] * 3] * 16] * 16]}),
    ("images", {"inputs": {"input": 3}}),
    ("images", {"inputs": {"input": []}}),
    ("images", {"signature_name": "other", "instances": [1]}),
    ("texts", {"instances": [3]}),
    ("texts", {"instances": ["a", {"token_ids": IDS, "padding_mask": MASK}]}),
    ("texts", {"instances": [{"token_ids": IDS, "padding_mask": MASK}, "a"]}),
    ("texts", {"instances": [{"token_ids": IDS}]}),
    ("texts", {"inputs": {"token_ids": [IDS], "padding_mask": [MASK, MASK]}}),
    ("texts", {"inputs": {"token_ids": [IDS, [2]], "padding_mask": [MASK, [1]]}}),
    ("texts", {"inputs": {"token_ids": [[]], "padding_mask": [[]]}}),
    ("texts", {"inputs": {"token_ids": [[2, 10**6, 3]], "padding_mask": [MASK]}}),
    ("texts", {"inputs": {"token_ids": [[2, 10**30, 3]], "padding_mask": [MASK]}}),
    ("texts", {"inputs": {"token_ids": [[2, -1, 3]], "padding_mask": [MASK]}}),
    ("texts", {"inputs": {"token_ids": [[2, 1.5, 3]], "padding_mask": [MASK]}}),
    ("texts", {"inputs": {"token_ids": [[2, "a", 3]], "padding_mask": [MASK]}}),
    ("texts", {"inputs": {"token_ids": [[2, 0, 3]], "padding_mask": [[1, 0, 1]]}}),
    ("texts", {"inputs": {"token_ids": [IDS], "padding_mask": [[1, 1, 0]]}}),
    ("texts", {"inputs": {"token_ids": [[2] * 33], "padding_mask": [[1] * 33]}}),
    ("rows", {"instances": [3]}),
    ("rows", {"instances": [{}]}),
    ("rows", {"inputs": {"age": [1, 2], "price_eur": [1]}}),
    ("rows", {"inputs": {"age": 1}}),
]  # fmt: skip


@pytest.mark.parametrize("kind, content", WRONG)
def test_what_does_not_fit_the_model_is_refused(predictor, kind, content):
    with pytest.raises((Refused, BadInput)) as caught:
        arrays_of(content, predictor(kind, "litert"), SMALL)
    assert 20 < len(str(caught.value)) < 400
    assert getattr(caught.value, "status", 400) == 400


def test_too_many_inputs_are_too_many(predictor):
    for limits in (SMALL, Settings(queue=4)):
        with pytest.raises(Refused, match="at most 4 inputs; got 5") as caught:
            arrays_of({"instances": ["a"] * 5}, predictor("texts", "litert"), limits)
        assert caught.value.status == 413


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["images", "texts", "rows"]), st.sampled_from(["instances", "inputs"]), WILD)
def test_nothing_else_ever_happens(predictor, kind, key, content):
    try:
        arrays_of({key: content}, predictor(kind, "litert"), SMALL)
    except (Refused, BadInput):
        pass
    else:
        assert kind == "texts" and isinstance(content, list | dict)
