"""The JSON Schema of a spec file, for editors and other programs.

A file may leave out what `extends` and rack types bring in, so what is required of a whole spec is
not required of a file that extends another; the schema says both.
"""

from __future__ import annotations

import json
from typing import Any

from pods.hosttype import HostDocument
from pods.racktype import RackDocument
from pods.spec import PodSpec

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def spec_schema() -> dict[str, Any]:
    """The schema of a pod, with those of a host type and a rack type among its definitions."""
    schema = PodSpec.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    properties = schema["properties"]
    properties["kind"] = {"const": "pod", "description": "What the document describes."}
    properties["extends"] = {
        "type": "string",
        "description": "name@version of the shipped spec that this one is a variant of.",
    }
    for kind, model in (("host", HostDocument), ("rack", RackDocument)):
        found = model.model_json_schema()
        definitions |= found.pop("$defs", {})
        found["properties"]["kind"] = {"const": kind}
        definitions[model.__name__] = _extendable(found)
    for name in ("HostType", "RackType"):
        _extendable(definitions[name])
    slots = definitions["RackSpec"]
    slots["required"] = [one for one in slots["required"] if one not in {"units", "slots"}]
    slots["anyOf"] = [{"required": ["units", "slots"]}, {"required": ["type"]}]
    return {"$schema": SCHEMA_ID, **_extendable(schema)}


def _extendable(schema: dict[str, Any]) -> dict[str, Any]:
    """What is required, unless the document extends another."""
    schema["properties"].setdefault("extends", {"type": "string"})
    own = [name for name in schema["required"] if name in {"name", "version", "description"}]
    rest = [name for name in schema["required"] if name not in own]
    schema["required"] = own
    if not own:
        del schema["required"]
    schema["anyOf"] = [{"required": ["extends"]}, {"required": rest}]
    return schema


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(spec_schema(), indent=2, ensure_ascii=False) + "\n"
