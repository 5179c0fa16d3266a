# SPDX-License-Identifier: BSD-2-Clause
"""What every test here needs: the ways to run a program, and the captures.

ctest passes the places of what was built in the environment: IPJIT_PROBE, IPJIT_PRELOAD,
IPJIT_DROPIN (a directory), IPJIT_SOURCE.  In a build with a sanitizer also IPJIT_SANITIZER, its
runtime: that must be in a program before anything that was built with it.
"""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile

import captures

PROBE = os.environ["IPJIT_PROBE"]
PRELOAD = os.environ["IPJIT_PRELOAD"]
DROPIN = os.environ["IPJIT_DROPIN"]
SOURCE = os.environ["IPJIT_SOURCE"]

SANITIZER = os.environ.get("IPJIT_SANITIZER", "")
# Leaks of the programs that we live in are not ours to report.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def preload(*libraries):
    """What goes into LD_PRELOAD."""
    return ":".join(filter(None, (SANITIZER, *libraries)))


BARE = {key: value for key, value in os.environ.items()
        if key not in ("LD_PRELOAD", "LD_LIBRARY_PATH", "IPJIT_ENGINE")}
WAYS = {
    "preload": {**BARE, "LD_PRELOAD": preload(PRELOAD)},
    "drop-in": {**BARE, "LD_PRELOAD": preload(), "LD_LIBRARY_PATH": DROPIN},
    "preload and drop-in": {**BARE, "LD_PRELOAD": preload(PRELOAD), "LD_LIBRARY_PATH": DROPIN},
}

TWENTY_HOSTS = " or ".join(f"host {captures.host(n)}" for n in range(20))
HUNDRED_HOSTS = " or ".join(f"host {captures.host(n)}" for n in range(100))
TWENTY_V6_HOSTS = " or ".join(["host ::", *(f"host 2001:db8::{n}" for n in range(1, 20))])
# Jumps backwards: what no native code comes out of, so that libpcap runs it and a line says so.
BACKWARD = "ip6 protochain 6"


def is_refusal(line):
    return line.startswith(b"ipjit: ") and line.endswith(b"; libpcap runs instead")


class Outcome:
    """Exit code, stdout and stderr of one run; our own line apart from the program's."""

    def __init__(self, command, environment, **more):
        run = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=300, check=False, **more)
        lines = run.stderr.split(b"\n")
        self.notices = [line for line in lines if is_refusal(line)]
        self.code = run.returncode
        self.out = run.stdout
        self.err = b"\n".join(line for line in lines if not is_refusal(line))

    def same_as(self, other):
        return (self.code, self.out, self.err) == (other.code, other.out, other.err)

    def __str__(self):
        return f"exit {self.code}\n{self.out[-2000:]!r}\n{self.err[-2000:]!r}"


def scratch_directory():
    """Readable by every user, removed at exit."""
    path = tempfile.mkdtemp(prefix="ipjit-pcap-test-")
    os.chmod(path, 0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def small_captures():
    directory = os.path.join(scratch_directory(), "captures")
    captures.write_small(directory)
    corpus = os.path.join(SOURCE, "..", "shared", "corpus", "captures")
    found = sorted(os.path.join(directory, name) for name in os.listdir(directory))
    if os.path.isdir(corpus):
        found += sorted(os.path.join(corpus, name) for name in os.listdir(corpus)
                        if name.endswith((".pcap", ".pcapng")))
    else:
        print("no corpus beside the source tree: generated captures only", file=sys.stderr)
    return found


def generated_capture(name):
    directory = os.path.join(scratch_directory(), "captures")
    captures.write_small(directory)
    return os.path.join(directory, name)
