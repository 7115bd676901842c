"""Run the suites one after the other and say at the end what took how long and what was skipped.

`python tests/run.py push|long|check`. As root on Debian it first installs the packages that the
suites need; elsewhere the suites that miss something skip themselves, and every skip is counted
and printed with its reason. Uses the standard library alone: it must be able to say what is
missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
RESULTS = ROOT / ".state" / "results"

DEBIAN_PACKAGES = {
    "postgresql": Path("/usr/lib/postgresql"),
    "redis-server": Path("/usr/bin/redis-server"),
    "chromium": Path("/usr/bin/chromium"),
    "iproute2": Path("/usr/sbin/ip"),
    "util-linux": Path("/usr/bin/unshare"),
    "procps": Path("/usr/bin/ps"),
}
"""Package to something that is there once it is installed."""

CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
    "floors": ["lint-imports", "--no-cache"],
}
SUITES = {
    "push": {
        "unit": ["tests/unit", "tests/test_architecture.py", "-m", "not long"],
        "contract": ["tests/contract", "-m", "not long"],
        "integration": ["tests/integration", "-m", "not long"],
    },
    "long": {"long": ["tests", "-m", "long"]},
    "check": {},
}


@dataclass
class Result:
    """How one suite ended."""

    name: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def main(which: str) -> int:
    """Run a selection; 0 when nothing failed."""
    os.chdir(ROOT)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ.pop(variable, None)  # they override what the tests' own clients verify
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin:/sbin"
    if which != "check":
        install_debian_packages()
    results = [run_check(name, command) for name, command in CHECKS.items()]
    results += [run_suite(name, arguments) for name, arguments in SUITES[which].items()]
    return report(results)


def install_debian_packages() -> None:
    """Bring what the suites need, where that is allowed; otherwise name it."""
    missing = [name for name, proof in DEBIAN_PACKAGES.items() if not proof.exists()]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say(f"not installed here: {' '.join(missing)}; suites that need them will skip")
        say(f"hint: apt-get install {' '.join(missing)}")
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing],
    ):
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)


def run_check(name: str, command: list[str]) -> Result:
    """One static check: its output is shown only when it fails."""
    started = time.monotonic()
    done = subprocess.run(
        [BIN / command[0], *command[1:]], check=False, capture_output=True, text=True
    )
    seconds = time.monotonic() - started
    if done.returncode:
        say(f"--- {name} failed\n{done.stdout}{done.stderr}")
    return Result(name, seconds, passed=int(not done.returncode), failed=int(bool(done.returncode)))


def run_suite(name: str, arguments: list[str]) -> Result:
    """One pytest run, read back from its JUnit file."""
    paths = [a for a in arguments if a.startswith("tests/") and not a.endswith(".py")]
    if paths and not any(any((ROOT / p).rglob("test_*.py")) for p in paths):
        return Result(name, 0.0)
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"{name}.xml"
    file.unlink(missing_ok=True)
    say(f"--- {name}")
    started = time.monotonic()
    code = subprocess.run(
        [BIN / "python", "-m", "pytest", "-q", f"--junit-xml={file}", *arguments], check=False
    ).returncode
    result = Result(name, time.monotonic() - started)
    nothing_collected = 5
    if not file.exists():
        result.failed = 1
        return result
    read_junit(file, result)
    if code not in {0, nothing_collected} and not result.failed:
        result.failed = 1  # pytest itself stopped
    return result


def read_junit(file: Path, result: Result) -> None:
    """Count cases and collect the reasons of skips."""
    for case in ET.parse(file).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        skipped = case.find("skipped")
        if skipped is not None:
            reason = re.sub(r"\s+", " ", skipped.get("message", "no reason"))[:90]
            result.skipped[reason] += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        else:
            result.passed += 1


def report(results: list[Result]) -> int:
    """The table, the skips, and one line that programs read."""
    say(f"\n{'suite':<14}{'seconds':>9}{'passed':>8}{'failed':>8}{'skipped':>9}")
    for r in results:
        row = f"{r.name:<14}{r.seconds:>9.1f}{r.passed:>8}{r.failed:>8}"
        say(f"{row}{sum(r.skipped.values()):>9}")
    for r in results:
        for reason, count in r.skipped.most_common():
            say(f"skipped {count:>3} in {r.name}: {reason}")
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    skipped = sum(sum(r.skipped.values()) for r in results)
    say(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


def say(text: str) -> None:
    """To people and logs alike."""
    print(text, flush=True)  # noqa: T201 - this program's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
