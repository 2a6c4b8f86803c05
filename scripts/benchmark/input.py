"""The prepared input, kept in one directory so that a second run starts at once.

    <data>/lock                    held by the run that uses it
          /<size>/served/bench/    what the server serves: <name>.git
          /<size>/native/<name>    a clone of each, with checkout, on the same file system
          /run-*                   what one run makes and removes

<size> is `full` or `quick`.
"""

import fcntl
import os
import shutil

from benchmark import histories
from benchmark.command import output
from benchmark.progress import Failure, say

# Below .git of a native clone: the index as `git clone` left it, before any `git status`.
FRESH_INDEX = "index.fresh"

# Raised whenever the same name would mean other content.
_VERSION = "1"
_MAKERS = {
    "kernel": histories.make_kernel,
    "small": histories.make_small,
    "wide": histories.make_wide,
}


def lock(data):
    """Makes sure that no other run uses `data`.  The lock lasts as long as what is returned."""
    data.mkdir(parents=True, exist_ok=True)
    held = open(data / "lock", "w", encoding="ascii")  # pylint: disable=consider-using-with
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Failure(f"another scripts/bench uses {data}") from error
    return held


class Input:
    def __init__(self, data, quick):
        self.quick = quick
        self._directory = data / ("quick" if quick else "full")

    @property
    def served(self):
        """What the server serves."""
        return self._directory / "served"

    def repository(self, name):
        """The bare repository `name`."""
        return self._prepared(self.served / "bench" / f"{name}.git", "a repository", self._make)

    def checkout(self, name):
        """A clone of it with all files checked out."""
        self.repository(name)
        return self._prepared(self._directory / "native" / name, "a native clone", self._clone)

    def _prepared(self, path, what, make):
        marker = path.with_name(path.name + ".finished")
        if marker.exists() and marker.read_text(encoding="ascii") == _VERSION:
            return path
        say(f"preparing {path.stem}: {what} (once; kept in {self._directory})")
        marker.unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        os.sync()
        marker.write_text(_VERSION, encoding="ascii")
        say(f"prepared {path.stem}: {what}")
        return path

    def _make(self, path):
        _MAKERS[path.stem](path, self.quick)
        repack = ["git", "-C", str(path), "repack", "-q", "-a", "-d", "--window=5", "--depth=20"]
        output(repack)

    def _clone(self, path):
        url = self.repository(path.name).as_uri()
        output(["git", "clone", "-q", url, str(path)])
        shutil.copy2(path / ".git" / "index", path / ".git" / FRESH_INDEX)
