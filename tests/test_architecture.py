"""What holds for the whole repository: floors, doors, names, and pages that say what the code does.

Each test reads sources and pages as they are; none is told what to expect twice. A rule that has
exceptions lists them here with their reasons, and an exception that nothing needs any more fails
too.
"""

from __future__ import annotations

import ast
import importlib.util
import itertools
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from inventory.access_settings import AccessSettings
from inventory.event_kinds import KINDS
from inventory.expecting.trusting import OnboardingSettings
from inventory.netbox.settings import NetBoxSettings
from inventory.oidc_settings import OidcSettings
from inventory.outbound.settings import WebhookSettings
from inventory.states import HostState
from provisioning.cooling.settings import CoolingSettings
from provisioning.errors import ProvisioningError
from provisioning.inband.play import prepare, runner_arguments
from provisioning.onboarding.discovery_settings import DiscoverySettings
from provisioning.settings import ProvisioningSettings
from provisioning.telemetry.settings import TelemetrySettings
from runtime.settings import RuntimeSettings
from tests.kinds import called_name, said_kinds

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("pods", "inventory", "provisioning", "runtime")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
EMPTY_NOUNS = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}

DOORS = {
    "argon2": {"inventory/passwords.py"},
    "ansible_runner": {"provisioning/inband/running.py"},
    "joserfc": {"inventory/oidc.py"},
    "pyghmi": {"provisioning/drivers/ipmi/worker.py"},
    "pynetbox": {"inventory/netbox/client.py"},
    "pynvml": {"runtime/health.py"},
    "ray": {"runtime/bench/serve_ingress.py", "runtime/serving/replica.py"},
    "redfish": {"provisioning/drivers/redfish/session.py"},
    "xllamacpp": {"runtime/serving/engines/xllamacpp.py"},
}
CLOCKS = {
    "inventory/clock.py": "the service's clock",
    "inventory/metrics.py": "the default of a parameter",
    "inventory/printing.py": "a command: how long it waits, how old a thing is",
    "inventory/store/counting.py": "the default of a parameter",
    "provisioning/cli.py": "a command: how long it watches",
    "provisioning/bench/cli.py": "a command: how long its run took",
    "provisioning/bench/parts.py": "a command: what its run cost",
    "provisioning/bench/probe.py": "a command: a stopwatch at the API",
    "provisioning/bench/real.py": "a command: how long its run took",
    "provisioning/bench/real_people.py": "a command: how long it waits",
    "provisioning/simulator/clock.py": "the hall's clock",
    "provisioning/simulator/certificates.py": "dates of a TLS certificate made at start",
    "provisioning/simulator/hostinit.py": "process 1 of a host: the standard library alone",
    "provisioning/drivers/logged.py": "the default of a parameter",
    "provisioning/drivers/ipmi/driver.py": "the default of a parameter",
    "provisioning/drivers/redfish/driver.py": "the default of a parameter",
    "provisioning/drivers/ssh/driver.py": "the default of a parameter",
    "provisioning/images/deploying.py": "the default of a parameter",
    "runtime/bench/cli.py": "a command: how long its decisions took",
    "runtime/bench/gatewaying.py": "a bench: its key is valid from now",
    "runtime/bench/load.py": "a bench: how long answers took",
    "runtime/agent.py": "a program of its own: its root reads the clock once",
    "runtime/crowd.py": "a program of its own: the same",
    "runtime/demo.py": "a program of its own: a stopwatch for people",
    "runtime/drives/reading.py": "the default of a parameter",
    "runtime/gateway.py": "the default of a parameter",
    "runtime/guard.py": "a process of its own: the standard library alone",
    "runtime/measure.py": "a process of its own: it measures time",
    "pods/cli.py": "a command: its root reads the clock once",
}
DICE = {
    "provisioning/bench/agents.py": "seeded per host and boot: a seed names a run",
    "provisioning/bench/bring_up.py": "seeded: the same",
    "provisioning/bench/design.py": "seeded per pod: the same",
    "provisioning/bench/real_hall.py": "seeded: the same",
    "provisioning/onboarding/discovery_walk.py": "seeded: the same walk asks in the same order",
    "provisioning/simulator/defects.py": "seeded per host and kind: the same part is struck again",
    "provisioning/simulator/faults.py": "seeded per host and fault",
    "provisioning/simulator/field.py": "seeded per host: the same hall has the same faults",
    "provisioning/simulator/distribution/plan.py": "seeded: the same machines, the same serials",
    "provisioning/simulator/hall.py": "seeded: the same command builds the same hall",
    "runtime/bench/asks.py": "seeded: a seed names a run",
    "runtime/bench/site.py": "seeded: the same",
    "runtime/drives/blocks.py": "seeded: the blocks that are read back",
    "runtime/agent.py": "jitter, so that a thousand agents do not call in one second",
    "runtime/serving/engines/simulated.py": "seeded by the prompt",
}

