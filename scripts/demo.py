#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The first thing that a stranger runs: tcpdump, unmodified, with and without ipjit.

    scripts/demo.py [--build DIR] [--packets N] [--no-wait]

Builds what it needs, makes a capture while that goes on (scripts/make-capture.sh; generated traffic
where network namespaces are not allowed), then runs each filter through the same tcpdump twice and
compares what it wrote, byte by byte.  The list of 1,000 hosts takes libpcap about a minute to compile:
that runs beside everything else and is shown as it is; --no-wait stops it when the rest is done.

Nothing outside the build directory is written.
"""
import argparse
import filecmp
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import demo_kernel

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPEATS = 5
SHORT = [
    "ip6",
    "tcp port 80",
    "udp port 53 or icmp or icmp6",
    "vlan 100 and tcp",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0/8",
    "host 192.168.1.1 and (port 80 or port 443 or port 8080)",
]
TIER2 = ["ip6", "udp port 53 or icmp or icmp6", "host 192.168.1.1 and (port 80 or port 443 or port 8080)",
         "tcp port 80"]
TTY = sys.stdout.isatty()


def style(code, text):
    return f"\033[{code}m{text}\033[0m" if TTY and "NO_COLOR" not in os.environ else text


def bold(text):
    return style("1", text)


def say(text=""):
    print(text, flush=True)


def seconds(value):
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 9.95 else f"{value:.1f} s"


class Progress:
    """One line that is redrawn on a terminal; elsewhere only its last state is printed."""

    def __init__(self, label):
        self.label, self.begun = label, time.monotonic()

    def show(self, done, what, end=False):
        width = 24
        full = int(width * min(1, done))
        bar = "█" * full + "░" * (width - full)
        line = f"  {self.label:<10} {bar} {what}, {time.monotonic() - self.begun:.0f} s"
        if TTY:
            print(f"\r\033[K{line}", end="\n" if end else "", flush=True)
        elif end:
            print(line, flush=True)


def fail(text, log=None):
    say()
    say(f"demo: {text}")
    if log and log.exists():
        say("\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-20:]))
    sys.exit(1)


# ---- building and capturing, side by side


def start_capture(capture, packets):
    log = open(capture.with_suffix(".log"), "w")
    return subprocess.Popen([ROOT / "scripts/make-capture.sh", capture, str(packets)], stdout=log, stderr=log,
                            stdin=subprocess.DEVNULL)


def ninja(build, targets, label):
    log = build / "demo-build.log"
    progress = Progress(label)
    with open(log, "w") as out:
        process = subprocess.Popen(["ninja", "-C", str(build), *targets], stdout=out, stderr=out,
                                   env={**os.environ, "NINJA_STATUS": "[%f/%t] "})
        done, total = 0, 1
        while process.poll() is None:
            steps = re.findall(r"^\[(\d+)/(\d+)\]", log.read_text(errors="replace"), re.M)
            if steps:
                done, total = int(steps[-1][0]), int(steps[-1][1])
            progress.show(done / total, f"{done} of {total} files")
            time.sleep(0.2)
    if process.returncode:
        fail("the build failed", log)
    progress.show(1, "nothing was left to do" if total == 1 else f"{total} steps", end=True)


def build(directory):
    configure = subprocess.run(
        ["cmake", "--preset", "release", "-B", str(directory), "-DIPJIT_TESTS=OFF", "-DIPJIT_BENCH=OFF"],
        cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if configure.returncode:
        fail("configuring failed:\n" + configure.stdout + configure.stderr)
    ninja(directory, ["ipjit_cli", "ipjit_pcap"], "build")


def build_tier2(directory):
    """The compile server, after the first results: its minute of building keeps nobody waiting.
    False where this machine has no LLVM."""
    log = directory / "demo-tier2.log"
    with open(log, "w") as out:
        code = subprocess.run(["ninja", "-C", str(directory), "ipjit_tier2_program"], stdout=out, stderr=out,
                              check=False).returncode
    if code == 0:
        return True
    if "unknown target" in log.read_text(errors="replace"):
        return False
    fail("the build of ipjit-tier2 failed", log)


def generated(directory, capture, packets):
    """Where no real traffic can be had: the benchmarks' generator."""
    subprocess.run(["cmake", "-B", str(directory), "-DIPJIT_BENCH=ON"], capture_output=True, check=True)
    ninja(directory, ["mktraffic"], "generator")
    program = directory / "bench/mktraffic"
    subprocess.run([program, capture, str(packets)], check=True)
    expression = subprocess.run([program, "--filter", "h"], capture_output=True, text=True, check=True).stdout
    hosts = re.findall(r"host (\S+)", expression)
    pathlib.Path(f"{capture}.hosts").write_text("\n".join(hosts) + "\n")


