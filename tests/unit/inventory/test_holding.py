"""The fleet-wide hold: a file and a note, either of which holds, written without any API."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from inventory import holding, pacing
from inventory.commands.hosts import _why_table
from inventory.errors import StoreUnavailable
from inventory.model import Event, Host, Problem, Tried
from inventory.printing import Harmless
from inventory.statedir import StateDirectory
from inventory.states import HostState, PowerState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from runtime.cli import app
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, FixedClock, make_host


class Away:
    """A database that does not answer."""

    def note(self, _name: str) -> str:
        """Never."""
        raise StoreUnavailable("away")


AWAY = cast("Any", Away())


@pytest.mark.parametrize("where", ["file", "database", "both"])
def test_either_place_holds_and_a_release_clears_both(where: str, tmp_path: Path) -> None:
    store, file = MemoryStore(), tmp_path / "hold"
    holding.hold(
        None if where == "file" else store,
        None if where == "database" else file,
        reason="bad image",
        by="ann",
        now=NOW,
    )
    found = holding.held(store, file)
    assert found is not None
    assert (found.reason, found.by) == ("bad image", "ann")
    assert "podyard hold --release" in str(found)
    holding.release(store, file, by="bob", clock=FixedClock())
    assert holding.held(store, file) is None
    kinds = [event.kind for event in store.events()]
    assert kinds[-1] == "fleet.released"


def test_the_file_holds_while_the_database_is_away(tmp_path: Path) -> None:
    file = tmp_path / "hold"
    holding.hold(None, file, reason="x", by="ann", now=NOW)
    found = holding.held(AWAY, file)
    assert found is not None
    assert found.where == ("file",)
    with pytest.raises(StoreUnavailable):  # nobody knows: who asks keeps what it knew
        holding.held(AWAY, tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"smoke in row 3\n", b"\xff\xfe{", b"[1]", b'{"a": 1}'])
def test_whatever_a_person_puts_into_the_file_holds(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "hold"
    file.write_bytes(content)
    assert holding.held(MemoryStore(), file) is not None


def test_a_file_that_cannot_be_read_holds(tmp_path: Path) -> None:
    (tmp_path / "hold").mkdir()
    found = holding.held(MemoryStore(), tmp_path / "hold")
    assert found is not None
    assert "cannot be read" in found.reason


# The command, without any service


def ran(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDirectory:
    """A service's directory."""
    monkeypatch.delenv("PODYARD_DATABASE", raising=False)
    directory = StateDirectory(tmp_path / "state")
    directory.path.mkdir()
    SqlStore.open(directory.database_url).close()
    return directory


def held_there(state: StateDirectory) -> holding.Held | None:
    store = SqlStore.open(state.database_url)
    try:
        return holding.held(store, state.hold)
    finally:
        store.close()


