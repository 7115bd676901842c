"""The two documents that OData clients ask for: which schemas are used, and where things start."""

from __future__ import annotations

import re
from collections.abc import Iterable

from provisioning.simulator.redfish.resource import ROOT, Body, link

SCHEMAS = "http://redfish.dmtf.org/schemas/v1"
_TYPE = re.compile(r"#(?P<schema>\w+)\.(?:(?P<version>v\d+_\d+_\d+)\.)?\w+")


def metadata(types: Iterable[str]) -> str:
    """The metadata document that refers to the schemas of these `@odata.type` values."""
    references: dict[str, set[str]] = {"Message": set(), "Resource": set(), "Settings": set()}
    for kind in types:
        if found := _TYPE.fullmatch(kind):
            versions = references.setdefault(found["schema"], set())
            if found["version"]:
                versions.add(f"{found['schema']}.{found['version']}")
    body = "".join(_reference(schema, spaces) for schema, spaces in sorted(references.items()))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">\n'
        f"{body}"
        f'<edmx:Reference Uri="{SCHEMAS}/RedfishExtensions_v1.xml">\n'
        '<edmx:Include Namespace="RedfishExtensions.v1_0_0" Alias="Redfish"/>\n'
        "</edmx:Reference>\n"
        "<edmx:DataServices>\n"
        '<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">\n'
        '<EntityContainer Name="Service" Extends="ServiceRoot.v1_16_0.ServiceContainer"/>\n'
        "</Schema>\n</edmx:DataServices>\n</edmx:Edmx>\n"
    )


def _reference(schema: str, versions: set[str]) -> str:
    spaces = [schema, *sorted(versions)]
    includes = "".join(f'<edmx:Include Namespace="{space}"/>\n' for space in spaces)
    return f'<edmx:Reference Uri="{SCHEMAS}/{schema}_v1.xml">\n{includes}</edmx:Reference>\n'


def service_document(root: Body) -> Body:
    """Every resource that the service root links to."""
    entries = [{"name": "Service", "kind": "Singleton", "url": f"{ROOT}/"}]
    for name, value in root.items():
        if isinstance(value, dict) and set(value) == set(link("")):
            entries.append({"name": name, "kind": "Singleton", "url": value["@odata.id"]})
    entries.append(
        {"name": "Sessions", "kind": "Singleton", "url": f"{ROOT}/SessionService/Sessions"}
    )
    return {"@odata.context": f"{ROOT}/$metadata", "value": entries}
