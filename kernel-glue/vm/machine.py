# SPDX-License-Identifier: BSD-2-Clause
"""Runs QEMU, by software emulation alone, and reads what comes out of it.

Five virtio ports lead out of the guest: standard output, standard error, status, files as one tar, the
kernel's log.  Each is a pipe, so a port's bytes reach the caller as they are written.  The serial
console carries the kernel's warnings only; whatever there looks like a bug of the kernel, or of a
module in it, makes the run fail.
"""
import ctypes
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from kernel import Missing

PORTS = ["out", "err", "status", "files", "dmesg"]
# The first line of what the kernel says when it, or a module, is broken; not what it says of old CPUs.
SPLAT = re.compile(
    r"BUG:|Oops|(?<!Stack Overflow: )WARNING:|Kernel panic|general protection fault|KASAN|UBSAN|possible circular locking|suspicious RCU usage|"
    r"INFO: (?:rcu_|task .* blocked|possible|trying to register|inconsistent)|kmemleak: \d+ new|unable to handle|"
    r"stack guard page|invalid opcode|double fault|refcount_t:|list_(?:add|del) corruption|soft lockup|bad: scheduling")
SHOWN = 60  # lines of a splat
BOOT_SECONDS = 600  # on a host that has much else to do; on an idle one it is six


@dataclasses.dataclass
class Options:
    kernel: object
    initrd: pathlib.Path
    disks: list
    cpus: int = 2
    memory: str = "1G"
    cpu: str = "max"
    icount: bool = False
    append: str = ""
    timeout: float = 300


@dataclasses.dataclass
class Outcome:
    status: int | None = None  # of the command; None: the guest did not get that far
    files: bytes = b""
    dmesg: str = ""
    console: str = ""
    timed_out: bool = False
    up_seconds: float | None = None
    seconds: float = 0

    def splat(self):
        """The kernel's complaint, or None."""
        for text in (self.console, self.dmesg):
            lines = text.splitlines()
            for i, line in enumerate(lines):
                if SPLAT.search(line):
                    return "\n".join(lines[max(0, i - 2):i + SHOWN])
        return None


def arguments(options, shell):
    qemu = shutil.which("qemu-system-x86_64")
    if not qemu:
        raise Missing("no qemu-system-x86_64: apt-get install qemu-system-x86")
    # quiet hides what is no warning; stalls are judged by a clock that knows about emulation.
    command_line = ["console=ttyS0", "loglevel=5", "panic=-1", "oops=panic", "random.trust_cpu=on", "no_timer_check",
                    "tsc=reliable", "watchdog_thresh=60", "rcupdate.rcu_cpu_stall_timeout=120", "net.ifnames=0"]
    if shell:
        command_line.append("vm.shell")
    args = [qemu, "-accel", "tcg" if options.icount else "tcg,thread=multi", "-machine", "pc", "-cpu", options.cpu,
            "-smp", f"{options.cpus},sockets={options.cpus}", "-m", options.memory, "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-nic", "none", "-kernel", str(options.kernel.image),
            "-initrd", str(options.initrd), "-append", " ".join(command_line + [options.append])]
    if options.icount:
        # One instruction is one nanosecond of guest time: rdtsc counts instructions.
        args += ["-icount", "shift=0,sleep=off"]
    for disk in options.disks:
        args += ["-drive", f"file={disk},format=raw,if=virtio,readonly=on"]
    return args


def die_with_parent():
    """Whoever kills the caller does not leave a guest behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def shell(options):
    """Runs the guest's shell on this terminal."""
    args = arguments(options, True) + ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
    return subprocess.run(args, check=False).returncode


class Pipe:
    """One port: QEMU writes into `writer`; a thread hands on what comes."""

    def __init__(self, sink):
        self.reader, self.writer = os.pipe()
        self.sink = sink
        self.thread = threading.Thread(target=self.pump, daemon=True)

    def pump(self):
        while chunk := os.read(self.reader, 1 << 16):
            self.sink(chunk)
        os.close(self.reader)


def wait_for(process, up, seconds):
    """Gives: what QEMU complained of; None where time is over.

    The command's time begins when the guest is up: how long that takes is the host's affair.
    """
    latest = time.monotonic() + BOOT_SECONDS
    is_up = False
    while time.monotonic() < latest:
        try:
            return process.communicate(timeout=0.1)[1]
        except subprocess.TimeoutExpired:
            if up.is_set() and not is_up:
                is_up, latest = True, time.monotonic() + seconds
    return None


def run(options, out, err):
    """Boots, waits for the end, gives an Outcome.  `out` and `err` take bytes as they come."""
    begun = time.monotonic()
    kept = {name: bytearray() for name in ("status", "files", "dmesg", "console")}
    up = threading.Event()

    def hear_status(chunk):
        kept["status"].extend(chunk)
        up.set()  # its first word, before the command

    sinks = {"out": out, "err": err, **{name: kept[name].extend for name in kept}, "status": hear_status}
    pipes = {name: Pipe(sink) for name, sink in sinks.items()}
    args = arguments(options, False) + ["-device", "virtio-serial-pci,max_ports=8"]
    for name, pipe in pipes.items():
        number = pipe.writer
        args += ["-add-fd", f"fd={number},set={number}", "-chardev", f"file,id={name},path=/dev/fdset/{number},append=on"]
        args += ["-serial", "chardev:console"] if name == "console" else [
            "-device", f"virtserialport,chardev={name},name={name},nr={PORTS.index(name) + 1}"]
    outcome = Outcome()
    # Not in a group of its own: ^C in the caller's terminal ends the guest too.
    process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               preexec_fn=die_with_parent, pass_fds=[pipe.writer for pipe in pipes.values()])
    for pipe in pipes.values():
        os.close(pipe.writer)
        pipe.thread.start()
    try:
        complaint = wait_for(process, up, options.timeout)
        if complaint is None:
            outcome.timed_out = True
            process.kill()
            complaint = process.communicate()[1]
    except BaseException:
        process.kill()
        raise
    for pipe in pipes.values():
        pipe.thread.join()
    said = kept["status"].decode(errors="replace")
    if match := re.search(r"^status (\d+)$", said, re.M):
        outcome.status = int(match[1])
    if match := re.search(r"^up ([\d.]+)$", said, re.M):
        outcome.up_seconds = float(match[1])
    outcome.files = bytes(kept["files"])
    outcome.dmesg = kept["dmesg"].decode(errors="replace").replace("\r", "")
    outcome.console = kept["console"].decode(errors="replace").replace("\r", "")
    outcome.seconds = time.monotonic() - begun
    if process.returncode and not outcome.timed_out:
        sys.stderr.write(complaint.decode(errors="replace"))
    return outcome
