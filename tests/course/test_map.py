"""The course map: up to date, readable, and with a place for every lesson."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from typer.testing import CliRunner

from kitutils import settings
from kitutils.course import lessons
from kitutils.course import map as drawing

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = [stop.number for row in drawing.ROWS for stop in row.stops if stop.number]
STAGES = [
    *("collect", "label", "clean", "features", "split", "augment"),
    *("train", "evaluate", "tune"),
    *("compress", "export", "serve", "monitor", "release"),
]


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def fills(root):
    """Lesson's number → how its box is filled."""
    return {element.text: box.get("fill") for box, element in itertools.pairwise(root) if element.text in NUMBERS}


def test_the_committed_map_shows_the_lessons_that_are_there():
    committed = (settings.root() / "notebooks" / "course_map.svg").read_text(encoding="utf-8")
    there = {lesson.number for lesson in lessons.find()}
    assert committed == drawing.draw(there), "notebooks/course_map.svg is out of date. Run: kit map"


def test_a_lesson_that_is_there_looks_ready_and_no_other_does():
    found = fills(ET.fromstring(drawing.draw({"01", "14"})))
    assert set(found) == set(NUMBERS)
    assert {number for number, fill in found.items() if fill == drawing.READY} == {"01", "14"}


def test_planned_is_told_from_ready_without_colour():
    root = ET.fromstring(drawing.draw(NUMBERS[:3]))
    boxes = [box for box in root.iter(f"{SVG}rect") if box.get("height") == str(drawing.BOX_HEIGHT)]
    ready = [box for box in boxes if box.get("stroke-dasharray") is None]
    assert (len(ready), len(boxes)) == (3, sum(len(row.stops) for row in drawing.ROWS))


def test_the_stages_stand_in_the_order_in_which_data_flows():
    shown = texts(ET.fromstring(drawing.draw(())))
    assert [words for words in shown if words in STAGES] == STAGES


def test_titles_are_short_and_fit_their_boxes():
    for row in drawing.ROWS:
        assert len(row.name) * 8.5 < drawing.LEFT - 26, row.name
        for stop in row.stops:
            assert len(stop.title.split()) <= 3
            # 7.5 px a character: DejaVu Sans, the widest of the fonts that a page may fall back to.
            assert 9 + 7.5 * len(stop.title) <= drawing.BOX_WIDTH + 4, stop.title
    longest = max(len(row.stops) for row in drawing.ROWS)
    assert drawing.LEFT + longest * (drawing.BOX_WIDTH + drawing.GAP) <= drawing.WIDTH - 12


def test_nothing_is_drawn_outside_the_picture():
    root = ET.fromstring(drawing.draw(()))
    width, height = (float(root.get(side)) for side in ("width", "height"))
    for box in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.get(name)) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    assert all(float(text.get("y")) < height for text in root.iter(f"{SVG}text"))


def test_a_screen_reader_hears_what_is_ready_and_where_to_begin():
    root = ET.fromstring(drawing.draw({"10", "01"}))
    said = {element.get("id"): element.text for element in root if element.get("id")}
    assert root.get("aria-labelledby").split() == ["title", "desc"] == list(said)
    assert "ready: 01 the pipeline, 10 collect." in said["desc"]
    assert "Begin with 00, 01, 02, 10, 12, 14, 13, 11, 15." in said["desc"]


def test_the_picture_needs_nothing_from_outside():
    svg = drawing.draw(())
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in svg
    assert "@import" not in svg


def test_numbers_are_unique_and_the_first_ones_are_on_the_map():
    assert len(set(NUMBERS)) == len(NUMBERS)
    assert set(drawing.FIRST) <= set(NUMBERS)


def test_the_reading_order_is_that_of_the_first_ones_and_then_by_number():
    assert drawing.reading_order({"50", "11", "14", "40", "01", "12"}) == ["01", "12", "14", "11", "40", "50"]
    assert drawing.reading_order(set(NUMBERS))[: len(drawing.FIRST)] == list(drawing.FIRST)
    assert drawing.reading_order(()) == []


def test_a_lesson_without_a_place_is_named():
    with pytest.raises(drawing.MapError, match=r"no place for lesson 77, 99\. Enter it in ROWS"):
        drawing.draw({"01", "99", "77"})


def test_the_command_draws_the_lessons_that_are_there(course, monkeypatch):
    from kitutils import cli

    course.write()
    monkeypatch.setattr(settings, "root", lambda: course.root)
    assert CliRunner().invoke(cli.app, ["map"]).exit_code == 0
    written = (course.root / "notebooks" / "course_map.svg").read_text(encoding="utf-8")
    assert written == drawing.draw({lesson.number for lesson in lessons.find(course.root)})
