"""Writes a history into a bare repository.  The same calls give the same object ids."""

import subprocess

from benchmark.command import environment, output
from benchmark.progress import Failure

_FIRST_COMMIT_AT = 1_700_000_000
_SECONDS_BETWEEN_COMMITS = 3_600
_AUTHORS = ("Ada Example <ada@example.org>", "Bob Example <bob@example.org>")


class FastImport:
    """Use it as a context manager; the repository is complete when that ends."""

    def __init__(self, repository):
        output(["git", "init", "-q", "--bare", "--initial-branch=main", str(repository)])
        for name in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            output(["git", "-C", str(repository), "config", name, "true"])
        self._repository = repository
        self._commit_count = 0

    def __enter__(self):
        self._child = subprocess.Popen(
            ["git", "-C", str(self._repository), "fast-import", "--quiet"],
            stdin=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
        return self

    def __exit__(self, failure, *_):
        if failure:
            self._child.kill()
        self._child.stdin.close()
        if self._child.wait() != 0 and not failure:
            raise Failure(f"git fast-import failed in {self._repository}")

    def begin_commit(self, message):
        when = _FIRST_COMMIT_AT + self._commit_count * _SECONDS_BETWEEN_COMMITS
        author = _AUTHORS[self._commit_count % len(_AUTHORS)]
        self._write(f"commit refs/heads/main\ncommitter {author} {when} +0000\n".encode())
        self._write_data(message.encode())
        self._commit_count += 1

    def put(self, path, content, mode="100644"):
        """A file of the commit that was begun last.  `path` has neither quotes nor line ends."""
        self._write(f"M {mode} inline {path}\n".encode())
        self._write_data(content)

    def _write_data(self, content):
        self._write(b"data %d\n%b\n" % (len(content), content))

    def _write(self, content):
        self._child.stdin.write(content)
