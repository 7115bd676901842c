"""A pod as people hand it in, checked whole before anything of it is stored.

Every host must fill a slot of its own and bring its BMC's fingerprint: a password is only ever
sent to the BMC that this fingerprint names. Only over IPMI, which a site must switch on, there is
nothing to pin. What is wrong is told with its path and value, and then nothing was created.
"""

from __future__ import annotations

import json
import os
import re
import stat
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from inventory.model import BmcAccess, Event, Host, Pod, Rental, Whose
from inventory.outbound.bmc_address import Reach, bmc_address_fault
from inventory.places import Cable
from inventory.placing import Present, filled, link_domain, places_of
from inventory.refusals import OtherProblem, Refused
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from pods import catalogue
from pods.checking import check
from pods.power import PowerPhase, reserved_watts
from pods.spec import PodSpec, RackSpec, SlotSpec

NAME_FORM = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
BMC_PASSWORD = "bmc-password"  # noqa: S105 - the name of a field, not a secret
FINGERPRINT = re.compile(r"sha256:[0-9a-fA-F]{64}")
ADDRESS_HINT = "write redfish+https://host:port, or where there is none ipmi://host or ssh://host"
SCHEMES = frozenset({"redfish+https", "ipmi", "ssh"})
WITHOUT_CERTIFICATE = "ipmi://"
"""Addresses whose BMC shows nothing that could be pinned; ssh:// pins a host key."""
NO_FINGERPRINT = "not a sha256 fingerprint"
NETWORK_HINT = (
    "give an address in a declared network (podyard bmc networks), or ask an admin to declare it: "
    "podyard bmc network NAME CIDR"
)
FINGERPRINT_HINT = "sha256: and 64 hexadecimal digits, of the BMC's certificate (DER)"
ROOT_HINT = "leave it out, or take it from hall.json of a hall that the service's user started"
HOSTS_MAX = 4500  # what one spec of 1 MiB can design