def finish_capture(process, directory, capture, packets):
    progress = Progress("capture")
    while process.poll() is None:
        size = sum(f.stat().st_size for f in (capture, pathlib.Path(f"{capture}.tmp")) if f.exists())
        progress.show(min(0.9, size / (packets * 950)), f"{size / 1e6:.0f} MB of traffic")
        time.sleep(0.2)
    kind = "real traffic: HTTP, DNS and ping between two network namespaces; IPv4, IPv6, VLAN 100"
    if process.returncode == 3:
        kind = "GENERATED traffic: this machine does not allow network namespaces"
        generated(directory, capture, packets)
    elif process.returncode:
        fail("making the capture failed", capture.with_suffix(".log"))
    count = int(subprocess.run(["tcpdump", "-r", str(capture), "--count"], capture_output=True,
                               text=True).stdout.split()[0])
    progress.show(1, f"{count:,} packets, {capture.stat().st_size / 1e6:.0f} MB", end=True)
    say(f"             {kind}")
    return count


# ---- tcpdump, twice


def find_tcpdump(directory):
    """Debian's AppArmor profile confines /usr/bin/tcpdump by its path; a copy reads what it likes."""
    program = shutil.which("tcpdump") or shutil.which("tcpdump", path="/usr/sbin:/sbin") or fail("no tcpdump")
    confined = subprocess.run(["sh", "-c", "aa-enabled --quiet 2>/dev/null && test -e /etc/apparmor.d/usr.bin.tcpdump"])
    if confined.returncode == 0:
        copy = directory / "tcpdump"
        shutil.copy2(program, copy)
        say("  AppArmor confines tcpdump here; the demo runs an identical copy of it from the build directory")
        return str(copy)
    return program


def command(way, capture, out, expression):
    return [*way, "-n", "-r", str(capture), "-w", str(out), expression]


