# ruff: noqa: INP001 - run by path; docs/ is no package
"""Writes the parts of the reference that the code knows better than any author.

A page marks such a part with two comments, `<!-- generated: NAME -->` and `<!-- end -->`; what
stands between them is replaced. `python docs/generate.py` writes, `--check` names stale pages and
ends with 1. The pages are checked in, so that a reader needs no build and a review shows a change
of the reference beside the change that made it. `tests/test_architecture.py` compares.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer.main
from pydantic_settings import BaseSettings

from inventory.access_settings import AccessSettings
from inventory.expecting.trusting import OnboardingSettings
from inventory.model import BmcAccess, Host
from inventory.netbox.settings import NetBoxSettings
from inventory.oidc_settings import OidcSettings
from inventory.outbound.settings import WebhookSettings
from inventory.retention import RetentionSettings
from inventory.states import ALLOWED_TIME_S, STABLE, TRANSITIONS, HostState
from inventory.store.settings import StoreSettings
from inventory.verbs import NotNow, Verb, Wish, fields_of
from pods import spec_page
from pods.xid import policy
from provisioning.cooling.settings import CoolingSettings
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.vendors.registry import QUIRKS
from provisioning.faultpoints import POINTS
from provisioning.onboarding.discovery_settings import DiscoverySettings
from provisioning.remedies import LADDERS
from provisioning.settings import ProvisioningSettings
from provisioning.simulator.faults import REGISTRY
from provisioning.simulator.models import MODELS
from provisioning.telemetry.settings import TelemetrySettings
from runtime.settings import RuntimeSettings

DOCS = Path(__file__).parent
ROOT = DOCS.parent
MARKED = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
SAID_WITH_ANOTHER = {"retry_longest_s": "The longest of these pauses."}
"""Settings whose reason stands with the one before them."""
EXAMPLE = re.compile(r"Example: (.+?)(?:\n\n|\Z)", re.DOTALL)


def state_diagram() -> str:
    """The way up as one line, then every other allowed move, from `inventory/states.py`."""
    order = list(HostState)
    way_up = [
        state
        for state, following in itertools.pairwise(order)
        if (state, following) in TRANSITIONS and state is not HostState.REPAIRING
    ]
    up = order[: order.index(HostState.READY) + 1]
    down = [HostState.READY, HostState.DRAINING, HostState.CLEANING, HostState.ENROLLED]
    if not set(up[:-1]) <= set(way_up):
        raise RuntimeError("the way up is no longer the order of HostState: draw it anew")
    drawn = {*itertools.pairwise(up), *itertools.pairwise(down)}
    rest = sorted((order.index(a), order.index(b)) for a, b in TRANSITIONS - drawn)
    lines = ["```text", "up     " + " → ".join(up), "down   " + " → ".join(down), ""]
    for index, state in enumerate(order):
        targets = [order[to] for start, to in rest if start == index]
        if targets:
            lines.append(f"{state:<12} ⇢ {', '.join(targets)}")
    return "\n".join([*lines, "```"])


def state_times() -> str:
    """Seconds a host may stay in each state, with the reason that stands beside the number."""
    source = (ROOT / "inventory/states.py").read_text()
    reasons = dict(re.findall(r"HostState\.(\w+): [^#\n]+# (.+)", source))
    lines = ["| state | allowed time | why so long |", "| --- | --- | --- |"]
    for state in HostState:
        allowed = ALLOWED_TIME_S.get(state)
        if allowed is None:
            stays = "no limit" if state in STABLE else "not set"
            lines.append(f"| `{state}` | {stays} | nobody waits for a host in it |")
        else:
            lines.append(f"| `{state}` | {_duration(allowed)} | {reasons.get(state.name, '')} |")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def remedies() -> str:
    """The ladder of every state that has one, with how long each remedy is given."""
    lines = ["| state | what is tried, in order, when its time is up |", "| --- | --- |"]
    for state in HostState:
        if ladder := LADDERS.get(state):
            rungs = "; ".join(
                rung.remedy.value + (f" ({_duration(rung.wait_s)})" if rung.wait_s else "")
                for rung in ladder
            )
            lines.append(f"| `{state}` | {rungs} |")
        elif state in ALLOWED_TIME_S:
            lines.append(f"| `{state}` | nothing: it waits for people or for others; it is told |")
    return "\n".join(lines)


def host_verbs() -> str:
    """Which verb is taken in which state of a host without trouble, asked of `inventory/verbs.py`.

    A skip depends on what the host waits for, so it has words of its own beside the table.
    """
    verbs = [verb for verb in Verb if verb not in {Verb.RESUME, Verb.SKIP}]
    lines = [f"| state | {' | '.join(f'`{verb}`' for verb in verbs)} |"]
    lines.append("| --- |" + " --- |" * len(verbs))
    lines.extend(
        f"| `{state}` | {' | '.join(_taken(verb, state) for verb in verbs)} |"
        for state in HostState
    )
    return "\n".join(lines)


def _taken(verb: Verb, state: HostState) -> str:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    access = BmcAccess(address="", fingerprint="", username="")
    target = "enrolled" if state is HostState.ENROLLED else "ready"
    host = Host(
        id="h", name="h", pod="p", slot="s", rack="r", feed="f", host_type="t", simulated=True,
        state=state, state_since=at, target=target, serial="s", bmc=access, wake_at=at,
    )  # fmt: skip
    answer = fields_of(Wish(verb, by="", at=at, why="why"), host)
    return "refused" if isinstance(answer, NotNow) else "yes"


def settings() -> str:
    """Every setting with its variable, default and reason."""
    parts = []
    for title, kind in (
        ("Store", StoreSettings),
        ("Retention", RetentionSettings),
        ("NetBox", NetBoxSettings),
        ("Access", AccessSettings),
        ("OpenID Connect", OidcSettings),
        ("Provisioning", ProvisioningSettings),
        ("Discovery", DiscoverySettings),
        ("Cooling units", CoolingSettings),
        ("Onboarding", OnboardingSettings),
        ("Telemetry", TelemetrySettings),
        ("Runtime", RuntimeSettings),
        ("Webhooks", WebhookSettings),
    ):
        parts += [f"## {title}", "", *_settings_table(kind), ""]
    return "\n".join(parts).rstrip()


def _settings_table(kind: type[BaseSettings]) -> Iterator[str]:
    why = field_docstrings(kind)
    prefix = kind.model_config.get("env_prefix", "")
    yield "| variable | default | what it is, and why this much |"
    yield "| --- | --- | --- |"
    for name, field in kind.model_fields.items():
        variable = f"{prefix}{name}".upper()
        yield f"| `{variable}` | `{field.default}` | {why.get(name, '')} |"


def field_docstrings(kind: type[Any]) -> dict[str, str]:
    """The string under each field of a class."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    if not isinstance(body, ast.ClassDef):
        raise TypeError(f"{kind} is no class")
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[field.target.id] = " ".join(str(below.value.value).split())
    return {**SAID_WITH_ANOTHER, **found}


