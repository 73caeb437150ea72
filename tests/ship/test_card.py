"""The model card: every fact of the manifest, every part that is not stated, and no label that breaks it."""

import json
import re
import subprocess
import sys
import unicodedata

import mistune
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kitutils.ship import BadExport, Card, ShipError, load, model_card, read_card, verify, write_card
from kitutils.ship.card import NAME, NOT_STATED
from kitutils.ship.card_parts import PARTS
from kitutils.ship.exporting import FLOAT32
from kitutils.ship.manifest import Form, Manifest, Parity
from kitutils.ship.serve.folders import look

HEADINGS = (
    *("Intended use", "Out of scope", "Training data", "Evaluation", "Limitations", "Licence", "Contact"),
    *("What it takes", "What it gives", "Forms", "How to use it", "Files"),
)
PLAIN = {"kind": "plain", "shape": [4, None], "dtype": "float32", "name": "input"}
NASTY = [
    *("a|b", r"a\|b", "`", "``a`", "a`b", "*a*", "_b_", "<script>alert(1)</script>", "<!--", "![x](y)", "&amp;", "# x"),
    *(
        "line\nline\n\n## Forms",
        "| a | b |\n|---|---|",
        "\r",
        "\u2028",
        "\u202eabc",
        "",
        " ",
        " a ",
        '"a"',
        "\\",
        "a\\",
    ),
    *("```\nx", "$x$", "https://example.org", "\ud800", "\0", "{name}", "犬", "שלום", "👩‍👧"),
    *("cat\u200b", "\ufeffcat", "c\u00adat", "cat\U000e0041", "c\u2066at", "c\u200cat"),
]


def manifest(**facts):
    """Of two forms, made up."""
    forms = {
        "onnx": Form("model.onnx", Parity(3.21e-7, 1.0, 34, 1e-5, 0)),
        "litert_int8": Form("model_int8.tflite", Parity(0.0432, 0.96875, 32, None, 0.9)),
    }
    known = {
        "name": "small",
        "version": "7.1",
        "labels": ("cat", "dog"),
        "inputs": ({"name": "input", "shape": [4, None], "dtype": "float32"},),
        "output": "logits",
        "preprocessing": PLAIN,
        "forms": forms,
        "files": {
            "model.onnx": {"sha256": "1f" * 32, "bytes": 12345},
            "model_int8.tflite": {"sha256": "2e" * 32, "bytes": 678},
        },
        "made": {"keras": "3.15.1"},
    }
    return Manifest(**(known | facts))


def parsed(text):
    """Markdown as GitHub's and JupyterLab's renderers take it."""
    return MarkdownIt("commonmark").enable("table").parse(text)


def headings(text):
    tokens = parsed(text)
    found = [
        tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open" and not token.level
    ]
    return tuple(found[1:])


def codes(text, after):
    """The values that stand as code between a heading and the next one, as they were before they were written."""
    tokens = parsed(text)
    start = next(i for i, token in enumerate(tokens) if token.content == after)
    end = next((i for i in range(start, len(tokens)) if tokens[i].type == "heading_open"), len(tokens))
    shown = [
        child.content for token in tokens[start:end] for child in token.children or () if child.type == "code_inline"
    ]
    return [json.loads(one) if one.startswith('"') else one for one in shown]


def columns(text):
    """Of each row of each table how many cells it has."""
    rows, found = [], []
    for token in parsed(text):
        if token.type == "tr_open":
            rows.append(0)
        elif token.type in ("th_open", "td_open"):
            rows[-1] += 1
        elif token.type == "table_close":
            found.append(rows)
            rows = []
    return found


@pytest.mark.parametrize("kind", ["images", "texts", "rows"])
def test_every_fact_of_the_manifest_is_there(kind, shipped):
    one = shipped(kind)
    manifest, text = one.manifest, (one.folder / NAME).read_text(encoding="utf8")
    assert text == model_card(manifest) == model_card(one.folder)
    assert headings(text) == HEADINGS
    assert text.startswith(f"# Model card: `{manifest.name}`, version `{manifest.version}`\n")
    assert codes(text, "What it gives")[-len(manifest.labels) :] == list(manifest.labels)
    takes = codes(text, "What it takes")
    for entry in manifest.inputs:
        assert entry["name"] in takes and entry["dtype"] in takes
    assert {"images": "16 × 16 × 3", "texts": "vocabulary.txt", "rows": "None"}[kind] in takes
    wanted = {"images": "Values are 0 to 255", "texts": "At most 32 are read", "rows": "texts `category`"}[kind]
    assert wanted in text
    for form, entry in manifest.forms.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"| `{form}` |"))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1] == f"`{entry.path}`" and cells[2] == f"{manifest.bytes_of(form):,}"
        assert float(cells[3]) == pytest.approx(entry.parity.difference, rel=0.06)
        assert cells[4] == ("–" if entry.parity.tolerance is None else "1e-05")
        assert cells[5:] == [
            f"{entry.parity.agreement:.1%}",
            "–" if form in FLOAT32 else "80.0%",
            str(entry.parity.rows),
        ]
    hashes = dict(line.split("  ")[::-1] for line in text.splitlines() if re.match("[0-9a-f]{64}  ", line))
    assert hashes == {name: entry["sha256"] for name, entry in manifest.files.items()}
    for library, version in manifest.made.items():
        assert f"`{library}` `{version}`" in text
    assert all(module in codes(text, "Forms") for module in manifest.layers)


