"""Models that are swapped while requests run. The folders are copies of real exports; nothing here sleeps for luck."""

import asyncio
import gc
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from kitutils.ship import BadExport, Predictor, ShipError, load, runtimes
from kitutils.ship.manifest import NAME, read_manifest
from kitutils.ship.serve import Closed, Host, Metrics, Settings, Unknown, hosting
from kitutils.ship.serve.folders import order
from kitutils.ship.verifying import SAMPLES, read_samples

MODEL = "model.tflite"


def hosted(test, *folders, metrics=None, **settings):
    """Runs ``test(host)`` on a started host, which looks at its folders only when it is told to."""

    async def body():
        host = Host(folders, Settings(**{"poll_seconds": 3600, **settings}), metrics)
        await host.start()
        try:
            return await asyncio.wait_for(test(host), 90)
        finally:
            await host.stop()

    return asyncio.run(body())


async def ask(host, name, version=None, rows=2):
    """What a version answers to its own samples; checked against what its model answered when it was exported."""
    async with host.lease(name, version) as one:
        arrays, expected = samples(one)
        found = await one.batcher.submit({key: array[:rows] for key, array in arrays.items()})
        np.testing.assert_allclose(found, expected[:rows], atol=1e-3)
        return one.version


def samples(one, known={}):  # noqa: B006  (kept: a folder may be gone while it is still served)
    """The samples of a version and what its model answered to them."""
    key = one.manifest.files[SAMPLES]["sha256"]
    if key not in known:
        known[key] = read_samples(one.manifest)
    return known[key]


async def until(true):
    """For what a thread or a watcher does, of which no event tells."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.005)


def tamper(path, keep_time=False):
    """One byte of a file changed."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + (0 if keep_time else 1)))


def touch(path):
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))


def into_place(new, folder):
    """As ``export(…, replace=True)`` puts a folder into another's place."""
    aside = folder.with_name(f".{folder.name}-old")
    folder.rename(aside)
    new.rename(folder)
    shutil.rmtree(aside)


def states(host, name="rows"):
    return [(version, state) for version, state, _ in host.status(name)]


