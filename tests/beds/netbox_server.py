"""A real NetBox on loopback, from the package registry alone: nobody here wrote what it answers.

NetBox wants a Python of its own (3.12 or newer), PostgreSQL and Redis. The environment (a minute)
and a dump of the empty, migrated database (five minutes) are made once and kept in a cache outside
the checkout, keyed by version; with both there a server answers within about fifteen seconds. The
database and Redis speak over Unix sockets alone, and the web server inherits a socket that is bound
already, so no port is guessed.

`PODYARD_NETBOX_CACHE` names the cache; else it lies below `$XDG_CACHE_HOME`, `/var/cache` (root) or
`~/.cache`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

VERSION = "4.7.3"
PEPPER = "only-for-tests-on-loopback-" * 3
"""Part of how NetBox hashes tokens: the same for every start, because the dump holds one token."""
PYTHON_WANTED = (3, 12)
INSTALL_LIMIT_S = 900  # 60 s on an idle machine: one dependency is compiled
MIGRATE_LIMIT_S = 2400  # 250 s of CPU, on machines that do other things besides
START_LIMIT_S = 240  # 15 s on an idle machine

CONFIGURATION = """
ALLOWED_HOSTS = ["*"]
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "netbox", "USER": "podyard",
    "HOST": {sockets!r}, "CONN_MAX_AGE": 0,
}}}}
REDIS = {{
    "tasks": {{"URL": "unix://{sockets}/redis?db=0"}},
    "caching": {{"URL": "unix://{sockets}/redis?db=1"}},
}}
SECRET_KEY = {pepper!r}
API_TOKEN_PEPPERS = {{1: {pepper!r}}}
CENSUS_REPORTING_ENABLED = False
ISOLATED_DEPLOYMENT = True
RELEASE_CHECK_URL = None
"""
"""`CONN_MAX_AGE` 0: `reset` replaces the database below a running server."""

GUNICORN = """
import gc

def when_ready(server):
    gc.collect()
    gc.freeze()
"""
"""What is loaded stays: looking through all of NetBox for garbage is a quarter of each request."""

FIRST_USER = """
from django.contrib.auth import get_user_model
from users.models import Token
user, _ = get_user_model().objects.get_or_create(
    username="podyard", defaults=dict(is_superuser=True, is_active=True))
token = Token(user=user, version=2)
token.save()
open({path!r}, "w").write(token.get_auth_header_prefix().removeprefix("Bearer ") + token.token)
"""


def may_start() -> str:
    """Why no NetBox can be started here; empty when one can."""
    if find_python() is None:
        return "NetBox needs Python 3.12 or newer with venv and pip: none was found"
    if find_postgres() is None:
        return "NetBox needs PostgreSQL 15 or newer: apt-get install postgresql"
    if shutil.which("redis-server") is None:
        return "NetBox needs Redis: apt-get install redis-server"
    if shutil.which("setpriv") is None:
        return "the bed ends what it starts with setpriv: apt-get install util-linux"
    return ""


def find_python() -> Path | None:
    """A Python that NetBox accepts and that can make environments."""
    names = [f"python3.{minor}" for minor in (12, 13, 14)] + ["python3"]
    found = [Path(path) for name in names if (path := shutil.which(name))]
    versions = Path.home() / ".pyenv" / "versions"
    found += sorted(versions.glob("3.*/bin/python3"))
    found += [Path("/usr/bin") / name for name in names]
    return next((path for path in found if path.exists() and _is_fit(path)), None)


def _is_fit(python: Path) -> bool:
    asked = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {PYTHON_WANTED})"
    done = subprocess.run([python, "-c", asked], check=False, capture_output=True, timeout=60)
    return done.returncode == 0


def find_postgres() -> Path | None:
    """The folder of the newest PostgreSQL's programs, 15 or newer."""
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if (p / "initdb").exists()]
    newest = max(found, key=lambda path: int(path.parent.name), default=None)
    return newest if newest is not None and int(newest.parent.name) >= 15 else None


def cache_folder() -> Path:
    """Where the environment and the dump are kept, made for its owner alone."""
    said = os.environ.get("PODYARD_NETBOX_CACHE")
    below = os.environ.get("XDG_CACHE_HOME") or (
        "/var/cache" if os.geteuid() == 0 else str(Path.home() / ".cache")
    )
    folder = Path(said) if said else Path(below) / "podyard" / "netbox"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@dataclass