def test_the_record_of_an_artifact_is_there_and_a_stand_in_is_told():
    source = {
        "lesson": "41",
        "profile": "workshop",
        "data": {"name": "cifar10", "source": "mirror"},
        "made_by": "stand-in training",
        "sha256": "3d" * 32,
    }
    text = model_card(manifest(source=source))
    assert codes(text, "Training data") == ["cifar10", "mirror", "41", "workshop", "stand-in training", "3d" * 32]
    assert "only has the form" not in text
    source["data"]["source"] = "stand-in"
    assert "only has the form" in model_card(manifest(source=source))
    assert "own record" not in model_card(manifest())
    assert "own record" not in model_card(manifest(source={"data": "x"}))


@settings(deadline=None)
@given(st.sets(st.sampled_from(PARTS)))
def test_a_part_that_is_missing_is_said_to_be_and_one_that_is_there_is_quoted(stated):
    card = Card(**{part: f"Words of {part}." for part in stated})
    assert set(card.missing) == set(PARTS) - stated
    text = model_card(manifest(), card)
    assert headings(text) == HEADINGS
    for part in PARTS:
        below = text.partition(f"\n## {part.replace('_', ' ').capitalize()}\n\n")[2].splitlines()[0]
        assert below == (f"> Words of {part}." if part in stated else NOT_STATED)


@pytest.mark.parametrize("blank", [None, "", " \n\t", {}])
def test_blanks_state_nothing(blank):
    assert Card(evaluation=blank).missing == PARTS
    if not isinstance(blank, dict):
        assert Card(limitations=blank).missing == PARTS


@pytest.mark.parametrize(
    "words",
    [
        "```\nleft open",
        "<!-- left open",
        "<div>\n\nleft open",
        "# A heading",
        "Title\n===",
        "- a\n  - b",
        "| a |\n|---|",
        "a\n> b",
    ],
)
@pytest.mark.parametrize("part", ["intended_use", "contact"])
def test_what_a_person_begins_ends_with_the_part(part, words):
    card = Card(**{part: words}, limitations="It fails in the dark.")
    text = model_card(manifest(), card)
    assert headings(text) == HEADINGS
    assert codes(text, "Forms") == codes(model_card(manifest()), "Forms")
    assert [token.content for token in parsed(text) if token.content == "It fails in the dark."]


def test_figures_become_a_list_and_indented_text_stays_text():
    card = Card(
        evaluation={"right, of 1,000": "89.1 %", "a\nb": 0.5, "worst": np.float32(0.25)},
        limitations="""
            It fails in the dark.

            - at night
              - in winter
        """,
    )
    assert card.markdown("evaluation").splitlines() == ["- right, of 1,000: 89.1 %", "- a b: 0.5", "- worst: 0.25"]
    assert card.markdown("limitations").splitlines() == ["It fails in the dark.", "", "- at night", "  - in winter"]


def test_all_that_can_be_nasty_is_and_the_card_holds():
    different = tuple(dict.fromkeys(NASTY))
    inputs = tuple({"name": label, "shape": [3], "dtype": label} for label in different)
    of_rows = {"kind": "rows", "numbers": list(different), "texts": []}
    facts = {"labels": different, "inputs": inputs, "preprocessing": of_rows, "layers": different}
    said = dict.fromkeys(("lesson", "profile", "made_by", "sha256"), "line\n\n## Forms | `x`")
    text = model_card(
        manifest(name="a|`b`\n# c", version="<!--", made={label: label for label in different}, source=said, **facts)
    )
    assert headings(text) == HEADINGS
    assert codes(text, "What it gives") == list(different)
    takes = codes(text, "What it takes")
    assert takes[: len(different)] == list(different)
    assert takes[len(different) + 1 :: 3] == takes[len(different) + 3 :: 3] == list(different)
    assert columns(text) == [[3] * (1 + len(different)), [8] * 3]
    assert not [child for token in parsed(text) for child in token.children or () if child.type == "html_inline"]
    assert not [token for token in parsed(text) if token.type == "html_block"]
    # A second renderer, nbconvert's: with its own way to cut a table.
    html = mistune.create_markdown(escape=False, plugins=["table"])(text)
    assert html.count("<tr>") == (1 + len(different)) + 3
    assert html.count("<td") == 3 * len(different) + 8 * 2 and "<script" not in html and "<!--" not in html
    text.encode("utf8")
    assert {sign for sign in text if unicodedata.category(sign) == "Cf"} == {"\u200d"}  # it joins the two of a family


