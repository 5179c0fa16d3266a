#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs one part of the benchmarks, says how long it took, and notes that for the page.

    bench_part.py begin RUN.json COMMAND LIMIT_SECONDS     a new run
    bench_part.py part RUN.json NAME RESULT.json -- PROGRAM [ARGUMENTS]
    bench_part.py end RUN.json                             the total; status 1 if a part failed

A part that fails leaves no RESULT.json, not even one of an earlier run, and the others go on: `part`
itself ends in status 0.  A program's status 77 says that the machine lacks what it takes.  What other
processes took of the CPUs meanwhile is what /proc/stat counts and the part's own children did not use.
What /proc/stat cannot see, another guest of the host on the other thread of the same core, shows in the
CPU time of a loop that is always the same, taken before each part.
"""
import datetime
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

LACKING = 77


def git(*args):
    return subprocess.run(["git", *args], capture_output=True, text=True).stdout.strip()


def commit():
    # The pages and pictures of an earlier run change nothing that is measured.
    dirty = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return git("rev-parse", "--short=12", "HEAD") + (" with uncommitted changes" if dirty else "")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def busy_seconds():
    """CPU time of the whole machine that was not idle: all processes, interrupts, and what a host took."""
    user, nice, system, _, _, irq, soft, steal = map(int, pathlib.Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime, used.ru_stime


def loop_ms():
    """CPU time of a fixed piece of work, best of three: interruptions do not count, a slower core does."""
    times = []
    for _ in range(3):
        begun, value = time.thread_time(), 1
        for i in range(100_000):
            value = (value * 3 + i) & 0xffffffff
        times.append(1e3 * (time.thread_time() - begun))
    return min(times)


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def read(path):
    return json.loads(pathlib.Path(path).read_text())


def write(path, run):
    pathlib.Path(path).write_text(json.dumps(run, indent=1) + "\n")


def begin(path, command, limit):
    load = pathlib.Path("/proc/loadavg").read_text().split()[0]
    write(path, {"command": command, "limit_s": float(limit), "commit": commit(), "date": now(), "load": load,
                 "cpus": os.cpu_count(), "parts": []})
    if float(load) > 0.5:
        print(f"bench: load average {load}: something else runs here, and the numbers will show it", file=sys.stderr)
    print(f"bench: {command} on an idle machine is meant to end within {clock(float(limit))}")
    return 0


def run_part(command):
    """What the page says of it, without its name."""
    others, user, system, begun = busy_seconds(), *own_seconds(), time.monotonic()
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
        why = f"ended in status {status}" if status > 0 else f"died of signal {-status}"
    except OSError as error:
        status, why = 127, f"{error.filename}: {error.strerror}"
    wall = time.monotonic() - begun
    user, system = (after - before for after, before in zip(own_seconds(), (user, system)))
    others = max(0.0, busy_seconds() - others - user - system)
    return status, {"wall_s": wall, "user_s": user, "system_s": system, "others_cpus": others / max(wall, 0.01)} | (
        {"failed": why} if status else {})


def part(path, name, result, command):
    run, result = read(path), pathlib.Path(result)
    result.unlink(missing_ok=True)
    print(f"\nbench: {name} begins", flush=True)
    loop = loop_ms()
    status, noted = run_part(command)
    noted["loop_ms"] = loop
    if status == LACKING:
        noted["skipped"] = "this machine lacks what it takes"
        del noted["failed"]
    elif status == 0 and not result.exists():
        noted["failed"] = "left no result"
    if status:
        result.unlink(missing_ok=True)
    run["parts"] = [p for p in run["parts"] if p["name"] != name] + [{"name": name, **noted}]
    write(path, run)
    word = "FAILED, " + noted["failed"] if "failed" in noted else "skipped" if "skipped" in noted else "done"
    all_ = sum(p["wall_s"] for p in run["parts"])
    print(f"bench: {name} {word}: {noted['wall_s']:.0f} s, of CPU {noted['user_s']:.0f} s and in the kernel "
          f"{noted['system_s']:.0f} s; others used {noted['others_cpus']:.2f} of {run['cpus']} CPUs; {clock(all_)} so far",
          flush=True)
    return 0


def end(path):
    run = read(path)
    failed = [p["name"] for p in run["parts"] if "failed" in p]
    total = sum(p["wall_s"] for p in run["parts"])
    print(f"\nbench: {len(run['parts'])} parts in {clock(total)} (meant to be at most {clock(run['limit_s'])}), "
          f"{clock(sum(p['user_s'] + p['system_s'] for p in run['parts']))} of CPU time")
    if failed:
        print(f"bench: failed, and missing on the page: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def main(argv):
    words, command = argv[1:], []
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1:]
    if len(words) == 4 and words[0] == "begin":
        return begin(*words[1:])
    if len(words) == 4 and words[0] == "part" and command:
        return part(*words[1:], command)
    if len(words) == 2 and words[0] == "end":
        return end(words[1])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except KeyboardInterrupt:
        sys.exit(130)