def faults() -> str:
    """Every fault that a simulated hall can show, by subject. Built-in ones have no schedule."""
    subjects = dict.fromkeys(kind.subject for kind in REGISTRY.values())
    return "\n\n".join("\n".join(_faults_of(subject)) for subject in subjects)


def _faults_of(subject: str) -> Iterator[str]:
    yield from (
        f"### {subject}",
        "",
        "| fault | what it does | parameters |",
        "| --- | --- | --- |",
    )
    for kind in REGISTRY.values():
        if kind.subject == subject:
            told = [f"`{key}={value}`" for key, value in kind.defaults.items()]
            told += ["built in"] if kind.built_in else []
            yield f"| `{kind.name}` | {kind.meaning} | {', '.join(told) or 'none'} |"


PROVERS = {
    "shows": "test_field_hosts.py",
    "asks": "test_field_nics.py",
    "returns": "test_field_drives.py",
}
"""What a row's hosts show, and the hall that each is shown in."""


def field_faults() -> str:
    """What happened to somebody, the fault that shows it, and how podyard ends it."""
    told = tomllib.loads((ROOT / "tests/integration/faults/rows.toml").read_text())
    groups = dict.fromkeys(row["group"] for row in told["row"])
    parts = ["\n".join(_field_rows(told["row"], group)) for group in groups]
    return "\n\n".join([*parts, "\n".join(_other_faults(told["elsewhere"]))])


def _other_faults(elsewhere: dict[str, str]) -> Iterator[str]:
    """What no row names: faults of parts and of what stands around the hosts."""
    yield from ("## Faults that no row names", "", "| fault | shown by |", "| --- | --- |")
    for name, proof in sorted(elsewhere.items()):
        yield f"| `{name}` | `{proof.removeprefix('tests/')}` |"


def _field_rows(rows: list[dict[str, Any]], group: str) -> Iterator[str]:
    yield from (f"## {group}", "")
    yield "| seen | faults | wanted | what podyard does | proven by |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        if row["group"] == group:
            seen = f"{row['seen']} ({row['source']})"
            cells = (seen, _shown_by(row), row["wanted"], _ends(row), _proofs(row))
            yield "| " + " | ".join(cells) + " |"


