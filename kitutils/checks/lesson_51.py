"""Checks of lesson 51."""

from __future__ import annotations

import math

import numpy as np

from kitutils.course.grading import Wrong, check, equal, expect, part, refuse, run

_LINES = {
    "A": 'model.export(new / "model.onnx", format="onnx", opset_version=18)',
    "B": "new.rename(place)",
    "C": 'found = answers(new / "model.onnx", samples)',
    "D": 'new = Path(tempfile.mkdtemp(dir="exports"))',
    "E": "assert parity(expected, found)[0] <= 1e-5",
    "F": 'model = keras.saving.load_model("model.keras", compile=False)',
    "G": '(new / "hashes.json").write_text(json.dumps(hashes_of(new)))',
    "H": "expected = model.predict(samples)",
}


@check(
    "51.2",
    title="Put the lines of a safe export in order",
    minutes=5,
    answer="order",
    lines=_LINES,
    hints=(
        "For each line ask: what must be there before it? And from which line on can somebody fetch the model?",
        "Line B shows the folder to everybody, so all that can fail stands before it. The answers that are judged come "
        "from the written file. Hashes are of files that are there.",
        "F D H A _ _ _ B (several orders are right)",
    ),
)
def order_of_lines(answer, rng):
    place = {letter: i for i, letter in enumerate(answer)}
    expect(place["F"] < min(place["A"], place["H"]), "Line F loads the model, which this order uses before.")
    expect(
        place["D"] < min(place[line] for line in "ABCG"), "Line D makes the folder new, which this order uses before."
    )
    if place["B"] < place["A"]:
        raise Wrong("new gets its final name while it is empty; afterwards there is no folder of the name new.")
    expect(
        place["A"] < place["C"],
        "Line C asks the file before line A has written it. Parity is judged on what was written, not on the model.",
    )
    expect(place["A"] < place["G"], "Line G takes hashes before line A has written the file: it would not be in them.")
    expect(max(place["H"], place["C"]) < place["E"], "Line E compares two answers; one of them is not there yet.")
    expect(
        place["E"] < place["B"],
        "The folder gets its final name before its answers were judged: if line E fails, users have it already.",
    )
    expect(
        place["G"] < place["B"],
        "The folder gets its final name without its hashes: whoever fetches it now cannot tell whether it is whole.",
    )


