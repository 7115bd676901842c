"""The `podyard` command: joins what each floor has to say, and starts the service and the hall.

Most of it is a client of the service. `spec`, `certificate verify` and `simulate` work alone.
Heavy parts are imported by the command that needs them: `podyard --help` answers at once, and a
host that has only the worker's packages can still run what it needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import httpx
import typer
from rich.console import Console

import inventory.cli
import provisioning.cli
import runtime.nouns
from inventory.commands.backup import backup, restore
from inventory.commands.hold import hold, status
from inventory.errors import Invalid, InventoryError
from inventory.secrets import write_private
from inventory.statedir import StateDirectory, default_state
from pods.cli import spec_app
from pods.cli_capacity import capacity
from pods.errors import PodsError
from provisioning.bench.cli import bench_app
from provisioning.images.cli import image_app
from provisioning.simulator.cli import simulate
from runtime.address import Address
from runtime.bench.cli import allocator, gateway
from runtime.logs import configure_logs

EXIT_REFUSED, EXIT_UNREACHABLE = 1, 3
STOPPED = "stopped; the next `podyard demo` resumes, `--fresh` forgets"
Role = Literal["all", "provisioning", "runtime", "gateway", "inventory"]
ROLES: tuple[Role, ...] = ("all", "provisioning", "runtime", "gateway", "inventory")

app = typer.Typer(
    name="podyard",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="An API for compute that starts at the BMC and ends at a served token.\n\n"
    "Example: podyard demo",
)
err = Console(stderr=True)

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state", envvar="PODYARD_STATE", help="The service's directory.", show_default=False
    ),
]


@app.command()
def serve(
    *,
    state: StateOption = None,
    role: Annotated[
        str, typer.Option(help="all, provisioning, runtime, gateway or inventory.")
    ] = "all",
    listen: Annotated[str, typer.Option(help="Inventory API.")] = "127.0.0.1:8470",
    agent_listen: Annotated[str, typer.Option(help="Agents and BMCs (TLS).")] = "127.0.0.1:8471",
    gateway_listen: Annotated[str, typer.Option(help="Tenants.")] = "127.0.0.1:8480",
    database: Annotated[
        str,
        typer.Option(
            envvar="PODYARD_DATABASE",
            help="postgresql+psycopg://… instead of the embedded SQLite.",
            show_envvar=True,
        ),
    ] = "",
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run the service: the controllers, the API, the agent door and the gateway.

    Example: podyard serve --state /var/lib/podyard --listen 127.0.0.1:8470
    """
    from runtime.app.parts import ServeOptions  # noqa: PLC0415 - the server extra
    from runtime.app.serving import serve as run  # noqa: PLC0415 - the same

    configure_logs(level=log_level)
    with _explained():
        options = ServeOptions(
            state=StateDirectory((state or default_state()).resolve()),
            role=_role(role),
            api=Address.parse(listen, option="--listen"),
            agents=Address.parse(agent_listen, option="--agent-listen"),
            gateway=Address.parse(gateway_listen, option="--gateway-listen"),
            database=database,
        )
        asyncio.run(run(options, say=lambda text: err.print(text, markup=False, highlight=False)))


@app.command()
def login(
    *,
    state: StateOption = None,
    url: Annotated[str, typer.Option(help="The service's API; default: this machine's.")] = "",
    token: Annotated[
        str, typer.Option(help="The set-up token; default: the one that serve left here.")
    ] = "",
) -> None:
    """Turn the single-use set-up token into this user's admin key.

    Example: podyard login --url http://127.0.0.1:8470 --token pyd_…
    """
    directory = StateDirectory((state or default_state()).resolve())
    with _explained():
        found = token or _setup_token(directory)
        base = url or "http://127.0.0.1:8470"
        if not url and directory.address.exists():
            base = str(json.loads(directory.address.read_text())["url"])
        try:
            reply = httpx.post(
                f"{base}/api/setup",
                headers={"Authorization": f"Bearer {found}"},
                timeout=30.0,
                trust_env=False,
            )
        except httpx.TransportError as error:
            _fail(f"no service answers at {base}", hint="podyard serve", cause=error)
        if reply.is_error:
            _fail(
                f"the set-up token was refused: {reply.text[:200]}", hint="ask an admin for a key"
            )
        key = reply.json()["text"]
        write_private(directory.client, json.dumps({"url": base, "key": key}).encode())
        directory.setup_token.unlink(missing_ok=True)
        err.print(f"logged in to {base}; the key is in {directory.client}", highlight=False)


