"""Which tool stands behind which test, and running it.

A tool that is not installed has not failed: the test is told as skipped, with what is missing, and
whether that may be is the spec's affair: a floor on a test that was not measured is not reached.
Every tool runs under a deadline, in a group of its own that ends with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pods.acceptance import Measurement
from runtime.ladder import accelerators, fabric, machine
from runtime.ladder.reading import ToolSaidNothingError, told
from runtime.tether import tethered

OUTPUT_MAX_BYTES = 4 * 1024 * 1024
Parse = Callable[[str], tuple[Measurement, ...]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One program that measures."""

    argv: tuple[str, ...]
    parse: Parse
    deadline_s: float
    """Several times what it takes on a host that is well."""
    device: str = ""
    """What must be there for it to make sense; empty: nothing but the program."""


NVIDIA, AMD = "/proc/driver/nvidia/version", "/dev/kfd"
TOOLS: dict[str, Tool] = {
    # Level 3 takes 15 minutes on eight accelerators.
    "diagnostic": Tool(("dcgmi", "diag", "-r", "3", "-j"), accelerators.diagnostic, 3600.0, NVIDIA),
    "matrix_multiply_bf16": Tool(
        ("mamf-finder", "--dtype", "bfloat16"),
        accelerators.matrix_multiply("matrix_multiply_bf16"),
        1800.0,
    ),
    "matrix_multiply_fp8": Tool(
        ("mamf-finder", "--dtype", "float8_e4m3fn"),
        accelerators.matrix_multiply("matrix_multiply_fp8"),
        1800.0,
    ),
    "host_to_device": Tool(
        ("nvbandwidth", "-t", "host_to_device_memcpy_ce"),
        accelerators.host_to_device,
        900.0,
        NVIDIA,
    ),
    "device_to_device": Tool(
        ("nvbandwidth", "-t", "device_to_device_memcpy_read_ce"),
        accelerators.device_to_device,
        900.0,
        NVIDIA,
    ),
    # nccl-tests and rccl-tests build a program of the same name, with the same table.
    "all_reduce_one_host": Tool(
        ("all_reduce_perf", "-b", "16G", "-e", "16G", "-g", "8"), fabric.all_reduce_one_host, 900.0
    ),
    "disk_write_fio": Tool(
        (
            *("fio", "--name=podyard", "--directory={scratch}", "--size=1G", "--rw=write"),
            *("--bs=1M", "--direct=1", "--ioengine=libaio", "--iodepth=16", "--unlink=1"),
            *("--time_based", "--runtime=30", "--output-format=json"),
        ),
        machine.disk,
        600.0,
    ),
    "cpu_memory_stress": Tool(
        (
            *("stress-ng", "--cpu", "0", "--vm", "2", "--vm-bytes", "50%", "--verify"),
            *("--timeout", "120s", "--metrics-brief"),
        ),
        machine.stress,
        900.0,
    ),
}


def lacking(tool: Tool) -> str:
    """Why it cannot run here; empty when it can."""
    if shutil.which(tool.argv[0]) is None:
        return f"{tool.argv[0]} is not installed"
    if tool.device and not Path(tool.device).exists():
        return f"there is no {tool.device}: no accelerator that {tool.argv[0]} knows"
    return ""


def run(tool: Tool, *, scratch: Path, accelerators_count: int = 8) -> tuple[Measurement, ...]:
    """Run it and read what it says; ToolSaidNothingError when that is nothing."""
    argv = [part.replace("{scratch}", str(scratch)) for part in tool.argv]
    if argv[0] == "all_reduce_perf":
        argv[-1] = str(max(1, accelerators_count))
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=tethered(),  # noqa: PLW1509 - it only calls the kernel
    )
    try:
        out, _ = process.communicate(timeout=tool.deadline_s)
    except subprocess.TimeoutExpired as error:
        raise ToolSaidNothingError(f"{argv[0]}: no end within {tool.deadline_s:.0f} s") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    text = out[:OUTPUT_MAX_BYTES].decode(errors="replace")
    try:
        return tool.parse(text)
    except ToolSaidNothingError:
        raise
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise ToolSaidNothingError(f"{argv[0]}: cannot be read: {told(text)}") from error
