"""Finding one's way in a service: which System is the host, and what belongs to it.

A service may hold several Systems (a host and its GPU baseboard, or unrelated machines), paths
change between BMC restarts, and some resources answer 404 until their collection was read. So the
System is chosen by rule, remembered, and walked to again from the root when it is not where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from http import HTTPStatus
from typing import Any, TypeVar

from provisioning.drivers.redfish.answers import Answer, Json, items, link, mapping, reference, text
from provisioning.drivers.redfish.parts import path as path_of
from provisioning.drivers.redfish.parts import unfolded, whole
from provisioning.drivers.redfish.session import ReadFailed, RedfishSession
from provisioning.drivers.vendors.quirk import Habits, Maker
from provisioning.drivers.vendors.registry import habits
from provisioning.errors import (
    AnswerRefused,
    BmcRefused,
    Unsupported,
    WrongHost,
)

T = TypeVar("T")

_ROOT = "/redfish/v1"
MAX_MEMBERS = 512
"""A GB300 tree's largest collection has about 200 members."""
MAX_PAGES = 16
MAX_SYSTEMS_READ = 16
"""A box has two or three Systems; where there are more, the address must say which."""
MAX_BASEBOARDS = 2
FEW = 2
"""So many members are read one by one rather than by expanding what lists them."""
MAX_WALKS = 8
"""Of one connection: a service that answers 404 to everything must not double every read."""
_CORE = ("PowerState", "Boot")
"""What a host's System has on every BMC that can be used at all."""
_NOT_THERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})


