"""The `initkit` command as a whole: its exit codes, its messages, and how it ends when it is stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

import initkit as ik
from initkit.cli import main
from initkit.cli.progress import progress_reporter
from initkit.recipe import Recipe
from tests.recipe.texts import recipe_text

COMMANDS = ("build", "plan", "verify", "list", "show", "info")


def _run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "initkit", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    """A sound recipe in a file."""
    path = tmp_path / "r.yaml"
    path.write_text(recipe_text(), encoding="utf-8")
    return path


def test_a_model_goes_through_every_command(recipe: Path) -> None:
    """Built, verified, damaged and verified again: the exit codes are 0, 0 and 1; nothing is on stderr."""
    output = recipe.with_name("out.safetensors")
    for arguments in (
        ["plan", recipe],
        ["build", recipe, "-o", output],
        ["verify", output],
        ["list"],
        ["info"],
    ):
        done = _run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        assert done.stdout
    data = bytearray(output.read_bytes())
    data[-1] ^= 1
    output.write_bytes(data)
    done = _run("verify", output, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert not json.loads(done.stdout)["ok"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["bild"], "invalid choice: 'bild'"),
        (["build", "r.yaml"], "required: -o/--output"),
        (["plan", "nowhere.yaml"], "initkit: nowhere.yaml: there is no such file"),
        (["verify", "nowhere"], "initkit: nowhere: No such file or directory"),
        (["verify", "r.yaml"], "initkit: r.yaml"),
        (["build", "r.yaml", "-o", "no/where"], "no"),
        (["build", "r.yaml", "-o", "."], ""),
        (["plan", "bad.yaml"], "initkit: bad.yaml:3: unknown key 'sees' in a recipe."),
        (
            ["plan", "bytes.yaml"],
            "initkit: bytes.yaml: the file is not UTF-8 text: invalid start byte at byte 0.",
        ),
        (["plan", "huge.yaml"], "initkit: huge.yaml: the file is too large for a recipe."),
        (["show", "nothing"], "initkit: Could not interpret initializer identifier"),
    ],
)
def test_wrong_use_is_one_clean_message(
    recipe: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever is used wrongly exits with 2, says why on stderr without a traceback, and writes nothing."""
    monkeypatch.chdir(recipe.parent)
    Path("bad.yaml").write_text(recipe_text(variables="sees: 3\n"), encoding="utf-8")
    Path("bytes.yaml").write_bytes(b"\xff\xfe")
    with Path("huge.yaml").open("wb") as file:
        file.truncate(1 << 28)
    before = sorted(recipe.parent.iterdir())
    try:
        code = main(arguments)
    except SystemExit as error:
        code = error.code  # type: ignore[assignment]  # argparse exits with integers
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert sorted(recipe.parent.iterdir()) == before


def test_a_bad_recipe_in_a_process(recipe: Path) -> None:
    """A bad recipe is two facts for a shell: exit code 2, and a message that begins with file and line."""
    recipe.write_text(recipe_text(variables="variables: {d: e}\n"), encoding="utf-8")
    done = _run("build", recipe, "-o", recipe.with_name("out"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"initkit: {recipe}:3: unknown variable 'e' in variable 'd'.")
    assert list(recipe.parent.iterdir()) == [recipe]


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is the package's; every command explains itself and the exit codes."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"initkit {ik.__version__}\n"
    for arguments in (["--help"], *([command, "--help"] for command in COMMANDS)):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert "Exit codes: 0 done; 1 a check failed; 2 wrong use" in " ".join(
            capsys.readouterr().out.split()
        )


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows do not break in this way")
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """When nobody reads on, as with `| head -1`, the command ends quietly."""
    recipe = tmp_path / "r.yaml"
    # Far more lines than a pipe holds.
    text = recipe_text(
        tensors="tensors:\n  'a.{0..5000}.weight': [1]\n", rules="rules:\n  - {match: '*', init: ones}\n"
    )
    recipe.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "initkit", "plan", recipe, "--all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"tensor")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(60) == 141
    process.stderr.close()


def test_an_interrupt_is_130(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends the command with the code that shells give it, and with one word."""

    def interrupt(self: Recipe) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Recipe, "plan", interrupt)
    assert main(["plan", str(recipe)]) == 130
    assert capsys.readouterr() == ("", "initkit: interrupted\n")


def test_names_that_the_terminal_cannot_show(tmp_path: Path) -> None:
    """A name with letters that the output's encoding lacks is shown by their codes, and no error."""
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe_text(tensors="tensors:\n  β.weight: [1]\n  a.bias: [1]\n"), encoding="utf-8")
    done = _run("plan", recipe, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u03b2.weight" in done.stdout


def test_no_bar_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal short work says nothing, and rich is not imported."""
    with progress_reporter("drawing") as update:
        update(1, 2)
        update(2, 2)
    assert capsys.readouterr() == ("", "")
    script = "import sys; from initkit.cli import main; main(['list']);"
    script += "print('rich' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == "False\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("width", [80, 70])
def test_tables_fit_a_terminal(recipe: Path, width: int) -> None:
    """On a terminal no line of a table is wider than it; in a pipe lines are as long as they need be."""
    import pty

    name = "a.name.that.is.as.long.as.those.of.the.layers.of.real.models.weight"
    recipe.write_text(
        recipe_text(tensors=f"tensors:\n  {name}: [1024, 768]\n  a.bias: [1]\n"), encoding="utf-8"
    )
    main_end, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "initkit", "plan", recipe],
        stdout=other_end,
        env={**os.environ, "COLUMNS": str(width)},
    )
    os.close(other_end)
    shown = b""
    try:
        while part := os.read(main_end, 4096):
            shown += part
    except OSError:
        # Linux says so, and not by an empty read, when the other end has been closed.
        pass
    os.close(main_end)
    assert process.wait(60) == 0
    lines = shown.decode().splitlines()
    assert max(map(len, lines)) <= width
    assert name not in shown.decode()
    assert name in _run("plan", recipe).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_bar_where_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the bar goes up to the end, and it is wiped away after that."""
    import pty

    pytest.importorskip("rich")
    main_end, other_end = pty.openpty()
    shown = ""

    def watch() -> None:
        """Read to the end: a terminal hands on a few kilobytes at a time, and holds no more."""
        nonlocal shown
        with suppress(OSError):  # Linux' way to say that nobody writes any more
            while data := os.read(main_end, 1 << 12):
                shown += data.decode(errors="replace")

    watcher = threading.Thread(target=watch)
    watcher.start()
    with os.fdopen(other_end, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with progress_reporter("drawing") as update:
            for done in range(0, 5_000_001, 1_000_000):
                update(done, 5_000_000)
    watcher.join(60)
    os.close(main_end)
    assert "drawing" in shown
    assert "5.0/5.0 MB" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_no_bar_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal without rich there is no bar, and no complaint."""
    import pty

    main_end, other_end = pty.openpty()
    with os.fdopen(other_end, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setitem(sys.modules, "rich.progress", None)
        with progress_reporter("drawing") as update:
            update(2, 2)
    os.close(main_end)