def _shown_by(row: dict[str, Any]) -> str:
    shows = [show for where in PROVERS for show in row.get(where, ())]
    shown = [fault.partition(":")[0] for show in shows for fault in show["faults"]]
    names = dict.fromkeys([*row.get("faults", ()), *(n for n in shown if n != "old-firmware")])
    return ", ".join(f"`{name}`" for name in names) or "none"


def _ends(row: dict[str, Any]) -> str:
    told = [
        f"`{' '.join(show['faults'])}`{' over HTTP' * (where == 'asks')}: {_end(show['ends'])}"
        for where in PROVERS
        for show in row.get(where, ())
    ]
    told += [f"**Not yet:** {row['not_yet']}"] if "not_yet" in row else []
    return "<br>".join(told) or "as wanted"


def _end(ends: str) -> str:
    return {"ready": "ready", "enrolled": "clean"}.get(ends, f"parked, `{ends}`")


def _proofs(row: dict[str, Any]) -> str:
    proofs = [proof.removeprefix("tests/") for proof in row.get("proven_by", ())]
    proofs[:0] = [
        f"integration/faults/{prover}" for where, prover in PROVERS.items() if row.get(where)
    ]
    return "<br>".join(f"`{proof}`" for proof in proofs) or "nothing yet"


def host_models() -> str:
    """Every kind of tree that a simulated host can have."""
    lines = ["| model | its tree | Systems | deepest `$expand` |", "| --- | --- | --- | --- |"]
    for model in MODELS.values():
        systems = ", ".join(f"`{one}`" for one in (model.system, model.baseboard) if one)
        lines.append(f"| `{model.name}` | {model.meaning} | {systems} | {model.expand_levels} |")
    return "\n".join(lines)


def xids() -> str:
    """What is done about each error of an NVIDIA driver, and who says so."""
    found = policy()
    lines = ["| Xid | means | action | what a person does | source |", "|---|---|---|---|---|"]
    for row in found.rows:
        doubt = f" ({row.uncertain})" if row.uncertain else ""
        source = f"{row.source}{doubt}"
        cells = (str(row.code), row.meaning, f"`{row.action}`", row.remedy, source)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join([*lines, "", *(f"- *{key}*: {said}" for key, said in found.sources.items())])


def bmc_capabilities() -> str:
    """Which capability ran on which bed in the recorded run, and which could not."""
    beds = json.loads((DOCS / "reference" / "bmc-capabilities.json").read_text())["beds"]
    names = list(beds)
    lines = [
        f"| capability | {' | '.join(f'`{name}`' for name in names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for what in ("identity and door", *Capability):
        cells = (_ran(beds[name], what) for name in names)
        lines.append(f"| {what} | {' | '.join(cells)} |")
    lines += ["", "| bed | what it is | made by |", "|---|---|---|"]
    lines += [f"| `{name}` | {bed['what']} | {bed['by']} |" for name, bed in beds.items()]
    proved = {
        what: {bed["whose"] for bed in beds.values() if _passed(bed, what)} for what in Capability
    }
    others = [name for name, bed in beds.items() if bed["whose"] == "others"]
    lines += ["", "**Shown by a program that others wrote**, and by which:", ""]
    lines += [
        f"- {what}: {', '.join(f'`{name}`' for name in others if _passed(beds[name], what))}"
        for what, who in proved.items()
        if "others" in who
    ]
    lines += ["", "**Shown by nobody else's program**, for no bed that others wrote has it:", ""]
    for what in (what for what, who in proved.items() if "others" not in who):
        lacks = (f"`{name}`: {beds[name]['without'].get(what, '')}" for name in others)
        why = "; ".join(one for one in lacks if not one.endswith(": ")) or "no protocol of theirs"
        shown = " and on ".join(sorted(proved[what])) or "no bed; tests of the driver alone"
        lines.append(f"- {what}: on {shown} ({why})")
    for name, bed in beds.items():
        if bed["without"]:
            lines += ["", f"**What `{name}` lacks**", ""]
            lines += [f"- {what}: {why}" for what, why in bed["without"].items()]
    return "\n".join(lines)


def _passed(bed: dict[str, Any], what: str) -> int:
    return int(bed["ran"].get(what, {}).get("passed", 0))


def _ran(bed: dict[str, Any], what: str) -> str:
    passed = _passed(bed, what)
    return f"{passed} passed" if passed else ""


def quirks() -> str:
    """What single makers' BMCs do against the standard."""
    lines = [
        "| quirk | seen on | what it does | what podyard does | told in |",
        "|---|---|---|---|---|",
    ]
    for quirk in QUIRKS:
        changed = ", ".join(f"`{name}`" for name in quirk.habit)
        does = " ".join(filter(None, (f"habit {changed};" if changed else "", quirk.cured_by)))
        cells = (
            f"`{quirk.name}`",
            f"{quirk.vendor}: {quirk.seen_on}",
            quirk.meaning,
            does.rstrip(";"),
            quirk.source,
        )
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines)


