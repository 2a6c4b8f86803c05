"""What the history tells, beside what git needs to tell it."""

import os
import sqlite3
import time

from benchmark.command import Sample, timed
from benchmark.progress import Failure
from benchmark.rows import AtMost, Within, row

_NAME = "kernel"
_DATABASE = "insights.db"
_NEW_COMMIT_COUNT = 100
_SECONDS_MAX = 600
_POLL_SECONDS = 0.005

_FORGET_ALL = """
DELETE FROM document_rows; DELETE FROM change_rows; DELETE FROM commit_rows;
DELETE FROM author_rows; DELETE FROM path_rows; DELETE FROM repository_rows;
"""
_FORGET_NEWEST = f"""
CREATE TEMP TABLE newest AS
  SELECT id FROM commit_rows ORDER BY committed_at DESC LIMIT {_NEW_COMMIT_COUNT};
DELETE FROM document_rows;
DELETE FROM change_rows WHERE commit_id IN newest;
DELETE FROM commit_rows WHERE id IN newest;
"""


def _documents(cache):
    with sqlite3.connect(f"file:{cache / _DATABASE}?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM document_rows WHERE complete").fetchone()[0]


def _compute_after(bench, forget):
    """Until a fresh mount has computed the insights again of which `forget` removed some."""
    cache = bench.complete_cache(_NAME)
    with sqlite3.connect(cache / _DATABASE) as database:
        database.executescript(forget)

    def work():
        began = time.perf_counter()
        os.stat(mount.path(_NAME) / ".insights.json")
        while _documents(cache) == 0:
            if time.perf_counter() - began > _SECONDS_MAX:
                raise Failure("the insights are not computed")
            time.sleep(_POLL_SECONDS)
        return Sample(time.perf_counter() - began, 0)

    with bench.mount(cache) as mount:
        os.listdir(mount.path(_NAME))
        return mount.timed(work)


@row("insights", "insights of the whole history; `git log --numstat`", AtMost(1.0))
def insights(bench):
    checkout = bench.inputs.checkout(_NAME)
    return bench.in_turn(
        lambda: timed(["git", "log", "--numstat"], checkout),
        lambda: _compute_after(bench, _FORGET_ALL),
        warm_up_count=0,
    )


@row(
    "insights-update",
    f"insights after {_NEW_COMMIT_COUNT} new commits; `git log --numstat -{_NEW_COMMIT_COUNT}`",
    Within(1.0),
)
def insights_update(bench):
    checkout = bench.inputs.checkout(_NAME)
    return bench.in_turn(
        lambda: timed(["git", "log", "--numstat", f"-{_NEW_COMMIT_COUNT}"], checkout),
        lambda: _compute_after(bench, _FORGET_NEWEST),
        warm_up_count=0,
    )
