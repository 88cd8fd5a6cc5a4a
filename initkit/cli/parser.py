"""The arguments of the `initkit` command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn, TypeAlias

from initkit.cli import building, catalogue, comparing, explaining, presets, recipes
from initkit.errors import ArgumentError
from initkit.recipe.building.work import parse_size
from initkit.recipe.cluster.remote import path_or_url
from initkit.version import __version__

_RECIPE = "a YAML file, a preset as gpt2@1, or - for standard input"
_EPILOG = "Exit codes: 0 done; 1 a check failed; 2 wrong use, or it could not be done; 130 interrupted."


class UsageError(Exception):
    """Arguments that cannot be understood."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(f"{message.rstrip('.')}. Run `{parser.prog} --help` for what is allowed.")
        self._parser = parser
        self._message = message

    def leave(self) -> NoReturn:
        """Print the usage and the message, and exit with 2, as argparse does it."""
        argparse.ArgumentParser.error(self._parser, self._message)


class _Parser(argparse.ArgumentParser):
    """A parser, and those of its commands, that leaves it to others how an error is told."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self, message)


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `run` of its result is the function to call.

    It raises `UsageError` where argparse's own would exit.
    """
    parser = _Parser(
        "initkit",
        description="The first values of a model's weights: the same bits everywhere.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"initkit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_recipe_commands(commands)
    _add_catalogue_commands(commands)
    return parser


def _add_recipe_commands(commands: _Commands) -> None:
    build = _add(commands, "build", building.run_build, "draw a recipe's tensors into safetensors files")
    build.add_argument("recipe", metavar="RECIPE", help=_RECIPE)
    _add_build_options(build)
    plan = _add(commands, "plan", recipes.run_plan, "print what a recipe's tensors would be")
    plan.add_argument("recipe", metavar="RECIPE", help=_RECIPE)
    plan.add_argument("--seed", type=_seed, help="in place of the recipe's")
    plan.add_argument("--dtype", help="in place of the recipe's")
    plan.add_argument("--all", action="store_true", help="print a line for each tensor; JSON has all of them")
    _add_set(plan)
    _add_only(plan, "only tensors with such names, as 'h.0.*'; may be repeated")
    _add_reading_commands(commands)
    verify = _add(commands, "verify", building.run_verify, "compare a checkpoint with what its recipe gives")
    verify.add_argument(
        "file", type=Path, metavar="PATH", help="a safetensors file, or a folder or index of several"
    )
    verify.add_argument("--recipe", help="compare with this one, and not with the one inside")
    verify.add_argument("--seed", type=_seed, help="in place of that of --recipe")
    verify.add_argument("--dtype", help="in place of that of --recipe")
    _add_set(verify)
    verify.add_argument(
        "--all", action="store_true", help="print a line for each tensor; JSON has all of them"
    )
    _add_only(verify, "compare only tensors with such names, as 'h.0.*'; may be repeated")


def _add_reading_commands(commands: _Commands) -> None:
    explain = _add(
        commands, "explain", explaining.run_explain, "print why a tensor of a recipe gets its values"
    )
    explain.add_argument("recipe", metavar="RECIPE", help=_RECIPE)
    explain.add_argument("tensor", metavar="TENSOR", help="its name, or a pattern as 'h.*.weight'")
    explain.add_argument("--seed", type=_seed, help="in place of the recipe's")
    _add_set(explain)
    diff = _add(commands, "diff", comparing.run_diff, "print in what two recipes or checkpoints differ")
    for name in ("a", "b"):
        diff.add_argument(
            name,
            metavar=name.upper(),
            help="a recipe, or - for one from standard input, a preset as gpt2@1, a safetensors file, or a"
            " folder or index of several",
        )
    listing = _add(commands, "presets", presets.run_presets, "print all presets, or the text of one")
    listing.add_argument("name", metavar="NAME", nargs="?", help="a preset with its version, as gpt2@1")
    _add(commands, "schema", explaining.run_schema, "print the JSON Schema of recipes, for editors")


def _add_build_options(build: argparse.ArgumentParser) -> None:
    build.add_argument(
        "-o",
        "--output",
        type=path_or_url,
        metavar="FILE",
        required=True,
        help="the file to write; with --max-shard-size the folder of files; with --dask also a URL",
    )
    build.add_argument(
        "-f", "--force", action="store_true", help="replace FILE, or the model in the folder, if it exists"
    )
    build.add_argument(
        "--max-shard-size", type=_size, metavar="SIZE", help="write several files of at most SIZE, as 5GB"
    )
    build.add_argument(
        "--shard", type=_shard, metavar="K/N", help="write the share of the K-th of N processes, from 1"
    )
    build.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="spread the work over a Dask cluster: its scheduler's address, or the file it writes",
    )
    build.add_argument("--seed", type=_seed, help="in place of the recipe's")
    build.add_argument("--dtype", help="in place of the recipe's")
    _add_set(build)
    _add_only(build, "build only tensors with such names, as 'h.0.*'; may be repeated")
    build.add_argument("--dry-run", action="store_true", help="say what would be written, and write nothing")
    build.add_argument(
        "--restart", action="store_true", help="discard what an interrupted build left, and begin anew"
    )
    build.add_argument(
        "--sync", action="store_true", help="wait until the files are safe from a power failure"
    )


def _add_only(command: argparse.ArgumentParser, summary: str) -> None:
    command.add_argument("--only", action="append", default=[], metavar="GLOB", help=summary)


def _add_set(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another value of a variable, a number or an expression, as n_layer=2; may be repeated",
    )


def _add_catalogue_commands(commands: _Commands) -> None:
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


def _add(commands: _Commands, name: str, run: object, summary: str) -> argparse.ArgumentParser:
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


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ArgumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _shard(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not slash or not number.isdecimal() or not count.isdecimal() or not 1 <= int(number) <= int(count):
        message = f"{text!r} is no share; write which of how many, from 1/N to N/N, as in 2/8"
        raise argparse.ArgumentTypeError(message)
    return int(number), int(count)


def _setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        message = f"{text!r} sets no variable; write NAME=VALUE, as in n_layer=2"
        raise argparse.ArgumentTypeError(message)
    return name.strip(), value.strip()


def _seed(text: str) -> int:
    if not text.strip().isdecimal():
        message = f"{text!r} is no seed; write an integer from 0 up"
        raise argparse.ArgumentTypeError(message)
    return int(text)
