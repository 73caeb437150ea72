"""Label Studio's JSON: there and back, its documented example, and what is refused with the task's id."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitutils.data import label_studio as studio
from kitutils.data.labels import MISSING

TOPICS = ("damaged", "return", "delivery")


def through_a_file(tasks):
    return json.loads(json.dumps(tasks))


@given(st.lists(st.tuples(st.text(), st.integers(MISSING, 2), st.integers(MISSING, 2)), min_size=1, max_size=8))
def test_choices_come_back(rows):
    texts, kim, robin = zip(*rows, strict=True)
    tasks = through_a_file(studio.choice_tasks(texts, {"kim": np.array(kim), "robin": np.array(robin)}, TOPICS))
    found = studio.read_choices(tasks)
    expected = {
        (i + 1, name, texts[i], TOPICS[given[i]])
        for name, given in (("kim", kim), ("robin", robin))
        for i in range(len(texts))
        if given[i] != MISSING
    }
    assert set(found.itertuples(index=False, name=None)) == expected and len(found) == len(expected)
    assert [task["id"] for task in tasks] == list(range(1, len(texts) + 1))


@st.composite
def pictures(draw):
    height, width = draw(st.integers(1, 4000)), draw(st.integers(1, 4000))
    drawn = []
    for _ in range(draw(st.integers(0, 3))):
        top, left = draw(st.floats(0, 0.9)) * height, draw(st.floats(0, 0.9)) * width
        bottom = top + draw(st.floats(0.05, 1)) * (height - top)
        right = left + draw(st.floats(0.05, 1)) * (width - left)
        drawn.append((draw(st.sampled_from(("tower", "flower"))), (top, left, bottom, right)))
    return (height, width), drawn


@given(st.lists(pictures(), min_size=1, max_size=4))
def test_boxes_come_back_in_pixels(made):
    shapes, drawn = zip(*made, strict=True)
    images = [f"{i}.jpg" for i in range(len(made))]
    found = studio.read_boxes(through_a_file(studio.box_tasks(images, shapes, {"kim": drawn}))).to_dict("list")
    flat = [(i, label, box) for i, boxes in enumerate(drawn) for label, box in boxes]
    assert found["image"] == [images[i] for i, _, _ in flat] and found["label"] == [label for _, label, _ in flat]
    edges = np.array([found[edge] for edge in ("top", "left", "bottom", "right")]).T
    np.testing.assert_allclose(edges, np.array([box for _, _, box in flat]).reshape(-1, 4), rtol=1e-9, atol=1e-6)


def documented():
    """A task as Label Studio's documentation shows one, with the picture's size, which every export has."""
    return {
        "id": 7,
        "project": 83,
        "data": {"image": "https://example.com/1.jpg"},
        "annotations": [
            {
                "id": "1001",
                "result": [
                    {
                        "from_name": "tag",
                        "id": "Dx_aB91ISN",
                        "source": "$image",
                        "to_name": "img",
                        "type": "rectanglelabels",
                        "original_width": 200,
                        "original_height": 400,
                        "value": {"height": 10, "rectanglelabels": ["Moonwalker"], "rotation": 0, "width": 12.5,
                                  "x": 50, "y": 5},
                    }
                ],
                "was_cancelled": False,
                "completed_by": 10,
            }
        ],
        "predictions": [],
    }  # fmt: skip


def test_the_documented_example_in_pixels_by_hand():
    (row,) = studio.read_boxes([documented()]).itertuples(index=False)
    assert tuple(row) == (7, "10", "https://example.com/1.jpg", "Moonwalker", 20, 100, 60, 125)


@pytest.mark.parametrize(
    ("completed_by", "name"),
    [(10, "10"), ({"id": 3, "email": "k@x.org"}, "k@x.org"), ({"id": 3}, "3"), (None, "unknown")],
)
def test_annotators_as_the_versions_of_label_studio_write_them(completed_by, name):
    task = documented()
    task["annotations"][0]["completed_by"] = completed_by
    assert studio.read_boxes([task])["annotator"].tolist() == [name]


def test_cancelled_annotations_and_other_kinds_are_passed_over():
    task = documented()
    assert studio.read_choices([task]).empty
    task["annotations"][0]["was_cancelled"] = True
    assert studio.read_boxes([task]).empty


def test_a_box_that_sticks_out_by_a_rounding_ends_at_the_border():
    task = documented()
    task["annotations"][0]["result"][0]["value"] |= {"x": 87.505, "width": 12.5}
    assert studio.read_boxes([task])["right"].item() == 200


def spoilt(change):
    task = documented()
    change(task, task["annotations"][0], task["annotations"][0]["result"][0])
    return [task]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda task, a, r: task.pop("id"), "place 0"),
        (lambda task, a, r: task.pop("data"), "Task 7: a task has data"),
        (lambda task, a, r: task.update(annotations=None), "Task 7: a task has data"),
        (lambda task, a, r: a.pop("result"), "Task 7: each annotation has result"),
        (lambda task, a, r: r.pop("value"), "Task 7: each result has value"),
        (lambda task, a, r: r.pop("original_width"), "Task 7, 10: .*'original_width'"),
        (lambda task, a, r: r["value"].pop("x"), "Task 7, 10: .*'x'"),
        (lambda task, a, r: r["value"].update(rectanglelabels=["a", "b"]), "Task 7, 10: .*one label"),
        (lambda task, a, r: r["value"].update(rotation=12), "Task 7, 10: the box is turned by 12"),
        (lambda task, a, r: r["value"].update(x=320, width=90), "Task 7, 10: .*percent of the picture, not pixels"),
        (lambda task, a, r: r["value"].update(width=0), "Task 7, 10: .*percent"),
        (lambda task, a, r: r["value"].update(width=float("nan")), "Task 7, 10: .*percent"),
    ],
)
def test_what_is_malformed_is_refused_with_the_tasks_id(change, message):
    with pytest.raises(studio.TaskError, match=message):
        studio.read_boxes(spoilt(change))


def test_several_choices_where_one_was_asked_for_are_refused():
    tasks = studio.choice_tasks(["a", "b"], {"kim": np.array([0, 1])}, TOPICS)
    tasks[1]["annotations"][0]["result"][0]["value"]["choices"] = ["damaged", "return"]
    with pytest.raises(studio.TaskError, match=r"Task 2: one choice was asked for, kim gave \['damaged', 'return'\]"):
        studio.read_choices(tasks)


def test_an_export_is_a_list():
    with pytest.raises(studio.TaskError, match="list of tasks; got dict"):
        studio.read_choices(documented())


def test_labels_without_a_name_and_lists_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="kim gives one label from 0 to 2"):
        studio.choice_tasks(["a"], {"kim": np.array([3])}, TOPICS)
    with pytest.raises(ValueError, match="2 pictures need as many"):
        studio.box_tasks(["a.jpg", "b.jpg"], [(4, 4), (4, 4)], {"kim": [[]]})
    with pytest.raises(ValueError, match="A box is"):
        studio.box_tasks(["a.jpg"], [(4, 4)], {"kim": [[("tower", (3, 0, 1, 2))]]})
