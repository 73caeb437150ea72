"""From a doc string to paragraphs of prose: what is code, table, heading or markup goes, and so do packages' names.

Standard library only; ASCII classes throughout, so that no version of Unicode's tables changes a row. Both layouts in
use are read: numpydoc's (``x : array_like`` above the description) and Google's (``x: the description``). The names of
parameters are dropped in both, for the layout alone would tell Keras from the rest.
"""

from __future__ import annotations

import re

MIN_WORDS = 6  # of two letters or more; below that it is a heading, a type or a stub
HIDDEN = "[package]"

_UNDERLINE = re.compile(r"\s*([-=~^\"'*+#`])\1{2,}\s*$")
_BORDER = re.compile(r"\s*(=+(\s+=+)+|[-+=|]*\+[-+=|]*)\s*$")
_DIRECTIVE = re.compile(r"\s*\.\.(\s+(?P<name>[\w:-]+)::\s*(?P<text>.*)|\s.*|)$", re.ASCII)
_PROSE = frozenset({"note", "warning", "attention", "caution", "important", "tip", "hint", "admonition"})
_SECTIONS = frozenset({"references", "see also", "reference"})  # citations, and the first lines of other doc strings
_NUMPYDOC = re.compile(r"\s*\**[A-Za-z_][\w.]*(\s*,\s*(\**[A-Za-z_][\w.]*|\.\.\.))*\s+:(\s|$)", re.ASCII)
_GOOGLE = re.compile(r"(\s*)(?:[-*]\s+)?`?\**[a-z_]\w*`?(?:\s*\([^)]*\))?:\s+(?=\S)", re.ASCII)
_ITEM = re.compile(r"\s*([-*+•]|\d{1,2}[.)]|\([a-z0-9]\)|#\.)\s+(?=\S)", re.ASCII)


def paragraphs(docstring: str) -> list[str]:
    """The paragraphs of prose in a doc string, each one line, in their order, with packages' names still in them.

    A paragraph ends at an empty line, a heading, a new item of a list, the next parameter, or where the indentation
    changes. Those with fewer than ``MIN_WORDS`` words, those in which more than a quarter are signs, and what looks
    like a line of code are left out.

    Args:
        docstring: without the indentation of the code around it.
    """
    blocks: list[list[str]] = [[]]
    hanging, indent = False, 0
    for line in _prose_lines(docstring.splitlines()):
        if not line.strip():
            blocks.append([])
            continue
        deep = len(line) - len(line.lstrip())
        if _NUMPYDOC.match(line):
            blocks.append([])
            hanging, indent = False, deep
            continue
        start = _ITEM.match(line) or _GOOGLE.match(line)
        if start or not blocks[-1] or deep < indent or (deep > indent and not hanging):
            blocks.append([])
            hanging, indent = bool(start), deep
        elif deep > indent:
            hanging, indent = False, deep  # the second line of an item; the others stand below it
        if start:
            line = line[start.end() :]
            line = line[inner.end() :] if (inner := _GOOGLE.match(line)) else line
        blocks[-1].append(line.strip())
    cleaned = (_inline(" ".join(block)) for block in blocks if block)
    return [text for text in cleaned if _is_prose(text)]


def _prose_lines(lines: list[str]) -> list[str]:
    """The lines without code, tables, headings, directives and unwanted sections; an empty line in place of each."""
    kept: list[str] = []
    inside: int | None = None  # the indentation above a block that is dropped
    section_dropped = fenced = doctest = False
    borders = 0  # of the table that is being dropped
    for number, line in enumerate(lines):
        bare, deep = line.strip(), len(line) - len(line.lstrip())
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if inside is not None and bare and deep <= inside:
            inside = None
        if bare.startswith("```"):
            fenced = not fenced
            bare = ""
        elif bare.startswith(">>>"):
            doctest = True
        elif not bare:
            doctest = False
            borders = 0 if borders > 1 or not _BORDER.match(following) else borders
        if bare and _UNDERLINE.fullmatch(following) and not _BORDER.match(line) and len(bare) < 80:
            section_dropped, bare = bare.lower().rstrip(":") in _SECTIONS, ""
        elif bare and _BORDER.match(line):
            borders += 1
        dropped = fenced or doctest or borders or inside is not None or section_dropped
        if not bare or dropped or _UNDERLINE.fullmatch(line) or bare.startswith("|"):
            kept.append("")
        elif directive := _DIRECTIVE.match(line):
            if directive["name"] in _PROSE:
                kept.append(" " * deep + directive["text"])
            else:
                inside = deep
                kept.append("")
        else:
            if bare.endswith("::"):
                inside = deep
                line = line.rstrip()[:-1]
            kept.append(line)
    return kept


