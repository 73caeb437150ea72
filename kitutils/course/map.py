"""``kit map``: the course map, ``notebooks/course_map.svg``, for the README on light and on dark pages.

The stages stand in the order in which data flows. A lesson whose source is there is drawn as ready, a planned one pale.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from kitutils import settings
from kitutils.course import lessons
from kitutils.errors import KitError


class MapError(KitError):
    """A lesson that the map has no place for."""


@dataclass(frozen=True)
class Stop:
    """A box on the map: one or two words, and the number of its lesson, empty while that is not settled."""

    title: str
    number: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the map. ``flow``: data flows from each stop to the next; otherwise they stand side by side."""

    name: str
    stops: tuple[Stop, ...]
    flow: bool = True


# Each lesson's place. A new lesson is entered here, which kit map and a test ask for.
ROWS = (
    Row("Start", (Stop("start here", "00"), Stop("the pipeline", "01"), Stop("how it learns", "02"))),
    Row(
        "Data",
        (
            Stop("collect", "10"),
            Stop("label", "11"),
            Stop("clean", "12"),
            Stop("features", "13"),
            Stop("split", "14"),
            Stop("augment", "15"),
        ),
    ),
    Row("Model", (Stop("train"), Stop("evaluate"), Stop("tune"))),
    Row(
        "Case studies",
        (
            Stop("CNN", "40"),
            Stop("ResNet", "41"),
            Stop("sequences", "43"),
            Stop("BERT", "44"),
            Stop("fine-tuning", "45"),
        ),
        flow=False,
    ),
    Row(
        "Ship",
        (Stop("compress", "50"), Stop("export", "51"), Stop("serve", "52"), Stop("monitor", "53"), Stop("release")),
    ),
)
FIRST = ("00", "01", "02", "10", "12", "14", "13", "11", "15")  # reading order, where not by number

# Pixels. GitHub shows a README about 880 wide.
WIDTH, LEFT, TOP = 880, 136, 76
BOX_WIDTH, BOX_HEIGHT, GAP = 104, 50, 18
ROW_HEIGHT, ROW_GAP = 68, 20

INK, GREY, LINE, PAPER, TINT = "#1f2933", "#52606d", "#8794a3", "#ffffff", "#eef2f6"
READY, READY_INK, PALE = "#17624f", "#ffffff", "#f8fafb"


def reading_order(numbers: Collection[str]) -> list[str]:
    """The lessons of these numbers in the order in which to read them: those of ``FIRST``, then by number."""
    return sorted(numbers, key=lambda number: (FIRST.index(number) if number in FIRST else len(FIRST), number))


def write(root: Path | None = None) -> Path:
    """Draws the map of the lessons that are there into ``notebooks/course_map.svg``.

    Raises:
        MapError: a lesson has no place on the map.
    """
    root = root or settings.root()
    path = root / "notebooks" / "course_map.svg"
    path.write_text(draw({lesson.number for lesson in lessons.find(root)}), encoding="utf-8", newline="\n")
    return path


def draw(ready: Collection[str]) -> str:
    """The map as SVG; ``ready`` are the numbers of the lessons that are there.

    Raises:
        MapError: one of them has no place on the map.
    """
    titles = {stop.number: stop.title for row in ROWS for stop in row.stops if stop.number}
    if lost := sorted(set(ready) - set(titles)):
        raise MapError(
            f"The map has no place for lesson {', '.join(lost)}. Enter it in ROWS in kitutils/course/map.py."
        )
    height = TOP + len(ROWS) * (ROW_HEIGHT + ROW_GAP) + 34
    rows = ". ".join(f"{row.name}: {', '.join(stop.title for stop in row.stops)}" for row in ROWS)
    there = ", ".join(f"{number} {titles[number]}" for number in sorted(ready)) or "none"
    order = " → ".join(FIRST)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title desc" font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif">',
        '<title id="title">Course map</title>',
        f'<desc id="desc">The life of a model in the order in which data flows. {rows}. '
        f"Lessons that are ready: {there}. The others are planned. Begin with {', '.join(FIRST)}.</desc>",
        # Its own background, because the README may be read on a dark page.
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="{PAPER}" stroke="{LINE}"/>',
        _text(26, 36, "The life of a model, from raw data to release", 20, weight=700),
        _text(26, 59, "One box, one lesson. Read each row from left to right.", 14, GREY),
        *_legend(),
    ]
    for place, row in enumerate(ROWS):
        top = TOP + place * (ROW_HEIGHT + ROW_GAP)
        lines += _row(row, top, ready)
        if place + 1 < len(ROWS):
            lines.append(_arrow_down(46, top + ROW_HEIGHT + 4, ROW_GAP - 8))
    lines += [_text(26, height - 20, f"Begin with {order}, then go on by number.", 14), "</svg>", ""]
    return "\n".join(lines)


def _legend() -> Iterator[str]:
    """What the two kinds of boxes mean, in the upper right corner."""
    for x, name, ready in ((WIDTH - 204, "ready", True), (WIDTH - 112, "planned", False)):
        yield _box(x, 43, 24, 20, ready)
        yield _text(x + 32, 58, name, 14, GREY)


def _row(row: Row, top: float, ready: Collection[str]) -> Iterator[str]:
    """One row: its name, its boxes and, where data flows between them, an arrow from each to the next."""
    yield f'<rect x="12" y="{top}" width="{WIDTH - 24}" height="{ROW_HEIGHT}" rx="8" fill="{TINT}"/>'
    yield _text(26, top + 39, row.name, 14, weight=700)
    y = top + (ROW_HEIGHT - BOX_HEIGHT) / 2
    for place, stop in enumerate(row.stops):
        x = LEFT + place * (BOX_WIDTH + GAP)
        there = stop.number in ready
        colour = READY_INK if there else GREY
        yield _box(x, y, BOX_WIDTH, BOX_HEIGHT, there)
        yield _text(x + 9, y + 20, stop.number or "to come", 13, colour, weight=700 if stop.number else 400)
        yield _text(x + 9, y + 39, stop.title, 14, colour)
        if row.flow and place:
            yield _arrow_right(x - GAP + 3, y + BOX_HEIGHT / 2, GAP - 6)


def _box(x: float, y: float, width: float, height: float, ready: bool) -> str:
    # Not by colour alone: a planned one has a dashed border.
    look = f'fill="{READY}"' if ready else f'fill="{PALE}" stroke="{LINE}" stroke-dasharray="4 3"'
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" {look}/>'


def _arrow_right(x: float, y: float, length: float) -> str:
    return _path(f"M{x} {y}h{length}m-4 -4l4 4l-4 4")


def _arrow_down(x: float, y: float, length: float) -> str:
    return _path(f"M{x} {y}v{length}m-4 -4l4 4l4 -4")


def _path(steps: str) -> str:
    return f'<path d="{steps}" fill="none" stroke="{GREY}" stroke-width="1.5"/>'


def _text(x: float, y: float, words: str, size: int, colour: str = INK, weight: int = 400) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(words)}</text>'