def errors(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("kind", ["images", "texts", "rows"])
@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_it_answers_as_the_predictor_does(kind, form, exports, shipped):
    raw = shipped(kind).raw[:7]
    predictor = load(exports / kind, form)

    async def test(host):
        assert host.ready and host.names == ["images", "rows", "texts"] and host.versions(kind) == ["1"]
        assert host.status(kind) == [("1", "AVAILABLE", "")]
        async with host.lease(kind) as one:
            assert one.predictor.format == form and one.folder == exports / kind
            found = await one.batcher.submit(one.predictor.prepare(raw))
        np.testing.assert_allclose(found, predictor.outputs(predictor.prepare(raw)), atol=1e-6)

    hosted(test, exports, format=form)


def test_what_is_not_served_is_unknown_and_the_message_names_what_is(exports):
    async def test(host):
        for name, version, says in [
            ("cats", None, "no model 'cats'. Served: images, rows, texts."),
            ("rows", "7", "rows has no version '7'. Served: 1."),
            ("x" * 1000, "1", "no model 'xxx"),
        ]:
            with pytest.raises(Unknown, match=says) as caught:
                async with host.lease(name, version):
                    pass
            assert len(str(caught.value)) < 150
        for asked in (host.versions, host.status):
            with pytest.raises(Unknown, match="Served: images, rows, texts"):
                asked("cats")

    hosted(test, exports)


def test_versions_are_swapped_while_requests_run_and_none_fails(put, tmp_path):
    put("rows", tmp_path / "v1")
    seen, running = [], True

    async def client(host):
        while running:
            seen.append(await ask(host, "rows"))

    async def test(host):
        nonlocal running
        clients = [asyncio.create_task(client(host)) for _ in range(6)]
        for version in ("2", "3", "4"):
            put("rows", tmp_path / f".coming-{version}", version=version)
            (tmp_path / f".coming-{version}").rename(tmp_path / f"v{version}")
            await host.refresh()
            count = len(seen)
            await until(lambda count=count: len(seen) > count + 20)
        running = False
        await asyncio.gather(*clients)  # raises what a request raised
        assert [version for i, version in enumerate(seen) if version not in seen[:i]] == ["1", "2", "3", "4"]
        await until(lambda: states(host) == [("1", "END"), ("2", "END"), ("3", "END"), ("4", "AVAILABLE")])

    hosted(test, tmp_path)


def test_whoever_has_a_lease_finishes_on_the_old_one(put, tmp_path):
    put("rows", tmp_path / "a")

    async def test(host):
        async with host.lease("rows") as old:
            put("rows", tmp_path / "b", version="2")
            await host.refresh()
            assert states(host) == [("1", "UNLOADING"), ("2", "AVAILABLE")]
            assert await ask(host, "rows") == "2"
            with pytest.raises(Unknown):
                await ask(host, "rows", "1")
            arrays, expected = samples(old)
            np.testing.assert_allclose(await old.batcher.submit(arrays), expected, atol=1e-3)
            async with host.lease("rows", "2"):
                pass
            assert states(host)[0] == ("1", "UNLOADING")
        await until(lambda: states(host)[0] == ("1", "END"))
        with pytest.raises(Closed):
            await old.batcher.submit(arrays)

    hosted(test, tmp_path)


def test_an_unloaded_version_leaves_nothing_in_memory(put, tmp_path):
    put("rows", tmp_path / "a")

    async def test(host):
        gone = []
        for version in ("2", "3"):
            async with host.lease("rows") as one:
                gone += [weakref.ref(one), weakref.ref(one.predictor), weakref.ref(one.batcher)]
            one = None
            await ask(host, "rows")
            put("rows", tmp_path / version, version=version)
            await host.refresh()
        await until(lambda: states(host)[:2] == [("1", "END"), ("2", "END")])
        gc.collect()
        assert [reference() for reference in gone] == [None] * 6

    hosted(test, tmp_path, metrics=Metrics())


@pytest.mark.parametrize("keep_time", [False, True])
def test_an_altered_new_version_is_refused_and_the_old_one_keeps_serving(put, tmp_path, caplog, keep_time):
    put("rows", tmp_path / "a")
    metrics = Metrics()

    async def test(host):
        tamper(put("rows", tmp_path / "b", version="2") / MODEL, keep_time)
        for _ in range(3):
            await host.refresh()
            (_, state, message) = host.status("rows")[1]
            assert state == "END" and "sha256 differs" in message
            assert host.status("rows")[0] == ("1", "AVAILABLE", "")
            assert await ask(host, "rows") == "1"
        assert len(errors(caplog)) == 1 and "sha256 differs" in errors(caplog)[0]
        assert failures(metrics) == {"rows": 1}
        tamper(tmp_path / "b" / MODEL)  # the same byte again: mended
        await host.refresh()
        assert await ask(host, "rows") == "2" and host.status("rows")[-1] == ("2", "AVAILABLE", "")
        assert len(errors(caplog)) == 1
        tamper(tmp_path / "b" / MODEL)
        await host.refresh()
        assert len(errors(caplog)) == 2 and failures(metrics) == {"rows": 2}

    hosted(test, tmp_path, metrics=metrics)


def failures(metrics):
    families = text_string_to_metric_families(metrics.render()[0].decode())
    name = "kit_model_load_failures_total"
    return {s.labels["model"]: s.value for family in families for s in family.samples if s.name == name}


def test_a_version_that_can_be_loaded_but_does_not_compute_is_refused(put, tmp_path, monkeypatch):
    put("rows", tmp_path / "a")
    real = Predictor.outputs

    def outputs(self, arrays):
        if self.manifest.version == "2":
            raise ValueError("no kernel for this")
        return real(self, arrays)

    monkeypatch.setattr(Predictor, "outputs", outputs)

    async def test(host):
        put("rows", tmp_path / "b", version="2")
        await host.refresh()
        assert "fails on its own samples (ValueError: no kernel for this)" in host.status("rows")[1][2]
        assert await ask(host, "rows") == "1"

    hosted(test, tmp_path)
    with pytest.raises(BadExport, match="no kernel"):
        hosted(None, tmp_path)


def test_each_width_of_text_is_computed_before_a_version_serves(put, tmp_path, monkeypatch):
    widths, real = set(), runtimes._LiteRT.run

    def run(self, arrays):
        widths.add(next(iter(arrays.values())).shape[1])
        return real(self, arrays)

    monkeypatch.setattr(runtimes._LiteRT, "run", run)

    async def test(host):
        assert widths == set(read_manifest(tmp_path / "a").preprocessing["widths"])

    hosted(test, put("texts", tmp_path / "a"))


def test_a_file_altered_where_it_is_served_from_changes_no_answer(put, tmp_path):
    folder = put("rows", tmp_path / "a")

    async def test(host):
        tamper(folder / MODEL)
        await host.refresh()
        ((version, state, message),) = host.status("rows")
        assert (version, state) == ("1", "AVAILABLE") and "sha256 differs" in message
        assert await ask(host, "rows") == "1"
        tamper(folder / MODEL)
        await host.refresh()
        assert host.status("rows") == [("1", "AVAILABLE", "")]

    hosted(test, folder)


def test_an_error_is_forgotten_when_the_folder_is_as_it_was(put, tmp_path):
    folder = put("rows", tmp_path / "a")
    stat = (folder / MODEL).stat()

    async def test(host):
        tamper(folder / MODEL)
        await host.refresh()
        assert host.status("rows")[0][2]
        tamper(folder / MODEL)
        os.utime(folder / MODEL, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        await host.refresh()
        assert host.status("rows") == [("1", "AVAILABLE", "")]

    hosted(test, folder)


def test_a_folder_that_is_still_being_copied_is_served_when_it_is_whole(put, tmp_path, caplog):
    put("texts", tmp_path / "all" / "a")
    source, target = put("texts", tmp_path / "source", version="2"), tmp_path / "all" / "b"

    async def test(host):
        target.mkdir()
        needed = [MODEL, SAMPLES, "vocabulary.txt"]
        names = [NAME, *(p.name for p in source.iterdir() if p.name not in (NAME, *needed)), *needed]
        for name in names:
            content = (source / name).read_bytes()
            for part in (content[: len(content) // 2], content):
                (target / name).write_bytes(part)
                await host.refresh()
                assert ("1", "AVAILABLE", "") in host.status("texts") or (name, part) == (names[-1], content)
                await ask(host, "texts")
        assert await ask(host, "texts") == "2" and host.status("texts")[-1] == ("2", "AVAILABLE", "")
        assert len(set(errors(caplog))) == len(errors(caplog))  # a copy that takes long is not told at every look

    hosted(test, tmp_path / "all")


def test_a_cut_manifest_leaves_the_version_serving_that_came_from_its_folder(put, tmp_path, caplog):
    put("rows", tmp_path / "a")
    put("rows", tmp_path / "b", version="2")
    metrics = Metrics()

    async def test(host):
        whole = (tmp_path / "b" / NAME).read_text()
        (tmp_path / "b" / NAME).write_text(whole[:200])
        for _ in range(2):
            await host.refresh()
            ((version, state, message),) = host.status("rows")
            assert (version, state) == ("2", "AVAILABLE") and "cut" in message
        assert await ask(host, "rows") == "2" and len(errors(caplog)) == 1 and failures(metrics) == {"rows": 1}
        (tmp_path / "c").mkdir()
        (tmp_path / "c" / NAME).write_text("{")  # of nobody knows what
        await host.refresh()
        assert failures(metrics) == {"rows": 1, "unknown": 1} and len(host.status("rows")) == 1

    hosted(test, tmp_path, metrics=metrics)


def test_when_the_newest_is_removed_an_older_one_serves(put, tmp_path):
    for version in ("1", "2", "3"):
        put("rows", tmp_path / version, version=version)

    async def test(host):
        assert host.versions("rows") == ["3"]
        shutil.rmtree(tmp_path / "3")
        await host.refresh()
        assert await ask(host, "rows") == "2"
        await until(lambda: states(host) == [("2", "AVAILABLE"), ("3", "END")])
        tamper(tmp_path / "1" / MODEL)
        shutil.rmtree(tmp_path / "2")
        await host.refresh()  # there is nothing that could take its place
        assert await ask(host, "rows") == "2"
        put("rows", tmp_path / "3", version="3")
        await host.refresh()
        assert await ask(host, "rows") == "3" and ("3", "AVAILABLE", "") in host.status("rows")

    hosted(test, tmp_path)


def test_the_last_of_its_name_goes_on_when_its_folder_is_gone(put, tmp_path):
    put("rows", tmp_path / "rows" / "1")
    put("rows", tmp_path / "rows" / "2", version="2")

    async def test(host):
        assert await ask(host, "rows") == "2"  # takes its input from the folder that goes now
        shutil.rmtree(tmp_path / "rows")
        await host.refresh()
        assert host.versions("rows") == ["2"] and await ask(host, "rows") == "2"
        put("rows", tmp_path / "rows" / "1")
        await host.refresh()
        assert host.versions("rows") == ["1"] and await ask(host, "rows") == "1"

    hosted(test, tmp_path / "rows", keep=2)


def test_several_versions_side_by_side_and_the_oldest_makes_room(put, tmp_path):
    for version in ("9", "10", "8"):
        put("rows", tmp_path / version, version=version)

    async def test(host):
        assert host.versions("rows") == ["9", "10"]
        assert [await ask(host, "rows", version) for version in (None, "9", "10")] == ["10", "9", "10"]
        put("rows", tmp_path / "11", version="11")
        await host.refresh()
        assert host.versions("rows") == ["10", "11"] and await ask(host, "rows") == "11"

    hosted(test, tmp_path, keep=2)


def test_a_folder_that_was_named_itself_is_served_whatever_keep_says(put, tmp_path):
    folders = [put("rows", tmp_path / version, version=version) for version in ("1", "2")]

    async def test(host):
        assert host.versions("rows") == ["1", "2"]

    hosted(test, *folders, keep=1)


def test_two_folders_of_one_name_and_version_are_refused_at_the_start(put, tmp_path):
    folders = [put("rows", tmp_path / "x" / "a"), put("rows", tmp_path / "x" / "b")]
    for roots in (folders, [tmp_path / "x"], [folders[0], folders[0]]):
        with pytest.raises(BadExport, match="are both rows version 1"):
            hosted(None, *roots)


def test_a_second_folder_of_the_same_version_waits_until_the_first_is_gone(put, tmp_path, caplog):
    put("rows", tmp_path / "b")

    async def test(host):
        put("rows", tmp_path / "a")  # before it in the alphabet, after it in time
        for _ in range(2):
            await host.refresh()
            ((version, state, message),) = host.status("rows")
            assert (version, state) == ("1", "AVAILABLE") and "b and" in message and "/a are both" in message
            async with host.lease("rows") as one:
                assert one.folder == tmp_path / "b"
        assert len(errors(caplog)) == 1
        shutil.rmtree(tmp_path / "b")
        await host.refresh()
        async with host.lease("rows") as one:
            assert one.folder == tmp_path / "a"
        assert host.status("rows") == [("1", "AVAILABLE", "")]

    hosted(test, tmp_path)


def test_a_folder_that_was_renamed_goes_on_under_its_new_name(put, tmp_path):
    put("rows", tmp_path / "all" / "a")

    async def test(host):
        (tmp_path / "all" / "a").rename(tmp_path / "all" / "b")
        await host.refresh()
        async with host.lease("rows") as one:
            assert one.folder == tmp_path / "all" / "b"
        assert host.status("rows") == [("1", "AVAILABLE", "")]

    hosted(test, tmp_path / "all")


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_folder_that_is_replaced_as_export_does_it_is_swapped(put, tmp_path, version):
    folder = put("rows", tmp_path / "rows")

    async def test(host):
        async with host.lease("rows") as old:
            new = put("rows", tmp_path / ".rows-new", version=version)
            (new / NAME).write_text((new / NAME).read_text().replace('"kept"', '"KEPT"'))
            for path in new.iterdir():  # equal sizes and times, as a build makes them that is the same every time
                os.utime(path, ns=(1, (folder / path.name).stat().st_mtime_ns))
            into_place(new, folder)
            await host.refresh()
            async with host.lease("rows") as one:
                assert one.version == version and one.manifest.labels == ("KEPT", "returned")
            arrays, expected = samples(one)
            np.testing.assert_allclose(await old.batcher.submit(arrays), expected, atol=1e-3)
        await until(lambda: ("1", "UNLOADING") not in states(host))
        assert host.versions("rows") == [version] and await ask(host, "rows") == version

    hosted(test, folder)


def test_a_model_of_another_name_in_the_folder_is_served_as_well(put, tmp_path):
    put("rows", tmp_path / "a")

    async def test(host):
        put("rows", tmp_path / "b", name="orders")
        await host.refresh()
        assert host.names == ["orders", "rows"] and await ask(host, "orders") == "1"

    hosted(test, tmp_path)


def test_other_folders_and_those_that_are_being_written_are_no_versions(put, tmp_path):
    put("rows", tmp_path / "1")
    put("rows", tmp_path / ".2-x7f", version="2")
    (tmp_path / "notes").mkdir()
    (tmp_path / "readme.txt").write_text("hello")

    async def test(host):
        assert host.versions("rows") == ["1"]

    hosted(test, tmp_path)


def _empty(put, path):
    path.mkdir()
    return "holds no export"


def _absent(put, path):
    return "is no folder"


def _altered(put, path):
    tamper(put("rows", path, name="orders") / MODEL)
    return "sha256 differs"


def _altered_samples(put, path):
    tamper(put("rows", path, name="orders") / SAMPLES)
    return "sha256 differs"


def _cut_manifest(put, path):
    (put("rows", path) / NAME).write_text('{"format": 1')
    return "is cut"


def _one_of_two(put, path):
    put("rows", path / "2", version="2")
    (put("rows", path / "1") / NAME).write_text("[]")
    return "format None"


@pytest.mark.parametrize("fault", [_empty, _absent, _altered, _altered_samples, _cut_manifest, _one_of_two])
def test_it_does_not_start_on_what_is_not_whole(put, tmp_path, exports, fault):
    says = fault(put, tmp_path / "it")

    async def body():
        host = Host([exports, tmp_path / "it"], Settings())
        with pytest.raises(ShipError, match=says):
            await host.start()
        assert not host.ready and host.names == []
        await host.stop()

    asyncio.run(body())


def test_it_does_not_start_on_nothing_or_in_a_form_that_is_not_there(put, tmp_path):
    with pytest.raises(ShipError, match="nothing to serve"):
        hosted(None)
    with pytest.raises(ShipError, match="'savedmodel' is not among them"):
        hosted(None, put("rows", tmp_path / "a"), format="savedmodel")


def test_a_pickle_among_the_samples_is_never_opened(put, tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    folder = put("rows", tmp_path / "a")
    np.savez(folder / SAMPLES, expected=np.zeros((1, 1)), **{"float32:trap": np.array([Trap()], object)})
    content = (folder / SAMPLES).read_bytes()
    manifest = read_manifest(folder)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}  # it passes for the real file
    replace(manifest, files={**manifest.files, SAMPLES: entry}).write(folder)
    with pytest.raises(BadExport, match="cannot be read"):
        hosted(None, folder)
    assert not (tmp_path / "sprung").exists()


def test_stop_answers_what_was_accepted_and_ends_the_threads(put, tmp_path):
    put("rows", tmp_path / "a")
    before = set(threading.enumerate())

    async def body():
        host = Host([tmp_path], Settings(poll_seconds=3600))
        await host.start()
        async with host.lease("rows") as one:
            gate, run = threading.Event(), one.batcher._run
            one.batcher._run = lambda arrays: gate.wait(30) and run(arrays)
            tasks = [asyncio.create_task(ask(host, "rows")) for _ in range(20)]
            await until(lambda: one.batcher.waiting == 40)
            ends = [asyncio.create_task(host.stop()) for _ in range(2)]
            await asyncio.sleep(0)
            gate.set()
            await asyncio.gather(*ends)
        assert await asyncio.gather(*tasks) == ["1"] * 20 and not host.ready
        with pytest.raises(Closed):
            await ask(host, "rows")
        await host.stop()

    asyncio.run(body())
    assert not [t for t in threading.enumerate() if t.name == "batcher" and t not in before and t.is_alive()]


def test_requests_are_answered_while_a_version_loads(put, tmp_path, monkeypatch):
    put("rows", tmp_path / "a")
    gate, real = threading.Event(), hosting.loaded

    def slow(found, *more):
        assert found.version != "2" or gate.wait(30)
        return real(found, *more)

    monkeypatch.setattr(hosting, "loaded", slow)

    async def test(host):
        put("rows", tmp_path / "b", version="2")
        refresh = asyncio.create_task(host.refresh())
        await until(lambda: states(host) == [("1", "AVAILABLE"), ("2", "LOADING")])
        assert await ask(host, "rows") == "1"
        gate.set()
        await refresh
        assert await ask(host, "rows") == "2"

    hosted(test, tmp_path)


def test_a_folder_that_changes_while_it_is_loaded_is_not_mistaken(put, tmp_path, monkeypatch):
    put("rows", tmp_path / "a")
    real = hosting.loaded

    def late(found, *more):
        if found.version == "2":
            (tmp_path / ".three").rename(tmp_path / "x")
            (tmp_path / "b").rename(tmp_path / ".two")
            (tmp_path / "x").rename(tmp_path / "b")
        return real(found, *more)

    monkeypatch.setattr(hosting, "loaded", late)

    async def test(host):
        put("rows", tmp_path / ".three", version="3")
        put("rows", tmp_path / "b", version="2")
        await host.refresh()
        assert host.versions("rows") == ["1"] and "replaced while it was loaded" in host.status("rows")[1][2]
        await host.refresh()
        assert host.versions("rows") == ["3"] and await ask(host, "rows") == "3"

    hosted(test, tmp_path)


def test_the_watcher_looks_by_itself_and_outlives_a_look_that_fails(put, tmp_path, monkeypatch, caplog):
    put("rows", tmp_path / "a")
    real, broken = hosting.look, threading.Event()

    def once_broken(*given):
        if broken.is_set():
            broken.clear()
            raise OSError("the disk is away")
        return real(*given)

    monkeypatch.setattr(hosting, "look", once_broken)

    async def test(host):
        broken.set()
        await until(lambda: not broken.is_set())
        put("rows", tmp_path / ".b", version="2").rename(tmp_path / "b")
        await until(lambda: host.versions("rows") == ["2"])

    hosted(test, tmp_path, poll_seconds=0.05)
    assert "could not be looked at" in caplog.text


def test_nothing_is_loaded_anew_if_nothing_but_a_card_changed(put, tmp_path, monkeypatch):
    put("rows", tmp_path / "a")
    put("texts", tmp_path / "b")

    async def test(host):
        monkeypatch.setattr(hosting, "loaded", lambda *given: pytest.fail("loaded again"))
        async with host.lease("rows") as before:
            for words in ("Once", "Twice more"):
                (tmp_path / "a" / "MODEL_CARD.md").write_text(words, encoding="utf8")
                await host.refresh()
            async with host.lease("rows") as after:
                assert before is after

    hosted(test, tmp_path)


def test_the_metrics_say_what_is_served_and_what_it_computed(put, tmp_path):
    put("rows", tmp_path / "a")
    metrics = Metrics()

    async def test(host):
        await ask(host, "rows", rows=3)
        put("rows", tmp_path / "b", version="2")
        await host.refresh()
        await ask(host, "rows", rows=2)

    hosted(test, tmp_path, metrics=metrics)
    families = text_string_to_metric_families(metrics.render()[0].decode())
    found = {(s.name, s.labels.get("version")): s.value for family in families for s in family.samples}
    assert (found["kit_model_loaded", "1"], found["kit_model_loaded", "2"]) == (0, 1)
    assert (found["kit_batch_rows_sum", "1"], found["kit_batch_rows_sum", "2"]) == (3, 2)
    assert ("kit_queue_rows", "1") not in found and found["kit_queue_rows", "2"] == 0


@given(st.permutations(["1", "2", "10", "010", "9" * 5000, "1.9", "1.10", "2024-01-02", "2024-01-10", "beta", ""]))
@hypothesis_settings(deadline=None, max_examples=30)
def test_versions_are_ordered_as_people_count(given):
    found = sorted(given, key=order)
    assert found[:5] == ["1", "2", "010", "10", "9" * 5000]
    assert [found.index("1.9") < found.index("1.10"), found.index("2024-01-02") < found.index("2024-01-10")] == [
        True
    ] * 2


@given(st.lists(st.text(max_size=6)))
@hypothesis_settings(deadline=None)
def test_any_texts_can_be_ordered(given):
    keys = [order(text) for text in given]
    assert sorted(reversed(keys)) == sorted(keys)  # a total order, and no error on the way


@given(st.lists(st.integers(0, 10**6), unique=True))
@hypothesis_settings(deadline=None)
def test_numbers_are_ordered_as_numbers(given):
    assert sorted(map(str, given), key=order) == list(map(str, sorted(given)))


@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_serving_imports_neither_tensorflow_nor_keras_nor_pandas(exports, form):
    program = """
import asyncio, json, sys
from kitutils.ship.serve import Host, Metrics, Settings
from kitutils.ship.verifying import read_samples

async def main():
    host = Host([sys.argv[1]], Settings(format=sys.argv[2]), Metrics())
    await host.start()
    for name in host.names:
        async with host.lease(name) as one:
            await one.batcher.submit(read_samples(one.manifest)[0])
    await host.stop()

asyncio.run(main())
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
    found = subprocess.run(
        [sys.executable, "-c", program, str(exports), form], capture_output=True, text=True, timeout=120, check=True
    )
    loaded = set(json.loads(found.stdout))
    assert "kitutils" in loaded and not loaded & {"tensorflow", "keras", "pandas", "sklearn", "onnx", "tf2onnx"}
