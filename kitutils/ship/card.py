"""``MODEL_CARD.md``: what a model is, for people, beside the files of its export.

The program writes what the manifest knows. What only a person knows is passed in and quoted; where it is missing the
card says so, lest silence be taken for safety. After Mitchell et al. (2019), Model Cards for Model Reporting, FAT*.

Lessons: 51.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kitutils.ship.card_parts import PARTS, Card
from kitutils.ship.faults import BadExport
from kitutils.ship.manifest import Manifest, read_manifest
from kitutils.ship.markdown import code, fenced, listed, quoted, table

# Not among the files that the manifest hashes: a person may mend a word without making the export void. For the same
# reason anybody can have written what stands in it, so no program may read it.
NAME = "MODEL_CARD.md"
NOT_STATED = "Not stated."

# Without the YAML in front that model hubs read: what is for programs stands in the manifest.
_CARD = """\
# Model card: {name}, version {version}

Quoted passages are what a person says of this model. All else `kitutils.ship` wrote from `manifest.json`. You may edit
this file: it has no hash, and no program reads it.

## Intended use

{intended_use}

## Out of scope

{out_of_scope}

## Training data

{training_data}{source}

## Evaluation

{evaluation}

Exporting does not measure how often a model is right. *Forms* says only how near each file is to this one.

## Limitations

{limitations}

## Licence

{licence}

## Contact

{contact}

## What it takes

{takes}

The arrays that its files take, one row an input:

{inputs}

## What it gives

Of each input the likeliest label, and the probability of each. {gives} Its labels, by number:

{labels}

## Forms

Each was asked for samples when it was written, and compared with the model: the largest difference of an output, as a
share of the largest output, and how many samples came into the same class. `kitutils.ship.verify` does it again.

{forms}

{layers}Written with {made}.

## How to use it

{use}

`load` refuses a file whose hash is not the manifest's.

## Files

In the form that `sha256sum --check` reads:

{files}
"""
_USE = """\
from kitutils.ship import load

answers = load("path/of/this/folder").predict(inputs)    # a list of them
print(answers[0].label, answers[0].probabilities)"""


def write_card(folder: str | Path, card: Card | None = None) -> Path:
    """Write ``MODEL_CARD.md`` into an export's folder, over the one that is there. ``export`` does so by itself.

    Raises:
        BadExport: the folder is no export.
    """
    path = Path(folder) / NAME
    # Not by way of a second file: one that comes and goes in the folder disturbs a service that looks at it.
    path.write_bytes(model_card(folder, card).encode("utf8", "replace"))
    return path


def model_card(export: Manifest | str | Path, card: Card | None = None) -> str:
    """A model card in Markdown. Whatever names, labels and columns hold, they stay values: they are written as code.

    Args:
        export: its manifest or its folder.
        card: what a person says of it.

    Raises:
        BadExport: the folder is no export, or its preprocessing is none that the kit knows.
    """
    manifest = export if isinstance(export, Manifest) else read_manifest(export)
    card = card or Card()
    said = {name: quoted(card.markdown(name)) or NOT_STATED for name in PARTS}
    inputs = [
        (code(one["name"]), _shape(one["shape"]) if one["shape"] else "one value", code(one["dtype"]))
        for one in manifest.inputs
    ]
    logits = "Its files give logits, of which softmax makes probabilities (of a single one, the logistic function)."
    return _CARD.format(
        name=code(manifest.name),
        version=code(manifest.version),
        **said,
        source=_source(manifest.source),
        takes=_takes(manifest.preprocessing),
        inputs=table(("input", "shape of one", "type"), inputs),
        gives=logits if manifest.output == "logits" else "Its files give probabilities.",
        labels=", ".join(f"{number} {code(label)}" for number, label in enumerate(manifest.labels)),
        forms=_forms(manifest),
        layers=f"Its `keras` form needs the code of {listed(manifest.layers)}. " if manifest.layers else "",
        made=", ".join(f"{code(library)} {code(version)}" for library, version in manifest.made.items()),
        use=fenced(_USE, "python"),
        files=fenced("\n".join(f"{entry['sha256']}  {name}" for name, entry in manifest.files.items()), "text"),
    )


def _forms(manifest: Manifest) -> str:
    rows = []
    for name, form in manifest.forms.items():
        parity = form.parity
        most = "–" if parity.tolerance is None else f"{parity.tolerance:.2g}"
        least = f"{parity.least_agreement:.1%}" if parity.least_agreement else "–"
        near = (f"{parity.difference:.2g}", most, f"{parity.agreement:.1%}", least)
        rows.append((code(name), code(form.path), f"{manifest.bytes_of(name):,}", *near, f"{parity.rows:,}"))
    head = ("form", "path", "bytes", "difference", "at most", "same class", "at least", "samples")
    return table(head, rows)


def _source(kept: Mapping[str, Any]) -> str:
    """What the record of the model's artifact says of its training."""
    data = kept["data"] if isinstance(kept.get("data"), Mapping) else {}
    facts = {
        "data set": data.get("name"),
        "from": data.get("source"),
        "lesson": kept.get("lesson"),
        "profile": kept.get("profile"),
        "made by": kept.get("made_by"),
        "sha256 of the model": kept.get("sha256"),
    }
    said = ", ".join(f"{what} {code(value)}" for what, value in facts.items() if value is not None)
    warning = " **That data is a stand-in: it only has the form of the real one.**"
    return (f"\n\nBy the model's own record: {said}." if said else "") + (
        warning if data.get("source") == "stand-in" else ""
    )


