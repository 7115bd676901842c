"""From a plain value to a `PodSpec`, or to everything that is wrong with it, all at once.

Whoever writes a spec corrects it in one round only when one round names every mistake. pydantic
finds those of shape; they are told here in the words of the file (path, value, hint). What spans
several fields, such as a slot that names a feed nobody declared, is `consistency`'s affair.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pods.composition import Origin, Uncomposable, compose
from pods.consistency import inconsistencies
from pods.document import parse_document, read_document
from pods.errors import SpecError, SpecInvalid, shown
from pods.hosttype import HostDocument
from pods.racktype import RackDocument
from pods.shelf import Kind
from pods.spec import SCHEMA, PodSpec
from pods.type_rules import host_inconsistencies, rack_inconsistencies

Document = PodSpec | HostDocument | RackDocument

_MODELS: dict[Kind, type[Document]] = {
    "pod": PodSpec,
    "host": HostDocument,
    "rack": RackDocument,
}

UNITS = {
    "watts": "watts as a whole number without a unit",
    "amps": "amperes as a number without a unit",
    "volts": "volts as a number without a unit",
    "gib": "GiB (1024^3 bytes) as a whole number without a unit",
    "gbps": "gigabits per second as a whole number without a unit",
    "s": "seconds as a number without a unit",
    "days": "days as a whole number",
    "kg": "kilograms as a number without a unit",
    "lpm": "litres per minute as a number without a unit",
    "mm": "millimetres as a number without a unit",
    "celsius": "degrees Celsius as a number without a unit",
    "kelvin": "kelvin as a number without a unit",
}

BIOS_VALUE_STEPS = 3
"""`bios`, a host type, an attribute: the path of a BIOS value."""

KILOWATTS_MAX = 300
"""No host and no rack that is built today draws this many kW: a fraction below it means kW."""

NUMBER_MAX, NUMBER_MIN = 10**15, 1e-9
"""Far outside of any hall's figures; what lies between multiplies and divides without overflow."""

_SCALE = {"k": 1000, "m": 1_000_000, "": 1}


def read_spec(path: Path) -> PodSpec:
    """The spec in a YAML or JSON file; raises `SpecNotFound` or `SpecInvalid`."""
    return check(read_document(path), source=str(path), file=path)


def parse_spec(raw: bytes, *, source: str = "spec") -> PodSpec:
    """The spec in YAML or JSON text; raises `SpecInvalid`."""
    return check(parse_document(raw, source=source), source=source)


def check(value: Any, *, source: str = "spec", file: Path | None = None) -> PodSpec:
    """The spec in a plain value, or `SpecInvalid` with every mistake."""
    found = check_document(value, source=source, kind="pod", file=file)
    if not isinstance(found, PodSpec):
        raise TypeError(f"{source} was read as a pod and is {type(found).__name__}")
    return found


def check_document(
    value: Any, *, source: str = "spec", kind: Kind | None = None, file: Path | None = None
) -> Document:
    """A spec, a host type or a rack type; without `kind`, what the document says it is.

    `file` is where it was read from, by somebody who may read what lies there; only then may it
    extend other files.
    """
    if not isinstance(value, dict):
        error = SpecError(
            path="",
            value=shown(value),
            message="a spec is a mapping of fields to values",
            hint="begin with `name:`; `podyard spec show lab-4 -o yaml` prints one to start from",
        )
        raise SpecInvalid(source, (error,))
    said = _kind(value, source=source)
    kind = kind or said
    if "kind" in value and said != kind:
        error = SpecError(
            path="kind",
            value=shown(said),
            message=f"this document describes a {said}, and a {kind} was asked for",
            hint="put a host type under `host_types:` and a rack type under `rack_types:` of a pod",
        )
        raise SpecInvalid(source, (error,))
    whole = {key: entry for key, entry in value.items() if key != "kind"}
    try:
        origin = Origin((file.resolve(),), _base_in) if file is not None else None
        whole = compose(whole, kind=kind, origin=origin)
    except Uncomposable as wrong:
        raise SpecInvalid(source, (wrong.error,)) from None
    try:
        found = _MODELS[kind].model_validate_json(json.dumps(whole))
    except ValidationError as wrong:
        raise SpecInvalid(source, _explained(wrong, _MODELS[kind])) from None
    errors = _contradictions(found)
    if errors:
        raise SpecInvalid(source, errors)
    return found


def _contradictions(found: Document) -> tuple[SpecError, ...]:
    match found:
        case PodSpec():
            return inconsistencies(found)
        case HostDocument():
            return tuple(host_inconsistencies(found, path=""))
        case RackDocument():
            return tuple(rack_inconsistencies(found, path=""))


