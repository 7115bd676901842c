"""How the generated client asks: paths with names in them, queries, bodies, whole lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from inventory.client import Service


class Asking:
    """What every generated call goes through."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def rest(self, page: Mapping[str, Any]) -> Iterator[Any]:
        """Every result of a list, from a first page on to its end."""
        yield from page["results"]
        while page["next"]:
            page = self._service.follow(page["next"])
            yield from page["results"]

    def _ask(
        self,
        method: str,
        path: str,
        *,
        names: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        filled = path.format(**{name: quote(text, safe="") for name, text in (names or {}).items()})
        return self._service.ask(method, filled, query=query or {}, body=body)