def _takes(kept: Mapping[str, Any]) -> str:
    """What a raw input is, in plain words."""
    try:
        return _KINDS[kept["kind"]](kept)
    except (LookupError, TypeError, ValueError) as error:
        what = f"{error.__class__.__name__}: {error}"
        raise BadExport(
            f"The manifest's preprocessing is none that this kit knows ({what}). Export the model again."
        ) from error


def _images(kept: Mapping[str, Any]) -> str:
    from kitutils.ship.image_inputs import Images  # it needs NumPy, a card by itself does not

    height, width, channels = kept["shape"]
    files = fate = ""
    if channels in (1, 3):
        rescales = Images((height, width, channels), kept["low"], kept["high"]).rescales
        files = ", or as PNG or JPEG files"
        fate = "; those of files are " + ("brought into that range" if rescales else "taken as they are")
    return (
        f"Images, as arrays of shape {_shape((height, width, channels))} (height, width, channels){files}. Values are "
        f"{kept['low']:g} to {kept['high']:g}{fate}. Another size is refused: resize as for the training."
    )


def _texts(kept: Mapping[str, Any]) -> str:
    words, vocabulary = kept["wordpiece"], kept["wordpiece"]["vocabulary"]
    which = code(vocabulary) if isinstance(vocabulary, str) else f"{len(vocabulary):,} pieces"
    return (
        f"Texts, cut into word pieces by a vocabulary of {which}. At most {words['length']:,} are read, the marks of "
        "beginning and end among them; what is longer is cut off."
    )


def _rows(kept: Mapping[str, Any]) -> str:
    kinds = {"numbers": kept["numbers"], "texts": kept["texts"]}
    columns = "; ".join(f"{kind} {listed(names)}" for kind, names in kinds.items() if names)
    return (
        f"Rows of a table, each a mapping of columns to values: {columns}. A value that is unknown is `None`. Other "
        "columns are ignored."
    )


def _plain(kept: Mapping[str, Any]) -> str:
    shape, dtype = _shape(kept["shape"]), code(kept["dtype"])
    return f"Arrays of shape {shape} and type {dtype}. Nothing is prepared: give them as in the training."


_KINDS = {
    "images": _images,
    "texts": _texts,
    "rows": _rows,
    "plain": _plain,
    "strings": lambda _: "Texts, as they are.",
}


def _shape(sides: Iterable[int | None]) -> str:
    return code(" × ".join("any" if side is None else str(side) for side in sides))
