"""Arguments and options that several verbs take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tinycc_ml.cli.compiling import Choices

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FILE = click.Path(path_type=Path)

model_argument: _Decorator = click.argument("model", type=FILE)
models_argument: _Decorator = click.argument("models", type=FILE, nargs=-1, required=True)
board_option: _Decorator = click.option(
    "--board", "-b", required=True, help="Board name (`tinycc-ml boards`) or a board's TOML file."
)
json_option: _Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
name_option: _Decorator = click.option("--name", help="Prefix of generated names [file's stem].")


def compile_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options about what is generated, given to the command as one argument ``choices``."""

    @wraps(command)
    def gathered(*args: Any, **kwargs: Any) -> Any:
        given = {field.name: kwargs.pop(field.name) for field in fields(Choices)}
        return command(*args, choices=Choices(**given), **kwargs)

    decorated = click.option(
        "--hot-code",
        type=click.Choice(["flash", "ram", "auto"]),
        default="flash",
        show_default=True,
        help="Where kernels run; auto: in RAM those whose wait for the board's flash is worth the "
        "RAM. Start-up code has to copy them (README.md of the generated folder).",
    )(gathered)
    decorated = click.option(
        "--weights",
        type=click.Choice(["flash", "ram", "auto"]),
        default="flash",
        show_default=True,
        help="Where weights and tables lie during an inference; as for --hot-code.",
    )(decorated)
    decorated = click.option(
        "--flash-limit",
        type=click.IntRange(min=0),
        metavar="BYTES",
        help="Flash for code and weights; faster kernels that do not fit give way "
        "[the board's, an eighth of it left to the application].",
    )(decorated)
    decorated = click.option(
        "--ram-limit",
        type=click.IntRange(min=0),
        metavar="BYTES",
        help="RAM for the arena: layers run row by row where it needs that, and only there "
        "[the board's, with --optimize auto].",
    )(decorated)
    decorated = click.option(
        "--regions",
        type=click.Choice(["auto", "one", "split"]),
        default="auto",
        show_default=True,
        help="Arena as one array, or split over the board's memories, what is used most in the "
        "fastest; auto: split where one array fits nowhere.",
    )(decorated)
    decorated = click.option(
        "--region-limit",
        multiple=True,
        metavar="NAME=BYTES",
        help="What a split arena may take of one of the board's memories; may be repeated "
        "[all but an eighth].",
    )(decorated)
    decorated = click.option(
        "--optimize",
        type=click.Choice(["auto", "latency", "balanced", "ram", "flash"]),
        default="auto",
        show_default=True,
        help="Layers whole, buffers apart (latency); or row by row, outputs over inputs that die "
        "(ram); balanced: as ram, for at most 10 % more estimated cycles; auto: the fastest plan, "
        "by estimate, that fits; flash: auto, with small kernels where they are not much slower.",
    )(decorated)
    decorated = click.option(
        "--shape",
        multiple=True,
        metavar="INPUT=1,49,10,1",
        help="The shape of an input that an ONNX file leaves open; may be repeated.",
    )(decorated)
    decorated = click.option(
        "--dim",
        multiple=True,
        metavar="N=1",
        help="A symbolic dimension of an ONNX file; may be repeated.",
    )(decorated)
    decorated = click.option(
        "--kernels",
        type=click.Choice(["auto", "portable", "cmsis-nn"]),
        default="auto",
        show_default=True,
        help="The fastest kernels for the board's core; plain C for any core; or calls of "
        "CMSIS-NN, which your project has to link.",
    )(decorated)
    decorated = click.option(
        "--io",
        type=click.Choice(["arena", "external", "rows"]),
        default="arena",
        show_default=True,
        help="Where inputs and outputs live: in the arena, or only in the application's buffers; "
        "rows: the application pushes the input row by row, so that it is never in RAM as a whole.",
    )(decorated)
    return click.option(
        "--arena",
        type=click.Choice(["static", "caller"]),
        default="static",
        show_default=True,
        help="One static arena, or memory from the caller through a context (re-entrant).",
    )(decorated)


port_option: _Decorator = click.option(
    "--port",
    help="Serial port of a board: /dev/ttyACM0, COM3, socket://host:port; auto looks for the "
    "board's USB ids  [auto with --on serial].",
)


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--on``, ``--port`` and ``--cmsis-nn``."""
    command = port_option(cmsis_nn_option(command))
    return click.option(
        "--on",
        type=click.Choice(["host", "qemu", "serial"]),
        help="Run as a program on this machine, in QEMU, or on a board  [qemu; host for --board "
        "host; serial with --port].",
    )(command)


#: Where the library is that generated code may call.
cmsis_nn_option: _Decorator = click.option(
    "--cmsis-nn",
    type=FILE,
    envvar="TINYCC_ML_CMSIS_NN",
    metavar="DIR",
    help="A copy of CMSIS-NN to build with, for --kernels cmsis-nn.",
)

#: Whether samples belong together.
sequence_option = click.option(
    "--sequence",
    is_flag=True,
    help="The samples are one sequence: a model with state remembers the earlier ones. Otherwise "
    "its state is reset before each.",
)