class NetboxServer:
    """One running NetBox."""

    url: str
    token: str
    folder: Path
    programs: Path
    python: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def reset(self, kept: str = "ready") -> None:
        """As new, or as it was kept, in about a second: the database is a template's copy."""
        self.sql(
            "postgres",
            "DROP DATABASE IF EXISTS netbox WITH (FORCE)",
            f"CREATE DATABASE netbox TEMPLATE netbox_{kept}",
        )
        with socket.socket(socket.AF_UNIX) as redis:
            redis.connect(str(self.sockets / "redis"))
            redis.sendall(b"FLUSHALL\r\n")
            redis.recv(64)

    def keep(self, name: str) -> None:
        """Remember what it holds now, for `reset`."""
        self.sql(
            "postgres",
            # Who is still connected goes: a template that is in use cannot be copied.
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'netbox'",
            f"CREATE DATABASE netbox_{name} TEMPLATE netbox",
        )

    def start_worker(self) -> None:
        """Deliver webhooks and run background jobs from now on."""
        self.run_netbox("rqworker", "high", "default", "low")

    def sql(self, database: str, *statements: str) -> None:
        """Run statements as the database's owner."""
        asked = [part for one in statements for part in ("-c", one)]
        _run_as_postgres(
            self.programs / "psql", "-q", "-h", self.sockets, "-U", "podyard", "-d", database,
            "-v", "ON_ERROR_STOP=1", *asked,
        )  # fmt: skip

    @property
    def sockets(self) -> Path:
        """Where PostgreSQL and Redis listen."""
        return self.folder / "sockets"

    @property
    def environment(self) -> dict[str, str]:
        """What NetBox's own programs need."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        return {**kept, "NETBOX_ROOT": str(self.folder / "root")}

    def manage(self, *arguments: str, stdin: str = "", limit_s: float = 300) -> None:
        """One of NetBox's management commands, to its end."""
        done = subprocess.run(
            [self.python, "-m", "netbox", *arguments],
            check=False, input=stdin.encode(), capture_output=True, timeout=limit_s,
            env=self.environment, cwd=self.folder,
        )  # fmt: skip
        if done.returncode:
            said = (done.stdout + done.stderr)[-2000:].decode(errors="replace")
            raise RuntimeError(f"netbox {arguments[0]} ended with {done.returncode}:\n{said}")

    def run_netbox(self, *arguments: str) -> None:
        """One of NetBox's long-running commands."""
        self.start([self.python, "-m", "netbox", *arguments], name=arguments[0])

    def start(
        self, command: Sequence[str | Path], *, name: str, descriptor: int = -1, user: str = ""
    ) -> None:
        """A process that ends with this server, and with this process however that ends."""
        bound = ["setpriv", *_as_user(user), "--pdeathsig", "TERM", "--", *command]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    bound,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                    cwd=self.folder,
                    start_new_session=True,
                    pass_fds=(descriptor,) if descriptor >= 0 else (),
                )
            )

    def stop(self) -> None:
        """End every process started here, whole groups, politely first."""
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)

    def last_words(self) -> str:
        """The end of each log."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}"
            for log in sorted(self.folder.glob("*.log"))
        )


@contextmanager
def netbox_server(*, workers: int = 2) -> Iterator[NetboxServer]:
    """A NetBox that answers, with an empty database, and nothing of it left afterwards."""
    refused = may_start()
    programs = find_postgres()
    if refused or programs is None:
        raise RuntimeError(refused)
    with tempfile.TemporaryDirectory(prefix="podyard-nb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL's user must pass
        made = NetboxServer(
            url="", token="", folder=folder, programs=programs, python=_environment()
        )
        try:
            _postgres(made)
            _redis(made)
            _configure(made)
            _fill(made)
            _serve(made, workers=workers)
            yield made
        finally:
            made.stop()


def _environment() -> Path:
    """NetBox's own interpreter, made when it is absent or was left unfinished."""
    folder = cache_folder() / f"netbox-{VERSION}"
    python = folder / "venv" / "bin" / "python"
    with _alone(folder.parent / f"{folder.name}.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            base = find_python()
            if base is None:
                raise RuntimeError(may_start())
            _check([base, "-m", "venv", folder / "venv"])
            _check([python, "-m", "pip", "install", "--quiet", f"netbox=={VERSION}"])
            (folder / "complete").touch()
    return python


def _check(command: Sequence[str | Path]) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, check=False, capture_output=True, timeout=INSTALL_LIMIT_S, env=kept
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-2000:].decode(errors="replace")
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{said}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time fills the cache; the others wait and find it full."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _postgres(made: NetboxServer) -> None:
    data = made.folder / "postgres"
    for path in (data, made.sockets):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")
    made.sockets.chmod(0o711)
    _run_as_postgres(
        made.programs / "initdb", "--auth=trust", "--username=podyard", "--encoding=UTF8",
        "--no-sync", "-D", data,
    )  # fmt: skip
    # A database that dies with the test needs no promise to survive a power cut.
    options = (
        "listen_addresses=", f"unix_socket_directories={made.sockets}", "fsync=off",
        "synchronous_commit=off", "full_page_writes=off", "shared_buffers=256MB", "jit=off",
    )  # fmt: skip
    asked = [part for one in options for part in ("-c", one)]
    made.start([made.programs / "postgres", "-D", data, *asked], name="postgres", user="postgres")

    def answers() -> bool:
        asking = [made.programs / "pg_isready", "-q", "-h", made.sockets]
        return subprocess.run(asking, check=False, timeout=60).returncode == 0

    _wait(made, answers, START_LIMIT_S)


