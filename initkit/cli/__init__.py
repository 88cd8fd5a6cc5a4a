"""The `initkit` command: arguments and printing only."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from initkit.cli.parser import UsageError, make_parser
from initkit.errors import InitkitError

# What shells report for programs that a signal ended: 128 and the signal's number.
_INTERRUPTED = 130
_BROKEN_PIPE = 141
_TERMINATED = 143


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `initkit` command.

    Args:
        argv: The arguments; None takes those of the process.

    Returns:
        The exit code: 0 done; 1 a check failed; 2 wrong use, or it could not be done; 130 interrupted; 141
        nobody reads the output any more.

    Raises:
        SystemExit: By argparse, for `--help`, `--version` and, without `--json`, arguments that cannot be
            understood (2); and when the process is told to terminate (143).

    Example:
        >>> main(["show", "zeros", "--shape", "3"])
        initializer   zeros
        other names   Zeros, zero
        summary       All zeros.
        formula       w = 0.
        in Python     Zeros()
        tensor        3 float32, 3 values
        first values  0, 0, 0
        <BLANKLINE>
                  mean  std  min  max
        expected  0     0    -    -
        drawn     0     0    0    0
        0
    """
    # Names of tensors may have letters that the terminal or the pipe does not.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = make_parser().parse_args(argv)
    except UsageError as error:
        if not _asks_for_json(sys.argv[1:] if argv is None else argv):
            error.leave()
        return _fail(str(error), as_json=True)
    try:
        with _termination_as_exit():
            code: int = arguments.run(arguments)
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _fail("interrupted", arguments.json, _INTERRUPTED)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", arguments.json)
    except InitkitError as error:
        return _fail(str(error), arguments.json)


def _asks_for_json(argv: Sequence[str]) -> bool:
    """Whether `--json` is among arguments that have not been understood, if only by its beginning."""
    return any(len(text) > len("--") and "--json".startswith(text) for text in argv)


def _fail(message: str, as_json: bool, code: int = 2) -> int:
    line = json.dumps({"event": "error", "message": message}) if as_json else f"initkit: {message}"
    print(line, file=sys.stderr)
    return code


@contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that unfinished files are removed."""

    def leave(number: int, frame: object) -> NoReturn:
        raise SystemExit(_TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:
        # Only the main thread may; called from another one, the program around this decides.
        yield
        return
    try:
        yield
    finally:
        # None stands for a handler that was not set from Python, which cannot be put back.
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
