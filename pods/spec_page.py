"""The reference page of a shipped document: what it is, figure by figure, with what each rests on.

Written by the code because a page by hand would be wrong within a month. `docs/generate.py` writes
the pages, and a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pods import catalogue, shelf
from pods.checking import Document
from pods.composition import at
from pods.differences import changes
from pods.elevation import alike, elevations
from pods.part import Source, Sources
from pods.provenance import evidence
from pods.rack_rules import rack_nameplate_watts
from pods.schema import schema_text
from pods.shelf import Kind
from pods.spec import PodSpec

WRITTEN = "<!-- Written by docs/generate.py: do not edit. -->"
FOLDERS: Mapping[Kind, str] = {"pod": "pods", "rack": "racks", "host": "hosts"}
VALUE_CHARS_MAX = 160


def pages() -> dict[str, str]:
    """Path below `docs/reference` to text: the schema, an overview, one page for each document."""
    found = {"podspec.schema.json": schema_text(), "specs/index.md": _overview()}
    for name in shelf.names("pod"):
        found[f"specs/pods/{name}.md"] = _page(_pod(catalogue.load(name)))
    kinds: tuple[Kind, ...] = ("host", "rack")
    for kind in kinds:
        for name in shelf.names(kind):
            document = catalogue.load_document(name, kind=kind)
            found[f"specs/{FOLDERS[kind]}/{name}.md"] = _page(_type(document))
    return found


def _page(lines: Iterator[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _overview() -> str:
    rows = [
        "| spec | hosts | accelerators | racks | nameplate |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in shelf.names("pod"):
        spec = catalogue.load(name)
        watts = sum(rack_nameplate_watts(spec, rack) for rack in spec.racks)
        rows.append(
            f"| [{spec.identity}](pods/{name}.md) | {len(spec.slots())} | {_accelerators(spec)} "
            f"| {len(spec.racks)} | {watts / 1000:g} kW |"
        )
    parts = [
        WRITTEN,
        "",
        "# Specs",
        "",
        "What podyard ships. A pod is made of rack types, a rack type of host types; each is a",
        "`name@version` of its own. Every figure says what it rests on; one marked *uncertain* is",
        "secondary, remembered, contradicted or a stand-in, and must not be ordered by.",
        "",
        "A file of your own begins with `podyard spec new`; what it may hold is in",
        "{download}`the JSON Schema <../podspec.schema.json>`.",
        "",
        *rows,
        "",
    ]
    titles: Mapping[Kind, str] = {"pod": "Pods", "rack": "Rack types", "host": "Host types"}
    for kind, title in titles.items():
        entries = [f"{FOLDERS[kind]}/{name}" for name in shelf.names(kind)]
        parts += ["```{toctree}", f":caption: {title}", ":maxdepth: 1", "", *entries, "```", ""]
    return _page(iter(parts))


def _accelerators(spec: PodSpec) -> int:
    types = (spec.host_types[slot.host_type].accelerators for _, slot in spec.slots())
    return sum(gpus.count for gpus in types if gpus)


def _pod(spec: PodSpec) -> Iterator[str]:
    yield from (WRITTEN, "", f"# {spec.identity}", "", spec.description.strip(), "")
    yield from (f"Digest `{spec.digest()}`", "")
    if spec.variant_of:
        yield from _difference(spec, spec.variant_of)
    yield from ("## Made of", "")
    for kind, entries in (("host", spec.host_types), ("rack", spec.rack_types)):
        of: Kind = "host" if kind == "host" else "rack"
        for key, one in entries.items():
            yield f"- {kind} type `{key}`: {_link(of, one.type or one.variant_of) or 'its own'}"
    yield ""
    yield from ("## Figures", "")
    yield from _figures(spec.document(), spec.sources)
    if spec.variant_of is None:
        yield from ("## Racks", "", "```text", elevations(spec, alike(spec)), "```", "")


def _difference(spec: PodSpec, base: str) -> Iterator[str]:
    name = base.partition("@")[0]
    yield from (f"A variant of [{base}]({name}.md). What differs:", "")
    yield from ("| path | there | here |", "| --- | --- | --- |")
    before, after = catalogue.load(name).document(), spec.document()
    for value in (before, after):
        for field in ("name", "description", "variant_of", "sources"):
            value.pop(field, None)
        for types in (value["host_types"], value.get("rack_types", {})):
            for one in types.values():
                one.pop("sources", None)
                one.pop("description", None)
    for change in changes(before, after):
        yield f"| `{change.path}` | {_cell(change.before)} | {_cell(change.after)} |"
    yield ""


def _link(kind: Kind, identity: str | None) -> str:
    if identity is None:
        return ""
    return f"[{identity}](../{FOLDERS[kind]}/{identity.partition('@')[0]}.md)"


def _type(document: Document) -> Iterator[str]:
    yield from (WRITTEN, "", f"# {document.name}@{document.version}", "")
    yield from ((document.description or "").strip(), "")
    if document.variant_of:
        base = document.variant_of
        yield from (f"A variant of [{base}]({base.partition('@')[0]}.md).", "")
    value = document.model_dump(mode="json", exclude_unset=True)
    yield from _figures(value, document.sources)


def _figures(value: dict[str, Any], sources: Sources) -> Iterator[str]:
    yield from ("| what | value | rests on |", "| --- | --- | --- |")
    for path in sorted(sources):
        shown = _value(at(value, path), path, sources)
        if shown:
            yield f"| `{path}` | {_cell(shown)} | {_cell(_source(sources[path]))} |"
    yield ""


def _source(source: Source) -> str:
    found = evidence().get(source.source)
    title = found.title if found else source.source
    text = f"[{title}]({found.url})" if found and found.url else title
    note = f": {source.note}" if source.note else ""
    return f"{'*uncertain*, ' if source.uncertain else ''}{text}{note}"


def _value(value: Any, path: str, sources: Sources) -> str:
    """A value on one line, without what has a source of its own."""
    if isinstance(value, dict):
        parts = []
        for key, entry in value.items():
            inner = f"{path}.{key}"
            if inner not in sources and (shown := _value(entry, inner, sources)):
                parts.append(f"{key} {shown}")
        return _cut(", ".join(parts))
    if isinstance(value, list):
        entries = [
            shown
            for i, entry in enumerate(value)
            if f"{path}[{i}]" not in sources and (shown := _value(entry, f"{path}[{i}]", sources))
        ]
        return _cut("; ".join(entries))
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 2] + " …"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
