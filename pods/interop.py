"""DMTF interoperability profiles, as OCP publishes them, held against a BMC's resources.

A profile says in a tool-independent form which resources and properties a service must show. A
spec names profiles instead of inventing a list of its own. Checked here: resources, properties at
any depth, minimum versions and counts, values, conditions, use cases and actions. What would need
a write to prove (WriteRequirement) or another service (registries) is not checked, and the answer
says how much of that there was. Pure: a profile and a tree of payloads in, findings out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pods.errors import PodsError, shown
from pods.interop_rules import strongest, subject_to, type_of, value_fault, version_of
from pods.match_finding import Mismatch, blocks, notes
from pods.spec import PodSpec
from pods.versions import Order, order

Json = dict[str, Any]
Tree = Mapping[str, Json]
"""Path of a resource to its payload."""

_DEPTH_MAX = 16
"""Published profiles nest five deep."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile document."""

    name: str
    version: str
    requires: Mapping[str, str]
    """Name of another profile to the least version of it."""
    resources: Mapping[str, Json]
    least_redfish: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a tree lacks. `unchecked` counts requirements that payloads cannot prove."""

    findings: tuple[Mismatch, ...]
    unchecked: Mapping[str, int] = field(default_factory=dict)

    @property
    def satisfied(self) -> bool:
        """Whether nothing mandatory is missing."""
        return not any(one.severity == "critical" for one in self.findings)


class _Gaps:
    """What was found so far in one tree, for one profile."""

    def __init__(self, profile: str, tree: Tree) -> None:
        self.profile = profile
        self.tree = tree
        self.unchecked: Counter[str] = Counter()
        self.findings: dict[str, Mismatch] = {}

    def add(self, need: str, where: str, *, wanted: str, found: str) -> None:
        """A gap, as grave as the requirement is strong; what is optional is none."""
        if need not in {"Mandatory", "Recommended"}:
            # `Supported` asks for one instance somewhere, in whatever configuration.
            self.unchecked[need] += need == "Supported"
            return
        told = (blocks if need == "Mandatory" else notes)(
            f"{self.profile}: {where}",
            wanted,
            found,
            meaning=f"{need.lower()} by the profile {self.profile}",
            remedy="update the BMC's firmware, or ask its vendor for what the profile requires"
            if need == "Mandatory"
            else "nothing to do; ask the vendor for it with the next firmware",
        )
        self.findings.setdefault(told.path + wanted, told)


def read_profile(text: str, *, name: str) -> Profile:
    """A profile from the text of its file; `name` is the file, for messages."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PodsError(
            f"{name} is no JSON: {error}", hint="take another version of the profile"
        ) from None
    resources = document.get("Resources") if isinstance(document, dict) else None
    if not isinstance(resources, dict) or not isinstance(document.get("ProfileName"), str):
        raise PodsError(
            f"{name} is no interoperability profile: it has no ProfileName or no Resources",
            hint="give a file that follows RedfishInteroperabilityProfile",
        )
    required = _mapping(document.get("RequiredProfiles"))
    return Profile(
        name=document["ProfileName"],
        version=str(document.get("ProfileVersion", "")),
        requires={key: str(_mapping(one).get("MinVersion", "")) for key, one in required.items()},
        resources={key: one for key, one in resources.items() if isinstance(one, dict)},
        least_redfish=str(_mapping(document.get("Protocol")).get("MinVersion", "")),
    )


def chosen(named: Iterable[str], shelf: Sequence[Profile]) -> tuple[Profile, ...]:
    """The newest of each profile that a spec names, with those that they build upon.

    A name may carry the least version that will do, as `OCPServerHardwareManagement@1.1.0`.
    """
    found: dict[str, Profile] = {}
    waiting = [_asked(name) for name in named]
    while waiting:
        name, least = waiting.pop(0)
        profile = _newest(name, least, shelf)
        if profile.name not in found:
            found[profile.name] = profile
            waiting += profile.requires.items()
    return tuple(found.values())


