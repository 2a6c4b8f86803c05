"""git in the mount beside git in a native clone."""

import shutil

from benchmark.command import output, timed
from benchmark.histories import BUSY_FILE, RARE_WORD
from benchmark.input import FRESH_INDEX
from benchmark.progress import Failure
from benchmark.rows import AtMost, row

_STATUS = ["git", "status", "--porcelain"]


@row("status-cold", "first `git status`, fresh mount, kernel caches dropped", AtMost(1.0))
def status_cold(bench):
    return bench.on_cold_tree("kernel", _STATUS)


@row(
    "status-first",
    "first `git status` of a fresh mount, caches warm; of a fresh clone, as `git clone` left it",
)
def status_first(bench):
    checkout = bench.inputs.checkout("kernel")
    cache = bench.complete_cache("kernel")

    def native():
        shutil.copy2(checkout / ".git" / FRESH_INDEX, checkout / ".git" / "index")
        return timed(_STATUS, checkout)

    def mounted():
        with bench.mount(cache) as mount:
            return mount.timed(lambda: timed(_STATUS, mount.path("kernel")))

    return bench.in_turn(native, mounted)


@row("status", "warm `git status`", AtMost(1.0))
def status(bench):
    with bench.mount(bench.complete_cache("kernel")) as mount:
        said = output(_STATUS, mount.path("kernel"))
        if said:
            raise Failure(f"`git status` in the mount is not clean: {said[:200]}")
    return bench.on_warm_tree("kernel", _STATUS)


def _register(prefix, name, of_what):
    """The rows about the history of repository `name`."""

    def add(command, work, argv):
        # pylint: disable=unused-variable
        @row(prefix + command, f"{work}, {of_what}", AtMost(1.1))
        def measure(bench):
            return bench.on_warm_tree(name, argv)

    busy_file = BUSY_FILE[name]
    add("log", "`git log`", ["git", "log", "--oneline"])
    add("log-path", "`git log -- PATH`", ["git", "log", "--oneline", "--", busy_file])
    add("blame", "`git blame`", ["git", "blame", busy_file])
    add("git-grep", "`git grep`", ["git", "grep", "-n", RARE_WORD[name]])


_register("", "kernel", "2,000 commits, kernel tree")
_register("small-", "small", "200 commits, 5,000 files")
