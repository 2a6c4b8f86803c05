"""The command line of scripts/bench: prepares, measures each row, prints."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from benchmark import input as prepared
from benchmark import machine, plot, readme, results
from benchmark import rows_first, rows_tree, rows_git, rows_insights, rows_space, rows_scale  # Rows.
from benchmark import rows_peers  # More rows.
from benchmark.bench import Bench
from benchmark.mount import unmount
from benchmark.progress import Failure, Skipped, say
from benchmark.rows import ROWS

_RUN_COUNT = 5
_RUN_COUNT_QUICK = 2


def _arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures reposfs beside stock git on the same file system.",
    )
    parser.add_argument("--list", action="store_true", help="list the rows")
    parser.add_argument("--only", action="append", metavar="ROW", help="only this row; repeatable")
    parser.add_argument("--runs", type=int, metavar="N", help=f"of each row (default {_RUN_COUNT})")
    parser.add_argument("--quick", action="store_true", help="small input: see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the ratios as SVG")
    parser.add_argument("--update-readme", action="store_true", help="put the table into README.md")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=os.environ.get("BENCH_DATA", machine.ROOT / "build" / "bench-data"),
        help="where prepared input is kept (default $BENCH_DATA or build/bench-data)",
    )
    parser.add_argument("--binary", type=Path, metavar="FILE", help="default: a release build")
    given = parser.parse_args()
    known = [row.name for row in ROWS]
    for name in given.only or []:
        if name not in known:
            parser.error(f"there is no row {name}; there are: {' '.join(known)}")
    if given.runs is not None and given.runs < 1:
        parser.error("--runs must be at least 1")
    return given


def _print_rows():
    for row in ROWS:
        target = f"  [{row.target}]" if row.target else ""
        print(f"{row.name:17} {row.work}{target}")


def _build():
    """The release build, as scripts/run makes it."""
    say("building")
    build = os.environ.get("BUILD", "build/release")
    options = os.environ.get("BUILD_OPTIONS", "-DREPOSFS_TESTS=OFF")
    environment = {**os.environ, "BUILD": build, "BUILD_OPTIONS": options}
    where = {"cwd": machine.ROOT, "env": environment, "stdout": sys.stderr}
    for argv in (["scripts/setup", "--bench"], ["scripts/build"]):
        done = subprocess.run(argv, check=False, **where)
        if done.returncode != 0:
            raise Failure(f"{argv[0]} failed")
    return machine.ROOT / build / "daemon" / "reposfs"


def _remove_run(directory):
    for mountpoint in directory.glob("*/mnt"):
        unmount(mountpoint)
    subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=False)


def _run_directory(data, stack):
    """A place for this run.  What runs that were killed have left is removed."""
    for left in data.glob("run-*"):
        say(f"removing {left}, which an earlier run has left")
        _remove_run(left)
    directory = data / f"run-{os.getpid()}"
    directory.mkdir()
    stack.callback(_remove_run, directory)
    return directory


def _measure(row, bench):
    say(f"{row.name}: {row.work}")
    try:
        result = results.Result(row, row.measure(bench))
        say(f"{row.name}: {results.as_line(result)}")
        return result
    except Skipped as why:
        say(f"{row.name}: SKIPPED: {why}")
        return results.Result(row, problem=f"skipped: {why}")
    except (Failure, OSError, subprocess.SubprocessError) as why:
        say(f"{row.name}: FAILED: {why}")
        return results.Result(row, problem=f"failed: {why}", failed=True)


def _run(given, stack):
    binary = given.binary.resolve() if given.binary else _build()
    data = given.data.resolve()
    stack.enter_context(prepared.lock(data))
    directory = _run_directory(data, stack)
    inputs = prepared.Input(data, given.quick)
    run_count = given.runs or (_RUN_COUNT_QUICK if given.quick else _RUN_COUNT)
    bench = Bench(inputs, directory, binary, run_count, stack)
    described = machine.describe(data, binary)
    with bench.empty_mount() as mount:
        described["FUSE"] = machine.fuse_features(mount.status())
    described["runs"] = f"{run_count}, median (minimum-maximum)"
    if given.quick:
        described["input"] = "small (--quick): the figures mean nothing"
    rows = [row for row in ROWS if not given.only or row.name in given.only]
    return [_measure(row, bench) for row in rows], described


def _command(given):
    """What measures the same elsewhere: without the paths of this machine."""
    words = ["scripts/bench"]
    words += ["--quick"] if given.quick else []
    words += ["--runs", str(given.runs)] if given.runs else []
    for name in given.only or []:
        words += ["--only", name]
    return " ".join(words)


def _write(given, measured, described):
    command = _command(given)
    print(results.as_text(measured, described), end="")
    if given.json:
        text = json.dumps(results.as_json(measured, described, command), indent=1)
        given.json.write_text(text + "\n", encoding="utf-8")
    if given.plot:
        given.plot.write_text(plot.as_svg(measured), encoding="utf-8")
    if given.update_readme:
        readme.update(results.as_markdown(measured, described, command))


def _interrupt(*_):
    """Unwinds, and so ends and removes what was begun.  Nothing disturbs that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    given = _arguments()
    if given.list:
        _print_rows()
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with contextlib.ExitStack() as stack:
            measured, described = _run(given, stack)
            say("cleaning up")
        _write(given, measured, described)
    except Failure as why:
        print(f"scripts/bench: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("scripts/bench: interrupted", file=sys.stderr)
        return 130
    return 1 if any(result.failed for result in measured) else 0
