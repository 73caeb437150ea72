"""Showing a short message under a cell: HTML where a notebook can draw it, the same words as text elsewhere."""

from __future__ import annotations

import html
import sys

_BLOCK = "margin:.2em 0; padding-left:.8em; border-left:3px solid var(--jp-border-color1, #999)"
_CODE = "margin:.3em 0; padding:.4em .6em; background:var(--jp-layout-color2, #eee); overflow-x:auto"


def in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel; does not import IPython to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def present(title: str, paragraphs: tuple[str, ...] = (), code: str = "", note: str = "") -> None:
    """Show a title line, a block of aligned or program text, paragraphs and a closing note, those that are given."""
    lines = [title, *(f"    {line}" for line in code.splitlines()), *paragraphs, *([note] if note else [])]
    text = "\n".join(lines)
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    blocks = [f"<strong>{html.escape(title)}</strong>"]
    if code:
        blocks.append(f'<pre style="{_CODE}">{html.escape(code)}</pre>')
    blocks += [f'<p style="margin:.2em 0">{html.escape(p)}</p>' for p in paragraphs]
    if note:
        blocks.append(f'<p style="margin:.2em 0"><small>{html.escape(note)}</small></p>')
    display({"text/plain": text, "text/html": f'<div style="{_BLOCK}">{"".join(blocks)}</div>'}, raw=True)
