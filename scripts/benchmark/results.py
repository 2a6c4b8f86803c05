"""What became of each row, as text for a terminal, Markdown, and JSON."""

import textwrap
from dataclasses import dataclass
from typing import Optional

from benchmark.rows import Outcome, Row, Within


@dataclass(frozen=True)
class Result:
    row: Row
    outcome: Optional[Outcome] = None
    problem: str = ""  # Why there is no outcome.
    failed: bool = False  # The problem is an error, not something this machine can't do.

    @property
    def met(self):
        """None if there is nothing to meet."""
        if self.outcome is None or self.row.target is None:
            return None
        return self.outcome.mount.median <= self.row.target.limit(self.outcome)

    @property
    def share(self):
        """The figure as a share of what the target allows; the ratio if there is no target."""
        if self.outcome is None:
            return None
        if self.row.target is None:
            return self.outcome.ratio
        return self.outcome.mount.median / self.row.target.limit(self.outcome)


def _number(value):
    """About three digits, as people read them."""
    if value == int(value):
        return f"{value:,.0f}"
    for limit, digits in ((0.1, 4), (1, 3), (100, 2), (10_000, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def _figures(figures):
    if figures is None:
        return "-"
    in_ms = figures.unit == "s" and figures.median < 0.1
    scale, unit = (1e3, "ms") if in_ms else (1, figures.unit)
    text = f"{_number(figures.median * scale)} {unit}".rstrip()
    low, high = min(figures.values) * scale, max(figures.values) * scale
    return text if low == high else f"{text} ({_number(low)}-{_number(high)})"


def _cpu_ratio(outcome):
    if not (outcome.native and outcome.native.cpu_seconds and outcome.mount.cpu_seconds):
        return "-"
    native, mount = (sorted(side.cpu_seconds) for side in (outcome.native, outcome.mount))
    middle = native[len(native) // 2]
    return _number(mount[len(mount) // 2] / middle) if middle else "-"


_HEADINGS = ("row", "work", "native", "reposfs", "ratio", "CPU", "target", "met")


def _cells(result):
    if result.outcome is None:
        what = "failed" if result.failed else "skipped"
        target = str(result.row.target) if result.row.target else "-"
        return (result.row.name, result.row.work, "-", what, "-", "-", target, "-")
    outcome = result.outcome
    return (
        result.row.name,
        result.row.work,
        _figures(outcome.native),
        _figures(outcome.mount),
        _number(outcome.ratio) if outcome.ratio is not None else "-",
        _cpu_ratio(outcome),
        str(result.row.target) if result.row.target else "-",
        {True: "yes", False: "NO", None: "-"}[result.met],
    )


def as_line(result):
    """What was measured, in a few words."""
    _, _, native, mount, ratio, _, target, met = _cells(result)
    return f"native {native}, reposfs {mount}, ratio {ratio}, target {target}, met: {met}"


def _notes(results):
    for result in results:
        note = result.problem or (result.outcome.note if result.outcome else "")
        if note:
            yield f"{result.row.name}: {note}"


def _summary(results):
    judged = [result for result in results if result.met is not None]
    text = f"{sum(result.met for result in judged)} of {len(judged)} targets met"
    unmeasured = [result for result in results if result.outcome is None]
    return text + (f"; {len(unmeasured)} rows without a result" if unmeasured else "")


def as_text(results, machine):
    lines = [_HEADINGS, *map(_cells, results)]
    # The work is told by --list; a terminal is not wide enough for it.
    lines = [line[:1] + line[2:] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        for line in lines
    ]
    text += ["", _summary(results), *_notes(results), ""]
    text += [f"{name}: {value}" for name, value in machine.items()]
    return "\n".join(text) + "\n"


def as_markdown(results, machine, command):
    def line(cells):
        return "| " + " | ".join(cells) + " |"

    text = [f"`{command}`: {_summary(results)}.", ""]
    text += [line(_HEADINGS), "|" + "---|" * len(_HEADINGS)]
    text += [line(_cells(result)) for result in results]
    text += [""] + [f"- {note}" for note in _notes(results)]
    text += ["", "Measured with " + "; ".join(f"{name} {value}" for name, value in machine.items())]
    text[-1] += "."
    # A reader of the source has a screen as wide as everybody's.
    text[-1] = textwrap.fill(text[-1], 100, break_long_words=False, break_on_hyphens=False)
    return "\n".join(text) + "\n"


def as_json(results, machine, command):
    """For programs: everything, run by run."""

    def figures(side):
        if side is None:
            return None
        return {
            "median": side.median,
            "unit": side.unit,
            "values": side.values,
            "cpuSeconds": side.cpu_seconds,
        }

    def entry(result):
        target = result.row.target
        outcome = result.outcome
        return {
            "row": result.row.name,
            "work": result.row.work,
            "target": str(target) if target else None,
            "targetIsRatio": target is not None and not isinstance(target, Within),
            "native": figures(outcome.native) if outcome else None,
            "mount": figures(outcome.mount) if outcome else None,
            "ratio": outcome.ratio if outcome else None,
            "met": result.met,
            "note": result.problem or (outcome.note if outcome else ""),
            "failed": result.failed,
        }

    return {"command": command, "machine": machine, "rows": [entry(result) for result in results]}