class Given(BaseModel):
    """The base of what people hand in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GivenHost(Given):
    """One host that is expected to be there."""

    name: Annotated[str, Field(pattern=NAME_FORM)]
    slot: Annotated[str, Field(pattern=NAME_FORM)]
    bmc: Annotated[str, Field(max_length=512, description="redfish+https://host:port")]
    fingerprint: Annotated[str, Field(description="sha256:<hexadecimal>, of the BMC's certificate")]
    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]
    credentials: Annotated[
        Whose,
        Field(
            description="`factory`: its vendor and others know this password; podyard gives the "
            "account another one before it does anything else.",
        ),
    ] = "own"
    serial: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
    uuid: Annotated[
        str, Field(max_length=64, description="Not stored: registering reads it from the BMC.")
    ] = ""
    mac: Annotated[str, Field(max_length=64, description="Not stored: inspection reads it.")] = ""
    root: Annotated[
        str,
        Field(
            max_length=4096,
            description="Simulated hosts alone: the folder of their files on the service's "
            "machine, `…/hosts/<name>/root` of a running hall.",
        ),
    ] = ""
    rental: Annotated[
        Rental | None,
        Field(
            description="Of a host that belongs to somebody else: from whom, for how much, "
            "until when. Its certificates end with it, and its units say so."
        ),
    ] = None


class GivenPod(Given):
    """A pod to bring up: a spec and the hosts that fill its slots."""

    name: Annotated[str, Field(pattern=NAME_FORM)]
    site: Annotated[str, Field(pattern=NAME_FORM)] = "here"
    spec: Annotated[
        str | dict[str, Any],
        Field(description="The name of a shipped spec (`lab-4`), or a whole spec."),
    ]
    hosts: Annotated[
        tuple[GivenHost, ...],
        Field(max_length=HOSTS_MAX, description="None: they are expected, and come later."),
    ] = ()
    simulated: bool = False


class GivenHosts(Given):
    """Hosts that fill free slots of a pod."""

    hosts: Annotated[tuple[GivenHost, ...], Field(min_length=1, max_length=HOSTS_MAX)]
    simulated: Annotated[
        bool | None, Field(description="When it is said, it must agree with the pod.")
    ] = None


def change_for(
    given: GivenPod,
    *,
    present: Present,
    reach: Reach,
    box: SecretBox,
    now: datetime,
    actor: str,
) -> Change:
    """Everything that applying this pod writes, or Refused with all that is wrong.

    `present` is what its site knows already: the pod's racks, feeds and switches come beside it.
    `reach` says where its BMCs may be.
    """
    spec = _spec(given.spec)
    _refuse(
        [
            *_problems(given.hosts, spec, simulated=given.simulated, reach=reach),
            *_over(given.hosts, now),
        ]
    )
    pod = Pod(
        name=given.name,
        site=given.site,
        spec=spec.identity,
        spec_digest=spec.digest(),
        spec_document=spec.model_dump(mode="json"),
        simulated=given.simulated,
        created_at=now,
    )
    hosts = {str(uuid.uuid4()): one for one in given.hosts}
    slots = _slots(spec)
    records = tuple(
        _host(key, one, pod, spec=spec, place=slots[one.slot], now=now)
        for key, one in hosts.items()
    )
    host_ids = {one.slot: key for key, one in hosts.items()}
    event = Event(
        at=now,
        actor=actor,
        kind="pod.applied",
        subject=f"pod:{pod.name}",
        new=spec.identity,
        why=f"{len(records)} hosts",
    )
    return Change(
        insert=(pod, *records, *places_of(spec, pod, present=present, host_ids=host_ids)),
        events=(event, *_enrolled(records, now=now, actor=actor)),
        secrets=_sealed(hosts, box),
    )


def change_for_more(
    given: GivenHosts,
    pod: Pod,
    present: Sequence[Host],
    *,
    cables: Sequence[Cable],
    reach: Reach,
    box: SecretBox,
    now: datetime,
    actor: str,
) -> Change:
    """Everything that adding hosts to a pod writes, or Refused with all that is wrong.

    The pod is written too, so that of two people who fill the same slot one is told. `cables` are
    the pod's: those that waited for these hosts get an end.
    """
    spec = PodSpec.model_validate_json(json.dumps(pod.spec_document))
    _refuse(
        [
            *_problems(given.hosts, spec, simulated=pod.simulated, reach=reach),
            *_occupied(given, present),
            *_disagreeing(given, pod),
            *_over(given.hosts, now),
        ]
    )
    hosts = {str(uuid.uuid4()): one for one in given.hosts}
    slots = _slots(spec)
    records = tuple(
        _host(key, one, pod, spec=spec, place=slots[one.slot], now=now)
        for key, one in hosts.items()
    )
    host_ids = {one.slot: key for key, one in hosts.items()}
    return Change(
        insert=records,
        replace=(pod, *filled(cables, host_ids)),
        events=_enrolled(records, now=now, actor=actor),
        secrets=_sealed(hosts, box),
    )


def _enrolled(records: Iterable[Host], *, now: datetime, actor: str) -> tuple[Event, ...]:
    return tuple(
        Event(at=now, actor=actor, kind="host.enrolled", subject=f"host:{r.name}", new=r.slot)
        for r in records
    )


def _sealed(hosts: Mapping[str, GivenHost], box: SecretBox) -> dict[tuple[str, str], bytes]:
    return {
        (key, BMC_PASSWORD): box.seal(key, BMC_PASSWORD, one.password) for key, one in hosts.items()
    }


def _occupied(given: GivenHosts, present: Sequence[Host]) -> Iterator[OtherProblem]:
    for field in ("slot", "bmc"):
        taken = {h.slot if field == "slot" else h.bmc.address: h for h in present}
        for index, host in enumerate(given.hosts):
            if other := taken.get(getattr(host, field)):
                message = f"host {other.name} has this {field}; it is {other.state}"
                hint = f"choose another one, or podyard host forget {other.name}"
                shown = without_user(str(getattr(host, field)))
                yield _problem(f"hosts.{index}.{field}", shown, message, hint)


def _disagreeing(given: GivenHosts, pod: Pod) -> Iterator[OtherProblem]:
    if given.simulated is not None and given.simulated != pod.simulated:
        message = f"pod {pod.name} has simulated: {str(pod.simulated).lower()}"
        hint = "a pod is of one kind: add these hosts to another pod"
        yield _problem("simulated", str(given.simulated).lower(), message, hint)


def _over(hosts: Sequence[GivenHost], now: datetime) -> Iterator[OtherProblem]:
    for index, host in enumerate(hosts):
        if host.rental is not None and host.rental.until <= now:
            shown = host.rental.until.isoformat()
            message = f"the rental of {host.name} has ended"
            hint = "give the day on which it goes back, as 2027-03-01T00:00:00Z"
            yield _problem(f"hosts.{index}.rental.until", shown, message, hint)


def _spec(given: str | dict[str, Any]) -> PodSpec:
    """A shipped spec by name, or a whole one. A name never opens a file of this machine."""
    if isinstance(given, dict):
        return check(given)
    if given.partition("@")[0] not in catalogue.names():
        raise Refused(
            422,
            "unknown-spec",
            f"no shipped spec {given[:80]!r}",
            path="spec",
            value=given[:80],
            hint=f"shipped are {', '.join(catalogue.names())}; or send the whole spec",
        )
    return catalogue.load(given)


def _problems(
    hosts: Sequence[GivenHost], spec: PodSpec, *, simulated: bool, reach: Reach
) -> Iterator[OtherProblem]:
    slots = {slot.slot for _, slot in spec.slots()}
    free = ", ".join(sorted(slots)[:20])
    for index, host in enumerate(hosts):
        where = f"hosts.{index}"
        if host.slot not in slots:
            message = f"{spec.identity} has no slot of this name for {host.name}"
            yield _problem(f"{where}.slot", host.slot, message, f"its slots are {free}")
        if complaint := address_complaint(host.bmc):
            yield _problem(
                f"{where}.bmc",
                without_user(host.bmc),
                complaint,
                ADDRESS_HINT,
            )
        elif outside := bmc_address_fault(host.bmc, reach):
            yield _problem(f"{where}.bmc", without_user(host.bmc), outside, NETWORK_HINT)
        unpinned = host.bmc.startswith(WITHOUT_CERTIFICATE) and not host.fingerprint
        if not unpinned and not FINGERPRINT.fullmatch(host.fingerprint):
            shown = host.fingerprint[:80]
            yield _problem(f"{where}.fingerprint", shown, NO_FINGERPRINT, FINGERPRINT_HINT)
        if complaint := _root_complaint(host, simulated=simulated):
            yield _problem(f"{where}.root", host.root[:80], complaint, ROOT_HINT)
    for field in ("name", "slot", "serial", "bmc"):
        yield from _doubles(field, [str(getattr(host, field)) for host in hosts])


def _doubles(field: str, values: list[str]) -> Iterator[OtherProblem]:
    counts = Counter(values)
    seen: set[str] = set()
    for index, value in enumerate(values):
        if counts[value] > 1 and value in seen:
            message = f"two hosts have this {field}"
            hint = f"every host needs a {field} of its own"
            yield _problem(f"hosts.{index}.{field}", without_user(value), message, hint)
        seen.add(value)


def address_complaint(address: str) -> str:
    """What is wrong with a BMC's address; empty when nothing is."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"not an address: {error}"
    if parts.scheme not in SCHEMES or not host:
        return "not the address of a BMC"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "an address holds no user, password, query or fragment"
    names_system = parts.scheme == "redfish+https" and parts.path.startswith("/redfish/v1/Systems/")
    if parts.path not in {"", "/"} and not names_system:
        return "the path is not a System's"
    return ""


