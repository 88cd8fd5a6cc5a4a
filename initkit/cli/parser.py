"""The arguments of the `initkit` command."""

from __future__ import annotations

import argparse
from pathlib import Path

from initkit.cli import catalogue, recipes
from initkit.version import __version__

_EPILOG = "Exit codes: 0 done; 1 a check failed; 2 wrong use, or it could not be done; 130 interrupted."


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `run` of its result is the function to call."""
    parser = argparse.ArgumentParser(
        "initkit",
        description="The first values of a model's weights: the same bits everywhere.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"initkit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_recipe_commands(commands)
    _add_catalogue_commands(commands)
    return parser


def _add_recipe_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    build = _add(commands, "build", recipes.run_build, "draw a recipe's tensors into a safetensors file")
    build.add_argument("recipe", type=Path, metavar="RECIPE", help="a YAML file")
    build.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the file to write")
    build.add_argument("-f", "--force", action="store_true", help="replace FILE if it exists")
    plan = _add(commands, "plan", recipes.run_plan, "print what a recipe's tensors would be")
    plan.add_argument("recipe", type=Path, metavar="RECIPE", help="a YAML file")
    verify = _add(
        commands, "verify", recipes.run_verify, "compare a file with what the recipe inside it gives"
    )
    verify.add_argument(
        "file", type=Path, metavar="FILE", help="a safetensors file that `initkit build` made"
    )


def _add_catalogue_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add(commands, "list", catalogue.run_list, "print all initializers")
    show = _add(commands, "show", catalogue.run_show, "print an initializer's formula, and what it makes")
    show.add_argument(
        "initializer", metavar="NAME", help="a name, or YAML such as 'random_normal: {stddev: 0.02}'"
    )
    show.add_argument(
        "--shape", type=_shape, default=(512, 256), metavar="N,M,...", help="of the tensor (default: 512,256)"
    )
    show.add_argument("--dtype", default="float32", help="of the tensor (default: float32)")
    show.add_argument("--seed", type=_seed, default=0, help="of the draw (default: 0)")
    _add(commands, "info", catalogue.run_info, "print which kernels and array libraries are in use, and why")


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object, summary: str
) -> argparse.ArgumentParser:
    """A command with what all of them have."""
    command = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=_EPILOG
    )
    command.add_argument("--json", action="store_true", help="print JSON for programs")
    command.set_defaults(run=run)
    return command


def _shape(text: str) -> tuple[int, ...]:
    try:
        lengths = tuple(int(length) for length in text.split(",") if text.strip())
    except ValueError:
        lengths = (-1,)
    if any(length < 0 for length in lengths):
        message = f"{text!r} is no shape; write lengths from 0 up with commas between them, as in 512,256"
        raise argparse.ArgumentTypeError(message)
    return lengths


def _seed(text: str) -> int:
    if not text.strip().isdecimal():
        message = f"{text!r} is no seed; write an integer from 0 up"
        raise argparse.ArgumentTypeError(message)
    return int(text)
