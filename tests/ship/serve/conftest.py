"""Exports to serve: copies of the folders of ``shipped``, under any name and version; and a host of them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kitutils.ship.manifest import read_manifest

LEFT_OUT = ("keras", "savedmodel")  # what a service without TensorFlow does not run


@pytest.fixture(scope="session")
def put(shipped):
    """``put(kind, folder, name=…, version=…)``: an export of images, texts or rows in that folder; gives the folder."""

    def copy(kind, folder, **facts):
        manifest, folder = shipped(kind).manifest, Path(folder)
        forms = {form: one for form, one in manifest.forms.items() if form not in LEFT_OUT}
        left = {name for form in LEFT_OUT for name in manifest.files_of(manifest.forms[form].path)}
        files = {name: entry for name, entry in manifest.files.items() if name not in left}
        folder.mkdir(parents=True)
        for name in files:
            shutil.copyfile(manifest.folder / name, folder / name)
        replace(manifest, forms=forms, files=files, **{"name": kind, "version": "1", **facts}).write(folder)
        assert read_manifest(folder).name == facts.get("name", kind)
        return folder

    return copy


@pytest.fixture(scope="session")
def exports(put, tmp_path_factory):
    """A folder that holds an export of each kind, by its name: images, texts, rows. Not to be changed."""
    below = tmp_path_factory.mktemp("served")
    for kind in ("images", "texts", "rows"):
        put(kind, below / kind)
    return below


@pytest.fixture
def host(exports):
    """A host of one model of each kind, with the default settings; not started."""
    from kitutils.ship.serve import Host, Settings

    return Host([exports], Settings())