def fault_points() -> str:
    """Every place where a test may end the controller."""
    return "\n".join(f"- `{point}`" for point in sorted(POINTS))


def error_trees() -> str:
    """The trees that open each package's `errors.py`."""
    parts = []
    for package in ("pods", "inventory", "provisioning"):
        text = ast.get_docstring(ast.parse((ROOT / package / "errors.py").read_text())) or ""
        tree = [line for line in text.splitlines() if re.match(r"^[A-Z]\w+Error$|^[│├└ ]+\S", line)]
        parts += [f"## {package}", "", "```text", *tree, "```", ""]
    return "\n".join(parts).rstrip()


def commands() -> str:
    """Every command with its help, arguments and options."""
    from runtime.cli import app  # noqa: PLC0415 - a root: only this page needs it

    root = typer.main.get_command(app)
    return "\n".join(_command_pages(root, "podyard")).rstrip()


def _command_pages(command: Any, path: str) -> Iterator[str]:
    for one, name in walk_commands(command, path):
        if getattr(one, "commands", None):
            continue
        help_text = inspect.cleandoc(one.help or "")
        yield from (f"## `{name}`", "")
        yield from (EXAMPLE.sub("", help_text).strip(), "")
        if example := EXAMPLE.search(help_text):
            yield from ("```console", f"$ {' '.join(example[1].split())}", "```", "")
        rows = list(_parameters(one))
        if rows:
            yield from ("| argument or option | what | default |", "| --- | --- | --- |", *rows, "")


def walk_commands(command: Any, path: str) -> Iterator[tuple[Any, str]]:
    """A command and everything below it, with the words that call it."""
    yield command, path
    for name, below in sorted(getattr(command, "commands", {}).items()):
        if not below.hidden:
            yield from walk_commands(below, f"{path} {name}")


def _parameters(command: Any) -> Iterator[str]:
    for one in command.params:
        if getattr(one, "hidden", False) or one.name == "help":
            continue
        shown = [f"`{o}`" for o in one.opts if o.startswith("-")] or [f"`{_placeholder(one)}`"]
        told = "required" if one.required else _default(one)
        yield f"| {' '.join(shown)} | {_cell(getattr(one, 'help', '') or '')} | {told} |"


def _placeholder(one: Any) -> str:
    return str(one.metavar or one.name.upper())


def _default(one: Any) -> str:
    value = getattr(one.default, "value", one.default)
    if value in {None, ""} or not getattr(one, "show_default", True) or callable(value):
        return ""
    if value is False:
        return "off"
    return f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PARTS: dict[str, Callable[[], str]] = {
    "state-diagram": state_diagram,
    "state-times": state_times,
    "remedies": remedies,
    "host-verbs": host_verbs,
    "settings": settings,
    "faults": faults,
    "field-faults": field_faults,
    "host-models": host_models,
    "fault-points": fault_points,
    "xids": xids,
    "error-trees": error_trees,
    "commands": commands,
    "bmc-capabilities": bmc_capabilities,
    "quirks": quirks,
}


def pages() -> dict[Path, str]:
    """Every page that is generated, or has generated parts, as it should be now."""
    found = {DOCS / "reference" / path: text for path, text in spec_page.pages().items()}
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text()
        if "<!-- generated: " in text:
            found[page] = MARKED.sub(_fresh, text)
    return found


def _fresh(match: re.Match[str]) -> str:
    return f"{match[1]}\n{PARTS[match[2]]()}\n\n{match[3]}"


def stale() -> list[Path]:
    """Pages that are not what the code says."""
    there = (DOCS / "reference" / "specs").glob("*/*.md")
    wanted = pages()
    stale = [page for page, text in wanted.items() if _read(page) != text]
    return [*stale, *(page for page in there if page not in wanted)]


def _read(page: Path) -> str:
    return page.read_text() if page.exists() else ""


def main(arguments: list[str]) -> int:
    """Write, or with `--check` only compare."""
    old = stale()
    if "--check" in arguments:
        sys.stderr.writelines(f"stale: {page.relative_to(ROOT)}\n" for page in old)
        if old:
            sys.stderr.write("hint: python docs/generate.py\n")
        return int(bool(old))
    wanted = pages()
    for page in old:
        if page in wanted:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(wanted[page])
        else:
            page.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
