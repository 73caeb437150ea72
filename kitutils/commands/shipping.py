"""The commands about models that leave the course: export, bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def export(
    artifact: Annotated[str, typer.Argument(help="A model that a lesson saved, such as text, or its folder.")],
    folder: Annotated[Path, typer.Argument(help="Where to; must not be there yet.")],
    formats: Annotated[
        str, typer.Option("--formats", help="Separated by commas; all that can hold the model unless given.")
    ] = "",
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace an older export there, as a whole, with its card: lasting words belong in the --card file.",
        ),
    ] = False,
    name: Annotated[str, typer.Option("--name", help="Under which it is served; the model's own unless given.")] = "",
    version: Annotated[str, typer.Option("--version", help="Of the model; a number counts up best.")] = "1",
    card: Annotated[
        Path | None,
        typer.Option("--card", help="A YAML file of what only a person knows of the model, for its MODEL_CARD.md."),
    ] = None,
    tf_serving: Annotated[
        Path | None, typer.Option("--tf-serving", help="Also put it into this folder as TensorFlow Serving wants it.")
    ] = None,
    label: Annotated[
        str, typer.Option("--label", help="With --tf-serving: name this version, such as stable or canary.")
    ] = "",
) -> None:
    """Write a model in several formats, each compared with the model, and with all that its user needs beside it."""
    from rich.console import Console

    from kitutils.course import quiet
    from kitutils.ship.card import NAME
    from kitutils.ship.card_parts import Card, read_card
    from kitutils.ship.faults import ShipError
    from kitutils.ship.finding import find_artifact, samples_for
    from kitutils.ship.manifest import FORMATS

    console = Console(soft_wrap=True, highlight=False)
    chosen = [form.strip() for form in formats.split(",") if form.strip()]
    if tf_serving and chosen and "savedmodel" not in chosen:
        raise ShipError(f"TensorFlow Serving takes savedmodel; got --formats {formats}. Add it.")
    if label and not tf_serving:
        raise ShipError("--label names a version for TensorFlow Serving. Say --tf-serving DIR too.")
    said = read_card(card) if card else Card()
    found = find_artifact(artifact)
    samples = samples_for(found)
    with console.status("Writing and comparing …"):
        with quiet():  # here TensorFlow is imported, which talks about itself
            from kitutils.ship import export as write
            from kitutils.ship import obstacles

            model = found.model()
        if not chosen:
            for form in FORMATS:
                if held_up := obstacles(model, form):
                    console.print(f"without {form}: {' '.join(held_up)}", markup=False)
                else:
                    chosen.append(form)
        manifest = write(
            found,
            folder,
            samples=samples,
            formats=chosen,
            name=name or None,
            version=version,
            card=said,
            replace=replace,
        )
    console.print(_table_of(manifest))
    console.print(f"{folder}: load it with kitutils.ship.load, measure it with kit bench {folder}", markup=False)
    if said.missing:
        how = "" if card else " Write it into a YAML file, and give that with --card."
        console.print(f"{folder / NAME}: {', '.join(said.missing)} not stated.{how}", markup=False)
    if tf_serving:
        from kitutils.ship.tf_serving import README, write_layout

        place = write_layout(folder, tf_serving, label=label or None)
        counted = "" if place.name == version else f" It counts versions, so {version} became {place.name} there."
        console.print(f"{place}: for TensorFlow Serving.{counted} How to start it: {tf_serving / README}", markup=False)


@app.command()
def bench(
    folder: Annotated[Path, typer.Argument(help="An export.")],
    threads: Annotated[int, typer.Option("--threads", min=1, help="Of LiteRT and ONNX Runtime.")] = 1,
) -> None:
    """Measure each form of an export: bytes, one sample, batches of 32; all in one run, in turns."""
    from rich.console import Console
    from rich.table import Table

    from kitutils.course import quiet
    from kitutils.ship import bench as measure

    console = Console(soft_wrap=True, highlight=False)
    with console.status("Measuring in turns …"), quiet():
        speeds = measure(folder, threads=threads)
    table = Table("format", "kB", "one sample, ms", "samples a second, batches of 32")
    for column in table.columns[1:]:
        column.justify = "right"
    for form, speed in speeds.items():
        table.add_row(form, f"{speed.bytes / 1e3:,.0f}", f"{speed.one_ms:.3f}", f"{speed.per_second:,.0f}")
    console.print(table)
    console.print(f"Medians of one run, threads={threads} for LiteRT and ONNX Runtime. Trust the ratios.")


def _table_of(manifest):
    from rich.table import Table

    table = Table("format", "kB", "largest difference", "same class", title=f"{manifest.name} {manifest.version}")
    for column in table.columns[1:]:
        column.justify = "right"
    for form, entry in manifest.forms.items():
        size = f"{manifest.bytes_of(form) / 1e3:,.0f}"
        table.add_row(form, size, f"{entry.parity.difference:.1e}", f"{entry.parity.agreement:.1%}")
    return table
