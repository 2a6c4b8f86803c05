"""What was measured on, and with what: figures mean nothing without it."""

import os
import platform
import re
from pathlib import Path

from benchmark.command import output
from benchmark.progress import Failure

ROOT = Path(__file__).resolve().parents[2]


def _first_match(pattern, path):
    try:
        found = re.search(pattern, Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None


def _asked(*argv):
    """What a program prints, in one line; "unknown" if it can't be run."""
    try:
        return " ".join(output(list(argv)).split())
    except (OSError, Failure):
        return "unknown"


def _commit():
    commit = _asked("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
    changed = _asked("git", "-C", str(ROOT), "status", "--porcelain", "-uno")
    return commit if changed in ("", "unknown") else f"{commit} with changes"


def describe(data, binary):
    """Names and values, in the order in which they are shown."""
    version = _asked(str(binary), "--version").removeprefix("reposfs ")
    memory_kib = int(_first_match(r"^MemTotal:\s+(\d+)", "/proc/meminfo") or 0)
    return {
        "reposfs": f"{version}, commit {_commit()}",
        "kernel": platform.release(),
        "system": _first_match(r'^PRETTY_NAME="?([^"\n]*)', "/etc/os-release") or "unknown",
        "processor": f"{os.cpu_count()} x {_first_match(r'^model name.*: (.*)', '/proc/cpuinfo')}",
        "memory": f"{memory_kib / (1 << 20):.0f} GiB",
        "file system": _asked("findmnt", "-n", "-o", "FSTYPE", "-T", str(data)),
        "git": _asked("git", "--version").removeprefix("git version "),
        "libgit2": _asked("pkg-config", "--modversion", "libgit2"),
        "libfuse": _asked("pkg-config", "--modversion", "fuse3"),
    }


def fuse_features(status):
    """What daemon and kernel agreed on, as the daemon's status says."""
    fuse = status.get("fuse") or {}
    return f"{fuse.get('protocol', 'unknown')}: {' '.join(fuse.get('features', []))}"
