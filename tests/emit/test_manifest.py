"""manifest.json is read back as it was written; a damaged one is a clean error."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes
from tinycc_ml.emit import Manifest, is_ours, load_manifest
from tinycc_ml.emit.manifest import FILE_NAME
from tinycc_ml.errors import OutputError


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return compile_bytes(NETWORKS["several_ports"](), "several_ports").manifest


def write(folder, text: str):
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_round_trip(name, tmp_path):
    manifest = compile_bytes(NETWORKS[name](), name).manifest
    assert load_manifest(write(tmp_path, manifest.to_json())) == manifest
    assert is_ours(tmp_path)


def test_every_field_is_documented(manifest):
    from tests.shared_data import REPOSITORY

    text = (REPOSITORY / "docs" / "manifest.md").read_text(encoding="utf-8")
    data = json.loads(manifest.to_json())
    names = [*data, *data["inputs"][0], *data["layers"][0]]
    assert [n for n in names if f"`{n}`" not in text] == []


def test_the_account_adds_up(manifest):
    assert manifest.macs == sum(layer.macs for layer in manifest.layers)
    assert manifest.gap_bytes == manifest.arena_bytes - manifest.lower_bound_bytes
    assert len(manifest.outputs) == 3


def test_no_manifest(tmp_path):
    with pytest.raises(OutputError, match="no readable manifest"):
        load_manifest(tmp_path)
    assert not is_ours(tmp_path)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version(tmp_path, manifest, version):
    data = {**json.loads(manifest.to_json()), "manifest_version": version}
    with pytest.raises(OutputError, match=r"this tool reads version 1; run `tinycc-ml gen` again"):
        load_manifest(write(tmp_path, json.dumps(data)))


@pytest.mark.parametrize("field", [f.name for f in fields(Manifest)])
@pytest.mark.parametrize("value", [None, 7, "x", [1], [[]], {"a": 1}, [{"name": 3}]])
def test_a_field_of_another_type(tmp_path, manifest, field, value):
    data = {**json.loads(manifest.to_json()), field: value}
    folder = write(tmp_path, json.dumps(data))
    try:
        found = load_manifest(folder)
    except OutputError:
        return
    # Only where the value is one that the field may have.
    assert value in (7, "x")
    assert replace(found, **{field: getattr(manifest, field)}) == manifest


@pytest.mark.parametrize("field", [f.name for f in fields(Manifest)])
def test_a_missing_field(tmp_path, manifest, field):
    data = json.loads(manifest.to_json())
    del data[field]
    with pytest.raises(OutputError, match="damaged"):
        load_manifest(write(tmp_path, json.dumps(data)))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"x"', "NaN", "[" * 100_000])
def test_no_json_object(tmp_path, text):
    with pytest.raises(OutputError):
        load_manifest(write(tmp_path, text))
    assert not is_ours(tmp_path)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x80", b"{\xc3\x28}"])
def test_no_utf8(tmp_path, raw):
    (tmp_path / FILE_NAME).write_bytes(raw)
    with pytest.raises(OutputError):
        load_manifest(tmp_path)
    assert not is_ours(tmp_path)


@given(data=st.data())
def test_cut_and_flipped_manifests(tmp_path_factory, manifest, data):
    raw = bytearray(manifest.to_json().encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(1, len(raw))) :]
    folder = tmp_path_factory.mktemp("m")
    (folder / FILE_NAME).write_bytes(raw)
    with suppress(OutputError):
        load_manifest(folder)
