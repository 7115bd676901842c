"""`podyard spec new|from-host|render|schema|list|show`: what they write validates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from pods import catalogue, shelf, spec_page
from pods.checking import check_document
from pods.cli import spec_app
from pods.document import parse_document
from pods.errors import SpecInvalid
from pods.facts import HardwareFacts
from pods.hosttype import HostDocument
from pods.learning import NotLearnable, host_document
from pods.match import critical, match
from pods.schema import spec_schema

app = typer.Typer()
app.add_typer(spec_app, name="spec")
MakeFacts = Callable[..., HardwareFacts]
DOCS = Path(__file__).parents[3] / "docs" / "reference"


def podyard(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        app, ["spec", *map(str, arguments)], input=given
    )


@pytest.mark.parametrize("command", ["new", "from-host", "render", "cabling"])
def test_every_command_shows_an_example_within_80_columns(command: str) -> None:
    result = podyard(command, "--help")
    assert f"Example: podyard spec {command}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_whole_catalogue_validates() -> None:
    files = [
        path
        for folder in ("", "hosts", "racks")
        for path in sorted(Path(str(shelf.CATALOG), folder).glob("*.yaml"))
    ]
    assert len(files) == sum(len(shelf.names(kind)) for kind in ("pod", "host", "rack"))
    result = podyard("validate", *files, "-o", "json")
    assert result.exit_code == 0, result.stderr
    assert all(report["valid"] for report in json.loads(result.stdout))


def test_show_and_list_know_the_three_identities() -> None:
    assert json.loads(podyard("show", "nvl72-gb300", "-o", "json").stdout)["rack_types"]
    host = podyard("show", "hgx-b200-8-air", "--kind", "host", "-o", "yaml").stdout
    assert check_document(parse_document(host.encode())).name == "hgx-b200-8-air"
    assert "power-shelf" in podyard("show", "nvl72-gb300", "--kind", "rack").stdout
    listed = json.loads(podyard("list", "--kind", "rack", "-o", "json").stdout)
    assert {"type": "nvl72-gb300@1"}.items() <= listed[-1].items()
    assert "gb300-tray@1" in podyard("list", "--kind", "host").stdout


def test_new_begins_a_variant_that_validates(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert podyard("new", "mine", "--extends", "su-h100-32", "--out", file).exit_code == 0
    assert catalogue.load(str(file)).variant_of == "su-h100-32@1"


@pytest.mark.parametrize("host", shelf.names("host"))
def test_new_begins_a_pod_of_any_host_type_on_a_breaker_that_carries_it(host: str) -> None:
    result = podyard("new", "mine", "--host-type", host, "--racks", "2", "--hosts-per-rack", "2")
    assert result.exit_code == 0, result.stderr
    found = check_document(parse_document(result.stdout.encode()), kind="pod")
    assert found.name == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ("new", "mine"),
        ("new", "mine", "--extends", "lab-4", "--host-type", "mi300x-8"),
        ("new", "mine", "--extends", "lab-5"),
        ("new", "mine", "--host-type", "lab-4"),
        ("new", "mine", "--host-type", "mi300x-8", "--volts", "0"),
        ("new", "mine", "--host-type", "mi300x-8", "--volts", "nan"),
        ("render", "lab-4", "--rack", "r9"),
        ("render", "none.yaml"),
        ("from-host", "none.json", "--name", "x", "--nameplate-watts", "500"),
    ],
)
def test_what_is_not_there_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    result = podyard(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_new_that_cannot_fit_says_why() -> None:
    result = podyard("new", "mine", "--host-type", "hgx-h100-8", "--amps", "16")
    assert result.exit_code == 1
    assert "feeds.r1" in result.stderr


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "there.yaml"
    file.write_text("mine")
    result = podyard("new", "mine", "--extends", "lab-4", "--out", file)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert file.read_text() == "mine"


def test_a_host_type_is_learnt_and_makes_a_pod(make_facts: MakeFacts, tmp_path: Path) -> None:
    facts = json.dumps({"name": "h1", "facts": json.loads(make_facts().model_dump_json())})
    file = tmp_path / "box.yaml"
    learnt = podyard(
        *("from-host", "-", "--name", "my-box", "--nameplate-watts", "700"),
        *("--height-units", "2", "--out", file),
        given=facts,
    )
    assert learnt.exit_code == 0, learnt.stderr
    found = catalogue.load_host(str(file))
    lab = catalogue.load("lab-4").host_types["lab-cpu"]
    for part in ("manufacturer", "model", "processors", "memory", "drives", "nics"):
        assert getattr(found, part) == getattr(lab, part)
    assert found.sources["memory"].source == "observed"
    assert found.sources["power"].uncertain
    pod = podyard("new", "mine", "--host-type", file)
    assert pod.exit_code == 0, pod.stderr
    value = parse_document(pod.stdout.encode())
    assert check_document(value, kind="pod").name == "mine"
    assert list(value["host_types"]) == ["my-box"]


def test_a_file_without_facts_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"facts": {"model": 3}}')
    result = podyard("from-host", file, "--name", "x", "--nameplate-watts", "500")
    assert result.exit_code == 1
    assert "holds no facts of a host" in result.stderr
    assert "hint: " in result.stderr


RECORDED = Path(__file__).parent / "recorded" / "host-show-hgx-h100-8.json"
"""What `podyard host show r1-h1 -o json` wrote about a simulated DGX H100."""


@pytest.mark.parametrize("form", ["json", "yaml", "facts alone"])
def test_what_host_show_writes_teaches_a_type_that_the_host_matches(
    form: str, tmp_path: Path
) -> None:
    shown = json.loads(RECORDED.read_text())
    given = {
        "json": RECORDED.read_text(),
        "yaml": yaml.safe_dump(shown, sort_keys=False, allow_unicode=True),
        "facts alone": json.dumps(shown["facts"]),
    }
    file = tmp_path / "box.yaml"
    learnt = podyard(
        *("from-host", "-", "--name", "my-box", "--nameplate-watts", "10200", "--out", file),
        given=given[form],
    )
    assert learnt.exit_code == 0, learnt.stderr
    found = catalogue.load_host(str(file))
    assert (found.model, found.memory.modules) == ("DGX H100", 32)
    assert found.psus is not None
    assert (found.psus.count, found.psus.capacity_watts) == (6, 3300)
    assert found.is_uncertain("nics.speed_gbps")  # its links were down when it was looked at
    facts = HardwareFacts.model_validate_json(json.dumps(shown["facts"]))
    assert critical(match(found, facts)) == ()


def test_a_host_that_was_not_inspected_teaches_nothing_and_the_answer_says_why() -> None:
    result = podyard(
        *("from-host", "-", "--name", "x", "--nameplate-watts", "500"), given='{"facts": null}'
    )
    assert result.exit_code == 1
    assert "was not inspected yet" in result.stderr
    assert "podyard host why" in result.stderr


def test_drives_of_two_sizes_are_learnt_as_two_groups(make_facts: MakeFacts) -> None:
    one = make_facts().drives[0]
    drives = tuple(
        one.model_copy(update={"slot": str(n), "capacity_gib": 894 if n < 2 else 3576})
        for n in range(6)
    )
    found = check_document(host_document(make_facts(drives=drives), name="x", nameplate_watts=500))
    assert isinstance(found, HostDocument)
    assert [(g.role, g.count, g.capacity_gib) for g in found.drives.groups] == [
        ("boot", 2, 894),
        ("data", 4, 3576),
    ]
    assert found.is_uncertain("drives.groups[0].role")


def test_facts_without_memory_teach_no_host_type(make_facts: MakeFacts) -> None:
    with pytest.raises(NotLearnable, match="no memory modules"):
        host_document(make_facts(memory=()), name="x", nameplate_watts=500)


def test_one_odd_module_is_no_design(make_facts: MakeFacts) -> None:
    facts = make_facts()
    odd = facts.memory[0].model_copy(update={"capacity_gib": 8})
    value = host_document(
        facts.model_copy(update={"memory": (odd, *facts.memory[1:])}), name="x", nameplate_watts=500
    )
    assert isinstance(check_document(value), HostDocument)
    assert value["memory"] == {"modules": 4, "module_gib": 16}


def test_a_learnt_nameplate_in_kilowatts_is_refused(make_facts: MakeFacts) -> None:
    with pytest.raises(SpecInvalid, match="kW"):
        check_document(host_document(make_facts(), name="x", nameplate_watts=7))


def test_render_writes_text_or_a_picture(tmp_path: Path) -> None:
    text = podyard("render", "nvl72-gb300")
    assert text.exit_code == 0
    assert "r1-compute18" in text.stdout
    file = tmp_path / "rack.svg"
    assert podyard("render", "su-gb200-8r", "--rack", "r3", "--svg", "--out", file).exit_code == 0
    assert "r3-compute01" in file.read_text()


def test_the_schema_lets_a_variant_leave_out_what_its_base_says() -> None:
    schema = spec_schema()
    assert set(schema["required"]) == {"name", "version", "description"}
    assert {"required": ["extends"]} in schema["anyOf"]
    assert {"HostDocument", "RackDocument", "FabricSpec"} <= schema["$defs"].keys()
    assert json.loads(podyard("schema").stdout) == schema


def test_every_shipped_document_has_a_current_page() -> None:
    wanted = spec_page.pages()
    stale = [path for path, text in wanted.items() if _read(DOCS / path) != text]
    assert stale == [], "python docs/generate.py"
    there = {str(path.relative_to(DOCS)) for path in (DOCS / "specs").rglob("*.md")}
    assert there == {path for path in wanted if path.startswith("specs/")}


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_page_says_what_is_uncertain_and_where_a_figure_is_from() -> None:
    page = spec_page.pages()["specs/hosts/hgx-b300-8.md"]
    assert "| `power.nameplate_watts` | 14500 | *uncertain*" in page
    assert "https://docs.nvidia.com/" in page
