"""Whole repositories from one node, beside what a web server with git gives."""

import subprocess

from benchmark.command import timed
from benchmark.mount import HOST
from benchmark.rows import AtMost, row
from benchmark.server import url

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
    "all of the kernel tree from one node to another; `git clone --mirror` of a web server",
    _TARGET,
)
def node_copy(bench):
    bench.inputs.repository("kernel")

    def copy(node):
        with bench.empty_mount(f"{node.http_port()}/{HOST}") as second:
            bench.quiet()
            return second.timed(lambda: second.timed_warm("kernel"))

    with bench.mount(bench.complete_cache("kernel")) as node:
        return bench.in_turn(
            lambda: _mirror(bench, url(bench.port(), "kernel")),
            lambda: node.timed(lambda: copy(node)),
        )