def check(profiles: Iterable[Profile], tree: Tree) -> Verdict:
    """Everything that these profiles require and this tree lacks."""
    findings: dict[str, Mismatch] = {}
    unchecked: Counter[str] = Counter()
    for profile in profiles:
        gaps = _Gaps(profile.name, tree)
        _redfish_version(profile, gaps)
        for schema, wanted in profile.resources.items():
            _resource(schema, wanted, gaps)
        findings |= gaps.findings
        unchecked += gaps.unchecked
    return Verdict(tuple(findings.values()), dict(unchecked))


def conforms(spec: PodSpec, shelf: Sequence[Profile], tree: Tree) -> Verdict:
    """Whether one BMC's resources satisfy every profile that a spec names."""
    return check(chosen(spec.profiles, shelf), tree)


def _asked(name: str) -> tuple[str, str]:
    base, _, least = name.partition("@")
    return base, least


def _newest(name: str, least: str, shelf: Sequence[Profile]) -> Profile:
    # File names and references run words together that ProfileName may keep apart.
    same = [one for one in shelf if one.name.replace(" ", "") == name.replace(" ", "")]
    enough = [one for one in same if not least or order(one.version, wanted=least) != Order.BEHIND]
    if not enough:
        there = ", ".join(sorted(f"{one.name}@{one.version}" for one in same or shelf)[:8])
        raise PodsError(
            f"no profile {shown(name)}" + (f" of version {least} or later" if least else ""),
            hint=f"there is {there}" if there else "give the folder that holds the profiles",
        )
    best = enough[0]
    for one in enough[1:]:
        best = one if order(one.version, wanted=best.version) is Order.AHEAD else best
    return best


def _redfish_version(profile: Profile, gaps: _Gaps) -> None:
    root = next((body for body in gaps.tree.values() if type_of(body) == "ServiceRoot"), None)
    said = str(root.get("RedfishVersion", "")) if root else ""
    if said and profile.least_redfish and _behind(said, profile.least_redfish):
        gaps.add(
            "Mandatory",
            "ServiceRoot RedfishVersion",
            wanted=f"{profile.least_redfish} or later",
            found=said,
        )


def _resource(schema: str, wanted: Json, gaps: _Gaps) -> None:
    """One schema: that there are resources of it, and what each must show."""
    known = {path: body for path, body in gaps.tree.items() if type_of(body) == schema}
    at = {path: body for path, body in known.items() if _is_at(path, wanted.get("URIs"))}
    _presence(schema, wanted, at, gaps)
    for path, body in at.items():
        version, least = version_of(body), str(wanted.get("MinVersion", ""))
        if version and least and _behind(version, least):
            gaps.add("Mandatory", f"{path} @odata.type", wanted=f"{least} or later", found=version)
        _contents(wanted, path, body, gaps)
    for case in _list(wanted.get("UseCases")):
        _use_case(schema, case, at, gaps)


def _presence(schema: str, wanted: Json, at: Tree, gaps: _Gaps) -> None:
    need = str(wanted.get("ReadRequirement", "Mandatory"))
    if not at:
        gaps.add(need, schema, wanted="a resource of this kind", found="none")
    for condition in _list(wanted.get("ConditionalRequirements")):
        parents = condition.get("SubordinateToResource")
        if parents and not any(subject_to(condition, path, {}, [], gaps.tree) for path in at):
            where = f"{schema} below {'/'.join(map(str, parents))}"
            gaps.add(
                str(condition.get("ReadRequirement", "Mandatory")),
                where,
                wanted="a resource of this kind",
                found="none",
            )
    for name in ("CreateResource", "UpdateResource", "DeleteResource"):
        gaps.unchecked[name] += bool(wanted.get(name))


def _use_case(schema: str, case: Json, at: Tree, gaps: _Gaps) -> None:
    """Requirements that hold for resources of one use, as Chassis that are racks."""
    key = str(case.get("UseCaseKeyProperty", ""))
    rule = {
        "CompareProperty": key,
        "CompareType": "AnyOf",
        "CompareValues": case.get("UseCaseKeyValues", []),
    }
    mine = {path: body for path, body in at.items() if subject_to(rule, path, body, [], gaps.tree)}
    mine = {path: body for path, body in mine.items() if _is_at(path, case.get("URIs"))}
    if not mine:
        where = f"{schema} ({case.get('UseCaseTitle', key)})"
        need = str(case.get("ReadRequirement", "Mandatory"))
        gaps.add(need, where, wanted="a resource of this kind", found="none")
    for path, body in mine.items():
        _contents(case, path, body, gaps)