def _root_complaint(host: GivenHost, *, simulated: bool) -> str:
    """What is wrong with a root folder: playbooks write below it with the service's own rights."""
    root = host.root
    if not root:
        return ""
    if not simulated:
        return "only simulated hosts have a root folder"
    if not root.startswith("/") or "\0" in root:
        return "a root folder is an absolute path"
    if not root.endswith(f"/hosts/{host.name}/root"):
        return f"the root folder of {host.name} ends in /hosts/{host.name}/root"
    try:
        found = Path(root).lstat()
        straight = os.path.realpath(root, strict=True) == root
    except OSError as error:
        return f"the root folder cannot be looked at: {error.strerror}"
    if not straight:
        return "the path has a symbolic link, . or .. in it"
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return "not a folder of the service's own user"
    return ""


def without_user(address: str) -> str:
    """What is shown of a wrong address: never a password in it."""
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"[:80]


def _problem(path: str, value: str, message: str, hint: str) -> OtherProblem:
    return OtherProblem(path=path, value=value, message=message, hint=hint)


def _refuse(problems: Iterable[OtherProblem]) -> None:
    found = list(problems)
    if found:
        first, *rest = found
        raise Refused(
            422,
            "invalid",
            first.message,
            path=first.path,
            value=first.value,
            hint=first.hint,
            others=rest[:50],
        )


Slots = Mapping[str, tuple[RackSpec, SlotSpec]]


def _slots(spec: PodSpec) -> Slots:
    return {slot.slot: (rack, slot) for rack, slot in spec.slots()}


def _host(
    key: str,
    given: GivenHost,
    pod: Pod,
    *,
    spec: PodSpec,
    place: tuple[RackSpec, SlotSpec],
    now: datetime,
) -> Host:
    rack, slot = place
    power = spec.host_types[slot.host_type].power
    return Host(
        id=key,
        name=given.name,
        site=pod.site,
        pod=pod.name,
        slot=given.slot,
        rack=rack.name,
        position=slot.unit,
        feed=slot.feed,
        feed_b=slot.feed_b or "",
        link_domain=link_domain(
            spec, slot.host_type, rack=rack.name, pod=pod.name, host=given.name
        ),
        host_type=slot.host_type,
        simulated=pod.simulated,
        state_since=now,
        target="ready",
        serial=given.serial,
        bmc=BmcAccess(
            address=given.bmc,
            fingerprint=given.fingerprint,
            username=given.username,
            credentials=given.credentials,
        ),
        wake_at=now,
        reserved_watts=int(reserved_watts(power, PowerPhase.STANDBY)),
        root=given.root,
        rental=given.rental,
    )
