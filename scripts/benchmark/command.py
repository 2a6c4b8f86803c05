"""Runs one program and says how long it took.

The output goes through a pipe into `cat`, never straight to /dev/null: GNU tar reads no file when
its archive is /dev/null, GNU grep stops at the first match when its output is.  Each program has a
session of its own, so that Ctrl-C reaches only the benchmark, which then ends what it started.
"""

import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

from benchmark.progress import Failure

TIMEOUT_SECONDS = 900
_STDERR_SHOWN_MAX = 500


@dataclass(frozen=True)
class Sample:
    seconds: float
    cpu_seconds: float  # User and system, of the program and the children it waited for.

    def then(self, other):
        return Sample(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


def environment():
    """The user's, but git reads no configuration of the user or the machine."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
    }


def end(child, patience_seconds=20):
    """Ends a child and its whole session, gently at first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            pass
        try:
            child.wait(patience_seconds)
            return
        except subprocess.TimeoutExpired:
            continue


def start(argv, **options):
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, env=environment(), start_new_session=True, **options
    )


def timed(argv, cwd=None):
    """Runs `argv` to its end and returns a Sample.  It must succeed."""
    with tempfile.TemporaryFile() as errors:
        sink = subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        began = time.perf_counter()
        child = start(argv, cwd=cwd, stdout=sink.stdin, stderr=errors)
        sink.stdin.close()
        watchdog = threading.Timer(TIMEOUT_SECONDS, os.killpg, (child.pid, signal.SIGKILL))
        watchdog.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            sink.wait()
            seconds = time.perf_counter() - began
        finally:
            watchdog.cancel()
            if child.returncode is None:
                end(child)
            end(sink)
        if child.returncode != 0:
            errors.seek(0)
            said = errors.read(_STDERR_SHOWN_MAX).decode(errors="replace").strip()
            raise Failure(f"`{' '.join(argv)}` ended with {child.returncode}: {said}")
    return Sample(seconds, usage.ru_utime + usage.ru_stime)


def output(argv, cwd=None):
    """What `argv` prints.  It must succeed."""
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(f"`{' '.join(argv)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
