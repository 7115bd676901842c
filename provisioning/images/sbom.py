"""The list of what is in an image: CycloneDX, read back from the finished root.

Not from what was asked for: what a script of a package brought, or a lock did not know of, would be
missing. Debian's packages come from dpkg's own record, Python's from their `dist-info`.
"""

from __future__ import annotations

import email.parser
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from provisioning.images.recipe import Recipe

SPEC_VERSION = "1.6"
NAMESPACE = uuid.UUID("6f0f2f0e-3c86-5c7d-9a57-0d9f6c2f2b60")
"""Of podyard's SBOMs: the same content has the same serial number."""


def sbom(recipe: Recipe, root: Path) -> tuple[bytes, int]:
    """The document, and how many components it lists."""
    components = sorted((*debian(root), *python(root)), key=lambda one: str(one["purl"]))
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "timestamp": recipe.source_date.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "operating-system",
                "bom-ref": "image",
                "name": f"podyard-image-{recipe.name}",
                "version": recipe.version,
            },
        },
        "components": components,
    }
    content = json.dumps(components, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, content)}"
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n", len(components)


def debian(root: Path) -> Iterator[dict[str, Any]]:
    """What dpkg says is installed."""
    status = (root / "var/lib/dpkg/status").read_text()
    for paragraph in filter(None, status.split("\n\n")):
        said = email.parser.HeaderParser().parsestr(paragraph)
        if said["Status"] != "install ok installed":
            continue
        name, version, architecture = said["Package"], said["Version"], said["Architecture"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "purl": purl,
            "name": name,
            "version": version,
            "supplier": {"name": said["Maintainer"] or "unknown"},
        }


def python(root: Path) -> Iterator[dict[str, Any]]:
    """What the Python layer holds; Debian's own modules are packages already."""
    for metadata in root.glob("usr/lib/podyard/python/*.dist-info/METADATA"):
        said = email.parser.HeaderParser().parsestr(metadata.read_text())
        name = said["Name"].lower().replace("_", "-")
        purl = f"pkg:pypi/{quote(name)}@{quote(said['Version'], safe='')}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "purl": purl,
            "name": name,
            "version": said["Version"],
        }