def _parity(reference: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    agreement = float(np.mean(reference.argmax(axis=1) == found.argmax(axis=1)))
    if not np.isfinite(found).all():
        return math.inf, agreement
    return float(np.abs(found - reference).max() / np.abs(reference).max()), agreement


def _logits(rng: np.random.Generator, rows: int = 7, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Two tables of outputs whose largest value is negative and whose largest difference is negative, in other rows."""
    reference = rng.uniform(0.5, 2, (rows, classes)) * rng.choice([-1, 1], (rows, classes))
    reference[0, 0], reference[1, 1], reference[5, 3] = -8, 0, 3
    found = reference + rng.uniform(-0.01, 0.01, (rows, classes))
    found[2] = reference[2] - 0.2 * np.arange(1, classes + 1) / classes
    top = reference[3].argmax()  # a row that changes its class
    found[3, top] -= 0.05
    reference[3, (top + 1) % classes] = reference[3, top] - 0.01
    found[3, (top + 1) % classes] = reference[3, top] + 0.01
    found[0, 0] = -8.1
    return reference.astype(np.float32), found.astype(np.float32)


@check(
    "51.1",
    title="Write parity",
    minutes=10,
    hints=(
        "Four questions, one after the other: do the shapes fit, is every number a number, how far, how often the same "
        "class?",
        "Refuse other shapes before you subtract, for NumPy would stretch the smaller one. Nothing compares with nan, "
        "so ask np.isfinite for it. Divide one number by one number: the largest difference by the largest output.",
        "if ___ != ___:\n"
        '    raise ValueError("…")\n'
        "agreement = np.mean(reference.argmax(axis=1) == ___)\n"
        "if not np.isfinite(found).all():\n"
        "    return np.inf, agreement\n"
        "return np.abs(___).max() / ___, agreement",
    ),
)
def parity(answer, rng):
    reference, found = _logits(rng)
    expected, agreement = _parity(reference, found)
    gap = np.abs(found - reference)
    with part("the largest difference"):
        got = _pair(run(answer, reference, found, returns=(tuple, list)))
        expect(
            math.isfinite(got[0]),
            "An output of 0 makes your difference infinite. Divide the largest difference by the largest output, one "
            "number by one number.",
        )
        refuse(got[0], 1 - agreement, "That counts changed classes. By how much do the numbers differ?")
        refuse(got[0], float(gap.max()), "That is the difference itself: divide it by the largest output.")
        refuse(
            got[0],
            float((found - reference).max() / np.abs(reference).max()),
            "Where the form answers less than the model, your difference is negative, and the largest is lost. Take "
            "np.abs of each first.",
        )
        refuse(
            got[0],
            float(gap.max() / reference.max()),
            "The largest output is one of -8 here: take np.abs of the reference as well.",
        )
        refuse(
            got[0],
            float(gap.max() / np.abs(found).max()),
            "You divide by the largest output of the form. The model is the measure: divide by that of the reference.",
        )
        refuse(
            got[0],
            float(gap.mean() / np.abs(reference).max()),
            "A mean hides one wrong answer among many right ones. Take the largest difference.",
        )
        refuse(
            got[0],
            float((gap.max(axis=1) / np.abs(reference).max(axis=1)).max()),
            "You divide each row by its own largest output. The largest of all rows is asked for.",
        )
        equal(got[0], expected, tol=1e-5)
    with part("the agreement"):
        share = _pair(run(answer, reference, found, returns=(tuple, list)))[1]
        refuse(share, float(len(found) * agreement), "That is the number of rows that agree, not their share.")
        refuse(share, 1 - agreement, "That is the share of rows that disagree.")
        equal(share, agreement, "The agreement is the share of rows whose argmax along axis 1 is the same.", tol=1e-6)
    with part("no number"):
        broken = found.copy()
        broken[4, 2] = np.nan
        got = _pair(run(answer, reference, broken, returns=(tuple, list)))
        expect(
            got[0] == math.inf,
            f"One output is nan, and your difference is {got[0]:.2g}. A form that answers with nan must not pass: give "
            "np.inf.",
        )
    with part("another shape"):
        try:
            run(answer, reference, found[:1])
        except Wrong as error:
            if error.cause is not ValueError:
                raise
        else:
            raise Wrong(
                "The form answered 1 row for 7, and your function compared them all the same: NumPy stretched that "
                "row. Compare the shapes first, and raise ValueError."
            )


def _pair(got) -> tuple[float, float]:
    expect(len(got) == 2, "Return two numbers: return difference, agreement.")
    try:
        return float(got[0]), float(got[1])
    except (TypeError, ValueError):
        raise Wrong("Both results are single numbers; one of yours is an array or no number.") from None


class _Form:
    """A form of a model with random weights; it writes down what it was asked and what it answered."""

    def __init__(self, weights: np.ndarray, output: str) -> None:
        self.weights, self.output, self.asked, self.gave = weights, output, [], []

    def __deepcopy__(self, memo):  # so that the check sees what the learner's function asked
        return self

    @property
    def answered(self) -> np.ndarray:
        """All that it has given, in one call or in several."""
        return np.concatenate(self.gave)

    def __call__(self, images):
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[1:] != (4, 4, 3):
            raise ValueError(f"a batch of images has the shape (rows, 4, 4, 3), got {images.shape}")
        self.asked.append(images)
        outputs = images.reshape(len(images), -1).astype(float) @ self.weights
        if self.output == "probabilities":
            raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            outputs = raised / raised.sum(axis=1, keepdims=True)
        self.gave.append(outputs.astype(np.float32))
        return outputs.astype(np.float32)


_LABELS = ("ship", "cat", "truck", "bird", "frog")


@check(
    "51.3",
    title="Find four bugs in a predictor",
    minutes=20,
    hints=(
        "Ask it for one image and for three; print what run is given and what it gives. Then follow a row to its name.",
        "What the model does itself must not be done again, neither to the pixels nor to the outputs. A batch of one "
        "is still a batch. A label's place in the list is its meaning.",
        "batch = np.stack(images).astype(np.float32)\n"
        "outputs = run(batch)\n"
        "chances = softmax(outputs) if output == ___ else ___\n"
        "return [(___[row.argmax()], row.max()) for row in chances]",
    ),
)
def predictor(answer, rng):
    images, weights = _images(rng)
    three = _asked(answer, weights, "logits", images[:3])
    with part("what the model is given"):
        _judge_given(three[0], images[:3])
    with part("one image alone"):
        _, alone = _asked(answer, weights, "logits", images[3:4])
        expect(
            len(alone) == 1,
            f"One image went in, and {len(alone)} answers came out: squeeze takes away the batch's axis when there is "
            "one row, and the loop then runs over the classes.",
        )
        expect(len(three[1]) == 3, f"Three images went in, and {len(three[1])} answers came out.")
    with part("the label"):
        for form, told in (three, _asked(answer, weights, "logits", images)):
            places = form.answered.argmax(axis=1)
            names = [name for name, _ in told]
            ordered = [sorted(_LABELS)[place] for place in places]
            right = [_LABELS[place] for place in places]
            expect(
                names == right or names != ordered,
                "The labels are sorted by the alphabet, so class 0 is called bird. Their order is that of the classes.",
            )
            expect(names == right, "A label is not that of the model's largest output.")
    with part("the probability"):
        form, told = _asked(answer, weights, "probabilities", images)
        got = np.array([chance for _, chance in told])
        refuse(
            got,
            _softmax(form.answered).max(axis=1),
            "The model gave probabilities, and you apply softmax to them once more: all come out near 1 in 5.",
        )
        equal(got, form.answered.max(axis=1).astype(float), tol=1e-5)
        form, told = _asked(answer, weights, "logits", images)
        got = np.array([chance for _, chance in told])
        refuse(got, form.answered.max(axis=1).astype(float), "Logits are no probabilities: they need softmax.")
        whole = np.exp(form.answered.astype(float))
        refuse(
            got,
            (whole / whole.sum()).max(axis=1),
            "Your softmax runs over all images together: an answer then depends on its company. One row, one sum.",
        )
        equal(got, _softmax(form.answered).max(axis=1), tol=1e-5)


def _images(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Five images, and weights by which the first three fall into three classes."""
    weights = rng.normal(size=(48, 5)) / 200
    weights -= weights.mean(axis=0)  # or the mean grey alone would decide
    images = rng.integers(0, 256, (200, 4, 4, 3)).astype(np.uint8)
    _, first = np.unique((images.reshape(200, -1) @ weights).argmax(axis=1), return_index=True)
    chosen = rng.permutation(first)[:3]
    return images[[*chosen, *(i for i in range(len(chosen) + 2) if i not in chosen)][:5]], weights


def _softmax(outputs: np.ndarray) -> np.ndarray:
    raised = np.exp(outputs.astype(float) - outputs.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _asked(answer, weights: np.ndarray, output: str, images: np.ndarray) -> tuple[_Form, list[tuple[str, float]]]:
    """A form that the learner's function has asked, and what the function made of it."""
    form = _Form(weights, output)
    got = run(answer, form, output, list(images), list(_LABELS), returns=(list, tuple))
    expect(bool(form.gave), "Your function never asked the model: run(batch) gives its outputs.")
    pairs = all(isinstance(one, tuple | list) and len(one) == 2 and isinstance(one[0], str) for one in got)
    try:
        told = [(str(name), float(chance)) for name, chance in got] if pairs else None
    except (TypeError, ValueError):
        told = None
    if told is None:
        raise Wrong("Return a list with a pair for each image: (label, probability).")
    return form, told


def _judge_given(form: _Form, images: np.ndarray) -> None:
    given = np.concatenate(form.asked)
    wanted = images.astype(float)
    refuse(
        given,
        wanted / 255,
        "The pixels are divided by 255, and the model rescales by itself: they arrive nearly black.",
    )
    refuse(given, wanted / 127.5 - 1, "The pixels are rescaled to -1…1, and the model rescales by itself.")
    equal(given, wanted, tol=1e-3)
