"""Where a data set comes from: the one place that knows the order in which places are asked.

Built-in and generated sets need no asking. A download is looked for in the cache, then in the mirror, then at its
publisher; what is fetched is kept in the cache. A place that cannot be asked or lacks the set is passed over. A file
that arrives damaged is not: that is an error which names it, for a silent substitute would hide a fault that the user
can mend.
"""

from __future__ import annotations

from pathlib import Path

from kitutils import settings
from kitutils.data import store
from kitutils.data.cards import Card
from kitutils.data.faults import DamagedFile, StandInRefused, Unavailable
from kitutils.data.formats import Content


def find(card: Card) -> tuple[str, Content]:
    """The data set's source and its content; a stand-in is announced in one printed line.

    Raises:
        DamagedFile, CacheTrouble: see ``datasets.load``.
        StandInRefused: only the stand-in is left and KIT_STRICT_DATA is set; the message lists what was tried.
    """
    try:
        return real(card)
    except Unavailable as error:
        if settings.strict_data():
            raise StandInRefused(
                f"{card.name} is out of reach, and KIT_STRICT_DATA asks for the real data. Tried: {error}. "
                f"`kit data fetch {card.name}` with a network brings it; or set KIT_MIRROR to a mirror that holds it."
            ) from error
        from kitutils.data import standins

        print(f"{card.title}: stand-in used, {card.standin}. The real data is out of reach: {error}.", flush=True)
        return "stand-in", standins.make(card)


def real(card: Card) -> tuple[str, Content]:
    """Like ``find``, without the stand-in.

    Raises:
        Unavailable: no place has it; the message lists each with its reason.
    """
    if card.origin == "built-in":
        from kitutils.data import builtin

        return "built-in", builtin.read(card)
    if card.origin == "generated":
        from kitutils.data import generated

        return "generated", generated.make(card)
    tried = []
    try:
        if (content := store.read(card)) is not None:
            return "cache", content
        tried.append("it is not in the cache")
    except DamagedFile:
        tried.append("the cached file was damaged")
    if not settings.mirror() and settings.offline():
        raise Unavailable("; ".join([*tried, *_nowhere()]))
    with store.workspace(card) as space:
        return _fetch(card, space, tried)


def _fetch(card: Card, space: Path, tried: list[str]) -> tuple[str, Content]:
    try:  # another notebook may have brought it while this one waited for its turn
        if (content := store.read(card)) is not None:
            return "cache", content
    except DamagedFile:
        if space == store.folder():
            store.discard(card)
    target = store.part(card, space)
    where = settings.mirror()
    if where:
        from kitutils.data import mirror

        try:
            mirror.fetch(card, where, target)
            return "mirror", store.commit(card, space, "mirror")
        except Unavailable as error:
            tried.append(str(error))
    if settings.offline():
        raise Unavailable("; ".join([*tried, *_nowhere()]))
    from kitutils.data import publishers

    if where:
        print(f"{card.title}: {tried[-1]}; asking the publisher.", flush=True)
    try:
        publishers.fetch(card, store.downloads(card, space), target)
        return "publisher", store.commit(card, space, "publisher")
    except Unavailable as error:
        raise Unavailable("; ".join([*tried, *_nowhere(), str(error)])) from error


def _nowhere() -> list[str]:
    """What the settings leave out of the search."""
    left_out = [] if settings.mirror() else ["KIT_MIRROR is not set"]
    if settings.offline():
        why = "KIT_OFFLINE" if settings.profile() != "ci" else "KIT_PROFILE=ci"
        left_out.append(f"publishers are not asked ({why})")
    return left_out
