#!/usr/bin/python3
"""The Dockerfile of deploy/kubernetes installs what the program needs, and copies what exists.

Building it takes a registry.

  image_test.py PROGRAM
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

import yaml
from manifests import KUBERNETES, ROOT

_PROGRAM = ""
# In every Debian: apt is written in C++.
_ESSENTIAL = {"libc6", "libgcc-s1", "libstdc++6"}
_SANITIZERS = re.compile(r"lib[a-z]+san\d+")


def _instructions():
    """The Dockerfile's instructions as (word, rest), continued lines joined, without comments."""
    text = re.sub(r"^\s*#.*\n", "", (KUBERNETES / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def _stages():
    stages = []
    for word, rest in _instructions():
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def _installed(stage):
    """The packages of the apt-get install of a stage."""
    (command,) = [rest for word, rest in stage if word == "RUN" and "apt-get install" in rest]
    words = re.search(r"apt-get install ([^&]*)", command)[1].split()
    return {word for word in words if not word.startswith("-")}


def _output(*command):
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _needed():
    """The packages of the libraries that the program names itself."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", _output("readelf", "--dynamic", _PROGRAM))
    found = dict(re.findall(r"(\S+) => (\S+)", _output("ldd", _PROGRAM)))
    paths = [Path(found[name]) for name in names if name in found]
    # /lib is /usr/lib, but a package may name its files either way.
    either = [Path(top) / path.relative_to("/") for path in paths for top in ("/", "/usr")]
    owners = _output("dpkg-query", "--search", *map(str, either))
    return set(re.findall(r"^([^:, ]+):", owners, flags=re.MULTILINE))


class ImageTest(unittest.TestCase):
    def setUp(self):
        self.build, self.run_time = _stages()

    def test_has_the_libraries_of_the_program(self):
        system = Path("/etc/os-release").read_text()
        if "VERSION_CODENAME=bookworm" not in system:
            self.skipTest("libraries have other names than in the image's Debian 12")
        needed = _needed()
        self.assertIn("libfuse3-3", needed)
        needed = {each for each in needed if not _SANITIZERS.fullmatch(each)} - _ESSENTIAL
        installed = _installed(self.run_time)
        self.assertEqual(needed - installed, set(), "missing")
        libraries = {each for each in installed if each.startswith("lib") or each == "zlib1g"}
        self.assertEqual(libraries - needed, set(), "needless")

    def test_has_the_programs_that_the_program_runs(self):
        self.assertLessEqual({"git", "openssh-client", "fuse3", "tini"}, _installed(self.run_time))

    def test_copies_what_exists(self):
        for word, rest in self.build:
            if word == "COPY":
                *sources, _ = rest.split()
                for source in sources:
                    self.assertTrue((ROOT / source).exists(), source)

    def test_stages_are_of_one_debian(self):
        bases = [stage[0][1].split()[0] for stage in (self.build, self.run_time)]
        self.assertEqual(bases, ["debian:12-slim"] * 2)
        self.assertIn(("COPY", "--from=build /image/ /"), self.run_time)

    def test_runs_the_program_below_an_init(self):
        # A list, which a shell does not see: signals reach the daemon.
        entry = yaml.safe_load(dict(self.run_time)["ENTRYPOINT"])
        self.assertEqual(entry, ["/usr/bin/tini", "--", "/usr/bin/reposfs"])


if __name__ == "__main__":
    _PROGRAM = sys.argv.pop(1)
    unittest.main()