ACTS = ("provisioning/acting.py", "provisioning/acts/", "provisioning/noting.py")


@cache
def sources(*folders: str) -> dict[str, ast.Module]:
    """Path below the root to the parsed file."""
    found = sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))
    return {str(p.relative_to(ROOT)): ast.parse(p.read_text(), str(p)) for p in found}


@cache
def generator() -> ModuleType:
    """`docs/generate.py`, which is no package."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text()


def run(*argv: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """One program of this environment."""
    program = Path(sys.executable).with_name(argv[0])
    return subprocess.run(
        [str(program), *argv[1:]], cwd=cwd, capture_output=True, text=True, check=False, timeout=240
    )


@cache
def commands() -> dict[str, Any]:
    """The words that call a command, to the command."""
    from runtime.cli import app  # noqa: PLC0415 - a composition root: nobody else imports it

    root = typer.main.get_command(app)
    return {words: command for command, words in generator().walk_commands(root, "podyard")}


# Floors, doors and the wheel


def test_import_contracts_hold() -> None:
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_outside_library_has_its_doors() -> None:
    found: dict[str, set[str]] = {library: set() for library in DOORS}
    for path, tree in sources(*PACKAGES).items():
        for library in found.keys() & {name.partition(".")[0] for name in imported(tree)}:
            found[library].add(path)
    assert found == DOORS


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
    for call in calls(tree, "import_module"):
        yield from (str(n.value) for n in call.args[:1] if isinstance(n, ast.Constant))


def test_a_wheel_holds_exactly_the_four_packages(tmp_path: Path) -> None:
    uv = ROOT / ".tools" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("uv is not in .tools: make venv puts it there")
    done = subprocess.run(
        [str(uv), "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    if "Failed to fetch" in done.stderr or "error sending request" in done.stderr:
        pytest.skip("the build backend cannot be fetched from here")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert "pods/catalog/lab-4.yaml" in names
    assert "provisioning/inband/playbooks/base.yml" in names


def test_ansible_always_gets_a_fresh_directory_and_an_inventory_of_its_own(tmp_path: Path) -> None:
    prepare(tmp_path, host_root="/nowhere", variables={})
    hosts = tmp_path / "hosts" / "hosts.json"
    assert str(hosts) in runner_arguments(tmp_path)
    assert list(json.loads(hosts.read_text())["all"]["hosts"]) == ["target"]
    files = sources("provisioning/inband")
    (ran,) = calls(files["provisioning/inband/running.py"], "run")
    assert {k.arg for k in ran.keywords} >= {"private_data_dir", "inventory"}
    play = files["provisioning/inband/play.py"]
    fresh = [
        call
        for block in ast.walk(play)
        if isinstance(block, ast.With) and "TemporaryDirectory" in ast.dump(block.items[0])
        for name in ("_run", "prepare")
        for call in calls(block, name)
    ]
    assert fresh
    assert len(fresh) == len([*calls(play, "_run"), *calls(play, "prepare")])


def calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Calls of a function or method of this name."""
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and called_name(node) == name
    ]


