#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An inlined run has two calls, one for general and one for specialised code (ipjit/inline.h):
compilers would make one of them, since they look alike.

    call_sites_test.py INCLUDE CC [WORD...]
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
PROGRAM = """
#include "ipjit/ipjit.h"
uint64_t matches(const ipjit_filter *filter, const ipjit_packet *packets, uint64_t count)
{
	uint64_t sum = 0;
	for (uint64_t i = 0; i < count; i++)
		sum += ipjit_filter_run(filter, packets[i].data, packets[i].caplen, packets[i].len) != 0;
	return sum;
}
"""


def calls(compiler, include, level):
    with tempfile.TemporaryDirectory() as room:
        source, made = pathlib.Path(room, "run.c"), pathlib.Path(room, "run.o")
        source.write_text(PROGRAM, encoding="utf-8")
        subprocess.run([*compiler, level, "-I", include, "-c", source, "-o", made], check=True)
        listing = subprocess.run(["objdump", "-d", made], check=True, capture_output=True, text=True)
    return len(re.findall(r"\bcallq?\s+\*", listing.stdout))


def main(include, *compiler):
    if not shutil.which("objdump"):
        print("skipped: no objdump (binutils)")
        return SKIPPED
    compilers = [compiler] + [(name,) for name in ("clang", "clang-19") if shutil.which(name)]
    wrong = 0
    for name in compilers:
        for level in ("-O1", "-O2", "-O3"):
            count = calls(name, include, level)
            if count != 2:
                print(f"{' '.join(name)} {level}: {count} calls of a filter's code, not 2")
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
