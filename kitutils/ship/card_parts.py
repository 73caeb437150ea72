"""What only a person can say of a model, and the file in which it is said. PyYAML is imported when a file is read."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from pathlib import Path

from kitutils.ship.faults import ShipError


@dataclass(frozen=True)
class Card:
    """What only a person knows of a model. Each part is Markdown, or None where it is not stated.

    Attributes:
        intended_use: what it is for, and who is to use it.
        out_of_scope: what it must not be used for.
        training_data: what it learned from, and who or what is missing there.
        evaluation: how often it is right, on which data; or the name of a figure → the figure.
        limitations: where it fails, and whom that harms.
        licence: on which terms it may be used.
        contact: whom to ask.

    Raises:
        ShipError: a part is something else.
    """

    intended_use: str | None = None
    out_of_scope: str | None = None
    training_data: str | None = None
    evaluation: str | Mapping[str, str | float] | None = None
    limitations: str | None = None
    licence: str | None = None
    contact: str | None = None

    def __post_init__(self) -> None:
        for name, part in vars(self).items():
            if name == "evaluation" and isinstance(part, Mapping):
                for figure, found in part.items():
                    if not isinstance(figure, str) or isinstance(found, bool) or not isinstance(found, str | Real):
                        raise ShipError(
                            "A figure of a card's evaluation is a name, and a number or text; got "
                            f"{_got(figure)}: {_got(found)}. {_mend(found)}"
                        )
            elif part is not None and not isinstance(part, str):
                wanted = "text, or figures by their names" if name == "evaluation" else "text"
                raise ShipError(f"A card's {name} is {wanted}; got {_got(part)}. {_mend(part)}")

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that are not stated."""
        return tuple(name for name in PARTS if not self.markdown(name))

    def markdown(self, name: str) -> str:
        """One part as Markdown, figures as a list of them; "" if it is not stated."""
        part = getattr(self, name)
        if isinstance(part, Mapping):
            return "\n".join(f"- {' '.join(figure.split())}: {' '.join(str(x).split())}" for figure, x in part.items())
        return textwrap.dedent(part or "").strip()


def _got(value: object) -> str:
    """A text or number; the type of all else, which may be huge when it is written out."""
    return f"{value!r:.60}" if isinstance(value, str | Real) else type(value).__name__


def _mend(value: object) -> str:
    if isinstance(value, list | Mapping):
        return "In a file, begin it with | and write the text on the lines below, indented."
    return "In a file, put it between quotes."


PARTS = tuple(part.name for part in fields(Card))


def read_card(path: str | Path) -> Card:
    """A card from a YAML file in UTF-8: some of ``PARTS``, each with text; ``evaluation`` with text or with figures.

    Raises:
        ShipError: the file cannot be read, is no such YAML, or has another part or one twice.
    """
    import yaml

    path = Path(path)
    form = f"A card is a YAML file of text under some of {', '.join(PARTS)}."
    try:
        text = path.read_text(encoding="utf8")
        node, found = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        raise ShipError(f"{path} cannot be read ({error.strerror or error.__class__.__name__}). {form}") from error
    except UnicodeDecodeError as error:
        raise ShipError(f"{path.name} is not in UTF-8. Save it as UTF-8. {form}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}: {error.problem})" if mark else f" ({error.__class__.__name__})"
        raise ShipError(f"{path.name} is no YAML{where}. Put text that holds a colon between quotes. {form}") from error
    if not isinstance(found, dict):
        raise ShipError(f"{path.name} holds {'nothing' if found is None else type(found).__name__}. {form}")
    for name in found:
        if name not in PARTS:
            near = difflib.get_close_matches(str(name).lower().replace(" ", "_"), PARTS, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise ShipError(f"{path.name} has {name!r:.60}, which is no part of a card. {hint}{form}")
    for pairs in [node.value, *(below.value for _, below in node.value if below.id == "mapping")]:
        names = [name.value for name, _ in pairs]
        if twice := [name for name in names if names.count(name) > 1]:  # YAML itself would silently keep the last
            raise ShipError(f"{path.name} has {twice[0]} twice. Put both into one.")
    return Card(**found)