def test_the_command_holds_and_releases_with_nothing_running(state: StateDirectory) -> None:
    done = ran("hold", "--reason", "bad BIOS image", "--state", state.path, "-o", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["where"] == ["file", "database"]
    found = held_there(state)
    assert found is not None
    assert found.where == ("file", "database")
    assert found.by.startswith("local user ")
    assert stat.S_IMODE(state.hold.stat().st_mode) == 0o600
    assert ran("hold", "--release", "--state", state.path).exit_code == 0
    assert held_there(state) is None


def test_without_a_database_the_file_is_still_written(state: StateDirectory) -> None:
    (state.path / "podyard.db").unlink()
    done = ran("hold", "--reason", "x", "--state", state.path)
    assert done.exit_code == 0, done.output
    assert "the database was not told" in done.output
    assert state.hold.exists()
    undone = ran("hold", "--release", "--state", state.path)
    assert undone.exit_code == 1
    assert "may still be on hold" in undone.output
    assert state.hold.exists()


def test_a_directory_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    done = ran("hold", "--reason", "x", "--state", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert "hint: give the service's directory" in done.output
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("arguments", [(), ("--reason", " "), ("--release", "--reason", "x")])
def test_a_hold_needs_a_reason_and_a_release_none(
    arguments: tuple[str, ...], state: StateDirectory
) -> None:
    assert ran("hold", *arguments, "--state", state.path).exit_code == 2
    assert held_there(state) is None


# The API


async def test_the_api_holds_says_so_and_lets_go(site: Site, admin: str) -> None:
    site.put(make_host(state=HostState.BOOTING))
    none = (await site.ask("GET", "/api/status", key=admin)).json()
    assert (none["hold"], none["hosts"], none["sites"]) == (None, {"booting": 1}, [])
    held = await site.ask("POST", "/api/hold", {"reason": "bad image"}, key=admin)
    assert held.json()["hold"]["reason"] == "bad image"
    why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    assert "bad image" in why["held"]
    assert why["next_at"] is None
    assert "podyard hold --release" in why["remedy"]
    assert (await site.ask("DELETE", "/api/hold", key=admin)).json()["hold"] is None
    again = await site.ask("DELETE", "/api/hold", key=admin)
    assert (again.status_code, again.json()["error"]["kind"]) == (409, "not-held")
    assert (await site.ask("POST", "/api/hold", {"reason": "  "}, key=admin)).status_code == 422


async def test_the_api_says_how_many_hosts_a_site_is_worked_on_at_once(
    site: Site, admin: str
) -> None:
    room = {"at_once": 20, "at_work": 9, "refused": 0, "most": 128, "narrowed": "41 % were late"}
    told = {"sites": {"here": room}, "models": {}, "beside": 0, "slow": 0, "racks_limited": 0}
    pacing.said(site.store, "c1", told, now=site.clock.now())
    found = (await site.ask("GET", "/api/status", key=admin)).json()["sites"]
    assert found == [{"site": "here", **{k: v for k, v in room.items() if k != "refused"}}]


# Why, in one call


TROUBLED: dict[str, Any] = {
    "state": HostState.INSPECTING,
    "power": PowerState.ON,
    "tried": (
        Tried(remedy="a fresh session", at=NOW.replace(minute=10)),
        Tried(
            remedy="restart the BMC",
            at=NOW.replace(minute=11),
            outcome="not possible: this BMC cannot be asked to restart",
        ),
    ),
    "problem": Problem(
        kind="overstayed",
        message="inspecting for 910 s; allowed are 300 s: the hardware has not been read yet",
        since=NOW.replace(minute=5),
        seen=4,
        tried=("read again", "a fresh session", "restart the BMC (not possible: x)"),
        next_step="set it apart for a person",
        next_at=NOW.replace(minute=16),
    ),
}


async def why_of(site: Site, admin: str, **host: Any) -> tuple[dict[str, Any], str]:
    """The answer, and what is printed on a terminal of 80 columns."""
    site.put(make_host(**host))
    event = Event(
        at=NOW,
        actor="provisioning",
        kind="host.remedy",
        subject="host:r1-h1",
        new="restart the BMC",
        why="not possible: this BMC cannot be asked to restart, and there is more to say of it",
    )
    site.store.apply(Change(events=(event,)), now=NOW)
    why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    console = Console(width=80, file=io.StringIO())
    console.print(Harmless(_why_table(why)))
    return why, cast("io.StringIO", console.file).getvalue()


async def test_why_says_in_one_call_what_was_tried_when_and_what_comes_next(
    site: Site, admin: str
) -> None:
    why, text = await why_of(site, admin, **TROUBLED)
    assert [one["remedy"] for one in why["remedies"]] == ["a fresh session", "restart the BMC"]
    flat = " ".join(text.split())
    for said in (
        "overstayed since",
        "seen 4 times",
        "a fresh session at",
        "restart the BMC at",
        "cannot be asked to restart",
        "set it apart for a person at",
        "power On, health Unknown",
        "need do nothing",
    ):
        assert said in flat, flat
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("host", "summary", "you"),
    [
        ({"paused": "technician"}, "paused in booting: technician", "podyard host resume r1-h1"),
        ({"quarantine": "smoke"}, "quarantined in booting: smoke", "podyard host retry r1-h1"),
    ],
)
async def test_why_says_who_must_let_a_host_go_on(
    site: Site, admin: str, host: dict[str, str], summary: str, you: str
) -> None:
    why, text = await why_of(site, admin, state=HostState.BOOTING, **host)
    assert why["summary"] == summary
    assert why["next_at"] is None
    assert you in why["remedy"]
    assert "nothing by itself" in text


async def test_a_verb_at_rest_shows_on_the_detail(site: Site, admin: str) -> None:
    site.put(make_host(quarantine="smoke"))
    shown = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    assert shown["quarantine"] == "smoke"
    assert isinstance(site.store.find(Host)[0], Host)
