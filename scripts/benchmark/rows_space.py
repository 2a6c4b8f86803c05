"""What the cache takes on the disk, and the daemon in memory."""

import subprocess

from benchmark.command import output
from benchmark.programs import LIST_WITH_SIZES
from benchmark.rows import AtMost, Figures, Outcome, Within, row

_MB = 1e6


def _disk(bench, name):
    """The repository's directory beside its packs, both as the disk counts."""
    directories = list((bench.complete_cache(name) / "repos").iterdir())
    assert len(directories) == 1
    packs = map(str, directories[0].glob("objects/pack/*.pack"))
    whole = int(output(["du", "-s", "--block-size=1", str(directories[0])]).split()[0])
    alone = int(output(["du", "-c", "--block-size=1", *packs]).splitlines()[-1].split()[0])
    note = f"git's own indexes would make it {_with_indexes(bench.inputs.repository(name)):.2f}"
    return Outcome(Figures([whole / _MB], "MB"), Figures([alone / _MB], "MB"), note)


def _with_indexes(bare):
    """The packs with their indexes as a multiple of the packs, in a repository that git made."""
    files = list((bare / "objects" / "pack").iterdir())
    packs = sum(file.stat().st_size for file in files if file.suffix == ".pack")
    return sum(file.stat().st_size for file in files) / packs


@row("disk", "disk, kernel tree with 2,000 commits; its packs alone", AtMost(1.05))
def disk(bench):
    return _disk(bench, "kernel")


@row("disk-small", "disk, 5,000 small files with 200 commits; its packs alone", AtMost(1.05))
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
