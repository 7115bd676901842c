"""Writes the typed client: `python -m inventory.sdk.generating`.

Typed dictionaries instead of classes: a client of three thousand lines is read by a type checker
in a second and costs nothing at run time, where generators of classes make thirty thousand.
"""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inventory.describe import description

FOLDER = Path(__file__).parent
HEAD = '''"""{says}

Written by `python -m inventory.sdk.generating`; change the API instead.
"""

# ruff: noqa: A003, D101, D400, D415, E501, RUF100 - generated

from __future__ import annotations

'''
METHODS = ("get", "post", "put", "patch", "delete")
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}

Schema = Mapping[str, Any]


def files() -> dict[str, str]:
    """Name of a file to what stands in it."""
    document = json.loads(description())
    operations = list(_operations(document))
    return {
        "models.py": _formatted(_models(document, operations)),
        "calls.py": _formatted(_calls(operations)),
    }


class Operation:
    """One call."""

    def __init__(self, path: str, method: str, said: Schema) -> None:
        self.path = path
        self.method = method
        suffix = re.sub(r"\W", "_", path) + f"_{method}"
        self.name = str(said["operationId"]).removesuffix(suffix)
        self.says = str(said.get("description") or said.get("summary") or "").strip()
        parameters = said.get("parameters", ())
        self.names = [p["name"] for p in parameters if p["in"] == "path"]
        self.query = [p for p in parameters if p["in"] == "query"]
        self.body = _json_of(said.get("requestBody"))
        replies = [one for code, one in said["responses"].items() if code in {"200", "201", "202"}]
        self.answers = [_json_of(one) for one in replies]

    @property
    def query_type(self) -> str:
        """The name of the type of its query."""
        return "".join(part.capitalize() for part in self.name.split("_")) + "Query"

    @property
    def spoken(self) -> bool:
        """Whether it answers JSON, or nothing."""
        return all(answer is not None for answer in self.answers)


def _operations(document: Schema) -> Iterator[Operation]:
    seen: set[str] = set()
    for path, methods in sorted(document["paths"].items()):
        for method in METHODS:
            if path.startswith("/api/") and method in methods:
                found = Operation(path, method, methods[method])
                if found.spoken and found.name not in seen:
                    seen.add(found.name)
                    yield found


def _models(document: Schema, operations: list[Operation]) -> str:
    text = HEAD.format(says="What calls take and give.")
    text += "from typing import Any, Literal, NotRequired, TypedDict\n\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        text += _model(_class(name), schema)
    for one in operations:
        if one.query:
            text += _dictionary(one.query_type, list(_query_fields(one)), ", total=False")
    return text


def _model(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"{name} = {_type(schema, quoted=True)}\n\n"
    required = set(schema.get("required", ()))
    fields = [
        (field, _type(one) if field in required else f"NotRequired[{_type(one)}]")
        for field, one in schema["properties"].items()
    ]
    return _dictionary(name, fields, "")


def _dictionary(name: str, fields: list[tuple[str, str]], total: str) -> str:
    """A class where every field can be the name of one, else the form that takes any name."""
    if all(field.isidentifier() and not keyword.iskeyword(field) for field, _ in fields):
        body = "\n".join(f"    {field}: {kind}" for field, kind in fields)
        return f"class {name}(TypedDict{total}):\n{body}\n\n"
    body = "\n".join(f'    "{field}": {_quoted(kind)},' for field, kind in fields)
    return f'{name} = TypedDict("{name}", {{\n{body}\n}}{total})\n\n'


def _query_fields(one: Operation) -> Iterator[tuple[str, str]]:
    for parameter in one.query:
        schema = parameter["schema"]
        item = schema.get("items")
        kind = _type(item) if item else _type(schema)
        told = f"{kind} | list[{kind}]" if item else kind
        yield parameter["name"], told
        for lookup in parameter.get("x-lookups", ()):
            yield f"{parameter['name']}__{lookup}", "bool" if lookup == "empty" else told


def _calls(operations: list[Operation]) -> str:
    text = HEAD.format(says="A method for each operation of the web API.")
    text += "from typing import TYPE_CHECKING, Any, Unpack\n\n"
    text += "from inventory.sdk.asking import Asking\n\n"
    # A command needs no type at run time, and starts faster without five thousand lines of them.
    text += "if TYPE_CHECKING:\n    from inventory.sdk import models\n\n\n"
    text += 'class Podyard(Asking):\n    """Every operation of the web API."""\n\n'
    for one in operations:
        text += _call(one)
    return text


def _call(one: Operation) -> str:
    given = ["self", *(f"{name}: str" for name in one.names)]
    asked = [repr(one.method.upper()), repr(one.path)]
    if one.body is not None:
        given.append(f"body: {_from_models(_type(one.body))}")
        asked.append("body=body")
    if one.names:
        names = ", ".join(f'"{name}": {name}' for name in one.names)
        asked.append(f"names={{{names}}}")
    if one.query:
        given.append(f"**query: Unpack[models.{one.query_type}]")
        asked.append("query=query")
    answer = " | ".join(dict.fromkeys(_from_models(_type(a or {})) for a in one.answers)) or "None"
    says = one.says.splitlines()[0].replace('"', "'") if one.says else one.name
    call = f"self._ask({', '.join(asked)})"
    told = f"        found: {answer} = {call}\n        return found\n"
    body = f"        {call}\n" if answer == "None" else told
    return f'    def {one.name}({", ".join(given)}) -> {answer}:\n        """{says}"""\n{body}\n'


def _json_of(said: Schema | None) -> Schema | None:
    content = (said or {}).get("content", {}).get("application/json")
    return None if content is None else content.get("schema", {})


def _type(schema: Schema, *, quoted: bool = False) -> str:
    if "$ref" in schema:
        name = _class(schema["$ref"].rpartition("/")[2])
        return f'"{name}"' if quoted else name
    for several in ("anyOf", "oneOf"):
        if several in schema:
            parts = dict.fromkeys(_type(one, quoted=quoted) for one in schema[several])
            return " | ".join(sorted(parts, key=lambda part: part == "None"))
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    match schema.get("type"):
        case "array":
            return f"list[{_type(schema.get('items', {}), quoted=quoted)}]"
        case "object":
            inner = schema.get("additionalProperties")
            return f"dict[str, {_type(inner, quoted=quoted) if isinstance(inner, dict) else 'Any'}]"
        case str(scalar):
            return _SCALARS[scalar]
        case _:
            return "Any"


def _from_models(kind: str) -> str:
    """A type with the names of models told from where they stand."""
    plain = {"str", "int", "float", "bool", "None", "Any", "list", "dict", "Literal"}

    def told(found: re.Match[str]) -> str:
        return found[0] if found[0] in plain else f"models.{found[0]}"

    if "Literal" in kind:
        return kind
    return re.sub(r"[A-Za-z_][A-Za-z0-9_]*", told, kind)


def _quoted(kind: str) -> str:
    return json.dumps(kind) if re.search(r"[A-Z]", kind.replace("Literal", "")) else kind


def _class(name: str) -> str:
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", name) if part]
    return "".join(part[0].upper() + part[1:] for part in parts)


def _formatted(text: str) -> str:
    program = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [str(program), "format", "--stdin-filename", "models.py", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        cwd=FOLDER.parents[1],
    )
    return done.stdout


if __name__ == "__main__":
    for file, content in files().items():
        (FOLDER / file).write_text(content)
