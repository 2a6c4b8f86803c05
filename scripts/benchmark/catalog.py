"""Fills a cache with many repositories: each has its row in the catalog and its directory.

One small repository is fetched by the daemon; the others are its copies under other names, its
row copied whatever columns it has, its files linked.  So start-up finds all of them on the disk.
"""

import contextlib
import os
import sqlite3
import time

from benchmark.mount import HOST

_MS_PER_DAY = 86_400_000
_TEMPLATE = "small"


def fill(bench, count):
    """A cache directory with `count` repositories <HOST>/many/r<number> at stage complete."""
    bench.inputs.repository(_TEMPLATE)
    cache = bench.new_directory() / "cache"
    with bench.mount(cache) as mount:
        mount.complete(_TEMPLATE)
    with contextlib.closing(sqlite3.connect(cache / "catalog.db")) as database, database:
        database.row_factory = sqlite3.Row
        [template] = database.execute("SELECT * FROM repositories").fetchall()
        roots = database.execute("SELECT * FROM roots").fetchall()
        for number in range(count):
            _add(database, dict(template), [dict(root) for root in roots], number)
            _link(cache / "repos", template["id"], template["id"] + 1 + number)
    return cache


def _add(database, record, roots, number):
    now = int(time.time() * 1e3)
    record["id"] += 1 + number
    record["key"] = f"{HOST}/many/r{number}"
    record["last_checked"] = now
    # So long ago that none is refreshed meanwhile.
    record["last_opened"] = now - 30 * _MS_PER_DAY
    _insert(database, "repositories", record)
    for root in roots:
        root["repository"] = record["id"]
        _insert(database, "roots", root)


def _insert(database, table, record):
    places = ", ".join("?" * len(record))
    database.execute(
        f"INSERT INTO {table} ({', '.join(record)}) VALUES ({places})", list(record.values())
    )


def _link(repos, template_id, new_id):
    template = repos / str(template_id)
    for directory, _, files in os.walk(template):
        copy = os.path.join(repos, str(new_id), os.path.relpath(directory, template))
        os.makedirs(copy)
        for name in files:
            os.link(os.path.join(directory, name), os.path.join(copy, name))
