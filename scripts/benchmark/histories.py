"""The repositories that are measured, made from nothing but a seed and Debian's kernel source.

  kernel  the kernel tree of Debian's linux-source-6.1, and 2,000 commits that edit it
  small   5,000 small files, 200 commits
  wide    400,000 files in one commit

The last commit of each is what is mounted.  With `quick` they are small: enough to see that
everything works, not to measure.
"""

import os
import random
import subprocess
import tarfile

from benchmark.fast_import import FastImport
from benchmark.progress import Failure

KERNEL_ARCHIVE = "/usr/src/linux-source-6.1.tar.xz"

# The file that many commits touch; rows about one file's history ask for it.
BUSY_FILE = {"kernel": "kernel/sched/core.c", "small": "directory-00/file-000.txt"}
# A word that few files contain.
RARE_WORD = {"kernel": "sched_clock_idle_sleep_event", "small": "needle", "wide": "needle"}

_WORDS = "the quick brown fox jumps over a lazy dog while seven wizards mix jars of ink".split()


def make_kernel(repository, quick):
    with FastImport(repository) as history:
        history.begin_commit("linux-source-6.1")
        if quick:
            editable = _put_generated(history, 3_000, BUSY_FILE["kernel"], RARE_WORD["kernel"])
        else:
            editable = _put_kernel(history)
        _edit(history, editable, 50 if quick else 2_000, BUSY_FILE["kernel"])


def make_small(repository, quick):
    file_count, commit_count = (500, 20) if quick else (5_000, 200)
    with FastImport(repository) as history:
        history.begin_commit("everything at once")
        editable = _put_generated(history, file_count, BUSY_FILE["small"], RARE_WORD["small"])
        _edit(history, editable, commit_count, BUSY_FILE["small"])


def make_wide(repository, quick):
    file_count, per_directory = (4_000 if quick else 400_000), 200
    with FastImport(repository) as history:
        history.begin_commit("many files")
        for number in range(file_count):
            directory = number // per_directory
            path = f"d{directory // 100:02}/d{directory % 100:02}/file-{number:06}.txt"
            word = RARE_WORD["wide"] if number % 50_000 == 7 else _WORDS[number % len(_WORDS)]
            history.put(path, f"file number {number} says {word}\n".encode())


def _put_kernel(history):
    """The kernel tree.  Returns what later commits edit: content by path."""
    if not os.path.exists(KERNEL_ARCHIVE):
        raise Failure(f"{KERNEL_ARCHIVE} is missing; run: scripts/setup --bench")
    editable = {}
    chosen = random.Random(1)
    unpack = subprocess.Popen(["xz", "-dc", KERNEL_ARCHIVE], stdout=subprocess.PIPE)
    with unpack, tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
        for member in archive:
            path = member.name.partition("/")[2]
            if member.issym():
                history.put(path, member.linkname.encode(), "120000")
            elif member.isreg():
                content = archive.extractfile(member).read()
                history.put(path, content, "100755" if member.mode & 0o100 else "100644")
                if path == BUSY_FILE["kernel"] or _is_editable(member, path, chosen):
                    editable[path] = content
    return editable


def _is_editable(member, path, chosen):
    return path.endswith((".c", ".h", ".rst")) and member.size < 50_000 and chosen.random() < 0.02


def _put_generated(history, file_count, busy_file, rare_word):
    """A tree of small text files, one of them at `busy_file`.  Returns all: content by path."""
    chosen = random.Random(2)
    files = {}
    for number in range(file_count):
        path = f"directory-{number // 100:02}/file-{number % 100:03}.txt" if number else busy_file
        lines = [" ".join(chosen.choices(_WORDS, k=8)) for _ in range(chosen.randrange(4, 40))]
        if number % 1_000 == 7:
            lines.append(f"here is the {rare_word}")
        files[path] = ("\n".join(lines) + "\n").encode()
        history.put(path, files[path])
    return files


def _edit(history, files, commit_count, busy_file):
    """`commit_count - 1` commits, each of which adds or changes a line in a few files."""
    chosen = random.Random(3)
    paths = sorted(files)
    for number in range(1, commit_count):
        history.begin_commit(f"Change number {number}\n\nIt edits lines here and there.\n")
        edited = set(chosen.sample(paths, chosen.randrange(1, 6)))
        if number % 20 == 0:
            edited.add(busy_file)
        for path in sorted(edited):
            lines = files[path].splitlines(keepends=True)
            at = chosen.randrange(len(lines) + 1)
            lines[at : at + chosen.randrange(2)] = [b"/* revision %d */\n" % number]
            files[path] = b"".join(lines)
            history.put(path, files[path])