def timed(way, capture, out, expression):
    """Median wall time of REPEATS runs and the pid of the last."""
    times = []
    for _ in range(REPEATS):
        begun = time.monotonic()
        process = subprocess.Popen(command(way, capture, out, expression), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        _, errors = process.communicate()
        times.append(time.monotonic() - begun)
        if process.returncode:
            fail(f"{' '.join(way)} failed: {errors.decode().strip()}")
    return sorted(times)[REPEATS // 2], process.pid


def matched(capture):
    text = subprocess.run(["tcpdump", "-r", str(capture), "--count"], capture_output=True, text=True).stdout
    return int(text.split()[0]) if text else 0


def stats_of(ipjit, pid):
    text = subprocess.run([ipjit, "stats", "--pid", str(pid), "--json"], capture_output=True, text=True).stdout
    rows = json.loads(text or '{"filters":[]}')["filters"]
    return rows[0] if rows else None  # the youngest: an earlier process may have had the pid


def filter_alone(ipjit, capture, engine, expression):
    """ns a packet of the filter alone, over packets in memory: the least of REPEATS; and how many match."""
    times = []
    for _ in range(REPEATS):
        out = subprocess.run([ipjit, "filter", "-r", capture, "--engine", engine, "--json", expression],
                             capture_output=True, text=True)
        if out.returncode:
            fail(out.stderr.strip())
        times.append(json.loads(out.stdout))
    return min(each["ns_per_packet"] for each in times), times[0]["matched"]


HEAD = f"  {'filter':<30}{'packets':>8}{'same?':>7}{'tcpdump':>10}{'+ ipjit':>9}{'':>8}  {'filter alone, ns/packet':>24}"


def row(name, packets, same, plain, ours, stats):
    label = name if len(name) <= 29 else name[:26] + "..."
    verdict = "yes" if same else "NO"
    if stats and stats["samples"]:
        cost = f"{stats['replaced_ns_per_packet']:8.1f} -> {stats['ns_per_packet']:.1f}"
    else:
        cost = "-"
    say(f"  {label:<30}{packets:>8,}{verdict:>7}{seconds(plain):>10}{seconds(ours):>9}{plain / ours:>7.1f}x  {cost:>24}")


class Demo:
    def __init__(self, directory, capture, tcpdump):
        self.directory, self.capture = directory, capture
        self.ipjit = str(directory / "tools/ipjit/ipjit")
        self.plain = [tcpdump]
        self.ours = [self.ipjit, "exec", "--", tcpdump]
        self.agree = True
        self.tables = []  # what `ipjit stats` says of each run, asked at once: it forgets the oldest of the ended

    def path(self, name):
        return self.directory / f"demo-{name}.pcap"

    def compare(self, name, expression):
        plain_out, ours_out = self.path("plain"), self.path("ours")
        plain, _ = timed(self.plain, self.capture, plain_out, expression)
        ours, pid = timed(self.ours, self.capture, ours_out, expression)
        same = filecmp.cmp(plain_out, ours_out, shallow=False)
        self.agree &= same
        row(name, matched(plain_out), same, plain, ours, stats_of(self.ipjit, pid))
        self.keep_table(pid)

    def keep_table(self, pid):
        text = subprocess.run([self.ipjit, "stats", "--pid", str(pid)], capture_output=True, text=True).stdout
        self.tables.append([line for line in text.splitlines() if not line.startswith("--")])

    def tier2(self):
        """The code that this traffic gets, what it costs, and how an unmodified program reaches it."""
        say()
        say(bold("  Tier 2: the same filters, specialised for this traffic") +
            "      (the filter alone over the capture in memory)")
        say(f"  {'filter':<58}{'libpcap':>9}{'tier 1':>9}{'tier 2':>9}  ns/packet")
        for expression in TIER2:
            costs, counts = zip(*(filter_alone(self.ipjit, self.capture, engine, expression)
                                  for engine in ("libpcap", "tier1", "tier2")))
            self.agree &= len(set(counts)) == 1
            say(f"  {expression:<58}" + "".join(f"{cost:>9.1f}" for cost in costs) +
                f"  {costs[0] / costs[2]:.1f}x")
        say("  why, for the last one (ipjit compile --engine tier2 -r demo.pcap ...):")
        text = subprocess.run([self.ipjit, "compile", "--engine", "tier2", "-r", self.capture, "--json",
                               TIER2[-1]], capture_output=True, text=True).stdout
        special = json.loads(text)["specialised"]
        for line in special["log"]:
            say(textwrap.fill(line, 100, initial_indent="    - ", subsequent_indent="      "))
        say(f"    {special['hot_bytes']} bytes of code are hot, {special['cold_bytes']} cold")
        picture = self.path("graph").with_suffix(".svg")
        drawn = subprocess.run([self.ipjit, "graph", "-r", self.capture, "-o", picture, TIER2[-1]],
                               capture_output=True).returncode == 0
        if drawn:
            say(f"    the picture: {os.path.relpath(picture)}")
        self.reach_tier2(TIER2[-1])

    def reach_tier2(self, expression):
        """tcpdump reads the capture again and again, until tiering has decided."""
        content = self.capture.read_bytes()
        # As root, tcpdump becomes a user who may not be able to see where the compile server is.
        stay = ["-Z", "root"] if os.geteuid() == 0 else []
        process = subprocess.Popen([*self.ours, *stay, "-n", "-r", "-", "-w", "/dev/null", expression],
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.stdin.write(content)
        begun, packets, row = time.monotonic(), 1, None
        while time.monotonic() - begun < 6 and not (row and row["tier"]["backend"] == "llvm"):
            process.stdin.write(content[24:])  # without the file's header: more packets
            packets += 1
            row = stats_of(self.ipjit, process.pid)
        process.stdin.close()
        process.wait()
        row = stats_of(self.ipjit, process.pid)
        say()
        say(bold("  By itself: ") + f"tcpdump read the capture {packets} times in {time.monotonic() - begun:.1f} s and"
            f" ended on {row['engine']}: ipjit stats --why")
        text = subprocess.run([self.ipjit, "stats", "--why", "--pid", str(process.pid)], capture_output=True,
                              text=True).stdout
        say("\n".join("    " + line for line in text.splitlines()[3:]))

    def start_thousand(self, expression):
        """libpcap's own run over the long list, in the background."""
        self.thousand = expression
        self.thousand_begun = time.monotonic()
        self.thousand_run = subprocess.Popen(command(self.plain, self.capture, self.path("plain-1000"), expression),
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def finish_thousand(self, wait):
        ours, pid = timed(self.ours, self.capture, self.path("ours-1000"), self.thousand)
        self.keep_table(pid)
        stats = stats_of(self.ipjit, pid)
        elapsed = time.monotonic() - self.thousand_begun
        packets = matched(self.path("ours-1000"))
        say(f"  {'1,000 hosts, with ipjit':<30}{packets:>8,}{'':>7}{'':>10}{seconds(ours):>9}")
        if not wait:
            self.thousand_run.kill()
            say(f"  {'1,000 hosts, without':<30}stopped after {elapsed:.0f} s: libpcap was still compiling the filter")
            return
        progress = Progress("libpcap")
        progress.begun = self.thousand_begun
        try:
            while self.thousand_run.poll() is None:
                elapsed = time.monotonic() - self.thousand_begun
                progress.show(elapsed / 75, "is still compiling 1,000 hosts (Ctrl-C stops waiting)")
                time.sleep(0.2)
        except KeyboardInterrupt:
            self.thousand_run.kill()
            say(f"\n  {'1,000 hosts, without':<30}stopped after {elapsed:.0f} s: libpcap was still compiling")
            return
        plain = time.monotonic() - self.thousand_begun
        if TTY:
            print("\r\033[K", end="")
        same = filecmp.cmp(self.path("plain-1000"), self.path("ours-1000"), shallow=False)
        self.agree &= same
        row("1,000 hosts", packets, same, plain, ours, stats)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build-release", type=pathlib.Path)
    parser.add_argument("--packets", default=100_000, type=int)
    parser.add_argument("--no-wait", action="store_true", help="do not wait for libpcap's minute over 1,000 hosts")
    options = parser.parse_args()
    directory = options.build.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    capture = directory / "demo.pcap"
    begun = time.monotonic()

    say(bold("ipjit demo: the same tcpdump, with and without"))
    say()
    for old in directory.glob("demo*.pcap*"):
        old.unlink()
    process = start_capture(capture, options.packets)
    try:
        build(directory)
        count = finish_capture(process, directory, capture, options.packets)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)

    demo = Demo(directory, capture, find_tcpdump(directory))
    hosts = pathlib.Path(f"{capture}.hosts").read_text().split()
    any_of = lambda addresses: " or ".join(f"host {a}" for a in addresses)
    demo.start_thousand(any_of(hosts))
    say()
    say(bold(f"  tcpdump -n -r demo.pcap -w out.pcap FILTER      ({count:,} packets, median of {REPEATS} runs)"))
    say(HEAD)
    demo.compare("100 hosts", any_of(hosts[:100]))
    first = time.monotonic() - begun
    for expression in SHORT:
        demo.compare(expression, expression)
    if build_tier2(directory):
        demo.tier2()
        say()
    else:
        say("  No tier 2: this machine has no LLVM 19 (llvm-19-dev); filters stay on tier 1.")
    demo.finish_thousand(not options.no_wait)
    say()
    say("  same?: the two files that tcpdump wrote, compared byte by byte.  filter alone: sampled inside")
    say("  ipjit, libpcap's interpreter -> native code on the same packets.  The rest is tcpdump's own work.")
    say()
    say(bold("  What was compiled: ipjit compile --emit asm 'ip6'"))
    listing = subprocess.run([demo.ipjit, "compile", "--emit", "asm", "ip6"], capture_output=True, text=True)
    say("\n".join("    " + line[:92] for line in listing.stdout.splitlines()[:14]))
    say()
    say(bold("  What ran: ipjit stats"))
    for number, lines in enumerate((demo.tables[1], demo.tables[0], demo.tables[-1])):
        say("\n".join("    " + line for line in (lines[:4] if number == 0 else lines[2:4])))
    say()
    demo.agree &= demo_kernel.run(directory, say, bold)
    say()
    verdict = "every packet agrees" if demo.agree else "THE OUTPUTS DIFFER: this is a bug, please report it"
    say(bold(f"  {verdict}.  ") + f"First result after {first:.0f} s, all of it {time.monotonic() - begun:.0f} s.")
    say(f"  Try it: {os.path.relpath(demo.ipjit)} exec -- tcpdump -n -r {os.path.relpath(capture)} 'tcp port 80'")
    return 0 if demo.agree else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
