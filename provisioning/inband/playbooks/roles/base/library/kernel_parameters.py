# ruff: noqa: INP001 - Ansible sends this file to the host; it is part of no package
"""Keeps kernel parameters in a file of `sysctl.d`, and sets those that are otherwise now.

Ansible's own module for this is outside ansible-core. A parameter that the kernel does not have is
an error that names it, and one that the kernel gives less of than asked (huge pages) is one too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

PROC_SYS = Path("/proc/sys")


def entry(name: str) -> Path:
    """Where the kernel shows it; dots in a name of an interface are written as slashes."""
    return PROC_SYS.joinpath(*name.split("."))


def wanted_file(values: dict[str, int]) -> str:
    """The file as it is to be."""
    return "".join(f"{name} = {values[name]}\n" for name in sorted(values))


def main() -> None:
    """Compare, set, read back."""
    module: Any = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "values": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    path, values = Path(module.params["path"]), module.params["values"]
    changed, text = [], wanted_file(values)
    if not path.exists() or path.read_text() != text:
        changed.append(str(path))
        if not module.check_mode:
            path.write_text(text)
            path.chmod(0o644)
    for name, value in sorted(values.items()):
        try:
            now = entry(name).read_text().split()
            if now == str(value).split():
                continue
            changed.append(name)
            if module.check_mode:
                continue
            entry(name).write_text(f"{value}\n")
            found = entry(name).read_text().split()
        except OSError as error:
            module.fail_json(msg=f"{name}: {error.strerror}; wanted {value}")
        if found != str(value).split():
            module.fail_json(msg=f"{name}: wanted {value}, the kernel gave {' '.join(found)}")
    module.exit_json(changed=bool(changed), set=changed)


if __name__ == "__main__":
    main()
