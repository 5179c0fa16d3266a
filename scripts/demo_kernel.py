# SPDX-License-Identifier: BSD-2-Clause
"""The last part of scripts/demo.py: the same tcpdump once more, in a machine whose kernel has ipjit.ko."""
import glob
import pathlib
import shutil
import struct
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Twelve words of a datagram's payload, all of them zero: enough work to pay for tier 2 at the few
# thousand packets a second that an emulated machine gets to.
FILTER = "udp port 9" + "".join(f" and udp[{at}:4] = 0" for at in range(8, 56, 4))
WAYS = {"without": "the kernel's own code", "with": "ipjit.ko, tier 1 and 2"}
SECONDS = 480
END_MAY_LACK = 5


def missing():
    if not shutil.which("qemu-system-x86_64"):
        return "no qemu-system-x86_64 (apt-get install qemu-system-x86)"
    if not glob.glob("/usr/src/linux-headers-*-cloud-amd64"):
        return "no kernel headers (apt-get install linux-headers-cloud-amd64)"
    return None


def built(directory):
    """Builds module and daemon.  Gives: what went wrong, or None."""
    for command in (["ninja", "-C", directory, "ipjit_ko", "ipjitd", "ipjit_cli"],
                    ["c++", "-std=c++20", "-O1", "-static", "-o", directory / "demo-packets",
                     ROOT / "tests/kernel/packets.cpp"]):
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            return (made.stdout + made.stderr)[-2000:]
    return None


def packets_of(path):
    """Bytes and lengths of a capture's packets; not their times, for each socket reads the clock itself."""
    raw, at, found = path.read_bytes(), 24, []
    while at + 16 <= len(raw):
        caplen, wirelen = struct.unpack_from("<II", raw, at + 8)
        found.append((wirelen, raw[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return found


def compared(out, name):
    """Packets captured by filter; packets compared with those that libpcap picks from the capture of
    everything; whether they are the same.  The two end at two signals, so that one of them may not
    have written what it read last: up to END_MAY_LACK may be missing at the end, none before."""
    wanted = out / f"{name}.wanted.pcap"
    subprocess.run(["tcpdump", "-n", "-r", out / f"{name}.all.pcap", "-w", wanted, FILTER],
                   capture_output=True, check=False)
    got, want = packets_of(out / f"{name}.pcap"), packets_of(wanted)
    if not want or want[0] not in got:
        return len(got), 0, False
    both = list(zip(got[got.index(want[0]):], want))
    return len(got), len(both), len(both) >= len(want) - END_MAY_LACK and all(a == b for a, b in both)


def differ(directory, out, name, lines, say):
    """What a report needs: which packets, what tcpdump counted, and the captures."""
    got, want = set(packets_of(out / f"{name}.pcap")), set(packets_of(out / f"{name}.wanted.pcap"))
    say(f"      only the filter's capture has {len(got - want):,}, only that of everything {len(want - got):,}")
    for line in lines:
        if line.startswith(f"said {name} "):
            say(f"      {line.removeprefix(f'said {name} ')}")
    kept = directory / "demo-differs"
    kept.mkdir(exist_ok=True)
    for file in out.glob(f"{name}.*pcap"):
        shutil.copy(file, kept)
    say(f"      the captures: {kept}/{name}.*")


def run(directory, say, bold):
    """Shows the machine's part; False if packets differ or the module does not build."""
    say(bold("  In the kernel: tcpdump in a virtual machine (emulated: its speed means nothing)"))
    why = missing()
    if why:
        say(f"    left out: {why}")
        return True
    why = built(directory)
    if why:
        say("    the build failed:\n" + why)
        return False
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        return show(directory, pathlib.Path(scratch), say)


def show(directory, out, say):
    files = [f"{name}{kind}.pcap" for name in WAYS for kind in ("", ".all")]
    copies = [word for file in files for word in ("--copy-out", f"/tmp/out/{file}:{out / file}")]
    done = subprocess.run([ROOT / "scripts/vm", "run", "--build", directory, "--timeout", str(SECONDS),
                           "--copy-in", f"{ROOT / 'kernel-glue/vm/demo.sh'}:/demo.sh",
                           "--copy-in", f"{directory / 'demo-packets'}:/usr/bin/packets", *copies,
                           "--", "sh", "/demo.sh", FILTER], capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"    the machine did not get to the end (status {done.returncode}); nothing was compared:")
        say("      " + "\n      ".join((done.stdout + done.stderr).splitlines()[-12:]))
        return False
    say("    tcpdump -i v0 -w got.pcap 'udp port 9 and udp[8:4] = 0 and udp[12:4] = 0 ... and udp[52:4] = 0'")
    say(f"    {'code that ran':<26}{'captured':>10}{'compared':>10}  same?")
    good = True
    for name, words in WAYS.items():
        got, want, same = compared(out, name)
        good &= same
        say(f"    {words:<26}{got:>10,}{want:>10,}  {'yes' if same else 'NO'}")
        if not same:
            differ(directory, out, name, done.stdout.splitlines(), say)
    for line in done.stdout.splitlines():
        word, tier, text = (line.split(" ", 2) + ["", ""])[:3]
        if word == "stats":
            say(f"      | {text[:98]}")
        if word == "missed":
            say(f"    tier {tier} was not reached in time: {text}")
            good = False
    say("    compared: what libpcap picks from a capture of everything, near the end, with what the filter took.")
    return good