def test_nothing_of_the_sync_redfish_client_is_in_reach_of_our_code() -> None:
    """The library loads its sync half itself; ours must neither import nor hold any of it."""
    for path, tree in sources(*PACKAGES).items():
        assert not [m for m in imported(tree) if m.startswith("redfish.rest")], path
    held = (
        "import sys, provisioning.drivers.redfish.driver as _\n"
        "print([f'{m}.{n}' for m, module in list(sys.modules.items())"
        f" if m.partition('.')[0] in {PACKAGES!r} for n, value in vars(module).items()"
        " if str(getattr(value, '__module__', '')).startswith('redfish.rest')"
        " or str(getattr(value, '__name__', '')).startswith('redfish.rest')])"
    )
    done = run("python", "-c", held)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_ray_stop_is_nowhere_a_command() -> None:
    """It ends every Ray of a machine, whoever started it."""
    for path, tree in sources(*PACKAGES, "tests", "docs").items():
        if path == "tests/test_architecture.py":
            continue
        docstrings = {
            ast.get_docstring(n, clean=False) for n in ast.walk(tree) if isinstance(n, DOCUMENTED)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.List | ast.Tuple):
                words = [e.value if isinstance(e, ast.Constant) else None for e in node.elts]
                pairs = itertools.pairwise(words)
                assert ("ray", "stop") not in pairs, f"{path}:{node.lineno}"
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                said = node.value not in docstrings and "ray stop" in node.value
                assert not said, f"{path}:{node.lineno}"
    for file in (ROOT / "Makefile", ROOT / ".ci/run", *(ROOT / "examples").rglob("*")):
        assert not file.is_file() or "ray stop" not in file.read_text(), file


# Names, docstrings, clocks, skips


def test_no_module_is_named_for_nothing() -> None:
    for path in sources(*PACKAGES, "tests"):
        assert not {*Path(path).with_suffix("").parts} & EMPTY_NOUNS, path


def test_every_module_says_why_it_exists() -> None:
    silent = [p for p, t in sources(*PACKAGES, "tests", "docs").items() if not ast.get_docstring(t)]
    assert silent == []


def test_the_clock_and_chance_come_in_as_parameters() -> None:
    clocks, dice = set(), set()
    for path, tree in sources(*PACKAGES).items():
        names = set(imported(tree))
        if "time" in names or calls(tree, "now_utc") or reads_the_date(tree):
            clocks.add(path)
        if "random" in names:
            dice.add(path)
    assert clocks == set(CLOCKS)
    assert dice == set(DICE)


def reads_the_date(tree: ast.Module) -> bool:
    """`datetime.now()` and its like; a clock's own `now()` is what should be called."""
    return any(
        "datetime" in ast.unparse(call.func)
        for name in ("now", "utcnow", "today")
        for call in calls(tree, name)
    )


def test_every_skip_has_a_reason() -> None:
    for path, tree in sources("tests").items():
        for call in [*calls(tree, "skip"), *calls(tree, "skipif"), *calls(tree, "xfail")]:
            if not ast.unparse(call.func).startswith(("pytest.", "mark.")):
                continue
            named = [k.value for k in call.keywords if k.arg == "reason"]
            given = named or (call.args[:1] if ast.unparse(call.func) == "pytest.skip" else [])
            assert given, f"{path}:{call.lineno} has no reason"
            assert getattr(given[0], "value", "said") != "", f"{path}:{call.lineno}"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                bare = {ast.unparse(d) for d in node.decorator_list}
                assert not bare & {"pytest.mark.skip", "pytest.mark.xfail"}, f"{path}:{node.name}"


# The pages


