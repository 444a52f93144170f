"""Storages of studies: a journal file, a database, or a gRPC proxy in front of a database."""

import signal
import warnings
from contextlib import contextmanager
from pathlib import Path

from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage, run_grpc_proxy_server
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from utils.console.outputs import check_output

SQLITE_WAIT = 60  # seconds that a worker waits while another writes
JOURNAL_START = '{"op_code"'
PORT = 13000  # Optuna's default


def open_storage(place: str) -> BaseStorage:
    """Opens the storage of `--storage`: a path (a journal), grpc://HOST:PORT, or a URL of SQLAlchemy.

    Raises:
        ValueError: the storage cannot be opened. The message does not contain the URL, which may contain a password.
    """
    if "://" not in place:
        return _journal(Path(place))
    if place.startswith("grpc://"):
        with quiet():
            host, port = address(place.removeprefix("grpc://"))
            return GrpcStorageProxy(host=host, port=port)
    arguments = {"connect_args": {"timeout": SQLITE_WAIT}} if place.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        return RDBStorage(place, engine_kwargs=arguments)
    except Exception as error:  # SQLAlchemy, Alembic and each driver have different errors
        raise ValueError(f"cannot open the {place.split(':')[0]} storage: {reason(error)}") from error


def serve(storage: str, place: str) -> None:
    """Serves the database `storage` at HOST:PORT, or at PORT of this machine only, until Ctrl-C.

    Raises:
        ValueError: the storage cannot be opened, or is a journal: Optuna's proxy gives trials of a journal to two workers
            (Optuna issues 6084, 6172).
        KeyboardInterrupt: always, on Ctrl-C.
    """
    host, port = address(place)
    if "://" not in storage:
        raise ValueError("a proxy needs a database behind it, such as --storage sqlite:///study.db, got a journal")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells make background processes (&) ignore SIGINT
    with quiet():
        run_grpc_proxy_server(open_storage(storage), host=host, port=port)


def address(place: str) -> tuple[str, int]:
    """Returns host and port of "host:port", "host" or "port".

    Raises:
        ValueError: the port is not a number.
    """
    host, _, port = place.rpartition(":") if ":" in place or place.isdigit() else (place, "", str(PORT))
    if not port.isdigit():
        raise ValueError(f"an address must be HOST:PORT, got {place!r}")
    return host or "localhost", int(port)


def of_storage(error: Exception) -> bool:
    """Returns whether an error comes from the storage or its driver, not from a training."""
    return type(error).__module__.startswith(("sqlalchemy", "grpc", "optuna"))


def reason(error: BaseException) -> str:
    """Returns the first line of the original cause of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _journal(path):
    try:
        path = check_output(path, _is_journal)
        _remove_partial_line(path)
        return JournalStorage(JournalFileBackend(str(path)))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"cannot read {path} as a study's journal: {reason(error)}") from error


def _is_journal(path):
    """Returns whether a file starts like an Optuna journal; a full disk may have cut off even the start."""
    start = path.read_text()[: len(JOURNAL_START)]
    return JOURNAL_START.startswith(start)


def _remove_partial_line(path):
    """Removes an incomplete last line, which a full disk can leave and which no worker could read."""
    if not path.exists():
        return
    lock = JournalFileSymlinkLock(str(path))  # the lock of processes that write
    lock.acquire()
    try:
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


@contextmanager
def quiet():
    """Suppresses Optuna's warnings about experimental features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
