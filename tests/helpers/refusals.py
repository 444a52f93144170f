"""Command lines that a program refuses."""

from collections.abc import Callable


def refusal(main: Callable[[list[str]], int], argv: str, capsys) -> str:
    """Returns the one sentence with which a program refuses a command line; fails if it does not exit with 2."""
    try:
        code = main(argv.split())
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2 and len(error.strip().splitlines()) == 1, (code, error)
    return error
