"""Reading a spec file that anybody may have written, before anything in it is believed.

A spec travels: by mail, by pull request, from a vendor. YAML can name classes, multiply itself by
aliases, hide a value behind a second key of the same name and turn `on` into a boolean. So the
text is capped and scanned event by event first, and only the plain JSON part of YAML is accepted,
with YAML 1.2's idea of booleans and numbers. What the values mean is `checking`'s affair.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from pods.errors import SpecError, SpecInvalid, SpecNotFound, shown

SIZE_MAX_BYTES = 1024 * 1024
"""1 MiB: a pod of 4,500 hosts, written out, is a third of that."""

DEPTH_MAX = 16
"""The deepest path of a spec has 6 levels; the rest is room for a later version."""

VALUES_MAX = 200_000
"""Scalars and containers: what 1 MiB of honest spec could hold."""


class _Refused(Exception):
    def __init__(self, error: SpecError) -> None:
        super().__init__(error.message)
        self.error = error


def read_document(path: Path, *, regular_only: bool = False) -> Any:
    """The plain JSON value in a YAML or JSON file; raises `SpecNotFound` or `SpecInvalid`.

    Whoever names a file at the command line may name a pipe; what a document names may not
    (`regular_only`), for opening that would wait for a writer who never comes.
    """
    try:
        opener = _regular if regular_only else None
        with open(path, "rb", opener=opener) as file:
            raw = file.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        raise SpecNotFound(
            f"cannot read spec {shown(str(path))}: {error.strerror or error}",
            hint="give the path of a YAML or JSON file, or a name that `podyard spec list` shows",
        ) from error
    return parse_document(raw, source=str(path))


def _regular(path: str, flags: int) -> int:
    """Open without waiting, and only what is a file."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no regular file")


def parse_document(raw: bytes, *, source: str = "spec") -> Any:
    """The plain JSON value in YAML or JSON text."""
    try:
        text = _text(raw)
        return _parse_json(text) if text.lstrip()[:1] == "{" else _parse_yaml(text)
    except _Refused as refused:
        raise SpecInvalid(source, (refused.error,)) from None


def to_yaml(value: Any) -> str:
    """A plain value as YAML that reads back as exactly this value."""
    return escaped(
        yaml.dump(value, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=96)
    )


def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Text that `escaped` may put escapes into is written in double quotes."""
    plain = all(c.isprintable() or c == "\n" for c in text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def escaped(text: str) -> str:
    """YAML without letters that a terminal acts on, once `represent_text` has quoted them.

    YAML itself lets marks of direction through, which show a line in another order than it is in.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else f"\\U{ord(c):08X}" for c in text)


def _refuse(path: str, value: str, message: str, hint: str) -> NoReturn:
    raise _Refused(SpecError(path=path, value=value, message=message, hint=hint))


def _text(raw: bytes) -> str:
    if len(raw) > SIZE_MAX_BYTES:
        _refuse(
            "",
            "more than 1 MiB",
            "a spec file may hold at most 1 MiB",
            "split the design into several pods, or remove what is not part of it",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(
            f"byte {error.start}",
            f"0x{raw[error.start]:02x}",
            "the file is not UTF-8 text",
            "save the file as UTF-8",
        )


def _parse_json(text: str) -> Any:
    _cap_json_depth(text)
    try:
        return json.loads(text, object_pairs_hook=_json_object, parse_constant=_json_constant)
    except json.JSONDecodeError as error:
        _refuse(
            f"line {error.lineno}, column {error.colno}",
            shown(text[error.pos : error.pos + 20]),
            f"not JSON: {error.msg}",
            "correct the text there, or write the spec as YAML",
        )
    except ValueError:
        _refuse("", "", "a number has too many digits", "give numbers of ordinary size")


def _cap_json_depth(text: str) -> None:
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        first = token.group()[0]
        if first in "[{":
            depth += 1
        elif first in "]}":
            depth -= 1
        if depth > DEPTH_MAX:
            _refuse_depth(text.count("\n", 0, token.start()) + 1)


def _refuse_depth(line: int) -> NoReturn:
    _refuse(
        f"line {line}",
        f"more than {DEPTH_MAX} levels",
        f"a spec may nest at most {DEPTH_MAX} levels deep",
        "compare with `podyard spec show lab-4`: nothing there is deeper than 6 levels",
    )


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            _refuse_twice(key, "")
        found[key] = value
    return found


def _refuse_twice(key: str, place: str) -> NoReturn:
    _refuse(
        place,
        shown(key),
        "this key stands twice in the same mapping, and the second would hide the first",
        f"keep one of the two {shown(key)} entries",
    )


def _json_constant(name: str) -> NoReturn:
    _refuse("", name, "not a number that a design can have", "give a finite number")


def _parse_yaml(text: str) -> Any:
    try:
        _scan_events(text)
        return _load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        _refuse(
            place,
            "",
            f"not YAML: {error.problem or error.context or 'malformed'}",
            "correct the text there; indentation is by spaces, and a ':' inside text needs quotes",
        )
    except yaml.YAMLError as error:
        _refuse("", "", f"not YAML: {shown(str(error))}", "remove what is not printable text")
    except ValueError:
        _refuse("", "", "a number has too many digits", "give numbers of ordinary size")


def _scan_events(text: str) -> None:
    """Refuse what would be dangerous or misleading to construct, before constructing anything."""
    depth = values = documents = 0
    for event in _events(text):
        line = event.start_mark.line + 1
        _refuse_alias_or_tag(event, line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAX:
            _refuse_depth(line)
        values += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if values > VALUES_MAX:
            _refuse(f"line {line}", "", f"more than {VALUES_MAX} values", "split the design")
        if documents > 1:
            _refuse(
                f"line {line}",
                "'---'",
                "a file holds one spec, and here begins a second document",
                "put each spec into a file of its own",
            )


def _events(text: str) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=_Base))


def _refuse_alias_or_tag(event: Any, line: int) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        mark = "*" if isinstance(event, yaml.AliasEvent) else "&"
        _refuse(
            f"line {line}",
            shown(f"{mark}{event.anchor}"),
            "YAML anchors and aliases are not accepted: they can multiply a file without end",
            "write the repeated part out, or quote a value that begins with '&' or '*'",
        )
    if getattr(event, "tag", None):
        _refuse(
            f"line {line}",
            shown(event.tag),
            "YAML tags are not accepted: they can name code",
            "remove the tag, or quote a value that begins with '!'",
        )


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it was compiled in: 1 MiB in 0.3 s instead of 5 s."""


class _PlainLoader(_Base):  # type: ignore[misc]  # chosen at run time
    """Constructs what JSON has, as YAML 1.2 spells it: `on`, `1:30` and dates stay text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Refuse a key that stands twice, and keys that are not text."""
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                _refuse(place, "", "a key must be text", "give the key as a plain word")
            key = str(key_node.value)
            if key in found:
                _refuse_twice(key, place)
            found[key] = self.construct_object(value_node, deep=deep)
        return found


class _PlainDumper(yaml.SafeDumper):
    """Writes what `_PlainLoader` reads back as the same value: text like `1e3` gets its quotes."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base's signature
        """Write a repeated part out: aliases are not accepted back."""
        return True


_PlainDumper.add_representer(str, represent_text)

for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", "nN~\0"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?[0-9]+[eE][-+]?[0-9]+", "-+0123456789"),
):
    for _side in (_PlainLoader, _PlainDumper):
        _side.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}",
            re.compile(f"^(?:{_pattern})$"),
            ["" if first == "\0" else first for first in _first],
        )


def _load(text: str) -> Any:
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