_ROLE = re.compile(r":(?P<role>[a-z][\w:+.-]*):`(?P<text>[^`]*)`", re.ASCII)
_TARGET = re.compile(r"\s*<[^<>]*>$")
_INLINE = (
    (re.compile(r"\[([^\][]+)\]\((?:https?://|#)[^)]*\)"), r"\1"),  # a link in Markdown
    (re.compile(r"`([^`<>]+?)\s*<[^`<>]*>`_{0,2}"), r"\1"),  # a link in reStructuredText
    (re.compile(r"<?https?://\S+"), ""),
    (re.compile(r"\s?\[#?\w*\]_", re.ASCII), ""),  # a footnote
    (re.compile(r"\$\$?[^$]*\$\$?"), ""),  # TeX
    (re.compile(r"`+([^`]*)`+_{0,2}"), r"\1"),
    (re.compile(r"(?<![\w*])\*{1,2}(\w(?:[^*]*[^*\s])?)\*{1,2}(?![\w*])", re.ASCII), r"\1"),
    (re.compile(r"(?<!\w)\|(\w[\w ]*)\|", re.ASCII), r"\1"),
    (re.compile(r"\\(?=\W)", re.ASCII), ""),
)


def _inline(text: str) -> str:
    text = _ROLE.sub(_role, text)
    for pattern, by in _INLINE:
        text = pattern.sub(by, text)
    return " ".join(text.split())


def _role(match: re.Match[str]) -> str:
    if match["role"] == "math":
        return ""
    text = _TARGET.sub("", match["text"])
    return text.rpartition(".")[2] if text.startswith("~") else text.lstrip("!")


_WORD = re.compile(r"[A-Za-z]{2,}")
_CODE = re.compile(
    r"[\w.,\s\[\]]* = [\w.]+[\[(]|[\w.]+\([^()]*\)$|(import|from|def|class|return|with|for) .*[:(]", re.ASCII
)


def _is_prose(text: str) -> bool:
    letters = sum(map(str.isalpha, text)) + text.count(" ")
    return len(_WORD.findall(text)) >= MIN_WORDS and letters >= 0.75 * len(text) and not _CODE.match(text)


# --- names ------------------------------------------------------------------------------------------------------------

_ALIASES = "np|pd|plt|mpl|sp"
_NAMES = "numpy|scipy|pandas|scikit[- ]?learn|scikit_learn|sklearn|matplotlib|mpl_toolkits|keras|pyplot|pylab"
_DOTTED = re.compile(rf"\b(?:tf\.|tensorflow\.)?(?:{_NAMES}|{_ALIASES})(?:\.\w+)*\.(\w+)", re.ASCII | re.IGNORECASE)
_ALONE = re.compile(rf"(?<![A-Za-z0-9_])(?:(?:tf\.)?(?i:{_NAMES})|{_ALIASES})(?![A-Za-z0-9_])")
_WITHIN = re.compile(rf"(_?)(?:{_NAMES})(_?)", re.IGNORECASE)


def hide_names(text: str) -> str:
    """The text without the packages' names and usual aliases, which would give its label away.

    ``np.linalg.norm`` becomes ``norm``, ``KerasTensor`` becomes ``Tensor``, and a name that stands alone becomes
    ``[package]``, the same for all of them. Names of functions and classes stay: they are what the text is about.
    """
    while named(text):  # what is left of a word may be a name again
        text = _ALONE.sub(HIDDEN, _DOTTED.sub(r"\1", text))
        text = _WITHIN.sub(lambda match: "_" if match[1] and match[2] else "", text)
    return " ".join(text.split())


def named(text: str) -> bool:
    """Whether a package's name or alias stands in the text."""
    return bool(_ALONE.search(text) or _WITHIN.search(text))
