"""Operators of other packages: the example works from file to C, and bad packages are named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.end_to_end.projects import HostModel, build_host, compile_bytes, extreme_inputs
from tests.shared_data import REPOSITORY
from tests.tflite_builder import ModelBuilder
from tinycc_ml.compiler import Compilation, compile_model, generate
from tinycc_ml.errors import ExtensionError, UnsupportedError
from tinycc_ml.kernels import portable
from tinycc_ml.ops import evaluate, integerize, registry
from tinycc_ml.ops.extension import extensions
from tinycc_ml.targets import load_board

EXAMPLE = REPOSITORY / "examples" / "custom-operator"
Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package with one entry point where Python finds it, and forgets it afterwards."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    monkeypatch.setattr(portable, "PORTABLE", dict(portable.PORTABLE))
    modules = set(sys.modules)

    def put(code: str, value: str) -> None:
        (site / "someone.py").write_text(code, encoding="utf-8")
        info = site / "someone-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someone\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tinycc_ml.operators]\nmine = {value}\n")
        extensions.cache_clear()

    yield put
    extensions.cache_clear()
    for name in set(sys.modules) - modules:
        if name.split(".")[0] in ("someone", "tinycc_ml_snake"):
            del sys.modules[name]


@pytest.fixture
def snake(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    install("", "tinycc_ml_snake:EXTENSION")


def onnx_model(folder: Path, **attributes: float) -> Path:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, (2, 9)) for n in "xy")
    nodes = [
        helper.make_node("Tanh", ["x"], ["a"]),
        helper.make_node("Snake", ["a"], ["y"], domain="com.example", **attributes),
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=opsets)
    path = folder / "m.onnx"
    onnx.save(model, path)
    return path


def _built(compilation: Compilation, folder: Path) -> HostModel:
    (host,) = build_host([compilation], folder)
    return host


def tflite_model(folder: Path) -> Path:
    b = ModelBuilder()
    x = b.input("x", (1, 40), "int8", 0.0625, 3)
    a, y = b.tensor("a", (1, 40), "int8", 0.125, 0), b.tensor("y", (1, 40), "int8", 0.03125, -1)
    b.operator("CUSTOM", [x], [a], custom_code="Snake")
    b.operator("RELU", [a], [y])
    b.output(y)
    path = folder / "m.tflite"
    path.write_bytes(b.build())
    return path


@pytest.mark.usefixtures("snake")
def test_the_example_in_float(tmp_path: Path) -> None:
    compilation = compile_model(onnx_model(tmp_path, alpha=2.5), load_board("host"))
    x = np.random.default_rng(0).normal(size=(2, 9)).astype(np.float32)
    (y,) = _built(compilation, tmp_path).run([x])
    a = np.tanh(x.astype(np.float64))
    assert np.abs(y - (a + np.sin(2.5 * a) ** 2 / 2.5)).max() < 1e-5
    text = generate(compilation)["m.c"]
    assert "  const float alpha = 2.5" in text and "#include <math.h>" in text


@pytest.mark.usefixtures("snake")
def test_the_example_in_integers(tmp_path: Path) -> None:
    path = tflite_model(tmp_path)
    compilation = compile_model(path, load_board("host"))
    host = _built(compilation, tmp_path)
    for (x,) in extreme_inputs(compilation.manifest, 3):
        values = evaluate(integerize(compilation.imported), [x])
        assert host.run([x])[0].tobytes() == values[compilation.imported.outputs[0]].tobytes()
    # With the rectifier behind it, it is one table like our own functions.
    assert [node.op for node in compilation.graph.nodes] == ["table"]


@pytest.mark.usefixtures("snake")
def test_the_example_alone_in_integers(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.input("x", (1, 40), "int8", 0.0625, 3), b.tensor("y", (1, 40), "int8", 0.125, 0)
    b.operator("CUSTOM", [x], [y], custom_code="Snake")
    b.output(y)
    compilation = compile_bytes(b.build(), "m")
    assert [call.op for call in compilation.program.calls] == ["snake"]
    host = _built(compilation, tmp_path)
    for (inputs,) in extreme_inputs(compilation.manifest, 3):
        values = evaluate(compilation.integers, [inputs])
        assert host.run([inputs])[0].tobytes() == values[compilation.graph.outputs[0]].tobytes()


@pytest.mark.usefixtures("snake")
def test_what_the_package_refuses_is_told_like_our_own(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"Snake.*alpha -1.0; allowed are positive"):
        compile_model(onnx_model(tmp_path, alpha=-1.0), load_board("host"))


def test_without_the_package_the_operator_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="Snake"):
        compile_model(tflite_model(tmp_path), load_board("host"))


_HEAD = """
from tinycc_ml.ops import OpDef
from tinycc_ml.ops.relu import Relu
from tinycc_ml.ops.extension import Extension, c_body
"""
_GOOD = """
class Mine(Relu):
    name = "mine"
"""


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        ("", "someone:MISSING", "cannot be loaded (AttributeError"),
        ("1 / 0", "someone:X", "cannot be loaded (ZeroDivisionError: division by zero)"),
        ("X = 5", "someone:X", "is int; needed tinycc_ml.ops.extension.Extension"),
        ("X = Extension(5, 'A')", "someone:X", "no subclass of OpDef"),
        (
            "class A(OpDef):\n    name = summary = 'a'\nX = Extension(A, 'A')",
            "someone:X",
            "does not define access, infer, integerize, lower, reference",
        ),
        ("X = Extension(Relu, 'A')", "someone:X", "there is an operator relu already"),
        (_GOOD + "X = Extension(Mine)", "someone:X", "neither a custom code"),
        (_GOOD + "X = Extension(Mine, onnx='Mine')", "someone:X", "'Mine' names no domain"),
        (
            _GOOD + "Mine.dtypes = ('int7',)\nX = Extension(Mine, 'A')",
            "someone:X",
            "element types ['int7']",
        ),
        (_GOOD + "Mine.name = 'My op'\nX = Extension(Mine, 'A')", "someone:X", "is no name"),
    ],
)
def test_bad_packages_are_named(install: Install, code: str, value: str, message: str) -> None:
    install(_HEAD + code, value)
    with pytest.raises(ExtensionError) as caught:
        extensions()
    text = str(caught.value)
    assert message in text and f"entry point mine = {value}" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def infer(self, attrs, inputs):\n        return inputs[7]", "infer: IndexError"),
        (
            "is_elementwise = False\n"
            "    def lower(self, workload):\n        return c_body(workload, '')",
            "its C is empty",
        ),
        ("def check(self, bound):\n        raise KeyError('k')", "check: KeyError: 'k'"),
    ],
)
def test_failures_of_a_package_are_told_as_its_own(
    install: Install, tmp_path: Path, body: str, message: str
) -> None:
    install(f"{_HEAD}{_GOOD}    {body}\nX = Extension(Mine, 'Snake')", "someone:X")
    with pytest.raises(ExtensionError, match="mine") as caught:
        compile_model(tflite_model(tmp_path), load_board("host"), kernels="portable")
    assert message in str(caught.value)
