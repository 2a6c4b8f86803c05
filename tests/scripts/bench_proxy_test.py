#!/usr/bin/env python3
"""The proxy of scripts/bench must delay as a long line does, and not throttle.

Bounds from below are exact; those from above leave room for a machine that is busy.
"""

import contextlib
import socket
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from benchmark.proxy import Proxy  # pylint: disable=wrong-import-position

_ROUND_TRIP_SECONDS = 0.1
_LARGE_BYTES = 8 << 20


def _send(connection, count):
    while count > 0:
        count -= connection.send(b"x" * min(count, 1 << 20))


def _answer(listener, broken):
    """Sends back what comes, or as many bytes as a line with a number asks for.

    Sets `broken` when that can't be sent.
    """
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                while asked := connection.recv(64):
                    if asked.strip().isdigit():
                        _send(connection, int(asked))
                    else:
                        connection.sendall(asked)
            except OSError:
                broken.set()


def _receive(connection, count):
    while count > 0:
        chunk = connection.recv(min(count, 1 << 20))
        assert chunk
        count -= len(chunk)


class ProxyTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self._directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        self._server_port = listener.getsockname()[1]
        self._broken = threading.Event()
        threading.Thread(target=_answer, args=(listener, self._broken), daemon=True).start()
        self._stack = stack

    def _connect(self, megabits=0):
        """A connection through the proxy, and when it was begun."""
        proxy = Proxy(
            self._directory, self._server_port, _ROUND_TRIP_SECONDS * 1e3, megabits=megabits
        )
        self._stack.callback(proxy.close)
        began = time.monotonic()
        connection = socket.create_connection(("127.0.0.1", proxy.port))
        return self._stack.enter_context(connection), began

    def _seconds_of(self, connection, began, request, answer_bytes):
        connection.sendall(request)
        _receive(connection, answer_bytes)
        return time.monotonic() - began

    def test_the_first_exchange_takes_two_round_trips_the_next_one_each(self):
        connection, began = self._connect()
        first = self._seconds_of(connection, began, b"hello", 5)
        self.assertGreaterEqual(first, 2 * _ROUND_TRIP_SECONDS)
        self.assertLess(first, 3 * _ROUND_TRIP_SECONDS)
        second = self._seconds_of(connection, time.monotonic(), b"hello", 5)
        self.assertGreaterEqual(second, _ROUND_TRIP_SECONDS)
        self.assertLess(second, 2 * _ROUND_TRIP_SECONDS)

    def test_latency_does_not_throttle(self):
        connection, began = self._connect()
        seconds = self._seconds_of(connection, began, b"%d" % _LARGE_BYTES, _LARGE_BYTES)
        self.assertGreaterEqual(seconds, 2 * _ROUND_TRIP_SECONDS)
        # 128 chunks of 64 KiB, each waiting for the one before, would take 6 s and more.
        self.assertLess(seconds, 2)

    def test_bandwidth_is_limited(self):
        megabits = 64
        connection, began = self._connect(megabits)
        seconds = self._seconds_of(connection, began, b"%d" % _LARGE_BYTES, _LARGE_BYTES)
        at_least = _LARGE_BYTES * 8 / (megabits * 1e6) + 2 * _ROUND_TRIP_SECONDS
        self.assertGreaterEqual(seconds, at_least)
        self.assertLess(seconds, 2 * at_least)

    def test_who_sends_hears_that_nobody_listens_any_more(self):
        connection, _ = self._connect()
        connection.sendall(b"%d" % (1 << 40))
        _receive(connection, 1)
        connection.close()
        self.assertTrue(self._broken.wait(10))


if __name__ == "__main__":
    unittest.main()
