"""A private PostgreSQL in a temporary folder, from Debian's programs, over a Unix socket alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

PROGRAMS = Path("/usr/lib/postgresql")
START_LIMIT_S = 60


def find_programs() -> Path | None:
    """The newest version's folder of programs, or None."""
    found = [path for path in PROGRAMS.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def may_start() -> str:
    """Why no server can be started here; empty when one can."""
    if find_programs() is None:
        return "PostgreSQL's programs are absent: apt-get install postgresql"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL refuses root and runuser is absent"
    return ""


@contextmanager
def server() -> Iterator[Path]:
    """A running server; the folder of its socket.

    The folder is not one of pytest's: every start of pytest by the same user closes its common
    parent to all others, and a server that runs as user postgres would lose its files.
    """
    programs = find_programs()
    if programs is None:
        raise RuntimeError(may_start())
    with tempfile.TemporaryDirectory(prefix="podyard-pg-", ignore_cleanup_errors=True) as folder:
        yield from _run_server(programs, Path(folder))


def _run_server(programs: Path, folder: Path) -> Iterator[Path]:
    data, sockets = folder / "data", folder / "sockets"
    for path in (data, sockets):
        path.mkdir(parents=True, mode=0o700)
    _give_away(folder)
    _run(
        programs / "initdb",
        "--auth=trust",
        "--username=podyard",
        "--encoding=UTF8",
        "--no-sync",
        "-D",
        data,
    )
    start(sockets)
    try:
        yield sockets
    finally:
        stop(sockets)


def stop(sockets: Path) -> None:
    """End the server at once, as a crash would."""
    _control(sockets, "-m", "immediate", "stop")


def start(sockets: Path) -> None:
    """Start it again where it was; it recovers from its log."""
    options = f"-c listen_addresses='' -c unix_socket_directories={sockets} -c fsync=off"
    _control(sockets, "-l", str(sockets.parent / "server.log"), "-o", options, "start")


def _control(sockets: Path, *arguments: str) -> None:
    programs = find_programs()
    if programs is None:
        raise RuntimeError(may_start())
    data = sockets.parent / "data"
    _run(programs / "pg_ctl", "-D", data, "-w", "-t", str(START_LIMIT_S), *arguments)


def _give_away(folder: Path) -> None:
    """PostgreSQL refuses root: the folder becomes its own user's."""
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres", "postgres")


def _run(program: Path, *arguments: object) -> None:
    command = [str(program), *(str(one) for one in arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(
        command,
        check=False,
        # The server inherits what is open here: a pipe would never end.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        timeout=START_LIMIT_S * 2,
        cwd="/",
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} ended with {done.returncode}")


def url_of(sockets: Path, name: str) -> str:
    """The address of one of the server's databases."""
    return f"postgresql+psycopg://podyard@/{name}?host={sockets}"


def create_database(sockets: Path, name: str, *, template: str = "template1") -> None:
    """A copy of another database that nobody is connected to."""
    _administer(sockets, f"CREATE DATABASE {name} TEMPLATE {template}")


def drop_database(sockets: Path, name: str) -> None:
    """Remove a database, whoever is connected to it."""
    _administer(sockets, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _administer(sockets: Path, statement: str) -> None:
    admin = sa.create_engine(url_of(sockets, "postgres"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(statement)
    finally:
        admin.dispose()
