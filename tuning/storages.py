"""Where a study is kept: a journal file, a database, or a gRPC proxy in front of a database."""

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
PORT = 13000  # Optuna's own


def open_storage(place: str) -> BaseStorage:
    """Opens what `--storage` names: a path (a journal), grpc://HOST:PORT, or a database's URL as SQLAlchemy reads it.

    Raises:
        ValueError: it cannot be opened; one sentence, without the URL, which may hold a password.
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
    except Exception as error:  # SQLAlchemy's, Alembic's and each driver's own
        raise ValueError(f"cannot open the {place.split(':')[0]} storage: {reason(error)}") from error


def serve(storage: str, place: str) -> None:
    """Lets other workers reach the database of that URL at HOST:PORT, or PORT of this machine alone, until Ctrl-C.

    Raises:
        ValueError: it cannot be opened, or is a journal, whose trials Optuna's proxy hands out twice (issues 6084, 6172).
        KeyboardInterrupt: the way it ends.
    """
    host, port = address(place)
    if "://" not in storage:
        raise ValueError("a proxy needs a database behind it, such as --storage sqlite:///study.db, got a journal")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have what they start with & ignore it
    with quiet():
        run_grpc_proxy_server(open_storage(storage), host=host, port=port)


def address(place: str) -> tuple[str, int]:
    """Returns host and port of "host:port", "host" or "port".

    Raises:
        ValueError: the port is no number.
    """
    host, _, port = place.rpartition(":") if ":" in place or place.isdigit() else (place, "", str(PORT))
    if not port.isdigit():
        raise ValueError(f"an address is HOST:PORT, got {place!r}")
    return host or "localhost", int(port)


def of_storage(error: Exception) -> bool:
    """Tells whether an error is of the storage or its driver, and not of a training."""
    return type(error).__module__.startswith(("sqlalchemy", "grpc", "optuna"))


def reason(error: BaseException) -> str:
    """Returns the first line of what went wrong below, in the words of whoever knew it first."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _journal(path):
    try:
        path = check_output(path, _is_journal)
        _mend(path)
        return JournalStorage(JournalFileBackend(str(path)))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"cannot read {path} as a study's journal: {reason(error)}") from error


def _is_journal(path):
    """Tells whether a file begins as Optuna's journals do; a full disk may have cut off even the beginning."""
    begun = path.read_text()[: len(JOURNAL_START)]
    return JOURNAL_START.startswith(begun)


def _mend(path):
    """Cuts off a last line without its end, as a full disk leaves one: no worker could read past it."""
    if not path.exists():
        return
    lock = JournalFileSymlinkLock(str(path))  # which those hold who write
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
    """Keeps Optuna from saying, of what it calls experimental, that it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