def _base_in(file: Path) -> Any:
    """What another file holds, to be extended."""
    value = read_document(file, regular_only=True)
    if isinstance(value, dict):
        _kind(value, source=str(file))
    return value


def _kind(value: dict[str, Any], *, source: str) -> Kind:
    """What a document says it is, once it is clear that this podyard can read it at all."""
    unreadable = (*_unprintable((), value), *_outlandish((), value))
    if unreadable:
        raise SpecInvalid(source, unreadable)
    schema = value.get("schema_version", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        error = SpecError(
            path="schema_version",
            value=shown(schema),
            message=f"this spec is of schema {schema}, and this podyard reads up to {SCHEMA}",
            hint="upgrade podyard; an older one would misread what is new in it",
        )
        raise SpecInvalid(source, (error,))
    said = value.get("kind", "pod")
    if not isinstance(said, str) or said not in _MODELS:
        error = SpecError(
            path="kind",
            value=shown(said),
            message="there is no such kind of document",
            hint=_choice_hint(said, "'pod', 'host', 'rack'"),
        )
        raise SpecInvalid(source, (error,))
    return said


def path_text(location: tuple[int | str, ...]) -> str:
    """`racks[0].slots[1].unit`, with hostile keys made printable."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step != "[key]":
            plain = step if re.fullmatch(r"[\w.-]{1,64}", step, re.ASCII) else shown(step)
            text += f".{plain}" if text else plain
    return text


def _unprintable(location: tuple[int | str, ...], value: Any) -> Iterator[SpecError]:
    """Text that could move a terminal's cursor or is no text at all, in keys as in values."""
    if isinstance(value, str) and not value.replace("\n", "").replace("\t", "").isprintable():
        yield SpecError(
            path=path_text(location),
            value=shown(value),
            message="this text holds characters that cannot be printed",
            hint="write it with printable characters only",
        )
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _unprintable(location, key)
            yield from _unprintable((*location, key), entry)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _unprintable((*location, index), entry)


def _outlandish(location: tuple[int | str, ...], value: Any) -> Iterator[SpecError]:
    """Numbers beyond any pod: sums and ratios of them would leave what a float can hold."""
    if isinstance(value, int | float) and (
        NUMBER_MAX < abs(value) != math.inf or 0 < abs(value) < NUMBER_MIN
    ):
        yield SpecError(
            path=path_text(location),
            value=shown(value),
            message=f"no figure of a pod is as {'small' if abs(value) < 1 else 'large'}",
            hint="count the digits, and check the unit that the field's name ends in",
        )
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _outlandish((*location, key), entry)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _outlandish((*location, index), entry)


def _explained(wrong: ValidationError, root: type[Document]) -> tuple[SpecError, ...]:
    """One error for each mistake: a misspelt field is not also a missing one."""
    details = wrong.errors(include_url=False)
    found: dict[str, SpecError] = {}
    for detail in sorted(details, key=lambda one: one["type"] == "missing"):
        error = _explain(detail, root)
        meant = re.match(r"did you mean `([^`]+)`", error.hint)
        if detail["type"] == "extra_forbidden" and meant:
            found[path_text((*detail["loc"][:-1], meant.group(1)))] = error
        else:
            found.setdefault(error.path, error)
    return tuple(found.values())


def _explain(detail: Any, root: type[Document]) -> SpecError:
    location = _without_choice(detail["loc"])
    kind: str = detail["type"]
    found = detail.get("input")
    if kind == "extra_forbidden":
        return _unknown_field(location, found, root)
    if kind == "missing":
        return SpecError(
            path=path_text(location),
            value="nothing",
            message="this field is required and is missing",
            hint=f"add `{location[-1]}:`{_expected(location)}",
        )
    if len(location) < len(detail["loc"]):
        return SpecError(
            path=path_text(location),
            value=shown(found),
            message="input should be text, a whole number, true or false",
            hint="give one value, in quotes when it is text",
        )
    return SpecError(
        path=path_text(location),
        value=shown(found),
        message=detail["msg"][:1].lower() + detail["msg"][1:],
        hint=_hint(location, kind, found, detail.get("ctx") or {}),
    )


def _without_choice(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Pydantic tells a union's choices apart by one more step, which no file has."""
    is_choice = location[0] == "bios" and len(location) > BIOS_VALUE_STEPS
    return location[:BIOS_VALUE_STEPS] if is_choice else location


def _unknown_field(location: tuple[int | str, ...], found: Any, root: type[Document]) -> SpecError:
    name = str(location[-1])
    known = _fields_at(location[:-1], root)
    same = _same_quantity(name, known)
    close = same or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        unit = close[0].rsplit("_", 1)[-1]
        in_unit = f", in {UNITS[unit]}" if same and unit in UNITS else ""
        hint = f"did you mean `{close[0]}`{in_unit}?"
    else:
        hint = f"remove it; the fields here are: {', '.join(known)}"
    return SpecError(
        path=path_text(location), value=shown(found), message="there is no such field", hint=hint
    )


def _same_quantity(name: str, known: list[str]) -> list[str]:
    """Fields with the same stem and another unit: `module_gb` and `module_gib`."""
    stem = name.lower().rsplit("_", 1)[0]
    return [field for field in known if "_" in field and field.rsplit("_", 1)[0] == stem]


def _hint(location: tuple[int | str, ...], kind: str, found: Any, context: dict[str, Any]) -> str:
    field = next((str(step) for step in reversed(location) if isinstance(step, str)), "")
    if kind == "string_pattern_mismatch":
        return _pattern_hint(location)
    if kind == "string_type" and isinstance(found, int | float):
        return f'put it in quotes: {field}: "{found}"'
    if kind == "literal_error":
        return _choice_hint(found, str(context.get("expected", "")))
    unit = field.rsplit("_", 1)[-1]
    if unit in UNITS and isinstance(found, str):
        number = _number_in(found)
        return f"give {UNITS[unit]}" + (f": {number}?" if number else "")
    if isinstance(found, float) and unit == "watts" and 0 < found < KILOWATTS_MAX:
        return f"give a whole number of watts; {found:g} kW would be {round(found * 1000)}"
    if kind.startswith(("greater_than", "less_than")):
        return _bounds_hint(field, context)
    return f"give {_KIND_HINTS.get(kind, 'a value of the kind that `podyard spec schema` shows')}"


_KIND_HINTS = {
    "int_type": "a whole number without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number without quotes",
    "model_type": "a mapping of fields to values",
    "model_attributes_type": "a mapping of fields to values",
    "dict_type": "a mapping of names to entries",
    "tuple_type": "a list: one entry a line, each beginning with '-'",
    "finite_number": "a finite number",
    "string_type": "text",
}


def _pattern_hint(location: tuple[int | str, ...]) -> str:
    if location[-1] == "version":
        return 'give up to three numbers with dots between, in quotes: "1" or "1.2.0"'
    if location[-1] == "sha256":
        return "give the 64 lower-case hexadecimal digits that `sha256sum IMAGE` prints"
    if location[-1] == "image":
        return "give a plain file name, without folders"
    return "use 1 to 63 lower-case letters, digits, dots and dashes, no dot or dash at the ends"


def _choice_hint(found: Any, expected: str) -> str:
    choices = re.findall(r"'([^']+)'", expected) or re.findall(r"\d+", expected)
    close = difflib.get_close_matches(str(found)[:64].lower(), choices, n=1, cutoff=0.6)
    listed = f"choose one of: {', '.join(choices)}"
    return f"did you mean `{close[0]}`? {listed}" if close else listed


def _bounds_hint(field: str, context: dict[str, Any]) -> str:
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    bounds = [f"{words[key]} {limit}" for key, limit in context.items() if key in words]
    unit = field.rsplit("_", 1)[-1]
    in_unit = f" {unit}" if unit in UNITS and unit != "s" else ""
    return f"give {' and '.join(bounds)}{in_unit}"


def _number_in(text: str) -> str:
    """`4kW` is 4000: the number that a text with a unit seems to mean."""
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([kKM]?)[A-Za-z/]{0,8}\s*", text)
    if match is None:
        return ""
    number = float(match.group(1)) * _SCALE[match.group(2).lower()]
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _expected(location: tuple[int | str, ...]) -> str:
    unit = str(location[-1]).rsplit("_", 1)[-1]
    return f" in {UNITS[unit]}" if "_" in str(location[-1]) and unit in UNITS else ""


def _fields_at(location: tuple[int | str, ...], root: type[Document]) -> list[str]:
    """The fields of the model at this path, found by walking the annotations."""
    kind: Any = root
    for step in location:
        kind = _stepped(_unwrapped(kind), step)
    return list(_unwrapped(kind).model_fields)


def _stepped(kind: Any, step: int | str) -> Any:
    if _is_model(kind):
        return kind.model_fields[str(step)].annotation
    key_or_entry, value_or_dots = typing.get_args(kind)
    return value_or_dots if typing.get_origin(kind) is dict else key_or_entry


def _unwrapped(kind: Any) -> Any:
    """Without `Annotated` and `| None`."""
    while True:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif origin in (typing.Union, types.UnionType):
            kind = next(part for part in typing.get_args(kind) if part is not types.NoneType)
        else:
            return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
