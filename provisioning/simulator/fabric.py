"""The hall's own kernel: process number one of the namespaces in which every simulated host lives.

Hosts of one hall share a network world that is not the machine's: bridges are networks, a veth pair
is a host's cable, and no address of it exists outside. This program lays them, starts each host in
a namespace set of its own, and ends them. It runs inside `unshare` from the standard library alone,
takes JSON orders on standard input and answers on standard output. When the input ends, the
simulator is gone (kill -9 included); as pid 1 its own exit then takes every host with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

START_LIMIT_S = 20.0
Answer = dict[str, Any]
speaking = threading.Lock()


def say(message: dict[str, Any]) -> None:
    """One line to the simulator; lines of several threads never mix."""
    with speaking:
        os.write(1, json.dumps(message).encode() + b"\n")


def run(*argv: str) -> None:
    """Run one system program; its complaint becomes ours."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


class Host:
    """One running host: the `unshare` that holds its namespaces, and its cable."""

    def __init__(self, *, name: str, cable: str, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.cable = cable
        self.process = process
        self.addresses: list[str] = []

    def order(self, line: bytes) -> None:
        """One line to the host's init."""
        assert self.process.stdin is not None  # noqa: S101 - started with a pipe
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next line of the host's init; its end is an event too."""
        assert self.process.stdout is not None  # noqa: S101 - started with a pipe
        line = self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"event": "ended"}
        return answer

    def expect_built(self) -> None:
        """Wait until the host's init has furnished its namespaces."""
        heard = self.hear()
        if heard["event"] != "built":
            reason = heard.get("reason", "no answer")
            raise RuntimeError(f"host {self.name} did not start: {reason}")

    def inside(self, *argv: str) -> None:
        """Run a program in the host's network."""
        run("nsenter", "-t", str(self.process.pid), "-n", *argv)


class Fabric:
    """All hosts and networks of the hall."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.bridges: dict[str, str] = {}
        self.cables: dict[str, str] = {}

    def boot(self, order: dict[str, Any]) -> Answer:
        """Start a host: namespaces, cable, init, agent."""
        name = order["host"]
        self.kill(order)
        argv = ["unshare", "-nmpuf", "--kill-child", "--mount-proc", *order["init"]]
        # The host's console: some versions of unshare complain there of every power cut.
        with (Path(order["root"]) / "var/log/console.log").open("ab") as console:
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=console
            )
        cable = self.cables.setdefault(name, f"h{len(self.cables)}")
        host = Host(name=name, cable=cable, process=process)
        watchdog = threading.Timer(START_LIMIT_S, process.kill)
        watchdog.start()
        try:
            host.order(json.dumps(order).encode())
            host.expect_built()
            self.lay_cable(host)
            host.order(b"go")
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            watchdog.cancel()
        self.hosts[name] = host
        threading.Thread(target=self.listen, args=(host,), daemon=True).start()
        return {}

    def lay_cable(self, host: Host) -> None:
        """A veth pair with eth0 inside; the outer end hangs loose until a network is asked for."""
        # The last life's cable vanishes with its namespace, but only some time after.
        subprocess.run(["ip", "link", "del", host.cable], check=False, capture_output=True)
        pid = str(host.process.pid)
        run("ip", "link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", pid)
        host.inside("ip", "link", "set", "eth0", "up")

    def listen(self, host: Host) -> None:
        """Pass on what the host's init reports until it ends."""
        while True:
            heard = host.hear()
            if heard["event"] == "ended":
                break
            say({**heard, "host": host.name})
        host.process.wait()
        say({"event": "ended", "host": host.name})

    def kill(self, order: dict[str, Any]) -> Answer:
        """Power off: SIGKILL to the host's pid 1 takes every process of its namespace."""
        host = self.hosts.pop(order["host"], None)
        if host is None:
            return {"was": "off"}
        for pid in children_of(host.process.pid):
            os.kill(pid, signal.SIGKILL)
        try:
            host.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            host.process.kill()
            host.process.wait(timeout=10)
        subprocess.run(["ip", "link", "del", host.cable], check=False, capture_output=True)
        return {"was": "on"}

    def attach(self, order: dict[str, Any]) -> Answer:
        """Put a host's cable into a network, and give it an address there."""
        host = self.running(order["host"])
        self.detach(order)
        bridge = self.bridge(order["network"])
        run("ip", "link", "set", host.cable, "master", bridge)
        run("ip", "link", "set", host.cable, "up")
        host.inside("ip", "addr", "add", order["address"], "dev", "eth0")
        host.inside("ip", "link", "set", "eth0", "up")
        host.addresses = [order["address"]]
        return {"bridge": bridge}

    def detach(self, order: dict[str, Any]) -> Answer:
        """Pull a host's cable; pulling it twice is no error."""
        host = self.running(order["host"])
        run("ip", "link", "set", host.cable, "down")
        run("ip", "link", "set", host.cable, "nomaster")
        host.inside("ip", "addr", "flush", "dev", "eth0")
        host.addresses = []
        return {}

    def bridge(self, network: str) -> str:
        """The bridge of a network, made when it is first asked for."""
        if network not in self.bridges:
            bridge = f"br{len(self.bridges)}"
            run("ip", "link", "add", bridge, "type", "bridge")
            run("ip", "link", "set", bridge, "up")
            self.bridges[network] = bridge
        return self.bridges[network]

    def running(self, name: str) -> Host:
        """The host, which must be running."""
        host = self.hosts.get(name)
        if host is None:
            raise RuntimeError(f"host {name} is not running")
        return host


def answer(fabric: Fabric, order: dict[str, Any]) -> Answer:
    """Carry out one order."""
    verbs = {
        "boot": fabric.boot,
        "kill": fabric.kill,
        "attach": fabric.attach,
        "detach": fabric.detach,
    }
    try:
        return {"id": order["id"], "ok": True, **verbs[order["do"]](order)}
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        return {"id": order["id"], "ok": False, "reason": str(error)}


def main() -> None:
    """Bring up loopback, say so, and obey until the simulator's pipe ends."""
    run("ip", "link", "set", "lo", "up")
    fabric = Fabric()
    say({"event": "fabric", "ok": True})
    for line in sys.stdin.buffer:
        say(answer(fabric, json.loads(line)))
    os._exit(0)


if __name__ == "__main__":
    main()
