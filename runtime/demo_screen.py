"""What the demo shows: a live table where there is a terminal, plain lines where there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pods.certificate import Verified
from pods.plan import Plan
from pods.plan_text import render_plan

Show = Callable[[list[dict[str, Any]]], None]


class Screen:
    """Everything the demo says, on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self._console.rule(f"[bold]{escape(title)}", align="left")

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, markup=False, highlight=False)

    def plan(self, plan: Plan) -> None:
        """The plan with its power envelope."""
        self._console.print(render_plan(plan))

    @contextlib.contextmanager
    def live_hosts(self) -> Iterator[Show]:
        """A function that shows the hosts as they now are."""
        if not self._console.is_terminal:
            yield self._changes()
            return
        with Live(console=self._console, auto_refresh=False) as live:
            yield lambda hosts: live.update(_host_table(hosts), refresh=True)

    def parked(self, host: dict[str, Any]) -> None:
        """Why a host is parked, and what a person must do."""
        problem = host["problem"]
        body = Text(problem["message"])
        body.append(f"\n→ {problem['remedy']}", style="bold")
        self._console.print(
            Panel(body, title=f"{host['name']} is parked: {problem['kind']}", border_style="yellow")
        )

    def certificate(self, proven: Verified) -> None:
        """One verified certificate."""
        stated = proven.predicate
        reached = ", ".join(f"{r.test} {r.reached:.2f}" for r in stated.results if r.reached)
        kind = "simulated" if stated.simulated else "production"
        self.say(
            f"✓ {stated.unit}: signature valid ({kind} key {proven.key_id[:12]}…), "
            f"until {stated.expires_at:%Y-%m-%d}; of reference: {reached}"
        )

    def units(self, units: list[dict[str, Any]]) -> None:
        """The units on offer."""
        table = Table(title="compute units", title_justify="left")
        for heading in ("unit", "class", "state", "B200e", "domain"):
            table.add_column(heading)
        for unit in units:
            table.add_row(
                escape(unit["name"]),
                escape(unit["unit_class"]),
                unit["state"],
                f"{unit['rating']['b200_equivalents']:.4f}",
                escape(unit["labels"].get("podyard.io/domain", "")),
            )
        self._console.print(table)

    def prompt(self, text: str) -> None:
        """What is asked."""
        self._console.print(Text(f"> {text}", style="bold"))

    def token(self, text: str) -> None:
        """A piece of the answer, as it arrives."""
        self._console.print(Text(text, style="green"), end="")

    def usage(self, usage: dict[str, Any]) -> None:
        """The meter."""
        self.say(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in usage.items()))

    def addresses(self, addresses: dict[str, str]) -> None:
        """Where to look while it runs."""
        table = Table(show_header=False, box=None)
        for name, address in addresses.items():
            table.add_row(name, Text(address, overflow="fold"))
        self._console.print(Panel(table, title="running until Ctrl-C", border_style="green"))

    def _changes(self) -> Show:
        seen: dict[str, str] = {}

        def show(hosts: list[dict[str, Any]]) -> None:
            for host in sorted(hosts, key=lambda h: str(h["name"])):
                now = _status(host)
                if seen.get(host["name"]) != host["state"] + str(bool(host.get("problem"))):
                    seen[host["name"]] = host["state"] + str(bool(host.get("problem")))
                    self.say(f"{host['name']:<10} {host['state']:<12} {now}")

        return show


def _status(host: dict[str, Any]) -> str:
    problem = host.get("problem")
    return str(problem["message"] if problem else host.get("waiting") or "at work")


def _host_table(hosts: list[dict[str, Any]]) -> Table:
    table = Table()
    for heading in ("host", "state", "power", "reserved", "now"):
        table.add_column(heading, no_wrap=heading != "now")
    for host in sorted(hosts, key=lambda h: str(h["name"])):
        colour = "green" if host["state"] == "ready" else "yellow" if host["problem"] else "cyan"
        table.add_row(
            escape(host["name"]),
            f"[{colour}]{host['state']}",
            host["power"],
            f"{host['reserved_watts']} W",
            escape(_status(host)),
        )
    return table
