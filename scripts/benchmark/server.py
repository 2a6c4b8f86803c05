"""A git host on the loopback interface: lighttpd in front of `git http-backend`."""

import os
import socket
import time
from pathlib import Path

from benchmark.command import end, output, start
from benchmark.progress import Failure

_START_SECONDS_MAX = 20
_IDLE_SECONDS_MAX = 60
_CONFIGURATION = """\
server.modules = ("mod_setenv", "mod_alias", "mod_cgi")
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.upload-dirs = ("{directory}")
server.max-keep-alive-requests = 1000
server.stream-response-body = 2
cgi.assign = ("" => "")
alias.url = ("/" => "{backend}/")
setenv.set-environment = ("GIT_PROJECT_ROOT" => "{root}", "GIT_HTTP_EXPORT_ALL" => "1",
                          "PATH" => "/usr/local/bin:/usr/bin:/bin")
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, child, log):
    """Until somebody listens.  `child` is who should."""
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Failure(f"{child.args[0]} did not start: {log.read_text(errors='replace').strip()}")


def start_listening(arguments, port, log, **options):
    """A child that answers on `port`; what it complains about goes to the file `log`."""
    with log.open("w") as stderr:
        child = start(arguments, stderr=stderr, **options)
    try:
        wait_for_port(port, child, log)
    except BaseException:
        end(child)
        raise
    return child


def descendant_count(pid):
    """How many children process `pid` has, and they have, and so on."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(errors="replace")
        except OSError:
            continue  # It has ended.
        parents[int(stat.parent.name)] = int(text.rpartition(")")[2].split()[1])
    below = {pid}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return len(below) - 1


class Server:
    """Serves the repositories below `root` while it is open."""

    def __init__(self, root, directory):
        self.port = free_port()
        backend = os.path.join(output(["git", "--exec-path"]).strip(), "git-http-backend")
        configuration = directory / "lighttpd.conf"
        configuration.write_text(
            _CONFIGURATION.format(root=root, port=self.port, directory=directory, backend=backend)
        )
        # Debian keeps it where only root looks.
        program = "/usr/sbin/lighttpd" if os.path.exists("/usr/sbin/lighttpd") else "lighttpd"
        arguments = [program, "-D", "-f", str(configuration)]
        self._child = start_listening(arguments, self.port, directory / "lighttpd.log")

    def wait_until_idle(self):
        """Until no program that an earlier request has started runs any more."""
        deadline = time.monotonic() + _IDLE_SECONDS_MAX
        while descendant_count(self._child.pid) > 0:
            if time.monotonic() > deadline:
                raise Failure("the server still works on a request that nobody waits for")
            time.sleep(0.02)

    def close(self):
        end(self._child)


def url(port, name):
    return f"http://127.0.0.1:{port}/bench/{name}.git"
