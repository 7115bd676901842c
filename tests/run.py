"""Run the suites side by side and say at the end what took how long and what was skipped.

`python tests/run.py push|long|check`. As root on Debian it first installs the packages that the
suites need; elsewhere the suites that miss something skip themselves, and every skip is counted
and printed with its reason. Uses the standard library alone: it must be able to say what is
missing.

Suites wait more than they compute (for a boot, a deadline, another machine), so one more runs at
once than there are cores. Each is a process of its own, and its output is shown whole when it ends:
two at once never mix.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
RESULTS = ROOT / ".state" / "results"
LANES_MOST = 4  # each may hold a browser, a database and a Ray cluster: about 2 GiB
LOOK_EVERY_S = 0.1
TIDYING_S = 60.0  # for a suite that was interrupted to end what it started
NOTHING_COLLECTED = 5

DEBIAN_PACKAGES = {
    "postgresql": Path("/usr/lib/postgresql"),
    "redis-server": Path("/usr/bin/redis-server"),
    "chromium": Path("/usr/bin/chromium"),
    "iproute2": Path("/usr/sbin/ip"),
    "util-linux": Path("/usr/bin/unshare"),
    "procps": Path("/usr/bin/ps"),
    "openipmi": Path("/usr/bin/ipmi_sim"),
    "openssh-server": Path("/usr/sbin/sshd"),
    "squashfs-tools": Path("/usr/bin/mksquashfs"),
    "dosfstools": Path("/usr/sbin/mkfs.vfat"),
    "mtools": Path("/usr/bin/mtools"),
    "fdisk": Path("/usr/sbin/sfdisk"),
    "mmdebstrap": Path("/usr/bin/mmdebstrap"),
    "xorriso": Path("/usr/bin/xorriso"),
    "cpio": Path("/usr/bin/cpio"),
    "qemu-system-x86": Path("/usr/bin/qemu-system-x86_64"),
    "ovmf": Path("/usr/share/OVMF/OVMF_CODE_4M.fd"),
    "nftables": Path("/usr/sbin/nft"),
}
"""Package to something that is there once it is installed."""

CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
    "floors": ["lint-imports", "--no-cache"],
    "playbooks": [
        *("ansible-lint", "--offline", "--nocolor", "-q", "--profile", "production"),
        "provisioning/inband/playbooks",
    ],
}
FIRST = "netbox"
"""It is begun before the checks: on a new machine it builds a NetBox for six minutes."""
SUITES = {
    FIRST: ["tests/contract/netbox"],
    "unit": ["tests/unit", "tests/test_architecture.py"],
    "bring-up": [
        "tests/integration/test_bring_up.py",
        "tests/integration/test_crashes.py",
        "tests/integration/test_host_changes.py",
        "tests/integration/test_on_postgresql.py",
    ],
    "chain": [
        "tests/integration/test_demo.py",
        "tests/integration/test_tutorial.py",
        "tests/integration/test_tenant_chain.py",
        "tests/integration/tenants",
    ],
    "faults": ["tests/integration/faults", "tests/integration/power"],
    "crashes": ["tests/integration/crashes"],
    "hosts": ["tests/integration/runtime"],
    "store": ["tests/contract/store"],
    "doors": ["tests/integration/doors"],
    "simulator": ["tests/integration/simulator"],
    "api": ["tests/contract/api"],
    "drivers": ["tests/integration/drivers", "tests/contract/bmc"],
    "pages": ["tests/integration/web", "tests/integration/runtime_control"],
    "engines": ["tests/contract/runtime"],
}
"""Long ones first: what is begun last decides when all is done."""
REST = "rest"
"""Every test file that no suite names: a new folder needs no entry until it is long."""
REST_IS = 5
"""Its place among the suites: it takes eight minutes, and would else be alone at the end."""
MARKS = {"push": "not long", "long": "long", "check": ""}
"""Selection to the tests that it takes; empty: none."""


@dataclass(frozen=True)
class Job:
    """One command, and how it tells what came of it."""

    name: str
    command: tuple[str | Path, ...]
    junit: Path | None = None
    """Where its cases are told; None: its exit code is all there is."""


@dataclass
class Result:
    """How one job ended."""

    name: str
    seconds: float
    cpu_seconds: float = 0.0
    """Its own and that of all processes that it waited for: what two at once must share."""
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass
class Running:
    """A job under way."""

    job: Job
    process: subprocess.Popen[bytes]
    output: Path
    started: float
    cpu_seconds: float = 0.0

    def has_ended(self) -> bool:
        """Look once, and keep what the kernel tells only then."""
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if not pid:
            return False
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return True

    def result(self) -> Result:
        """What came of it, once it has ended."""
        code, junit = self.process.returncode, self.job.junit
        result = Result(self.job.name, time.monotonic() - self.started, self.cpu_seconds)
        if junit is None:
            result.passed, result.failed = int(not code), int(bool(code))
            return result
        told = junit.exists() and read_junit(junit, result)
        if not result.failed and (code not in {0, NOTHING_COLLECTED} or not told):
            result.failed = 1  # pytest itself stopped
        return result

    def show(self) -> None:
        """Its output whole; a check that found nothing wrong has none."""
        failed = self.process.returncode not in {0, NOTHING_COLLECTED}
        if failed or self.job.junit is not None:
            said = self.output.read_text(errors="replace").rstrip()
            say(f"--- {self.job.name}{' failed' if failed else ''}\n{said}")


def main(which: str) -> int:
    """Run a selection; 0 when nothing failed."""
    os.chdir(ROOT)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ.pop(variable, None)  # they override what the tests' own clients verify
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin:/sbin"
    if which != "check":
        install_debian_packages()
    signal.signal(signal.SIGTERM, _interrupted)
    # A shell starts what it puts in the background with SIGINT ignored, and so would be all below.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lanes = min(LANES_MOST, len(os.sched_getaffinity(0)) + 1)
    started = time.monotonic()
    try:
        results = run_all(jobs_of(which), lanes=lanes, folder=RESULTS)
    except KeyboardInterrupt:
        say("\ninterrupted: what had not ended is not judged")
        return 130
    return report(results, seconds=time.monotonic() - started, lanes=lanes)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def jobs_of(which: str) -> list[Job]:
    """The checks and the suites of a selection, in the order in which they begin."""
    checks = [Job(name, (BIN / program, *rest)) for name, (program, *rest) in CHECKS.items()]
    mark = MARKS[which]
    names = list(SUITES)
    if paths_of(REST):
        names.insert(REST_IS, REST)
    suites = [_suite(name, mark) for name in names] if mark else []
    return [*suites[:1], *checks, *suites[1:]]


def _suite(name: str, mark: str) -> Job:
    """One pytest run, read back from its JUnit file."""
    junit = RESULTS / f"{name}.xml"
    pytest = (BIN / "python", "-m", "pytest", "-q", f"--junit-xml={junit}", "-m", mark)
    return Job(name, (*pytest, *paths_of(name)), junit)


def paths_of(name: str) -> list[str]:
    """What a suite collects, as pytest takes it."""
    if name == REST:
        named = {path for suite in SUITES for path in paths_of(suite)}
        files = sorted(ROOT.glob("tests/**/test_*.py"))
        within = ((str(file.relative_to(ROOT)), file.relative_to(ROOT).parents) for file in files)
        return [file for file, above in within if not named & {file, *(str(one) for one in above)}]
    found = [one for pattern in SUITES[name] for one in sorted(ROOT.glob(pattern))]
    if not found:  # given nothing, pytest would take everything
        raise SystemExit(f"error: the suite {name} names nothing that exists\nhint: see SUITES")
    return [str(one.relative_to(ROOT)) for one in found]


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


def run_all(jobs: Sequence[Job], *, lanes: int, folder: Path) -> list[Result]:
    """Every job, some at once; results in the order of the jobs. What runs is ended with us."""
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Result] = {}
    waiting, running = list(jobs), list[Running]()
    try:
        while waiting or running:
            while waiting and len(running) < lanes:
                running.append(_start(waiting.pop(0), folder))
            time.sleep(LOOK_EVERY_S)
            for one in [one for one in running if one.has_ended()]:
                running.remove(one)
                results[one.job.name] = one.result()
                one.show()
    finally:
        for one in running:
            _stop(one)
    return [results[job.name] for job in jobs]


def _start(job: Job, folder: Path) -> Running:
    if job.junit is not None:
        job.junit.unlink(missing_ok=True)
        say(f"    {job.name} begins")
    output = folder / f"{job.name}.txt"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            job.command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
    return Running(job, process, output, time.monotonic())


def _stop(one: Running) -> None:
    """Interrupted: a suite ends what it started, and what it said so far is shown."""
    one.process.send_signal(signal.SIGINT)
    try:
        one.process.wait(TIDYING_S)
    except subprocess.TimeoutExpired:
        one.process.kill()
        one.process.wait()
    one.show()


def read_junit(file: Path, result: Result) -> bool:
    """Count cases and collect the reasons of skips. False when it is no whole report."""
    try:
        cases = list(ET.parse(file).iter("testcase"))  # noqa: S314 - our own pytest wrote it
    except ET.ParseError:
        return False
    for case in cases:
        skipped = case.find("skipped")
        if skipped is not None:
            reason = re.sub(r"\s+", " ", skipped.get("message", "no reason"))[:90]
            result.skipped[reason] += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        else:
            result.passed += 1
    return True


def report(results: list[Result], *, seconds: float, lanes: int) -> int:
    """The table, the skips, and one line that programs read."""
    say(f"\n{'suite':<14}{'seconds':>9}{'cpu':>9}{'passed':>8}{'failed':>8}{'skipped':>9}")
    for r in results:
        row = f"{r.name:<14}{r.seconds:>9.1f}{r.cpu_seconds:>9.1f}{r.passed:>8}{r.failed:>8}"
        say(f"{row}{sum(r.skipped.values()):>9}")
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    skipped = sum(sum(r.skipped.values()) for r in results)
    computed = sum(r.cpu_seconds for r in results)
    row = f"{'all':<14}{seconds:>9.1f}{computed:>9.1f}{passed:>8}{failed:>8}{skipped:>9}"
    say(f"{row}  {lanes} at once")
    for r in results:
        for reason, count in r.skipped.most_common():
            say(f"skipped {count:>3} in {r.name}: {reason}")
    say(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


def say(text: str) -> None:
    """To people and logs alike."""
    print(text, flush=True)  # noqa: T201 - this program's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
