"""Many repositories in the catalog, many files in a repository."""

import os
import time

from benchmark.catalog import fill
from benchmark.command import Sample, timed
from benchmark.mount import HOST
from benchmark.programs import LIST, LIST_WITH_SIZES
from benchmark.rows import AtMost, Figures, Outcome, Within, row
from benchmark.rows_space import walk
from benchmark.server import url

_FEW, _MANY, _MANY_QUICK = 10, 10_000, 300
_LOOKUP_COUNT = 10
_MB = 1e6
# The daemon gives back what was freed when the freeing is over, for which it looks once a second.
_GIVEN_BACK_SECONDS = 3


def _filled_caches(bench):
    """One with few repositories, one with many."""
    counts = (_FEW, _MANY_QUICK if bench.inputs.quick else _MANY)
    return [bench.once(f"catalog {count}", lambda n=count: fill(bench, n)) for count in counts]


@row("catalog-start", "start with 10,000 repositories in the catalog; with 10", Within(1.0))
def catalog_start(bench):
    few, many = _filled_caches(bench)

    def start(cache):
        with bench.mount(cache) as mount:
            return Sample(mount.start_seconds, mount.cpu_seconds())

    return bench.in_turn(lambda: start(few), lambda: start(many))


@row(
    "catalog-lookup",
    "first `stat` of a cached repository, one of 10,000; one of 10",
    AtMost(1.1),
)
def catalog_lookup(bench):
    few, many = _filled_caches(bench)

    def look_up(cache):
        with bench.mount(cache) as mount:
            os.stat(mount.mountpoint / HOST / "many")

            def work():
                began = time.perf_counter()
                for number in range(_LOOKUP_COUNT):
                    os.stat(mount.path(f"r{number}", "many"))
                return Sample((time.perf_counter() - began) / _LOOKUP_COUNT, 0)

            return mount.timed(work)

    # Each is over so soon that a few say nothing.
    return bench.in_turn(lambda: look_up(few), lambda: look_up(many), times=5)


@row("wide-first-ls", "400,000 files: empty cache to `ls`; `git clone --depth 1` (once)")
def wide_first_ls(bench):
    bench.inputs.repository("wide")

    def first_ls():
        with bench.empty_mount() as mount:
            return mount.timed(lambda: timed(["ls", str(mount.path("wide"))]))

    clone = bench.new_directory() / "clone"
    native = timed(["git", "clone", "-q", "--depth", "1", url(bench.port(), "wide"), str(clone)])
    timed(["rm", "-rf", str(clone)])
    return Outcome(bench.repeated(first_ls), Figures.of_samples([native]))


@row("wide-find", "400,000 files: warm `find`")
def wide_find(bench):
    return bench.on_warm_tree("wide", LIST)


@row("wide-find-size", "400,000 files: warm `find -size`")
def wide_find_size(bench):
    return bench.on_warm_tree("wide", LIST_WITH_SIZES)


def _walk_and_forget(bench):
    """Nodes and anonymous bytes: when mounted, when all was walked, when all was dropped."""
    cache = bench.complete_cache("wide")
    with bench.mount(cache) as mount:
        seen = [(mount.status()["nodes"], mount.anonymous_bytes())]
        walk(mount, "wide")
        seen.append((mount.status()["nodes"], mount.anonymous_bytes()))
        bench.drop_caches(2)
        nodes = _settled(lambda: mount.status()["nodes"])
        time.sleep(_GIVEN_BACK_SECONDS)
        seen.append((nodes, mount.anonymous_bytes()))
    return seen


def _forgotten(bench):
    return bench.once("walk and forget", lambda: _walk_and_forget(bench))


@row("wide-memory", "400,000 files: memory of one node, all walked")
def wide_memory(bench):
    cache = bench.complete_cache("wide")
    with bench.mount(cache) as mount:
        before = mount.anonymous_bytes()
        walk(mount, "wide")
        grown = mount.anonymous_bytes() - before
        nodes = mount.status()["nodes"]
    note = f"{grown / _MB:.1f} MB above an empty mount for {nodes:,} nodes"
    return Outcome(Figures([grown / nodes], "bytes"), note=note)


@row(
    "wide-forget",
    "400,000 files: nodes after the kernel has dropped its names; before",
    AtMost(0.05),
)
def wide_forget(bench):
    _, (walked, _), (dropped, _) = _forgotten(bench)
    return Outcome(Figures([dropped], ""), Figures([walked], ""))


@row(
    "wide-give-back",
    "400,000 files: memory above an empty mount after the kernel has dropped its names; before",
    AtMost(0.25),
)
def wide_give_back(bench):
    (_, empty), (_, walked), (_, dropped) = _forgotten(bench)
    kept, grown = (dropped - empty) / _MB, (walked - empty) / _MB
    return Outcome(Figures([kept], "MB"), Figures([grown], "MB"))


def _settled(read, patience_seconds=10):
    """What `read()` returns once it no longer changes."""
    deadline = time.monotonic() + patience_seconds
    known = read()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = read()
        if now == known:
            break
        known = now
    return known
