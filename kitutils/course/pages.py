"""Notebooks as HTML pages that need no network, and an index of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# nbconvert's page, but: pictures keep their alternative text, solutions and teaching notes are folded, and nothing is
# fetched from elsewhere. Only formulas ask for MathJax, without holding up the page: offline they stay readable as TeX.
_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
{{ super() }}
<style>.kit-fold > summary { font: 15px system-ui, sans-serif; margin: .5rem 0 .5rem 4.5rem; cursor: pointer; }</style>
{%- endblock -%}
{%- block html_head_js_mathjax -%}
{%- if resources.kit_formulas -%}
<script type="text/x-mathjax-config">
MathJax.Hub.Config({tex2jax: {inlineMath: [['$','$']], displayMath: [['$$','$$']], processEscapes: true}});
</script>
<script async src="{{ resources.mathjax_url }}"></script>
{%- endif -%}
{%- endblock -%}
{%- macro picture(output, mime) -%}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:{{ mime }};base64,{{ output.data[mime] | escape_html }}"
 alt="{{ (output | get_metadata('alt', mime) or '') | escape_html }}">
</div>
{%- endmacro -%}
{%- block data_png -%}{{ picture(output, 'image/png') }}{%- endblock -%}
{%- block data_jpg -%}{{ picture(output, 'image/jpeg') }}{%- endblock -%}
{%- block codecell -%}
{%- if 'solution' in cell.metadata.get('tags', []) -%}
<details class="kit-fold"><summary>Solution</summary>{{ super() }}</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock -%}
{%- block markdowncell -%}
{%- if 'teacher' in cell.metadata.get('tags', []) -%}
<details class="kit-fold"><summary>For the teacher</summary>{{ super() }}</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock -%}
"""

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The course, run from top to bottom</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ccc; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
ul {{ margin: 0; padding-left: 1rem; }}
.failed {{ color: #a40000; font-weight: bold; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #1a1a1a; color: #eee; }} a {{ color: #8ab4f8; }} .failed {{ color: #ff8a80; }}
}}
</style>
</head>
<body>
<h1>The course, run from top to bottom</h1>
<p>{summary}</p>
<table>
<thead><tr><th>Lesson</th><th>Seconds</th><th>Claims</th><th>Result</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def page(notebook, title: str) -> str:
    """One notebook as an HTML page with everything in it."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="lab", language_code="en")
    exporter.raw_template = _TEMPLATE
    formulas = any(cell.cell_type == "markdown" and "$" in cell.source for cell in notebook.cells)
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}, "kit_formulas": formulas})
    return body


def index(outcomes: Sequence, profile: str) -> str:
    """The index of a course run: one row per ``runner.Outcome``, with seconds, claims, result and a link."""
    seconds = sum(outcome.seconds for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    summary = f"Profile {escape(profile)}: {passed} of {len(outcomes)} lessons passed, in {seconds:.0f} s."
    return _INDEX.format(summary=summary, rows="\n".join(_row(outcome) for outcome in outcomes))


def _row(outcome) -> str:
    lesson = outcome.lesson
    name = f"{lesson.number} · {escape(lesson.title)}"
    if outcome.run is not None:
        name = f'<a href="{lesson.name}.html">{name}</a>'
    claims = "".join(
        f"<li>{escape(claim.label)}: {claim.value:.4g}{f' (expected {escape(claim.band)})' if claim.band else ''}</li>"
        for claim in outcome.claims
    )
    result = "passed" if outcome.passed else f'<span class="failed">failed</span><br>{escape(outcome.problem)}'
    return (
        f'<tr><td>{name}</td><td class="number">{outcome.seconds:.1f}</td>'
        f"<td>{f'<ul>{claims}</ul>' if claims else ''}</td><td>{result}</td></tr>"
    )
