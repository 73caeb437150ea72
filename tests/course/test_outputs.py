import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from kitutils.course import outputs


def notebook(*found):
    cell = v4.new_code_cell("x", outputs=[nbformat.from_dict(output) for output in found])
    return v4.new_notebook(cells=[v4.new_markdown_cell("prose"), cell])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain\ntext\n", "plain\ntext\n"),
        ("1/3\r2/3\r3/3\n", "3/3\n"),
        ("1/3\r2/3\r", "2/3"),
        ("long line\b\b\b\b\b\b\b\b\b\rshort\ndone\n", "short\ndone\n"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("\x1b[1mbold\x1b[0m \x1b[2K\x1b[1Acursor\n", "\x1b[1mbold\x1b[0m cursor\n"),
    ],
)
def test_last_state(written, shown):
    assert outputs.last_state(written) == shown


@given(st.text(alphabet="ab\n\r\b"))
def test_last_state_is_stable_and_keeps_the_lines(text):
    once = outputs.last_state(text)
    assert outputs.last_state(once) == once
    assert once.count("\n") == text.count("\n")


def test_tidy_merges_neighbouring_streams_and_keeps_the_order(stream):
    figure = {"output_type": "display_data", "data": {"text/plain": "figure"}, "metadata": {}}
    found = notebook(stream("epoch 1"), stream("\repoch 2\n"), figure, stream("after\n"), stream("oh", "stderr"))
    outputs.tidy(found)
    kinds = [output.get("text", "figure") for output in found.cells[1].outputs]
    assert kinds == ["epoch 2\n", "figure", "after\n", "oh"]


def test_tidy_drops_widgets_and_timestamps():
    widget = {"text/plain": "Button()", "application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    found = notebook({"output_type": "display_data", "data": widget, "metadata": {}})
    found.cells[1].metadata["execution"] = {"iopub.status.busy": "2026"}
    outputs.tidy(found)
    assert found.cells[1].outputs == [] and "execution" not in found.cells[1].metadata


def test_tidy_scrubs_tracebacks():
    library = "lib/python3.11/site-packages/keras/x.py:3"
    trace = [f"File \x1b[32m/opt/env/{library}\x1b[39m", f"~/.envs/{library}", f"/opt/kit/.venv/{library}"]
    trace += ["at 0x7f00aa00bb00", "/opt/kit/a"]
    found = notebook({"output_type": "error", "ename": "E", "evalue": "see /opt/kit/b", "traceback": trace})
    outputs.tidy(found, ["/opt/kit"])
    error = found.cells[1].outputs[0]
    short = "…/site-packages/keras/x.py:3"
    assert error["traceback"] == [f"File \x1b[32m{short}\x1b[39m", short, short, "at 0x…", "…/a"]
    assert error["evalue"] == "see …/b"


@pytest.mark.parametrize(
    "text",
    [
        "saved to /home/ada/model.keras",
        "C:\\Users\\Ada\\model.keras",
        "in /tmp/x12",
        "<Model at 0x7f3bd8a1c0d0>",
        "PosixPath('/opt/kit/artifacts/a')",
        "/opt/kit",
    ],
)
def test_what_differs_between_machines(text):
    assert outputs.machine_dependent(text, ["/opt/kit"])


@pytest.mark.parametrize(
    "text", ["artifacts/workshop/a", "https://example.org/home/x", "/opt/kitchen", "0xff", "POST /predict", "1/3"]
)
def test_what_is_the_same_everywhere(text):
    assert outputs.machine_dependent(text, ["/opt/kit"]) is None


def test_claims_are_read_in_order(claim, stream):
    found = outputs.claims(notebook(stream("x"), claim("a.b", 0.5, at_most=None), claim("c.d", 3.0, holds=False)))
    assert [(one.name, one.value, one.holds) for one in found] == [("a.b", 0.5, True), ("c.d", 3.0, False)]
    assert found[0].band == "≥ 2"


def test_texts_reach_streams_bundles_and_errors(stream):
    html = {"output_type": "execute_result", "data": {"text/html": "<b>h</b>", "image/png": "AAA"}, "metadata": {}}
    error = {"output_type": "error", "ename": "E", "evalue": "why", "traceback": ["\x1b[31mred\x1b[0m"]}
    found = [text for one in (stream("s"), html, error) for text in outputs.texts(one)]
    assert found == ["s", "<b>h</b>", "why", "red"]
