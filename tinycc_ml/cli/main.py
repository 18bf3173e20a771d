"""The command line: finds verbs lazily and turns errors into one line and an exit code."""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from types import FrameType

import click

from tinycc_ml import __version__
from tinycc_ml.errors import InternalError, TinyccError

#: The verbs and what `--help` says of each, so that it need not load them.
_VERBS = {
    "gen": "Generate standalone C from a model for a board.",
    "quantize": "Quantize a float model with samples; write it as QDQ ONNX.",
    "run": "Run a model on inputs and print its outputs.",
    "validate": "Compare every output byte with TensorFlow Lite Micro's.",
    "bench": "Measure time per layer, RAM, stack and flash.",
    "analyze": "Show operators, shapes, MACs, bytes; tell whether it fits.",
    "firmware": "Build the firmware that a real board is measured with.",
    "flash": "Put a firmware on a board with the tool that is installed.",
    "selftest": "Check a board and its serial line in ten seconds.",
    "boards": "List the boards.",
    "ops": "List the supported operators.",
    "doctor": "Tell which tools are installed, and how to get the others.",
}
EXIT_INTERRUPTED = 130


class _LazyGroup(click.Group):
    """Loads a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"tinycc_ml.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tinycc-ml")
@click.option("-v", "--verbose", is_flag=True, help="Print details of errors.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool) -> None:
    """Compile trained networks into standalone, verified C for microcontrollers."""
    ctx.obj = {"verbose": verbose}


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script; exits with 0, 1 (user error), 2 (usage), 3 (bug)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    verbose = "-v" in arguments or "--verbose" in arguments
    _end_in_order()
    try:
        cli.main(args=arguments, prog_name="tinycc-ml", standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe has seen enough; that is no error.
        sys.stderr.close()
        sys.exit(0)
    except TinyccError as error:
        _report(error, verbose)
        sys.exit(error.exit_code)
    except Exception:
        click.echo(traceback.format_exc(), err=True)
        click.echo("tinycc-ml: internal error; this is a bug, please report it", err=True)
        sys.exit(InternalError.exit_code)


def _end_in_order() -> None:
    """Makes the other ways to be ended like Ctrl-C: emulators and temporary folders go with us."""

    def end(number: int, _frame: FrameType | None) -> None:
        click.echo("interrupted", err=True)
        sys.exit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # Whoever wants it ignored (nohup) keeps that.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _report(error: TinyccError, verbose: bool) -> None:
    click.echo(f"tinycc-ml: {error}", err=True)
    if error.details and (verbose or isinstance(error, InternalError)):
        click.echo(error.details, err=True)
    elif error.details:
        click.echo("(more with -v: tinycc-ml -v ...)", err=True)
