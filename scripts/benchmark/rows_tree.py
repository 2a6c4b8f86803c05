"""Walking and reading the whole kernel tree, stage complete, beside a native checkout on ext4."""

from benchmark import programs
from benchmark.rows import AtMost, row


@row("find", "warm `find`", AtMost(1.0))
def find(bench):
    return bench.on_warm_tree("kernel", programs.LIST)


@row("find-size", "warm `find -size`", AtMost(1.0))
def find_size(bench):
    return bench.on_warm_tree("kernel", programs.LIST_WITH_SIZES)


@row("rg", "warm `rg`", AtMost(1.0))
def ripgrep(bench):
    return bench.on_warm_tree("kernel", programs.ripgrep("kernel"))


@row("grep", "warm `grep -r`", AtMost(1.1))
def grep(bench):
    return bench.on_warm_tree("kernel", programs.grep("kernel"))


@row("tar", "warm `tar`", AtMost(1.0))
def tar(bench):
    return bench.on_warm_tree("kernel", programs.TAR)


@row("cold-tar", "`tar`, kernel caches dropped", AtMost(1.0))
def cold_tar(bench):
    return bench.on_cold_tree("kernel", programs.TAR)