def _contents(wanted: Json, path: str, body: Json, gaps: _Gaps) -> None:
    _properties(_mapping(wanted.get("PropertyRequirements")), path, [(path, body)], gaps)
    offered = _mapping(body.get("Actions"))
    for name, action in _mapping(wanted.get("ActionRequirements")).items():
        if not any(key.rpartition(".")[2] == name for key in offered):
            need = str(_mapping(action).get("ReadRequirement", "Mandatory"))
            gaps.add(need, f"{path} Actions.{name}", wanted="offered", found="not there")


Chain = list[tuple[str, Json]]
"""The objects from the resource down to the one that is looked at, each with its place."""


def _properties(wanted: Json, path: str, chain: Chain, gaps: _Gaps) -> None:
    if len(chain) > _DEPTH_MAX:
        return
    for name, rule in wanted.items():
        # Some published profiles put plain values where requirements belong.
        if isinstance(rule, dict):
            _property(name, rule, path, chain, gaps)


def _property(name: str, rule: Json, path: str, chain: Chain, gaps: _Gaps) -> None:
    place, holder = chain[-1]
    where = f"{place} {name}" if place == path else f"{place}.{name}"
    need = _need(rule, path, chain, gaps.tree)
    gaps.unchecked["WriteRequirement"] += "WriteRequirement" in rule
    if name not in holder:
        if not _replaced(rule, holder):
            gaps.add(need, where, wanted="there", found="not there")
        return
    value = holder[name]
    least = rule.get("MinCount")
    if isinstance(least, int) and isinstance(value, list) and len(value) < least:
        gaps.add(need, where, wanted=f"{least} entries or more", found=str(len(value)))
    fault = value_fault(rule, value)
    if fault:
        gaps.add(need, where, wanted=fault, found=shown(value))
    inner = _mapping(rule.get("PropertyRequirements"))
    for number, entry in enumerate(value if isinstance(value, list) else [value]):
        if inner and isinstance(entry, dict):
            there = f"{where}[{number}]" if isinstance(value, list) else where
            _properties(inner, path, [*chain, (there, _followed(entry, gaps.tree))], gaps)


def _need(rule: Json, path: str, chain: Chain, tree: Tree) -> str:
    """The requirement in force: the base, or a stronger one whose condition holds."""
    holders = [body for _, body in chain]
    held = (
        str(condition.get("ReadRequirement", "Mandatory"))
        for condition in _list(rule.get("ConditionalRequirements"))
        if subject_to(condition, path, holders[-1], holders[-2::-1], tree)
    )
    return strongest([str(rule.get("ReadRequirement", "Mandatory")), *held])


def _replaced(rule: Json, holder: Json) -> bool:
    """An older property that a newer one stands in for, or the other way round."""
    return any(rule.get(key) in holder for key in ("ReplacedByProperty", "ReplacesProperty"))


def _followed(entry: Json, tree: Tree) -> Json:
    """A bare link, replaced by what it leads to where the tree has it."""
    return tree.get(str(entry.get("@odata.id")), entry) if set(entry) == {"@odata.id"} else entry


def _is_at(path: str, patterns: object) -> bool:
    """Whether a path is one of the profile's URIs, where it gives any."""
    if not isinstance(patterns, list) or not patterns:
        return True
    return any(re.fullmatch(_pattern(str(one)), path.rstrip("/")) for one in patterns)


def _pattern(uri: str) -> str:
    parts = re.split(r"\{[^{}]*\}", uri.rstrip("/"))
    return "[^/]+".join(re.escape(part) for part in parts)


def _behind(version: str, least: str) -> bool:
    return order(version, wanted=least) is Order.BEHIND


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Iterator[Json]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())
