"""A link with latency and a bandwidth, between a client and a server on this machine.

A delay line, one each direction: every byte arrives half a round trip after it was sent, however
many are on the way, so latency does not throttle.  With a bandwidth the bytes of all connections
leave one after the other.  Setting a connection up costs one round trip, as the handshake would:
what the client sends counts as sent when the server's half of the handshake has come back.

It runs in a process of its own (`python3 -m benchmark.proxy ...`), on one thread: threads that pass
each other the interpreter's lock add more than the latency of a short line.  What is on the way is
at most _CHUNK_COUNT_MAX chunks a direction of a connection; more is left with its sender.
"""

import argparse
import collections
import select
import socket
import sys
import time

from benchmark.command import end
from benchmark.server import free_port, start_listening

_CHUNK_BYTES = 64 << 10
_CHUNK_COUNT_MAX = 512


class Link:
    """One direction of the line that all connections share."""

    def __init__(self, one_way_seconds, bytes_per_second):
        self._one_way_seconds = one_way_seconds
        self._bytes_per_second = bytes_per_second  # 0 is no limit.
        self.free_at = 0.0  # Nothing more can be sent before.

    def arrival(self, sent_at, size_bytes):
        """When `size_bytes` that were sent at `sent_at` arrive."""
        if self._bytes_per_second == 0:
            return sent_at + self._one_way_seconds
        self.free_at = max(self.free_at, sent_at) + size_bytes / self._bytes_per_second
        return self.free_at + self._one_way_seconds


class Flow:
    """One direction of one connection: what `source` sends, on its way to `target`."""

    def __init__(self, source, target, link, connected_at):
        self.source = source
        self.target = target
        self._link = link
        self._connected_at = connected_at
        self._line = collections.deque()  # (when it arrives, bytes); no bytes are the end.
        self._all_sent = False
        self.ended = False

    def readable_at(self):
        """When there is room for more; None if something must arrive first, or nothing comes."""
        if self._all_sent or len(self._line) >= _CHUNK_COUNT_MAX:
            return None
        return self._link.free_at

    def arrives_at(self):
        """When the next bytes arrive; None if none are on the way."""
        return self._line[0][0] if self._line else None

    def receive(self):
        """Takes what the source has sent.  Errors: OSError, the connection is gone."""
        chunk = self.source.recv(_CHUNK_BYTES)
        sent_at = max(time.monotonic(), self._connected_at)
        self._line.append((self._link.arrival(sent_at, len(chunk)), memoryview(chunk)))
        self._all_sent = not chunk

    def deliver(self):
        """Gives the target what has arrived.  Errors: OSError, the connection is gone."""
        arrives_at, chunk = self._line.popleft()
        if not chunk:
            self.target.shutdown(socket.SHUT_WR)
            self.ended = True
            return
        left = chunk[self.target.send(chunk) :]
        if left:
            self._line.appendleft((arrives_at, left))


class Relay:
    """All connections, driven by one thread."""

    def __init__(self, listener, server_port, round_trip_seconds, bytes_per_second):
        self._listener = listener
        self._server_port = server_port
        self._round_trip_seconds = round_trip_seconds
        self._links = [Link(round_trip_seconds / 2, bytes_per_second) for _ in range(2)]
        self._pairs = []  # The two flows of each connection.

    def step(self):
        """Waits until something can be done, and does it."""
        now = time.monotonic()
        sources, targets, moments = {self._listener: None}, {}, []
        for pair in self._pairs:
            for flow in pair:
                for moment, waiting, place in (
                    (flow.readable_at(), sources, flow.source),
                    (flow.arrives_at(), targets, flow.target),
                ):
                    if moment is None:
                        continue
                    if moment <= now:
                        waiting[place] = (pair, flow)
                    else:
                        moments.append(moment)
        timeout = max(0.0, min(moments) - now) if moments else None
        readable, writable, _ = select.select(sources, targets, [], timeout)
        for place in writable:
            self._drive(*targets[place], Flow.deliver)
        for place in readable:
            if place is self._listener:
                self._accept()
            else:
                self._drive(*sources[place], Flow.receive)

    def _accept(self):
        client, _ = self._listener.accept()
        connected_at = time.monotonic() + self._round_trip_seconds
        server = socket.create_connection(("127.0.0.1", self._server_port))
        for side in (client, server):
            side.setblocking(False)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append(
            (
                Flow(client, server, self._links[0], connected_at),
                Flow(server, client, self._links[1], connected_at),
            )
        )

    def _drive(self, pair, flow, act):
        if pair not in self._pairs:
            return  # Gone in this very step.
        try:
            act(flow)
            over = all(flow.ended for flow in pair)
        except BlockingIOError:
            return
        except OSError:
            # One side is gone: the other shall not work for nobody.
            over = True
        if over:
            self._pairs.remove(pair)
            for flow in pair:
                flow.source.close()


def serve(listen_port, server_port, round_trip_ms, megabits):
    """Until the process is ended."""
    with socket.create_server(("127.0.0.1", listen_port), backlog=64) as listener:
        relay = Relay(listener, server_port, round_trip_ms / 1e3, megabits * 1e6 / 8)
        while True:
            relay.step()


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
