"""The query parameters of a GET: `$expand` as deep as the BMC goes, and `only`; no others."""

from __future__ import annotations

import re
from typing import Any, Protocol

from provisioning.simulator.errors import ActionRefused

Body = dict[str, Any]
_EXPAND = re.compile(r"(?P<what>[.*])(?:\(\$levels=(?P<levels>\d+)\))?")


class Readable(Protocol):
    """Something that knows every resource."""

    def read(self, path: str) -> Body | None:
        """The resource at a path."""


def apply_query(query: dict[str, str], body: Body, tree: Readable, *, levels_max: int) -> Body:
    """The resource as the query wants it."""
    for name in query:
        # Parameters without a dollar sign are ignored, but for those that Redfish names.
        if name.startswith("$") and name != "$expand":
            raise ActionRefused(501, "QueryParameterUnsupported", name)
    if "only" in query:
        body = _only(query, body, tree)
    if "$expand" in query:
        if levels_max < 1:
            raise ActionRefused(501, "QueryParameterUnsupported", "$expand")
        body = _expand(query["$expand"], body, tree, levels_max)
    return body


def _only(query: dict[str, str], body: Body, tree: Readable) -> Body:
    if query["only"] or len(query) > 1:
        raise ActionRefused(400, "QueryParameterValueError", query["only"], "only")
    if "Members" not in body:
        raise ActionRefused(400, "QueryNotSupportedOnResource")
    members = body["Members"]
    if len(members) != 1:
        return body
    return tree.read(members[0]["@odata.id"]) or body


def _expand(value: str, body: Body, tree: Readable, levels_max: int) -> Body:
    found = _EXPAND.fullmatch(value)
    if found is None:
        raise ActionRefused(400, "QueryParameterValueError", value, "$expand")
    levels = int(found["levels"] or 1)
    if not 1 <= levels <= levels_max:
        raise ActionRefused(400, "QueryParameterOutOfRange", value, "$expand")
    return _within(body, tree, levels, all_links=found["what"] == "*")


def _within(body: Body, tree: Readable, levels: int, *, all_links: bool) -> Body:
    return {
        name: _expanded(name, item, tree, levels, all_links=all_links)
        for name, item in body.items()
    }


def _expanded(name: str, value: Any, tree: Readable, levels: int, *, all_links: bool) -> Any:
    if name == "Links" and not all_links:
        return value
    if isinstance(value, list):
        return [_expanded("", item, tree, levels, all_links=all_links) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"@odata.id"}:
        return _within(value, tree, levels, all_links=all_links)
    found = tree.read(value["@odata.id"].rstrip("/"))
    if found is None:
        return value
    return found if levels == 1 else _within(found, tree, levels - 1, all_links=all_links)
