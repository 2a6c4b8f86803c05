"""What rows measure with: input, server, mounts, and runs of native and mount in turn."""

import contextlib
import itertools
import os
import shutil
from pathlib import Path

from benchmark.command import Sample, timed
from benchmark.mount import Mount
from benchmark.progress import Skipped, say
from benchmark.proxy import Proxy
from benchmark.rows import Figures, Outcome
from benchmark.server import Server

_DROP_CACHES = Path("/proc/sys/vm/drop_caches")

_SAMPLE_SECONDS_MIN = 0.2
_REPEAT_COUNT_MAX = 50


def _repeat_count(seconds):
    return max(1, min(_REPEAT_COUNT_MAX, round(_SAMPLE_SECONDS_MIN / seconds)))


def _average(samples):
    seconds = sum(sample.seconds for sample in samples) / len(samples)
    return Sample(seconds, sum(sample.cpu_seconds for sample in samples) / len(samples))


class Bench:
    """One run.  Everything it makes is in `directory`, and ends when `stack` is closed."""

    def __init__(self, inputs, directory, binary, run_count, stack):
        self.inputs = inputs
        self.directory = directory
        self.run_count = run_count
        self._binary = binary
        self._stack = stack
        self._numbers = itertools.count()
        self._known = {}

    def new_directory(self):
        path = self.directory / str(next(self._numbers))
        path.mkdir()
        return path

    def once(self, key, make):
        """What `make()` returned when it was first asked for under `key`."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def port(self, round_trip_ms=0, megabits=0):
        """Where the server is reached, over a link with this latency and bandwidth."""
        if round_trip_ms == 0 and megabits == 0:
            return self.once("server", self._start_server).port
        key = f"proxy {round_trip_ms} {megabits}"
        return self.once(key, lambda: self._start_proxy(round_trip_ms, megabits)).port

    def quiet(self):
        """Waits until nothing that an earlier measurement began works on or has to be written."""
        self.once("server", self._start_server).wait_until_idle()
        os.sync()

    def _start_server(self):
        server = Server(self.inputs.served, self.directory)
        self._stack.callback(server.close)
        return server

    def _start_proxy(self, round_trip_ms, megabits):
        proxy = Proxy(self.directory, self.port(), round_trip_ms, megabits)
        self._stack.callback(proxy.close)
        return proxy

    @contextlib.contextmanager
    def empty_mount(self, port=None, **ring):
        """A fresh daemon with an empty cache, which is removed at the end."""
        directory = self.new_directory()
        cache = directory / "cache"
        try:
            with Mount(self._binary, directory, cache, port or self.port(), **ring) as mount:
                yield mount
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def mount(self, cache, port=None, **ring):
        """A fresh daemon on a cache directory that is there."""
        return Mount(self._binary, self.new_directory(), cache, port or self.port(), **ring)

    def complete_cache(self, name):
        """A cache directory with repository `name` at stage complete."""
        return self.once(f"complete {name}", lambda: self._make_complete(name))

    def _make_complete(self, name):
        self.inputs.repository(name)
        cache = self.new_directory() / "cache"
        say(f"{name}: bringing it to stage complete")
        with self.mount(cache) as mount:
            mount.complete(name)
        say(f"{name}: complete")
        return cache

    def in_turn(self, native, mount, warm_up_count=1, times=1):
        """Runs both in turn, as often as was asked for times `times`; each returns a Sample."""
        samples = []
        for number in range(warm_up_count + self.run_count * times):
            pair = (native(), mount())
            if number >= warm_up_count:
                samples.append(pair)
        natives, mounts = zip(*samples)
        return Outcome(Figures.of_samples(mounts), Figures.of_samples(natives))

    def repeated(self, measure):
        """The Figures of as many runs as were asked for."""
        return Figures.of_samples([measure() for _ in range(self.run_count)])

    def on_warm_tree(self, name, argv):
        """`argv` in the native clone and in the mount, with everything in the kernel's caches."""
        checkout = self.inputs.checkout(name)
        with self.mount(self.complete_cache(name)) as mount:
            path = mount.path(name)
            timed(argv, path)
            timed(argv, checkout)
            # What is over in milliseconds is measured several times as one.
            count = _repeat_count(timed(argv, checkout).seconds)

            def average(where):
                return _average([timed(argv, where) for _ in range(count)])

            # One pair more: the kernel moves pages to its active list when they are read again.
            return self.in_turn(
                lambda: average(checkout),
                lambda: mount.timed(lambda: average(path), count),
            )

    def on_cold_tree(self, name, argv):
        """The same, each after the kernel's caches were dropped, the mount's by a fresh daemon."""
        checkout = self.inputs.checkout(name)
        cache = self.complete_cache(name)

        def native():
            self.drop_caches()
            return timed(argv, checkout)

        def mounted():
            with self.mount(cache) as mount:
                self.drop_caches()
                return mount.timed(lambda: timed(argv, mount.path(name)))

        return self.in_turn(native, mounted, warm_up_count=0)

    def drop_caches(self, what=3):
        """1: pages, 2: names and inodes, 3: both."""
        os.sync()
        try:
            _DROP_CACHES.write_text(str(what), encoding="ascii")
        except OSError as error:
            why = f"the kernel's caches can't be dropped ({error}); run it as root"
            raise Skipped(why) from error
