"""The commands about data sets: kit data list, info, fetch, pack, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitutils import settings

if TYPE_CHECKING:
    from rich.console import Console

    from kitutils.data.cards import Card

app = typer.Typer(help="The data sets: what there is, from where, and how to carry it along.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A data set, such as digits.")]


@app.command("list")
def list_() -> None:
    """Show every data set: what it is, how large, under which licence, and where it would come from."""
    from rich.table import Table

    from kitutils.data import cards, store

    console = _console()
    mirrored = _mirrored(console)
    table = Table(title="Data sets", title_justify="left")
    for column in ("name", "what", "rows", "size", "where", "licence"):
        table.add_column(column, overflow="fold", justify="right" if column in ("rows", "size") else "left")
    for name in cards.names():
        card = cards.card(name)
        rows = f"{sum(card.rows.values()):,}"
        table.add_row(name, card.title, rows, _size(card, mirrored), _where(card, mirrored), card.licence)
    console.print(table)
    console.print(f"cache: {store.folder()}", markup=False, soft_wrap=True)
    console.print(f"mirror: {settings.mirror() or 'none (KIT_MIRROR is not set)'}", markup=False, soft_wrap=True)
    if settings.offline():
        console.print("Publishers are not asked (KIT_OFFLINE or KIT_PROFILE=ci).")


@app.command()
def info(name: Name) -> None:
    """Show a data set's card."""
    from rich.table import Table

    from kitutils.data import cards

    console = _console()
    card = cards.card(name)
    table = Table(title=card.title, title_justify="left", show_header=False)
    table.add_column("field")
    table.add_column("value", overflow="fold")
    rows = ", ".join(f"{count:,} {part}" for part, count in card.rows.items())
    fields = {
        "task": card.task,
        "about": card.about,
        "rows": f"{rows} ({card.kind})",
        "each row": " × ".join(map(str, card.row_shape)) + " uint8" if card.row_shape else "",
        "columns": ", ".join(f"{column} ({dtype})" for column, dtype in card.columns.items()),
        "target": card.target or "",
        "classes": ", ".join(card.classes),
        "split": card.split,
        "licence": card.licence,
        "citation": card.citation,
        "home page": card.home,
        "where": _where(card, _mirrored(console)),
        "files": "\n".join(
            f"{file.url}\n{_bytes(file.bytes)}, sha256 {file.sha256 or 'not published; the content is checked'}"
            for file in card.files
        ),
        "stand-in": card.standin or "",
        "lessons": ", ".join(card.lessons),
    }
    for field, value in fields.items():
        if value:
            table.add_row(field, _plain(value))
    console.print(table)


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(help="Data sets, such as cifar10 sst2.")]) -> None:
    """Bring data sets into the cache, from the mirror or their publishers."""
    console = _console()
    if failed := _fetch(console, names):
        console.print(f"Not fetched: {', '.join(failed)}.", style="red")
        raise typer.Exit(1)


@app.command()
def pack(
    folder: Annotated[Path, typer.Argument(help="The mirror's folder; it is made if need be.", file_okay=False)],
    names: Annotated[list[str] | None, typer.Argument(help="Data sets. All downloads, if none is given.")] = None,
) -> None:
    """Write a mirror: a folder of prepared data sets, for a room without a network (KIT_MIRROR=FOLDER)."""
    from kitutils.data import cards, mirror, store

    console = _console()
    chosen = [cards.card(name) for name in names or cards.names()]
    downloads = [card for card in chosen if card.origin == "download"]
    for card in chosen if names else ():
        if card.origin != "download":
            console.print(f"{card.name} is {card.origin}: every kit has it, a mirror need not.")
    failed = _fetch(console, [card.name for card in downloads if store.entry(card) is None])
    packed = [card.name for card in downloads if card.name not in failed]
    held = mirror.pack(folder, packed) if packed else {}
    console.print(
        f"{folder} holds {len(held)} data sets, {_bytes(sum(entry['bytes'] for entry in held.values()))}. "
        f"Use it with KIT_MIRROR={folder}",
        markup=False,
        soft_wrap=True,
    )
    if failed:
        console.print(f"Not packed: {', '.join(failed)}.", style="red")
    if failed and (names or not packed):
        raise typer.Exit(1)


@app.command()
def verify() -> None:
    """Read every cached file again and compare it with what was written. Exit code 1 if one differs."""
    from kitutils.data import cards, store
    from kitutils.data.faults import DamagedFile

    console = _console()
    found = [entry for name in cards.names() if (entry := store.entry(cards.card(name))) is not None]
    bad = 0
    for entry in found:
        try:
            store.verify(entry)
            console.print(f"{entry.path.name}: whole, {_bytes(entry.bytes)}", markup=False)
        except DamagedFile as error:
            bad += 1
            console.print(str(error), style="red", markup=False, soft_wrap=True)
    console.print(f"{len(found)} cached files, {bad} damaged.")
    if bad:
        raise typer.Exit(1)


def _fetch(console: Console, names: list[str]) -> list[str]:
    """Bring data sets into the cache, one after the other; returns the names of those that could not be had."""
    from kitutils.data import cards, lookup, store
    from kitutils.data.faults import DataError, Unavailable

    failed = []
    for card in [cards.card(name) for name in names]:
        if card.origin != "download":
            console.print(f"{card.name} is {card.origin}: there is nothing to fetch.")
            continue
        try:
            source, _ = lookup.real(card)
        except Unavailable as error:
            failed.append(card.name)
            console.print(f"{card.name} is out of reach: {error}.", style="red", markup=False, soft_wrap=True)
            continue
        except DataError as error:
            failed.append(card.name)
            console.print(str(error), style="red", markup=False, soft_wrap=True)
            continue
        entry = store.entry(card)
        kept = _bytes(entry.bytes) if entry else "not kept: the cache cannot be written to"
        console.print(f"{card.name}: {'already in the cache' if source == 'cache' else f'from the {source}'}, {kept}")
    return failed


def _mirrored(console: Console) -> dict[str, int]:
    """Name and size in bytes of what the mirror holds; a mirror that cannot be read is reported and holds nothing."""
    from kitutils.data import mirror
    from kitutils.data.faults import DataError

    where = settings.mirror()
    if not where:
        return {}
    try:
        return {name: int(entry["bytes"]) for name, entry in mirror.manifest(where).items()}
    except DataError as error:
        console.print(f"The mirror cannot be read: {error}.", style="yellow", markup=False, soft_wrap=True)
        return {}


def _where(card: Card, mirrored: dict[str, int]) -> str:
    from kitutils.data import store

    if card.origin != "download":
        return card.origin
    if (entry := store.entry(card)) is not None:
        return f"cache (from the {entry.source})"
    if card.name in mirrored:
        return "mirror"
    return "stand-in (offline)" if settings.offline() else "publisher"


def _size(card: Card, mirrored: dict[str, int]) -> str:
    from kitutils.data import store

    if card.origin != "download":
        return "–"
    if (entry := store.entry(card)) is not None:
        return _bytes(entry.bytes)
    published = [file.bytes for file in card.files]
    size = mirrored.get(card.name) or (None if None in published else sum(published))
    return f"{_bytes(size)} to fetch" if size else "not published"


def _bytes(size: int | None) -> str:
    from kitutils.data import files

    return files.megabytes(size) if size is not None else "size not published"


def _plain(text: str):
    from rich.text import Text

    return Text(text)


def _console() -> Console:
    """A console for tables: as wide as the terminal, or wide enough where there is none."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=140)