@app.command()
def demo(
    *,
    exit_: Annotated[
        bool, typer.Option("--exit", help="Stop everything at the end, and forget it.")
    ] = False,
    output: Annotated[
        str, typer.Option("--output", "-o", help="text, or json as the last thing on stdout.")
    ] = "text",
    state: Annotated[
        Path | None, typer.Option("--state", help="The demo's directory.", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an earlier demo first.")] = False,
) -> None:
    """Show the whole chain on this machine: from a pod spec to an answered prompt.

    Example: podyard demo --exit -o json
    """
    from runtime.demo import Demo, DemoError, forget  # noqa: PLC0415 - its parts are heavy
    from runtime.demo_screen import Screen  # noqa: PLC0415 - the same

    directory = (state or default_state() / "demo").resolve()
    if fresh:
        forget(directory)
    # Data goes to stdout alone when a program reads it; people get the story there.
    console = Console(stderr=output == "json")
    telling = Demo(directory, Screen(console))
    try:
        told = asyncio.run(_tell(telling, wait=not exit_))
    except DemoError as error:
        err.print(f"error: {error}", style="red", markup=False, highlight=False)
        err.print(f"hint: {error.hint}", markup=False, highlight=False)
        raise typer.Exit(EXIT_REFUSED) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        err.print(STOPPED, highlight=False)
        raise typer.Exit(130) from None
    if exit_:
        forget(directory)
    else:
        err.print(STOPPED, highlight=False)
    if output == "json":
        sys.stdout.write(json.dumps(told) + "\n")


@app.command()
def version() -> None:
    """Print the version.

    Example: podyard version
    """
    sys.stdout.write(importlib.metadata.version("podyard") + "\n")


async def _tell(telling: Any, *, wait: bool) -> dict[str, Any]:
    """Tell the story; whatever happens, leave no process behind."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel if task else lambda: None)
    try:
        told: dict[str, Any] = await telling.tell()
        if wait:
            telling.screen.addresses(telling.addresses())
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return told
    finally:
        await telling.stop()


def _role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise Invalid(f"--role {text!r} is no role", hint=f"one of {', '.join(ROLES)}")


def _setup_token(directory: StateDirectory) -> str:
    if not directory.setup_token.exists():
        if not directory.secret_key.exists():
            _fail(
                f"no service was ever started with {directory.path}",
                hint=f"podyard serve --state {directory.path}; or give --state DIR of yours",
            )
        _fail(
            f"no set-up token in {directory.path}",
            hint="it is used up: ask an admin for a key; or give --token, or --state DIR",
        )
    return directory.setup_token.read_text().strip()


@contextlib.contextmanager
def _explained() -> Any:
    """Turn refusals into two lines for a person."""
    try:
        yield
    except (InventoryError, PodsError) as error:
        _fail(str(error), hint=error.hint, cause=error)


def _fail(message: str, *, hint: str = "", cause: BaseException | None = None) -> NoReturn:
    err.print(f"error: {message}", style="red", markup=False, highlight=False)
    if hint:
        err.print(f"hint: {hint}", markup=False, highlight=False)
    code = EXIT_UNREACHABLE if isinstance(cause, httpx.TransportError) else EXIT_REFUSED
    raise typer.Exit(code) from cause


app.add_typer(spec_app, name="spec")
app.add_typer(bench_app, name="bench")
app.add_typer(image_app, name="image")
bench_app.command(name="allocator")(allocator)
bench_app.command(name="gateway")(gateway)
app.command(name="simulate")(simulate)
app.command(name="capacity")(capacity)
app.command(name="backup")(backup)
app.command(name="restore")(restore)
app.command(name="hold")(hold)
app.command(name="status")(status)
for joined in (inventory.cli, provisioning.cli, runtime.nouns):
    for noun, group in joined.groups().items():
        app.add_typer(group, name=noun)


NOT_OF_SERVER = {
    "numpy": "worker",
    "pynetbox": "netbox",
    "pynvml": "worker",
    "ray": "worker",
    "xllamacpp": "worker",
}
"""Modules that another extra brings."""


def _fail_without(error: ModuleNotFoundError) -> NoReturn:
    """Say which extra brings what a command could not find; our own modules are never missing."""
    name = (error.name or str(error)).partition(".")[0]
    if name in {"pods", "inventory", "provisioning", "runtime"}:
        raise error
    extra = NOT_OF_SERVER.get(name, "server")
    said = f"error: this command needs {name}, which is not installed"
    err.print(said, style="red", markup=False, highlight=False)
    err.print(f"hint: pip install 'podyard[{extra}]'", markup=False, highlight=False)
    raise SystemExit(1) from error


def main() -> None:
    """The entry point."""
    try:
        app()
    except ModuleNotFoundError as error:
        _fail_without(error)


if __name__ == "__main__":
    main()
