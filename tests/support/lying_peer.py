#!/usr/bin/env python3
"""A node of a ring that is well, by its own words, and lies about everything else.

    lying_peer.py PORT LIE ROOT OLD_ROOT

It says that it has all of the repositories below ROOT (OWNER/NAME.git), which are what the git host
serves as well, and lets git answer, but for LIE:

    invented-refs   the branches at the head are at a commit that nobody has
    invented-ref    one that is not the head is
    old-refs        the branches are those of OLD_ROOT, said an hour ago
    endless-refs    their list does not end
    wrong-objects   a fetch brings what another repository has
    endless-words   a fetch is answered with messages for the user, without end
    endless-pack    a fetch brings a pack that does not end
    half            a fetch ends in the middle of its pack
    garbage         a fetch brings a pack with a flipped bit
    hidden-shallow  nothing is said of what a fetch leaves out behind a commit
    made-up-shallow a commit that nobody has is said to have no parents
    silence         a fetch is not answered
    none            nothing is wrong: to see that the others are
"""

import gzip
import http.server
import itertools
import json
import os
import re
import subprocess
import sys
import time
import zlib
from pathlib import Path

_RESULT = "application/x-git-upload-pack-result"
_HELD_SECONDS = 60


def _pkt(payload):
    return b"%04x" % (len(payload) + 4) + payload


def _endless_pack():
    """The header of a pack of about as many objects as are believed in, and blobs for ever."""
    yield b"PACK" + (2).to_bytes(4, "big") + (1 << 24).to_bytes(4, "big")
    size = 1 << 15
    header = bytes([0xB0 | (size & 15), 0x80 | ((size >> 4) & 127), size >> 11])
    while True:
        yield header + zlib.compress(os.urandom(size), 0)


def _with_shallow(said, lines):
    """The answer to a fetch, with the payloads `lines` where it speaks of shallow commits."""
    header = _pkt(b"shallow-info\n")
    rest = said
    if said.startswith(header):
        rest = said[said.index(b"0001") + 4 :]
    if not lines or not rest.startswith(_pkt(b"packfile\n")):
        return rest
    return header + b"".join(_pkt(line) for line in lines) + b"0001" + rest


def _id_of(repository, revision):
    argv = ["git", "-C", str(repository), "rev-parse", revision]
    return subprocess.run(argv, check=True, capture_output=True).stdout.strip()


class Peer(http.server.BaseHTTPRequestHandler):
    lie = ""
    root = Path()
    old_root = Path()

    def log_message(self, *_):
        pass

    def _answer(self, kind, body, headers=()):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, pieces):
        """Until the client has had enough."""
        self.send_response(200)
        self.send_header("Content-Type", _RESULT)
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(piece)
        except OSError:
            pass

    def _git(self, repository, body):
        environment = {**os.environ, "GIT_PROTOCOL": "version=2"}
        argv = ["git", "upload-pack", "--stateless-rpc", str(repository)]
        done = subprocess.run(argv, input=body, env=environment, check=False, capture_output=True)
        return done.stdout

    def _holdings(self):
        now = int(time.time() * 1000)
        held = [
            {
                "key": f"test/{path.parent.name}/{path.stem}",
                "stage": 3,
                "head": "1" * 40,
                "checkedAt": now,
                "openedAt": now,
                "bytes": 1,
            }
            for path in self.root.glob("*/*.git")
        ]
        page = {"epoch": "1", "revision": 1, "whole": True, "repositories": held}
        self._answer("application/json", json.dumps(page).encode())

    def do_GET(self):  # pylint: disable=invalid-name
        if self.path.startswith("/v1/ring/holdings/"):
            return self._holdings()
        return self._answer("text/plain", b"ok\n")

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if not self.path.endswith("/git-upload-pack"):
            return self._answer("application/json", b"{}")
        owner, name = self.path.split("/")[2:4]
        repository = f"{owner}/{name}"
        if b"command=ls-refs" in body:
            return self._list(body, repository)
        return self._fetch(body, repository)

    def _list(self, body, repository):
        if self.lie == "endless-refs":
            line = b"1" * 40 + b" refs/heads/%012d\n"
            return self._stream(_pkt(line % number) for number in itertools.count())
        root = self.old_root if self.lie == "old-refs" else self.root
        said = self._git(root / repository, body)
        if self.lie.startswith("invented"):
            lost = "HEAD" if self.lie == "invented-refs" else "refs/heads/topic/one"
            said = said.replace(_id_of(self.root / repository, lost), b"1" * 40)
        return self._answer(_RESULT, said, [("Age", "3600" if self.lie == "old-refs" else "0")])

    def _fetch(self, body, repository):
        said = self._git(self.root / repository, body)
        if self.lie == "wrong-objects":
            # As if that had been asked for.
            other = next(one for one in self.root.glob("*/*.git") if one != self.root / repository)
            head = _id_of(other, "HEAD")
            for word in body.split(b"want ")[1:]:
                body = body.replace(word[:40], head)
            return self._answer(_RESULT, self._git(other, body))
        if self.lie == "endless-words":
            word = _pkt(b"\x02" + b"almost there\n" * 4000)
            return self._stream(itertools.chain([_pkt(b"packfile\n")], itertools.repeat(word)))
        if self.lie == "endless-pack":
            packets = (_pkt(b"\x01" + piece) for piece in _endless_pack())
            return self._stream(itertools.chain([_pkt(b"packfile\n")], packets))
        if self.lie == "half":
            return self._stream([said[: len(said) * 2 // 3]])
        if self.lie == "garbage":
            middle = said.find(b"PACK") + 40
            said = said[:middle] + bytes([said[middle] ^ 0x10]) + said[middle + 1 :]
        if self.lie == "hidden-shallow":
            said = _with_shallow(said, [])
        if self.lie == "made-up-shallow":
            truth = re.findall(rb"(?:un)?shallow [0-9a-f]{40}", said[: said.find(b"packfile")])
            said = _with_shallow(said, [*truth, b"shallow " + b"1" * 40])
        if self.lie == "silence":
            time.sleep(_HELD_SECONDS)
            return None
        return self._answer(_RESULT, said)


def main():
    port, Peer.lie, root, old_root = sys.argv[1:]
    Peer.root, Peer.old_root = Path(root), Path(old_root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Peer) as server:
        server.daemon_threads = True
        server.serve_forever()


if __name__ == "__main__":
    main()