def test_the_pages_build_without_a_warning(tmp_path: Path) -> None:
    done = run("sphinx-build", "-q", "-W", "-E", "-d", str(tmp_path / "d"), "docs", str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_the_generated_parts_of_the_pages_are_current() -> None:
    stale = [str(path.relative_to(ROOT)) for path in generator().stale()]
    assert stale == [], "python docs/generate.py"


@pytest.mark.parametrize(
    "kind",
    [
        NetBoxSettings,
        AccessSettings,
        OidcSettings,
        ProvisioningSettings,
        DiscoverySettings,
        CoolingSettings,
        OnboardingSettings,
        TelemetrySettings,
        RuntimeSettings,
        WebhookSettings,
    ],
)
def test_every_setting_is_on_its_page_with_a_reason(kind: type[Any]) -> None:
    for name in kind.model_fields:
        variable = f"{kind.model_config['env_prefix']}{name}".upper()
        row = re.search(
            rf"^\| `{variable}` \| `[^|]*` \| (.*) \|$", page_of_settings(), re.MULTILINE
        )
        assert row, f"{variable} is not on reference/settings.md"
        assert row[1], f"{variable} does not say what it is"


def page_of_settings() -> str:
    return page("reference/settings.md")


def test_every_host_state_has_a_paragraph() -> None:
    described = re.findall(r"^### (\w+)\n\n\S", page("reference/host-states.md"), re.MULTILINE)
    assert described == [str(state) for state in HostState]


def speaking(*folders: str) -> dict[str, ast.Module]:
    """Each file, but all of `provisioning.acts` as one: what they say goes through one recorder."""
    files = dict(sources(*folders))
    acts = [files.pop(path) for path in list(files) if path.startswith(ACTS)]
    assert acts, ACTS
    return {**files, "acts": ast.Module([part for tree in acts for part in tree.body], [])}


def test_the_page_of_events_lists_exactly_what_is_emitted() -> None:
    listed = set(re.findall(r"^\| `([a-z.-]+)` \|", page("reference/events.md"), re.MULTILINE))
    emitted = set()
    for path, tree in speaking("inventory", "provisioning", "runtime").items():
        if not path.startswith(("provisioning/simulator/", "inventory/store/")):
            emitted |= set(said_kinds(tree, root="Event", at=None))
    assert emitted == listed
    assert emitted == set(KINDS), "inventory/event_kinds.py"


def test_every_problem_of_a_host_is_explained() -> None:
    text = page("reference/errors.md")
    kinds = set()
    for path, tree in speaking("provisioning").items():
        if not path.startswith("provisioning/simulator/"):
            for root, at in (("Hold", 0), ("Notice", 0), ("Problem", None)):
                kinds |= {k for k in said_kinds(tree, root=root, at=at) if k != "*"}
    kinds |= {dashed(kind.__name__) for kind in ProvisioningError.__subclasses__()} & {"ambiguous"}
    for base in ProvisioningError.__subclasses__():
        kinds |= {dashed(kind.__name__) for kind in leaves(base) if kind is not base}
    assert kinds
    assert {kind for kind in kinds if f"`{kind}`" not in text} == set()


def leaves(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from leaves(below)


def dashed(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


def test_every_command_shows_an_example_and_is_on_the_page() -> None:
    text = page("reference/commands.md")
    for words, command in commands().items():
        if getattr(command, "commands", None):
            assert command.help, f"{words} says nothing"
            continue
        assert f"## `{words}`\n" in text, f"{words} is not on reference/commands.md"
        example = re.search(r"Example: (podyard .+)", command.help or "")
        assert example, f"{words} --help shows no example"
        assert example[1].startswith(words), f"the example of {words} is of another command"


def test_the_readme_names_the_addresses_that_serve_listens_on() -> None:
    readme = (ROOT / "README.md").read_text()
    defaults = {o: p.default for p in commands()["podyard serve"].params for o in p.opts}
    for option in ("--listen", "--agent-listen", "--gateway-listen"):
        assert f"`{defaults[option]}` | `{option}` |" in readme


def test_commands_named_in_pages_and_hints_exist() -> None:
    said = {path: path.read_text() for path in (*DOCS.rglob("*.md"), ROOT / "README.md")}
    for path, tree in sources(*PACKAGES).items():
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        said[ROOT / path] = "\n".join(t for t in texts if isinstance(t, str))
    wrong = {
        f"{path.relative_to(ROOT)}: {words}"
        for path, text in said.items()
        for words in named_commands(text)
        if not is_command(words)
    }
    assert wrong == set()


def named_commands(text: str) -> set[str]:
    """`podyard word word` where it stands as a command: marked as code, or with a known noun."""
    words = r"podyard((?: [a-z][a-z-]+){1,2})"
    marked = re.findall(rf"(?:`|\$ |^    ){words}", text, re.MULTILINE)
    nouns = {known.split()[1] for known in commands() if " " in known} - {"key", "site"}
    hinted = [said for said in re.findall(words, text) if said.split()[0] in nouns]
    return {f"podyard{said}" for said in (*marked, *hinted)}


def is_command(words: str) -> bool:
    """True for a command, and for a command followed by an argument."""
    known = commands()
    first = " ".join(words.split()[:2])
    if words in known:
        return True
    group = getattr(known.get(first), "commands", None)
    return first in known and (not group or hasattr(known[first], "default"))
