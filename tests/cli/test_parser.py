"""Arguments that cannot be understood: for people as argparse tells it, for programs in JSON."""

from __future__ import annotations

import json

import pytest

from initkit.cli import main

WRONG = [
    (["plan"], "plan", "the following arguments are required: RECIPE"),
    (["plan", "r.yaml", "--bogus"], "", "unrecognized arguments: --bogus"),
    (
        ["plan", "r.yaml", "--seed", "x"],
        "plan",
        "argument --seed: 'x' is no seed; write an integer from 0 up",
    ),
    (["build", "r.yaml", "-o", "f", "--max-shard-size", "x"], "build", "argument --max-shard-size: "),
    (["build", "r.yaml", "-o"], "build", "argument -o/--output: expected one argument"),
    (["show", "zeros", "--shape", "a"], "show", "argument --shape: 'a' is no shape"),
    (["bild"], "", "argument COMMAND: invalid choice: 'bild'"),
    ([], "", "the following arguments are required: COMMAND"),
]


@pytest.mark.parametrize(("arguments", "command", "message"), WRONG)
@pytest.mark.parametrize("at", [0, -1])
@pytest.mark.parametrize("flag", ["--json", "--js"])
def test_errors_in_json(
    arguments: list[str],
    command: str,
    message: str,
    at: int,
    flag: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wherever `--json` stands, there is one line of JSON on stderr, and a code of 2."""
    argv = [flag, *arguments] if at == 0 else [*arguments, flag]
    for given in (argv, None):
        monkeypatch.setattr("sys.argv", ["initkit", *argv])
        assert main(given) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        event = json.loads(err)
        assert list(event) == ["event", "message"]
        assert event["event"] == "error"
        # Before a command the flag itself is what is not known, where nothing else is wrong.
        assert message in event["message"] or (at == 0 and "--bogus" in message)
        name = f"initkit {command}".strip()
        assert event["message"].endswith(f". Run `{name} --help` for what is allowed.")


@pytest.mark.parametrize(("arguments", "command", "message"), WRONG)
def test_errors_in_text(
    arguments: list[str], command: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the flag there is the command's usage, and the message after it."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    name = f"initkit {command}".strip()
    assert err.startswith(f"usage: {name} ")
    assert f"\n{name}: error: {message}" in err
