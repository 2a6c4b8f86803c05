"""What the cache takes on the disk, and the daemon in memory."""

import subprocess

from benchmark.command import output
from benchmark.programs import LIST_WITH_SIZES
from benchmark.rows import AtMost, Figures, Outcome, Within, row

_MB = 1e6
# git reads no pack without its index.
_NATIVE_SUFFIXES = (".pack", ".idx")


def _disk(bench, name):
    """The repository's directory beside what a native clone keeps for the same packs."""
    directories = list((bench.complete_cache(name) / "repos").iterdir())
    assert len(directories) == 1
    packs = directories[0] / "objects" / "pack"
    native = [str(path) for path in packs.iterdir() if path.suffix in _NATIVE_SUFFIXES]
    whole = int(output(["du", "-s", "--block-size=1", str(directories[0])]).split()[0])
    alone = int(output(["du", "-c", "--block-size=1", *native]).splitlines()[-1].split()[0])
    return Outcome(Figures([whole / _MB], "MB"), Figures([alone / _MB], "MB"))


@row("disk", "disk, kernel tree with 2,000 commits; its packs with their indexes", AtMost(1.05))
def disk(bench):
    return _disk(bench, "kernel")


@row(
    "disk-small",
    "disk, 5,000 small files with 200 commits; its packs with their indexes",
    AtMost(1.05),
)
def disk_small(bench):
    return _disk(bench, "small")


def walk(mount, name):
    """Lists and stats everything in repository `name`, in another process."""
    subprocess.run(
        LIST_WITH_SIZES, cwd=mount.path(name), stdout=subprocess.DEVNULL, check=True
    )


@row("memory", "memory above an empty mount, kernel tree walked whole", Within(25, "MB"))
def memory(bench):
    cache = bench.complete_cache("kernel")
    before, after, nodes = [], [], 0
    for _ in range(bench.run_count):
        with bench.mount(cache) as mount:
            before.append(mount.anonymous_bytes() / _MB)
            walk(mount, "kernel")
            after.append(mount.anonymous_bytes() / _MB)
            nodes = mount.status()["nodes"]
    grown = Figures([high - low for low, high in zip(before, after)], "MB")
    spread = f"{Figures(before).median:.1f} MB when mounted, {Figures(after).median:.1f} MB after"
    per_node = grown.median * _MB / max(nodes, 1)
    return Outcome(grown, note=f"{spread}; {nodes:,} nodes, {per_node:.0f} bytes each")
