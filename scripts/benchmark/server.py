"""A git host on the loopback interface: lighttpd in front of `git http-backend`."""

import os
import socket
import time

from benchmark.command import end, output, start
from benchmark.progress import Failure

_START_SECONDS_MAX = 20
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

    def close(self):
        end(self._child)


def url(port, name):
    return f"http://127.0.0.1:{port}/bench/{name}.git"
