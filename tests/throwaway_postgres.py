"""A PostgreSQL server for the time of a test run: no network, no durability, gone afterwards.

The binaries are looked for on the PATH and where Debian puts them. PostgreSQL refuses to run as
root, so root hands it to the account ``postgres`` or ``nobody``.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "heartreach"
FIXED = {  # nothing here outlives the run
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "24MB",
    "autovacuum": "off",
}


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, or None."""
    found = shutil.which("postgres")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders += sorted(Path("/usr/local/opt").glob("postgresql*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


class Postgres:
    """A running server. ``new_database`` makes one that is empty, or a copy of another."""

    def __init__(self, folder: Path, programs: Path, account: str | None) -> None:
        self._folder = folder
        self._programs = programs
        self._account = account
        self._numbers = itertools.count(1)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        data = self._folder / "data"
        if not data.exists():
            options = ["-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
            self._run("initdb", "-D", str(data), *options)
        command = [str(self._programs / "postgres"), "-D", str(data), "-k", str(self._folder)]
        for name, value in FIXED.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, user=self._account
            )
        self._wait()

    def stop(self) -> None:
        """End it at once, as a crash of the server's machine would look to its clients."""
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: immediate shutdown
            self.process.wait(20)
            self.process = None

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    def new_database(self, template: str = "template0") -> str:
        """Create a database and return its address."""
        name = f"d{next(self._numbers)}"
        self.sql(f'CREATE DATABASE {name} TEMPLATE {template} STRATEGY "file_copy"')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever still uses it."""
        self.sql(f"DROP DATABASE IF EXISTS {self.name_of(url)} WITH (FORCE)")

    def name_of(self, url: str) -> str:
        """The name within an address."""
        return url.partition("@/")[2].partition("?")[0]

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        import psycopg  # noqa: PLC0415 - only where there is a server

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=self._account,
        )

    def _wait(self) -> None:
        import psycopg  # noqa: PLC0415

        end_s = time.monotonic() + 20.0
        while True:
            try:
                self.sql("SELECT 1")
            except psycopg.OperationalError:
                assert self.process is not None
                stopped = self.process.poll() is not None
                if stopped or time.monotonic() > end_s:
                    log = (self._folder / "log").read_text("utf-8", "replace")
                    raise RuntimeError(f"PostgreSQL does not start: {log[-2000:]}") from None
                time.sleep(0.05)
            else:
                return


@contextmanager
def running(programs: Path) -> Iterator[Postgres]:
    """Run a server for the time of a ``with`` block."""
    account = _account() if os.geteuid() == 0 else None
    memory = Path("/dev/shm")
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pg", dir=where) as name:
        folder = Path(name)  # short: a socket's path has at most 107 bytes
        if account is not None:
            shutil.chown(folder, account)
        server = Postgres(folder, programs, account)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _account() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
