#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boots the virtual machine once and runs the named scripts of this folder in it.

    tests/kernel/run.py BUILD [scripts/vm's options] -- NAME...

NAME stands for NAME_test.sh.  Prints what the scripts say, ends in "N passed, N failed[, N skipped]",
which counts their single tests.  Exits 77 where the machine cannot be had or the module is not built.
"""
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SECONDS_EACH, SECONDS_MOST = 240, 1500
CORPUS = ROOT.parent / "shared/corpus"


def missing(build):
    if not shutil.which("qemu-system-x86_64"):
        return "no qemu-system-x86_64 (apt-get install qemu-system-x86)"
    if not any(ROOT.glob("build/kernel/*/ipjit.ko")) and not any(build.glob("kernel*/*/ipjit.ko")):
        return "ipjit.ko is not built (ninja ipjit_ko; needs linux-headers-cloud-amd64)"
    return None


def main(argv):
    end = argv.index("--")
    build, options, names = pathlib.Path(argv[1]), argv[2:end], argv[end + 1:]
    why = missing(build)
    if why:
        print(f"skipped: {why}")
        return 77
    copies = [f"{HERE}:/tests", f"{ROOT}/packaging/apparmor:/packaging/apparmor"]
    if CORPUS.is_dir():
        copies += [f"{CORPUS / name}:/corpus/{name}" for name in ("captures", "traffic", "expressions")]
    copies += [f"{module}:/lying.ko" for module in build.glob("kernel-glue/*/lying/ipjit.ko")]
    # As CMakeLists.txt counts, less what booting costs.
    seconds = min(SECONDS_EACH * len(names), SECONDS_MOST)
    command = [ROOT / "scripts/vm", "run", "--time", "--build", build, "--timeout", str(seconds), *options]
    for copy in copies:
        command += ["--copy-in", copy]
    process = subprocess.Popen([*command, "--", "/tests/guest.sh", *names], stdout=subprocess.PIPE, text=True,
                               errors="replace")
    passed = failed = skipped = 0
    for line in process.stdout:
        print(line, end="", flush=True)
        passed += line.startswith("ok ")
        failed += line.startswith("not ok ")
        skipped += line.startswith("skip ")
    if process.wait() and not failed:
        print(f"not ok {' '.join(names)}: scripts/vm ended with status {process.returncode}")
        failed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or process.returncode or not passed + skipped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