@settings(deadline=None)
@given(st.lists(st.text(), min_size=2, max_size=4, unique=True), st.text(), st.text())
def test_labels_and_names_of_any_signs_come_back_as_they_were(labels, name, version):
    inputs = tuple({"name": label, "shape": [], "dtype": "string"} for label in labels)
    text = model_card(manifest(name=name, version=version, labels=tuple(labels), inputs=inputs))
    assert headings(text) == HEADINGS
    assert codes(text, "What it gives") == labels
    assert codes(text, "What it takes")[2::2] == labels
    assert columns(text)[0] == [3] * (1 + len(labels))


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        (PLAIN, "shape `4 × any` and type `float32`"),
        ({"kind": "strings", "name": "input"}, "Texts, as they are."),
        (
            {"kind": "images", "shape": [8, 9, 3], "low": 0, "high": 16, "name": "x"},
            "or as PNG or JPEG files. Values are 0 to 16; those of files are taken as they are. Another",
        ),
        (
            {"kind": "images", "shape": [8, 9, 1], "low": 0, "high": 1, "name": "x"},
            "Values are 0 to 1; those of files are brought into that range. Another",
        ),
        (
            {"kind": "images", "shape": [8, 9, 2], "low": -1, "high": 0.5, "name": "x"},
            "channels). Values are -1 to 0.5. Another",
        ),
        ({"kind": "rows", "numbers": [], "texts": ["size"]}, "columns to values: texts `size`."),
        ({"kind": "texts", "wordpiece": {"vocabulary": ["a"] * 1200, "length": 9}}, "1,200 pieces. At most 9 are"),
    ],
)
def test_each_kind_of_input_is_told_in_words(kept, wanted):
    assert wanted in model_card(manifest(preprocessing=kept))


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"kind": "sounds"},
        {"kind": []},
        {"kind": "images", "shape": 3},
        {"kind": "images", "shape": [1, 2, 3], "low": "a", "high": 1},
        {"kind": "texts", "wordpiece": 3},
        {"kind": "rows", "numbers": 5, "texts": []},
    ],
)
def test_a_preprocessing_that_was_made_up_is_refused(kept):
    with pytest.raises(BadExport, match="none that this kit knows"):
        model_card(manifest(preprocessing=kept))


def test_logits_and_probabilities_are_told_apart():
    assert "logits, of which softmax" in model_card(manifest())
    assert "give probabilities." in model_card(manifest(output="probabilities"))


@pytest.mark.parametrize("kind", ["rows", "texts", "arrays"])
def test_an_estimator_has_its_card(kind, tmp_path):
    import pandas as pd
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from kitutils.ship import export_estimator

    samples = {
        "rows": pd.DataFrame({"price": [1.0, 2, 3, 4], "a|ge": [1.0, 2, 3, 5]}),
        "texts": ["warm", "torn", "fine", "late"],
        "arrays": np.arange(8.0).reshape(4, 2),
    }[kind]
    model = LogisticRegression() if kind != "texts" else make_pipeline(CountVectorizer(), LogisticRegression())
    model.fit(samples, [0, 1, 0, 1])
    card = Card(limitations="Four rows.")
    export_estimator(model, tmp_path / "it", samples=samples, labels=["kept", "re|turned"], card=card)
    text = (tmp_path / "it" / NAME).read_text(encoding="utf8")
    assert headings(text) == HEADINGS and "> Four rows." in text and text.count(NOT_STATED) == 6
    assert codes(text, "What it gives") == ["kept", "re|turned"]
    wanted = {"rows": "numbers `price`, `a|ge`.", "texts": "Texts, as they are.", "arrays": "of shape `2`"}[kind]
    assert wanted in text and "`skops`" in text and "`scikit-learn`" in text
    assert verify(tmp_path / "it")["skops"].passed


@pytest.fixture
def folder(shipped, tmp_path):
    """A copy of an export that nothing keeps from being changed."""
    import shutil

    return shutil.copytree(shipped("rows").folder, tmp_path / "rows")


@pytest.mark.parametrize("written", [b"# Mine\n\nAsk Ada.\n", b"\xff\xfe\0", b"", None])
def test_the_card_may_be_edited_and_no_program_minds(written, folder):
    if written is None:
        (folder / NAME).unlink()
    else:
        (folder / NAME).write_bytes(written)
    assert NAME not in load(folder).manifest.files
    assert all(parity.passed for parity in verify(folder).values())
    (found,) = look([folder])
    assert found.error is None and found.name == load(folder).manifest.name