class Resources:
    """The resources of one host on one BMC."""

    def __init__(
        self, *, session: RedfishSession, system_path: str | None, expected_serial: str | None
    ) -> None:
        self.session = session
        self._given_path = system_path
        self._expected_serial = expected_serial
        self._system_path: str | None = None
        self._others: tuple[str, ...] = ()
        """Systems of this service that are not the host."""
        self._walked: set[str] = set()
        """Collections that were read again because something in them was not found."""
        self._habits: Habits | None = None
        self._protocol_path: str | None = None
        self._places: dict[str, str] = {}
        """Where collections were found that are asked for again and again."""

    async def system(self) -> Answer:
        """The host's ComputerSystem, freshly read."""
        return self._complete(await self.system_as_told())

    async def system_as_told(self) -> Answer:
        """The same, whatever it leaves out: enough for what mends a BMC that leaves things out."""
        if self._system_path is not None:
            found = await self.optional(self._system_path)
            if found is not None:
                return found
        self._system_path = await self._find_system()
        return await self.session.get(self._system_path)

    def _complete(self, system: Answer) -> Answer:
        """Some BMCs leave keys out until they are restarted: what is not told is not believed."""
        missing = [name for name in _CORE if name not in system.body]
        if missing:
            raise AnswerRefused(
                f"{self.session.label}: the System says nothing of {' and '.join(missing)}",
                hint="restart the BMC once; if it stays so, its firmware or its board is at fault",
            )
        return system

    async def habits(self) -> Habits:
        """What this BMC wants of its client, by who made it. Asked once."""
        if self._habits is None:
            root, system = await self.session.root(), (await self.system()).body
            manager = await self.manager(system)
            maker = text(root.get("Vendor")) or text(system.get("Manufacturer"))
            self._habits = habits(
                Maker(
                    vendor=maker.lower(),
                    model=text(system.get("Model")).lower(),
                    bmc_model=text(manager.get("Model")).lower(),
                    bmc_firmware=text(manager.get("FirmwareVersion")).lower(),
                )
            )
            self.session.busy_messages = self._habits.busy_messages
        return self._habits

    async def baseboards(self) -> list[Json]:
        """Systems of the same box that cannot boot, as HGX baseboards: they hold the GPUs."""
        read = await together(self.optional_body(path) for path in self._others)
        return [body for body in read if body and body.get("Boot") is None]

    async def manager(self, system: Json) -> Json:
        """The BMC's own Manager; empty when the service shows none."""
        path = reference(system, "Links", "ManagedBy") or await self._first_member("Managers")
        found = await self.optional_body(path)
        self._protocol_path = reference(found, "NetworkProtocol")
        return found

    async def network_protocol(self) -> Json:
        """How the BMC is spoken to over the network; where that is, its Manager said before."""
        if self._protocol_path is None:
            await self.manager((await self.system()).body)
        return await self.optional_body(self._protocol_path)

    async def chassis(self, system: Json) -> Json:
        """The Chassis that the host sits in; empty when the service shows none."""
        found = await self.chassis_answer(system)
        return found.body if found else {}

    async def chassis_answer(self, system: Json) -> Answer | None:
        """The same with its path and tag, for what is changed there."""
        path = reference(system, "Links", "Chassis") or await self._first_member("Chassis")
        return await self.optional(path)

    async def optional(self, path: str | None) -> Answer | None:
        """Read what a service need not have.

        What is linked and not found is asked for again after a walk to it from the root: some BMCs
        build a collection's members only when the collection is read.
        """
        if path is None:
            return None
        found, status = await self._try(path)
        if found is None and status == HTTPStatus.NOT_FOUND and await self._walk_to(path):
            found, _ = await self._try(path)
        return found

    async def _try(self, path: str, *, afresh: bool = False) -> tuple[Answer | None, int]:
        try:
            return await self.session.get(path, afresh=afresh), HTTPStatus.OK
        except Unsupported:
            return None, HTTPStatus.NOT_IMPLEMENTED
        except BmcRefused as error:
            if error.status in _NOT_THERE:
                return None, error.status
            raise

    async def _walk_to(self, path: str) -> bool:
        """Read what stands above `path`, once; False when that was done or leads nowhere."""
        above = path.partition("?")[0].rstrip("/").rpartition("/")[0]
        inside = above.removeprefix(_ROOT).strip("/")
        if not inside or above in self._walked or len(self._walked) >= MAX_WALKS:
            return False
        self._walked.add(above)
        parts = inside.split("/")
        steps = ["/".join([_ROOT, *parts[: index + 1]]) for index in range(len(parts))]
        return all([(await self._try(step, afresh=True))[0] is not None for step in steps])

    async def optional_body(self, path: str | None) -> Json:
        """Read what a service need not have; empty without it."""
        found = await self.optional(path)
        return found.body if found else {}

    async def members(self, path: str | None) -> list[Json]:
        """The members of a collection, in one read where the service expands."""
        if path is None:
            return []
        listed = await self._listed(path)
        read = await together(self._member(member) for member in listed[:MAX_MEMBERS])
        return [member for member in read if member]

    async def members_at(self, name: str, find: Callable[[], Awaitable[str | None]]) -> list[Json]:
        """The members of a collection that is never empty; `find` says where it is.

        Asked once, and again when nothing is there any more: BMCs move things when they restart.
        """
        if (known := self._places.get(name)) and (found := await self.members(known)):
            return found
        path = await find()
        self._places[name] = path or ""
        return await self.members(path)

    async def listed_at(self, name: str, find: Callable[[], Awaitable[str | None]]) -> Json:
        """The same of one that may be empty: itself, with its members as references."""
        if (known := self._places.get(name)) and (found := await self.optional_body(known)):
            return found
        path = await find()
        self._places[name] = path or ""
        return await self.optional_body(path)

    async def newest(self, path: str | None, *, most: int) -> list[Json]:
        """The newest members of a log: whole where it lists them whole, else one read each.

        Some services list the newest first and some last. Which, its first and last member tell.
        """
        if path is None:
            return []
        listed = (await self._pages(path))[:MAX_MEMBERS]
        if len(listed) > most:
            ends = [await self._member(listed[0]), await self._member(listed[-1])]
            first, last = (text(one.get("Created")) for one in ends)
            listed = listed[:most] if first > last else listed[-most:]
        read = await together(self._member(member) for member in listed)
        return [member for member in read if member]

    async def linked(self, holder: Json, name: str) -> list[Json]:
        """The resources that `holder` lists under `name`, in one read where the service expands."""
        listed = items(holder.get(name))
        known: dict[str, Json] = {}
        if len(listed) > FEW and path_of(holder):
            known = {path_of(one): one for one in await self.deep(path_of(holder), levels=1)}
        read = await together(
            self._member(known.get(path_of(member), member)) for member in listed[:MAX_MEMBERS]
        )
        return [member for member in read if member]

    async def deep(self, where: str, *, levels: int) -> list[Json]:
        """A resource with what hangs below it, in one reply, as deep as the service goes.

        Nothing where it does not expand: whoever asks then decides what is worth more reads.
        """
        query = await self._expansion(levels)
        if not query:
            return []
        try:
            found = await self.optional_body(f"{where}?{query}")
        except (AnswerRefused, BmcRefused, ReadFailed, Unsupported):
            return []
        return unfolded(found)

    async def _listed(self, path: str) -> list[Json]:
        query = await self._expansion()
        if query:
            try:
                return await self._pages(f"{path}?{query}")
            except (AnswerRefused, BmcRefused, ReadFailed, Unsupported):
                # Advertised and broken, on many BMCs: read member by member instead.
                pass
        return await self._pages(path)

    async def _pages(self, path: str) -> list[Json]:
        listed: list[Json] = []
        following: str | None = path
        for _ in range(MAX_PAGES):
            page = await self.optional_body(following)
            listed += items(page.get("Members"))
            following = page.get("Members@odata.nextLink")
            if not following or len(listed) >= MAX_MEMBERS:
                break
            following = link(following)
        return listed

    async def _member(self, member: Json) -> Json:
        if any(not name.startswith("@") for name in member):
            return member
        return await self.optional_body(reference(member))

    async def _expansion(self, wanted: int = 1) -> str:
        """`$expand` in the form that this service offers; empty when it offers none."""
        root = await self.session.root()
        offered = mapping(mapping(root.get("ProtocolFeaturesSupported")).get("ExpandQuery"))
        deepest = max(1, min(wanted, whole(offered.get("MaxLevels"))))
        levels = f"($levels={deepest})" if offered.get("Levels") is True else ""
        if offered.get("NoLinks") is True:
            return f"$expand=.{levels}"
        return f"$expand=*{levels}" if offered.get("ExpandAll") is True else ""

    async def _first_member(self, collection: str) -> str | None:
        root = await self.session.root()
        listed = await self.optional_body(reference(root, collection))
        return reference(listed, "Members")

    async def _find_system(self) -> str:
        root = await self.session.root()
        listed = await self.optional_body(reference(root, "Systems"))
        paths = [link(member.get("@odata.id")) for member in items(listed.get("Members"))]
        if self._given_path is not None:
            self._remember(paths, self._given_path)
            return self._given_path
        if not paths:
            raise Unsupported(
                f"{self.session.label}: the service shows no ComputerSystem",
                hint="check that this address is a host's BMC",
            )
        chosen = paths[0] if len(paths) == 1 else await self._choose(paths)
        self._remember(paths, chosen)
        return chosen

    def _remember(self, paths: list[str], chosen: str) -> None:
        """The other Systems of a box. Of a service with many hosts none belongs to this one."""
        others = tuple(one for one in paths if one.rstrip("/") != chosen.rstrip("/"))
        self._others = others if len(others) <= MAX_BASEBOARDS else ()

    async def _choose(self, paths: list[str]) -> str:
        read = [await self.optional_body(path) for path in paths[:MAX_SYSTEMS_READ]]
        systems = dict(zip(paths, read, strict=False))
        if self._expected_serial:
            return self._with_serial(systems, self._expected_serial)
        bootable = [path for path, body in systems.items() if _boots(body)]
        if len(bootable) != 1 or len(paths) > MAX_SYSTEMS_READ:
            names = ", ".join(text(path.rpartition("/")[2]) for path in paths[:8])
            raise Unsupported(
                f"{self.session.label}: {len(paths)} Systems and no telling which is the host",
                hint=f"put one into the address, as …/redfish/v1/Systems/ID; there are {names}",
            )
        return bootable[0]

    def _with_serial(self, systems: dict[str, Json], serial: str) -> str:
        for path, body in systems.items():
            if text(body.get("SerialNumber")) == serial:
                return path
        raise WrongHost(
            f"{self.session.label}: none of {len(systems)} Systems has serial {serial!r}",
            hint="check the cabling, or correct it: podyard host bmc NAME --address or --serial",
        )


def _boots(system: Json) -> bool:
    """A host, not the baseboard beside it, which has a serial number, a UUID and nothing to boot.

    Both marks where any System has both, else either: firmware leaves out the one or the other.
    """
    return system.get("Boot") is not None or bool(text(system.get("BiosVersion")))


async def together(reads: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All of them; the session bounds how many run at once. The first failure ends the rest."""
    failure: Exception
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read) for read in reads]
        return [task.result() for task in tasks]
    except ExceptionGroup as failures:
        failure = failures.exceptions[0]
    raise failure
