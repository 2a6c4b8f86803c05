"""What the benchmark is doing, on stderr, with the time since it began."""

import sys
import time

_began = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - _began:7.1f} s] {text}", file=sys.stderr, flush=True)


class Failure(Exception):
    """Something that the user can read and act on; it ends a row, or the run."""


class Skipped(Exception):
    """A row that can't be measured on this machine, and why."""