def test_a_card_is_written_anew_with_what_was_learnt_since(folder):
    before = sorted(folder.rglob("*"))
    path = write_card(folder, Card(evaluation={"right": "70 %"}))
    assert path == folder / NAME and "> - right: 70 %" in path.read_text(encoding="utf8")
    assert sorted(folder.rglob("*")) == before
    write_card(folder, Card(contact="lone \ud800"))
    assert "> lone ?" in path.read_text(encoding="utf8")
    with pytest.raises(BadExport, match="is no export"):
        write_card(folder.parent)
    assert not (folder.parent / NAME).exists()


def test_export_takes_the_card_and_replaces_it_with_the_rest(tmp_path):
    import keras

    from kitutils.ship import export

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    more = {"samples": np.ones((3, 4)), "formats": ["keras"], "labels": ["a|b", "c\nd"]}
    export(model, tmp_path / "out", card=Card(intended_use="For a test."), **more)
    text = (tmp_path / "out" / NAME).read_text(encoding="utf8")
    assert "> For a test." in text and codes(text, "What it gives") == ["a|b", "c\nd"]
    assert load(tmp_path / "out").labels == ("a|b", "c\nd")
    export(model, tmp_path / "out", card=Card(contact="Ada"), version="2", replace=True, **more)
    text = (tmp_path / "out" / NAME).read_text(encoding="utf8")
    assert "For a test." not in text and "> Ada" in text and "version `2`" in text


def test_a_file_is_read(tmp_path):
    path = tmp_path / "card.yaml"
    path.write_bytes(
        "\ufeffintended_use: |\n  To sort photos: ten kinds.\n\n  - at home\nevaluation:\n  right of 100: 91.5\n"
        "  worst: cat\ncontact:\n".encode()
    )
    wanted = Card(
        intended_use="To sort photos: ten kinds.\n\n- at home\n", evaluation={"right of 100": 91.5, "worst": "cat"}
    )
    assert read_card(path) == wanted
    assert wanted.missing == ("out_of_scope", "training_data", "limitations", "licence", "contact")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (None, r"cannot be read .* under some of intended_use, out_of_scope"),
        (b"\xff\xfeabc", "not in UTF-8. Save it as UTF-8"),
        ("contact: Zoë".encode("latin1"), "not in UTF-8. Save it as UTF-8"),
        (b"contact: Ada: the first", r"is no YAML \(line 1: .* colon between quotes"),
        (b"contact: [", r"is no YAML \(line 1"),
        (b"contact: 2026-13-45", "is no YAML"),
        (b"[" * 5000, "is no YAML"),
        (b"", "holds nothing"),
        (b"Only words.", "holds str"),
        (b"- a", "holds list"),
        (b"intended use: x", "'intended use', which is no part .* Did you mean intended_use"),
        (b"colour: x", "'colour', which is no part of a card. A card is"),
        (b"1: x", "has 1, which"),
        (b"contact: a\ncontact: b", "has contact twice"),
        (b"evaluation: {right: 1, right: 2}", "has right twice"),
        (b"contact: 555", "contact is text; got 555. In a file, put it between quotes"),
        (b"contact: 2026-11-13", "contact is text; got date. In a file, put it between quotes"),
        (b"limitations: [a, b]", r"limitations is text; got list. In a file, begin it with \| and"),
        (b"limitations: {a: b}", r"limitations is text; got dict. In a file, begin it with \| and"),
        (b"evaluation: 0.9", "figures by their names; got 0.9"),
        (b"evaluation: {right: true}", "a number or text; got 'right': True"),
        (b"evaluation: {1: x}", "a number or text; got 1"),
        (b"evaluation: {right: {of: 3}}", "a number or text"),
        (b"evaluation: &a {right: *a}", "a number or text"),
        (b"contact: !!python/object/apply:os.system [ls]", "is no YAML"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_to_do(written, message, tmp_path):
    path = tmp_path / "card.yaml"
    if written is not None:
        path.write_bytes(written)
    with pytest.raises(ShipError, match=message):
        read_card(path)


def test_what_holds_others_is_not_written_out():
    class Endless(list):
        def __repr__(self):
            raise AssertionError("written out")

    for parts in ({"limitations": Endless()}, {"evaluation": {"right": Endless()}}):
        with pytest.raises(ShipError, match=r"got .*Endless"):
            Card(**parts)


def test_a_folder_is_no_card(tmp_path):
    with pytest.raises(ShipError, match="cannot be read"):
        read_card(tmp_path)


def test_a_card_needs_no_runtime():
    code = (
        "import sys; from kitutils.ship import Card, model_card, read_card\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
