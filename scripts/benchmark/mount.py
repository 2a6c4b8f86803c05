"""A reposfs daemon with its mount and its cache directory."""

import json
import os
import re
import subprocess
import time

from benchmark.command import TIMEOUT_SECONDS, Sample, end, output, start, timed
from benchmark.progress import Failure

HOST = "bench"
_START_SECONDS_MAX = 60
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
# The defaults, but for what would meet other daemons on this machine.
_CONFIGURATION = """\
cache: {{ directory: {cache}, quota: 100GiB }}
hosts:
  {host}: {{ url: "http://127.0.0.1:{port}/{{owner}}/{{name}}.git" }}
http: {{ listen: "127.0.0.1:{http_port}", serveGit: anyone }}
"""
# Both own everything.  What is new is seen as soon as a peer can say it.
_RING = """\
ring:
  enabled: true
  nodeId: node-{index}
  nodes: [{members}]
  tokenFile: {token_file}
"""


def is_mounted(mountpoint):
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
        return any(line.split(" ")[1] == str(mountpoint) for line in mounts)


def unmount(mountpoint):
    """Detaches `mountpoint`, whoever uses it, if anything is mounted there."""
    if is_mounted(mountpoint):
        subprocess.run(["fusermount3", "-uz", str(mountpoint)], check=False)


class Ring:
    """What the nodes of a ring agree on.  Each has one of `ports` on this machine."""

    def __init__(self, directory, ports):
        self.ports = ports
        self._token_file = directory / "token"
        self._token_file.write_text("the secret of this benchmark\n", encoding="ascii")
        self._token_file.chmod(0o600)

    def configuration(self, index):
        """Of the node at `index`."""
        members = ", ".join(
            f'{{ id: node-{number}, address: "http://127.0.0.1:{port}" }}'
            for number, port in enumerate(self.ports)
        )
        return _RING.format(index=index, members=members, token_file=self._token_file)


class Mount:
    """Mounted while it is open.  The cache stays where it is when it is closed."""

    def __init__(self, binary, directory, cache, server_port, ring=None, ring_index=0):
        self._binary = binary
        self._cache = cache
        self.mountpoint = directory / "mnt"
        self.mountpoint.mkdir(parents=True, exist_ok=True)
        self._configuration = directory / "reposfs.yaml"
        http_port = ring.ports[ring_index] if ring else 0
        text = _CONFIGURATION.format(cache=cache, host=HOST, port=server_port, http_port=http_port)
        self._configuration.write_text(text + (ring.configuration(ring_index) if ring else ""))
        self._log = directory / "reposfs.log"
        began = time.perf_counter()
        with self._log.open("a") as log:
            self._child = start(
                [str(binary), "mount", "--config", str(self._configuration), "--foreground",
                 str(self.mountpoint)],
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_mounted()
        except BaseException:
            self.close()
            raise
        # From the start of the program until the mount answers.
        self.start_seconds = time.perf_counter() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        end(self._child)
        unmount(self.mountpoint)

    def _wait_until_mounted(self):
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not is_mounted(self.mountpoint):
            if self._child.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace").strip()
                raise Failure(f"the daemon did not mount: {said}")
            time.sleep(0.002)
        os.listdir(self.mountpoint)

    def path(self, name, owner="bench"):
        """Where repository `name` is; nobody has asked for it by this."""
        return self.mountpoint / HOST / owner / name

    def ask(self, *words):
        """What `reposfs WORDS` prints."""
        return output([str(self._binary), *words, "--config", str(self._configuration)])

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def http_address(self):
        """Where it answers, as "127.0.0.1:7420"."""
        return self.status()["httpListen"]

    def record(self, name):
        """What the catalog knows about repository `name`."""
        return json.loads(self.ask("show", f"{HOST}/bench/{name}", "--json"))

    def wait_until_complete(self, name):
        """Until repository `name` is at stage complete, by itself.  Asks ten times a second."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self._stage(name) != "complete":
            if time.monotonic() > deadline:
                raise Failure(f"{name} does not become complete by itself")
            time.sleep(0.1)

    def _stage(self, name):
        known = json.loads(self.ask("list", "--json"))
        return next((one["stage"] for one in known if one["key"] == f"{HOST}/bench/{name}"), None)

    def complete(self, name):
        """Brings repository `name` to stage complete, and waits until all its jobs are done."""
        self.ask("warm", f"{HOST}/bench/{name}", "--stage", "complete", "--wait")
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while json.loads(self.ask("jobs", "--json")):
            if time.monotonic() > deadline:
                raise Failure(f"{name}: the jobs after stage complete do not end")
            time.sleep(0.1)

    def anonymous_bytes(self):
        """The memory that is the daemon's own: no file's pages, no children's."""
        with open(f"/proc/{self._child.pid}/status", encoding="ascii") as status:
            return int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) << 10

    def cpu_seconds(self):
        """What the daemon and its children that ended have used so far."""
        with open(f"/proc/{self._child.pid}/stat", encoding="ascii") as stat:
            after_name = stat.read().rpartition(")")[2].split()
        return sum(map(int, after_name[11:15])) / _CLOCK_TICKS

    def timed(self, work, count=1):
        """The Sample that `work()` returns, an average of `count`, with the daemon's CPU time."""
        before = self.cpu_seconds()
        sample = work()
        used = (self.cpu_seconds() - before) / count
        return Sample(sample.seconds, sample.cpu_seconds + used)