def _redis(made: NetboxServer) -> None:
    asked = ["--port", "0", "--unixsocket", str(made.sockets / "redis"), "--save", ""]
    made.start(["redis-server", *asked, "--dir", str(made.folder)], name="redis")
    _wait(made, (made.sockets / "redis").exists, START_LIMIT_S)


def _configure(made: NetboxServer) -> None:
    conf = made.folder / "root" / "conf"
    conf.mkdir(parents=True)
    (conf / "__init__.py").touch()
    text = CONFIGURATION.format(sockets=str(made.sockets), pepper=PEPPER)
    (conf / "configuration.py").write_text(text)
    (made.folder / "gunicorn.conf.py").write_text(GUNICORN)


def _fill(made: NetboxServer) -> None:
    """The migrated database: from the dump, else migrated and dumped for the next time."""
    major = made.programs.parent.name
    dump = cache_folder() / f"netbox-{VERSION}-postgresql-{major}.dump"
    token = dump.with_suffix(".token")
    with _alone(dump.with_suffix(".lock")):
        if dump.exists():
            made.sql("postgres", "CREATE DATABASE netbox_ready")
            with dump.open("rb") as stream:
                _run_as_postgres(
                    made.programs / "pg_restore", "-h", made.sockets, "-U", "podyard",
                    "-d", "netbox_ready", stdin=stream.fileno(),
                )  # fmt: skip
        else:
            made.sql("postgres", "CREATE DATABASE netbox")
            made.manage("migrate", "--no-input", limit_s=MIGRATE_LIMIT_S)
            path = made.folder / "first-token"
            made.manage("shell", stdin=FIRST_USER.format(path=str(path)))
            token.touch(mode=0o600)
            token.write_text(path.read_text())
            partial = dump.with_suffix(f".{secrets.token_hex(4)}")
            with partial.open("wb") as stream:
                _run_as_postgres(
                    made.programs / "pg_dump", "-Fc", "-h", made.sockets, "-U", "podyard",
                    "netbox", stdout=stream.fileno(),
                )  # fmt: skip
            partial.rename(dump)
            made.sql("postgres", "ALTER DATABASE netbox RENAME TO netbox_ready")
    made.token = token.read_text()
    made.sql("postgres", "CREATE DATABASE netbox TEMPLATE netbox_ready")


def _serve(made: NetboxServer, *, workers: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    made.start(
        [
            made.python, "-m", "gunicorn", "-b", f"fd://{listener.fileno()}", "-w", str(workers),
            "--threads", "2", "--timeout", "120", "--graceful-timeout", "2", "--preload",
            "-c", made.folder / "gunicorn.conf.py", "netbox.wsgi",
        ],
        name="gunicorn", descriptor=listener.fileno(),
    )  # fmt: skip
    listener.close()
    headers = {"Authorization": f"Bearer {made.token}"}

    def answers() -> bool:
        try:
            reply = httpx.get(f"{made.url}/api/status/", headers=headers, timeout=60)
        except httpx.TransportError:
            return False
        return reply.status_code == httpx.codes.OK

    _wait(made, answers, START_LIMIT_S)


def _wait(made: NetboxServer, condition: object, limit_s: float) -> None:
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        if callable(condition) and condition():
            return
        time.sleep(0.1)
    raise RuntimeError(f"no answer within {limit_s} s; the logs end with\n{made.last_words()}")


def _as_user(name: str) -> list[str]:
    """PostgreSQL refuses root; whoever is not root runs it as himself."""
    if not name or os.geteuid() != 0:
        return []
    return [f"--reuid={name}", f"--regid={name}", "--init-groups"]


def _run_as_postgres(
    program: Path,
    *arguments: object,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> None:
    command = ["setpriv", *_as_user("postgres"), "--pdeathsig", "TERM", "--"]
    command += [str(program), *(str(one) for one in arguments)]
    done = subprocess.run(
        # The server inherits what is open here: a pipe would never end.
        command, check=False, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL,
        timeout=600, cwd="/",
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{program.name} ended with {done.returncode}")
