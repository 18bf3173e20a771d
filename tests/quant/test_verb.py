"""``tinycc-ml quantize``."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from tests.quant.kws import DATA, TFLITE
from tests.shared_data import shared_path
from tinycc_ml.cli.quantize import command
from tinycc_ml.importers import import_model


def test_a_file_and_a_report(tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    model, data = str(shared_path(TFLITE)), str(shared_path(DATA))
    arguments = [model, "--calibration", data, "--samples", "8", "-o", str(output), "--json"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["kind"] == "quantize"
    assert all(layer["sqnr_db"] is None or layer["sqnr_db"] > 20 for layer in found["report"])
    assert any(node.op == "conv2d" for node in import_model(output).nodes)
    assert [path.name for path in tmp_path.iterdir()] == ["q.onnx"]
