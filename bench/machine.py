"""Where and with what something was measured: figures without this mean nothing later."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["describe", "revision"]

HERE = Path(__file__).parent


def describe(packages: list[str]) -> dict[str, Any]:
    """Describe the machine and the versions of programs."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "compiler": _first_line("cc", "--version"),
        "versions": {name: found for name in packages if (found := _version_of(name))},
    }


def revision() -> str:
    """Give the commit, and a plus sign if files differ from it."""
    commit = _first_line("git", "-C", str(HERE), "rev-parse", "--short=10", "HEAD")
    changed = _first_line("git", "-C", str(HERE), "status", "--porcelain", "--untracked-files=no")
    return commit + "+" * bool(changed)


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if "model name" in line), platform.machine()
    )


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return _first_line("dpkg-query", "-W", "-f", "${Version}", package)


def _first_line(*command: str) -> str:
    """Give what a program says first; nothing if it is not there, or fails."""
    if shutil.which(command[0]) is None:
        return ""
    said = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return said.partition("\n")[0]
