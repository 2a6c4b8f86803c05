"""A link with latency and a bandwidth, between a client and a server on this machine.

A delay line, one each direction: every byte arrives half a round trip after it was sent, however
many are on the way, so latency does not throttle.  With a bandwidth the bytes of all connections
leave one after the other.  Setting a connection up costs one round trip, as the handshake would:
what the client sends counts as sent when the server's half of the handshake has come back.

It runs in a process of its own (`python3 -m benchmark.proxy ...`).  Two threads a direction; the
queue between them holds what is on the way, at most _QUEUE_CHUNKS_MAX chunks, and is full when the
receiver is slower than the sender.
"""

import argparse
import queue
import socket
import sys
import threading
import time

from benchmark.command import end
from benchmark.server import free_port, start_listening

_CHUNK_BYTES = 64 << 10
_QUEUE_CHUNKS_MAX = 512


class Link:
    """One direction of the line that all connections share."""

    def __init__(self, one_way_seconds, bytes_per_second):
        self._one_way_seconds = one_way_seconds
        self._bytes_per_second = bytes_per_second  # 0 is no limit.
        self._free_at = 0.0
        self._lock = threading.Lock()

    def arrival(self, sent_at, size_bytes):
        """When `size_bytes` that were sent at `sent_at` arrive; waits while the line is busy."""
        if self._bytes_per_second == 0:
            return sent_at + self._one_way_seconds
        with self._lock:
            self._free_at = max(self._free_at, sent_at) + size_bytes / self._bytes_per_second
            leaves_at = self._free_at
        _sleep_until(leaves_at)
        return leaves_at + self._one_way_seconds


def _sleep_until(moment):
    left = moment - time.monotonic()
    if left > 0:
        time.sleep(left)


def _receive(source, link, connected_at, line):
    while True:
        try:
            chunk = source.recv(_CHUNK_BYTES)
        except OSError:
            chunk = b""
        line.put((link.arrival(max(time.monotonic(), connected_at), len(chunk)), chunk))
        if not chunk:
            return


def _deliver(line, target):
    broken = False
    while True:
        arrives_at, chunk = line.get()
        if not broken:
            _sleep_until(arrives_at)
            try:
                if chunk:
                    target.sendall(chunk)
                else:
                    target.shutdown(socket.SHUT_WR)
            except OSError:
                broken = True  # Nobody listens; what still comes is thrown away.
        if not chunk:
            return


def _carry(client, server_port, links, round_trip_seconds):
    """One connection, from its beginning to its end."""
    connected_at = time.monotonic() + round_trip_seconds
    with client, socket.create_connection(("127.0.0.1", server_port)) as server:
        threads = []
        for source, target, link in ((client, server, links[0]), (server, client, links[1])):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = queue.Queue(_QUEUE_CHUNKS_MAX)
            threads.append(
                threading.Thread(target=_receive, args=(source, link, connected_at, line))
            )
            threads.append(threading.Thread(target=_deliver, args=(line, target)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def serve(listen_port, server_port, round_trip_ms, megabits):
    """Until the process is ended."""
    round_trip_seconds = round_trip_ms / 1e3
    links = [Link(round_trip_seconds / 2, megabits * 1e6 / 8) for _ in range(2)]
    with socket.create_server(("127.0.0.1", listen_port), backlog=64) as listener:
        while True:
            client, _ = listener.accept()
            arguments = (client, server_port, links, round_trip_seconds)
            threading.Thread(target=_carry, args=arguments, daemon=True).start()


class Proxy:
    """The proxy as a child of the benchmark."""

    def __init__(self, directory, server_port, round_trip_ms, megabits=0):
        self.port = free_port()
        numbers = [self.port, server_port, round_trip_ms, megabits]
        self._child = start_listening(
            [sys.executable, "-m", "benchmark.proxy", *map(str, numbers)],
            self.port,
            directory / "proxy.log",
            cwd=sys.path[0],
        )

    def close(self):
        end(self._child)


def main():
    parser = argparse.ArgumentParser(prog="benchmark.proxy")
    parser.add_argument("listen_port", type=int)
    parser.add_argument("server_port", type=int)
    parser.add_argument("round_trip_ms", type=float)
    parser.add_argument("megabits", type=float, help="a second; 0 is no limit")
    given = parser.parse_args()
    serve(given.listen_port, given.server_port, given.round_trip_ms, given.megabits)


if __name__ == "__main__":
    main()
