"""The programs that rows run on a tree, native and mounted alike.

`.git` and the virtual files are left out wherever a program would read them: a native clone has
another `.git`, and no virtual files.
"""

from benchmark.histories import RARE_WORD

LIST = ["find", ".", "-name", ".git", "-prune", "-o", "-print"]
LIST_WITH_SIZES = ["find", ".", "-name", ".git", "-prune", "-o", "-size", "+1", "-print"]
TAR = ["tar", "-cf", "-", "--exclude=./.git", "--exclude=./.insights.*", "."]
# Without the root itself, whose times change when its commit becomes known: tar takes that for a
# change of what it reads.
TAR_ENTRIES = [
    "bash",
    "-o",
    "pipefail",
    "-c",
    "find . -mindepth 1 -maxdepth 1 -not -name .git -not -name '.insights.*' -print0"
    " | tar -cf - --null -T -",
]


def ripgrep(name):
    # Debian's kernel source has a .gitignore that ignores everything.
    return ["rg", "--no-ignore", RARE_WORD[name], "."]


def grep(name):
    return ["grep", "-r", "--exclude-dir=.git", "--exclude=.insights.*", RARE_WORD[name], "."]
