"""What a row of the table is, and the list of all of them.

A row is a function of the Bench that returns an Outcome, registered by the decorator:

    @row("find", "warm `find`", AtMost(1.0))
    def find(bench):
        return bench.on_warm_tree("kernel", ["find", "."])

Rows are measured in the order in which they were registered.  A program that measures by itself
becomes a row in the same way: run it with `command.output`, and return what its JSON says.
"""

import statistics
from dataclasses import dataclass, field
from typing import Callable, Optional, Union


@dataclass(frozen=True)
class Figures:
    """What was measured, run by run."""

    values: list
    unit: str = "s"  # "s", "MB", "bytes" or "" for a number.
    cpu_seconds: list = field(default_factory=list)

    @classmethod
    def of_samples(cls, samples):
        return cls([s.seconds for s in samples], "s", [s.cpu_seconds for s in samples])

    @property
    def median(self):
        return statistics.median(self.values)


@dataclass(frozen=True)
class AtMost:
    """The target is a share of the native figure."""

    ratio: float

    def __str__(self):
        return f"<= 1/{1 / self.ratio:.0f}" if self.ratio < 0.1 else f"<= {self.ratio:g}"

    def limit(self, outcome):
        return self.ratio * outcome.native.median


@dataclass(frozen=True)
class Within:
    """The target is a figure, in the unit of the row."""

    value: float
    unit: str = "s"

    def __str__(self):
        return f"<= {self.value:g} {self.unit}"

    def limit(self, _):
        return self.value


Target = Union[AtMost, Within, None]


@dataclass(frozen=True)
class Outcome:
    mount: Figures
    native: Optional[Figures] = None
    note: str = ""

    @property
    def ratio(self):
        if self.native is None or self.native.median == 0:
            return None
        return self.mount.median / self.native.median


@dataclass(frozen=True)
class Row:
    name: str
    work: str
    target: Target
    measure: Callable


ROWS = []


def row(name, work, target=None):
    """Registers a function that measures."""

    def register(measure):
        assert all(known.name != name for known in ROWS)
        ROWS.append(Row(name, work, target, measure))
        return measure

    return register
