"""Markdown in which a value stays a value and a quotation stays one, whatever is in them. Standard library only.

The dialect is GitHub's, which JupyterLab reads too: https://github.github.com/gfm
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

# Of Unicode's categories those of signs that are not seen, or turn the order of those that are; half pairs too.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINER = "\u200d"  # seen by what it makes of its neighbours: families, letters of Indian scripts


def code(value: Any) -> str:
    """A value on one line, in which nothing is Markdown or HTML: as it is, or, with signs that would not be seen, in
    quotation marks as JSON has it."""
    plain = str(value)
    shown = "".join(json.dumps(sign)[1:-1] if _hidden(sign) else sign for sign in json.dumps(plain, ensure_ascii=False))
    if shown == f'"{plain}"' and plain == plain.strip() != "":
        shown = plain
    fence = _longer_than_any(shown, 1)
    space = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{space}{shown}{space}{fence}"


def listed(values: Iterable[Any]) -> str:
    """Values as :func:`code`, with commas."""
    return ", ".join(map(code, values))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are Markdown of one line each. A bar is escaped, which a table undoes within code too."""
    lines = [[cell.replace("|", r"\|") for cell in row] for row in (head, *rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fenced(text: str, language: str) -> str:
    """Lines of code, none of which ends it."""
    fence = _longer_than_any(text, 3)
    return f"{fence}{language}\n{text}\n{fence}"


def quoted(markdown: str) -> str:
    """Markdown as a quotation, which ends whatever was begun in it, such as a heading, a list or an open fence."""
    return "\n".join(f"> {line}".rstrip() for line in markdown.splitlines())


def _hidden(sign: str) -> bool:
    return unicodedata.category(sign) in _HIDDEN and sign != _JOINER


def _longer_than_any(text: str, least: int) -> str:
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))
