"""First access: nothing is cached, the daemon is fresh, the host has never been asked."""

import subprocess

from benchmark.command import timed
from benchmark.programs import TAR_ENTRIES
from benchmark.progress import say
from benchmark.rows import AtMost, Figures, Outcome, Within, row
from benchmark.server import url

_ALLOWANCE_SECONDS = 0.1
_ROUND_TRIP_COUNT = 4


def _first_ls(bench, port=None):
    with bench.empty_mount(port) as mount:
        bench.quiet()
        return mount.timed(lambda: timed(["ls", str(mount.path("kernel"))]))


def _first_tar(bench):
    with bench.empty_mount() as mount:
        bench.quiet()
        return mount.timed(lambda: timed(TAR_ENTRIES, mount.path("kernel")))


def _clone(bench, *options, port=None, then=None):
    """`git clone --depth 1`, and after it perhaps `then` in the clone: one Sample each."""
    directory = bench.new_directory()
    clone = directory / "clone"
    bench.quiet()
    origin = url(port or bench.port(), "kernel")
    samples = [timed(["git", "clone", "-q", "--depth", "1", *options, origin, str(clone)])]
    if then:
        samples.append(timed(then, clone))
    # Not by Python, which takes longer than the clone.
    subprocess.run(["rm", "-rf", str(directory)], check=True)
    return samples


def _rounds(bench):
    """Figures of clone, clone and tar, first ls, first tar: all in turn."""
    bench.inputs.repository("kernel")
    clones, wholes, listings, archives = [], [], [], []
    for number in range(bench.run_count):
        say(f"first access: round {number + 1} of {bench.run_count}")
        clone, tar = _clone(bench, then=TAR_ENTRIES)
        clones.append(clone)
        wholes.append(clone.then(tar))
        listings.append(_first_ls(bench))
        archives.append(_first_tar(bench))
    return [Figures.of_samples(samples) for samples in (clones, wholes, listings, archives)]


@row("first-ls", "empty cache: `ls` of the kernel tree; `git clone --depth 1`", AtMost(1 / 100))
def first_ls(bench):
    clones, _, listings, _ = bench.once("first rounds", lambda: _rounds(bench))
    return Outcome(listings, clones)


@row(
    "first-tar",
    "empty cache: `tar` of the whole tree; `git clone --depth 1` and `tar`",
    AtMost(0.8),
)
def first_tar(bench):
    _, wholes, _, archives = bench.once("first rounds", lambda: _rounds(bench))
    return Outcome(archives, wholes)


def _ls_over(bench, round_trip_ms):
    bench.inputs.repository("kernel")
    port = bench.port(round_trip_ms)
    return Outcome(bench.repeated(lambda: _first_ls(bench, port)), note="the host was unknown")


def _round_trips(round_trip_ms):
    return Within(_ROUND_TRIP_COUNT * round_trip_ms / 1e3 + _ALLOWANCE_SECONDS)


@row("first-ls-10ms", "empty cache: `ls` of the kernel tree, 10 ms round trips")
def first_ls_10ms(bench):
    return _ls_over(bench, 10)


@row("first-ls-50ms", "empty cache: `ls` of the kernel tree, 50 ms round trips", _round_trips(50))
def first_ls_50ms(bench):
    return _ls_over(bench, 50)


@row(
    "second-ls-50ms",
    "the same when another repository of the host is cached, 50 ms round trips",
    _round_trips(50),
)
def second_ls_50ms(bench):
    bench.inputs.repository("kernel")
    bench.inputs.repository("small")
    port = bench.port(50)

    def measure():
        with bench.empty_mount(port) as mount:
            mount.complete("small")
            bench.quiet()
            return mount.timed(lambda: timed(["ls", str(mount.path("kernel"))]))

    return Outcome(bench.repeated(measure), note="the host was known")


@row(
    "first-ls-100mbit",
    "empty cache: `ls` of the kernel tree, 50 ms, 100 Mbit/s; `git clone --depth 1` without blobs",
)
def first_ls_100mbit(bench):
    bench.inputs.repository("kernel")
    port = bench.port(50, 100)
    without_blobs = ("--filter=blob:none", "--no-checkout")
    return bench.in_turn(
        lambda: _clone(bench, *without_blobs, port=port)[0],
        lambda: _first_ls(bench, port),
        warm_up_count=0,
    )
