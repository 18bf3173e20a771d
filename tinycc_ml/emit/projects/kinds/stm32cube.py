"""A folder for a project of STM32CubeIDE or STM32CubeMX."""

from __future__ import annotations

from tinycc_ml.emit.projects.kind import Kind

KIND = Kind(
    name="stm32cube",
    summary="a folder for an STM32CubeIDE or STM32CubeMX project",
    library="{model}/model",
    selftest="{model}/selftest",
)
