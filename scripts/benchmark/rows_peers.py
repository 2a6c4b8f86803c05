"""Whole repositories from one node, beside what a web server with git gives."""

import subprocess
import time

from benchmark.command import Sample, timed
from benchmark.mount import HOST, Ring
from benchmark.rows import AtMost, row
from benchmark.server import free_port, url

# 0.8 of the throughput.
_TARGET = AtMost(1.25)


def _mirror(bench, origin):
    directory = bench.new_directory()
    bench.quiet()
    sample = timed(["git", "clone", "-q", "--mirror", origin, str(directory / "clone")])
    subprocess.run(["rm", "-rf", str(directory)], check=True)
    return sample


def _url_on(node, name):
    return f"http://{node.http_address()}/{HOST}/bench/{name}.git"


@row("node-clone", "`git clone --mirror` of a node; of a web server, kernel tree", _TARGET)
def node_clone(bench):
    bench.inputs.repository("kernel")
    with bench.mount(bench.complete_cache("kernel")) as node:
        return bench.in_turn(
            lambda: _mirror(bench, url(bench.port(), "kernel")),
            lambda: node.timed(lambda: _mirror(bench, _url_on(node, "kernel"))),
        )


@row(
    "node-copy",
    "a node that joins: from its start until it has all of the kernel tree from its peer; "
    "`git clone --mirror` of a web server",
    _TARGET,
)
def node_copy(bench):
    bench.inputs.repository("kernel")
    cache = bench.complete_cache("kernel")

    def join():
        bench.quiet()
        with bench.empty_mount(ring=ring, ring_index=1) as second:
            began = time.perf_counter()
            second.wait_until_complete("kernel")
            seconds = second.start_seconds + time.perf_counter() - began
            # It has begun to use CPU before it could be asked.
            return Sample(seconds, second.cpu_seconds())

    ring = Ring(bench.new_directory(), [free_port(), free_port()])
    with bench.mount(cache, ring=ring) as first:
        return bench.in_turn(
            lambda: _mirror(bench, url(bench.port(), "kernel")),
            lambda: first.timed(join),
        )
