"""Replaces the table in README.md that stands between two markers."""

from benchmark.machine import ROOT
from benchmark.progress import Failure

_BEGIN = "<!-- scripts/bench: begin -->\n"
_END = "<!-- scripts/bench: end -->\n"


def update(markdown):
    path = ROOT / "README.md"
    before, begin, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise Failure(f"{path} has no lines {_BEGIN.strip()} and {_END.strip()}")
    path.write_text(before + begin + markdown + end + after, encoding="utf-8")
