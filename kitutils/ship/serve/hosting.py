"""The models that a service holds: loaded, watched, and swapped for a new version while requests run.

Lessons: 52.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from kitutils.ship.faults import ShipError
from kitutils.ship.serve.folders import Found, check, look, order
from kitutils.ship.serve.loading import Served, loaded
from kitutils.ship.serve.metrics import Metrics
from kitutils.ship.serve.settings import Settings

log = logging.getLogger(__name__)
LOADING, AVAILABLE, UNLOADING, END = "LOADING", "AVAILABLE", "UNLOADING", "END"  # as TF Serving calls them
REMEMBERED = 16  # versions of a model that were unloaded and are still told of

__all__ = ["Host", "Served", "Unknown"]


class Unknown(ShipError):
    """No such model, or no such version of it, is served."""


class Host:
    """Models by name and version, as they lie in some folders, whatever happens to the folders.

    A new or changed export is loaded beside the old one in a thread and takes its place when it is ready; whoever has
    a lease finishes on the old one. One that cannot be loaded changes nothing: ``status`` says why, the log says it
    once, and it is tried again when its folder changes again.

    Args:
        folders: each an export, or one whose subfolders are exports, of which ``settings.keep`` versions are served.
        settings: of the service.
        metrics: that are told of loads, batches and queues.
    """

    def __init__(self, folders: Iterable[str | Path], settings: Settings, metrics: Metrics | None = None) -> None:
        self._roots = [Path(folder) for folder in folders]
        self._settings, self._metrics = settings, metrics
        self._served: dict[tuple[str, str], Served] = {}
        self._versions: dict[str, list[str]] = {}  # of _served, sorted
        self._leaving: list[Served] = []
        self._ended: dict[str, list[str]] = {}
        self._failed: dict[Path, tuple[Found, str]] = {}  # as the folder lay there, and why it is not served
        self._said: dict[Path, str] = {}  # of a folder, the last failure that the log has
        self._loading: Found | None = None
        self._turn = asyncio.Lock()
        self._closing: set[asyncio.Task] = set()
        self._watcher: asyncio.Task | None = None

    @property
    def names(self) -> list[str]:
        """The models that are served, sorted."""
        return sorted(self._versions)

    @property
    def ready(self) -> bool:
        """Whether everything was loaded and ``stop`` was not called."""
        return self._watcher is not None

    def versions(self, name: str) -> list[str]:
        """The versions of a model that are served, highest last.

        Raises:
            Unknown: there is none.
        """
        if name not in self._versions:
            raise Unknown(f"There is no model {name!r:.60}. Served: {', '.join(self.names) or 'none'}.")
        return list(self._versions[name])

    def status(self, name: str) -> list[tuple[str, str, str]]:
        """Version, state and error message ("" if all is well) of all that is known of a model, highest last.

        Raises:
            Unknown: nothing is known of it.
        """
        errors = {key: message for one, message in self._failed.values() for key in self._keys(one)}
        states = dict.fromkeys(self._ended.get(name, ()), END)
        states |= {version: END for known, version in errors if known == name}
        states |= {one.version: UNLOADING for one in self._leaving if one.name == name}
        if self._loading and self._loading.name == name:
            states[self._loading.version] = LOADING
        states |= dict.fromkeys(self._versions.get(name, ()), AVAILABLE)
        if not states:
            self.versions(name)  # raises
        return [(version, states[version], errors.get((name, version), "")) for version in sorted(states, key=order)]

    @asynccontextmanager
    async def lease(self, name: str, version: str | None = None) -> AsyncIterator[Served]:
        """A version, not unloaded as long as the block lasts. None takes the highest.

        Raises:
            Unknown: it is not served; the message names what is.
        """
        versions = self.versions(name)
        one = self._served.get((name, versions[-1] if version is None else version))
        if one is None:
            raise Unknown(f"{name} has no version {version!r:.60}. Served: {', '.join(versions)}.")
        one.leases += 1
        try:
            yield one
        finally:
            one.leases -= 1
            if one.leaving and not one.leases:
                self._close(one)

    async def start(self) -> None:
        """Load everything, then watch the folders.

        Raises:
            BadExport, ShipError: something cannot be loaded; then nothing is served.
        """
        found = await asyncio.to_thread(look, self._roots)
        check(self._roots, found)
        ready = [await asyncio.to_thread(loaded, one, self._settings, self._metrics) for one in self._wanted(found)]
        for one in ready:
            self._admit(one)
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Watch no more, answer what was accepted, end."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        async with self._turn:
            await asyncio.gather(*(one.batcher.close() for one in [*self._served.values(), *self._leaving]))
            await asyncio.gather(*self._closing)

    async def refresh(self) -> None:
        """Look at the folders once: load what is new or changed, then unload what is gone or too old."""
        async with self._turn:
            found = await asyncio.to_thread(look, self._roots, [one.folder for one in self._served.values()])
            seals = {one.folder: one.seal for one in found}
            self._failed = {place: pair for place, pair in self._failed.items() if seals.get(place) == pair[0].seal}
            self._said = {place: message for place, message in self._said.items() if place in seals}
            for one in found:
                if one.error and one.folder not in self._failed:
                    self._fail(one, one.error)
            while missing := [one for one in self._wanted(found) if not self._is_served(one)]:
                await self._try(missing[0])
            self._retire({one.key for one in self._wanted(found)})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                await self.refresh()
            except Exception:  # whatever it was, what is served stays, and the next look may go well
                log.exception("The folders could not be looked at.")

    def _wanted(self, found: Iterable[Found]) -> list[Found]:
        """What should be served: of each root the newest versions of each model. A folder that failed counts as what
        is still served from it."""
        groups: dict[tuple[Path, str | None], list[Found]] = {}
        for one in found:
            here = [one]
            if one.folder in self._failed:
                here = [old.found for old in self._served.values() if old.folder == one.folder]
            for kept in here:
                groups.setdefault((kept.root, kept.name), []).append(kept)
        newest = [sorted(group, key=lambda one: order(one.version)) for group in groups.values()]
        return [one for group in newest for one in group[-self._settings.keep :]]

    def _is_served(self, one: Found) -> bool:
        served = self._served.get(one.key)
        return served is not None and served.found.seal == one.seal

    async def _try(self, one: Found) -> None:
        self._loading = one
        try:
            self._admit(await asyncio.to_thread(loaded, one, self._settings, self._metrics))
        except Exception as error:
            self._fail(one, str(error) if isinstance(error, ShipError) else f"{error.__class__.__name__}: {error}")
        finally:
            self._loading = None

    def _fail(self, one: Found, message: str) -> None:
        self._failed[one.folder] = one, message
        if self._said.get(one.folder) != message:  # a folder that is being copied changes again and again
            log.error("%s is not loaded; what is served stays. %s", one.folder, message)
        self._said[one.folder] = message
        if self._metrics:
            self._metrics.load_failed(next((name for name, _ in self._keys(one)), None))

    def _keys(self, one: Found) -> list[tuple[str, str]]:
        """The name and version of an export; if it does not say, of what is served from its folder."""
        return [one.key] if one.name is not None else [k for k, old in self._served.items() if old.folder == one.folder]

    def _admit(self, one: Served) -> None:
        old = self._served.get(one.found.key)
        self._served[one.found.key] = one
        self._said.pop(one.folder, None)
        self._sort(one.name)
        if self._metrics:
            self._metrics.loaded(one.name, one.version, lambda: one.batcher.waiting)
        log.info("%s version %s is served, from %s.", one.name, one.version, one.folder)
        if old is not None:
            self._leave(old)

    def _retire(self, wanted: set[tuple[str, str]]) -> None:
        for name, versions in list(self._versions.items()):
            gone = [version for version in versions if (name, version) not in wanted]
            if gone == versions:
                gone.pop()  # the last of its name goes on, whatever became of its folder
            for version in gone:
                self._leave(self._served.pop((name, version)))
                self._ended[name] = [*self._ended.get(name, ()), version][-REMEMBERED:]
                if self._metrics:
                    self._metrics.unloaded(name, version)
                log.info("%s version %s is served no more.", name, version)
            self._sort(name)

    def _sort(self, name: str) -> None:
        self._versions[name] = sorted((version for known, version in self._served if known == name), key=order)

    def _leave(self, one: Served) -> None:
        one.leaving = True
        self._leaving.append(one)
        if not one.leases:
            self._close(one)

    def _close(self, one: Served) -> None:
        async def close() -> None:
            await one.batcher.close()
            self._leaving.remove(one)

        task = asyncio.create_task(close())
        self._closing.add(task)  # the loop itself would let it be collected
        task.add_done_callback(self._closing.discard)
