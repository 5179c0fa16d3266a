#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The clients of scripts/make-capture.sh: clients.py PACKETS HOSTS-FILE

Fetches files of mixed sizes over IPv4, IPv6 and the VLAN, asks for names, pings, each time from
another address, for a second and until the interface has seen PACKETS; writes the 1,000 addresses of
the host lists.
About 4 % of the connections come from the first 100 of them and 10 % from the other 900.
"""
import http.client
import pathlib
import random
import socket
import struct
import subprocess
import sys
import threading
import time

WORKERS = 8
DEADLINE_S = 90
LEAST_S = 1  # however quick the machine is: pings come by the clock
# Most transfers are small, most bytes are in large ones.
SIZES = [(0, 10), (300, 25), (2_000, 25), (12_000, 20), (60_000, 12), (250_000, 7), (900_000, 1)]


def listed_hosts():
    """1,000 addresses in 172.16.0.0/12, the same every time."""
    draw = random.Random(1000)
    return [f"172.{16 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in draw.sample(range(1, 1 << 20), 1000)]


def packets_seen():
    root = pathlib.Path("/sys/class/net/wan/statistics")
    try:
        return sum(int((root / f"{way}_packets").read_text()) for way in ("rx", "tx"))
    except OSError:  # no sysfs of this namespace: ask the kernel another way
        for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
            if line.strip().startswith("wan:"):
                fields = line.split(":")[1].split()
                return int(fields[1]) + int(fields[9])
    return 0


class Client:
    def __init__(self, seed, hosts):
        self.draw = random.Random(seed)
        self.hosts = hosts

    def address4(self):
        share = self.draw.random()
        if share < 0.04:
            return self.draw.choice(self.hosts[:100])
        if share < 0.14:
            return self.draw.choice(self.hosts[100:])
        return f"198.{self.draw.choice((18, 19))}.{self.draw.randrange(256)}.{self.draw.randrange(1, 255)}"

    def fetch(self, server, source):
        port = self.draw.choices((80, 8080, 9200), (60, 25, 15))[0]
        connection = http.client.HTTPConnection(server, port, timeout=5, source_address=(source, 0))
        try:
            for _ in range(self.draw.randrange(1, 4)):
                size = self.draw.choices([s for s, _ in SIZES], [w for _, w in SIZES])[0]
                connection.request("GET", f"/{size + self.draw.randrange(200)}")
                connection.getresponse().read()
        finally:
            connection.close()

    def ask(self, family, server, source):
        name = b"".join(bytes([len(p)]) + p for p in (b"host%d" % self.draw.randrange(5000), b"example", b"org"))
        query = struct.pack(">HHHHHH", self.draw.randrange(65536), 0x0100, 1, 0, 0, 0)
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.bind((source, 0))
            sock.sendto(query + name + b"\0" + struct.pack(">HH", 1, 1), (server, 53))
            sock.recv(512)

    def step(self):
        what = self.draw.random()
        if what < 0.55:
            server = "192.168.1.1" if self.draw.random() < 0.05 else f"192.168.{self.draw.randrange(256)}.{self.draw.randrange(1, 255)}"
            self.fetch(server, self.address4())
        elif what < 0.63:
            self.fetch(f"2001:db8:5::{self.draw.randrange(1, 5000):x}", f"2001:db8:c::{self.draw.randrange(1, 5000):x}")
        elif what < 0.66:
            self.fetch("10.99.100.2", "10.99.100.1")
        elif what < 0.95:
            self.ask(socket.AF_INET, f"192.168.0.{self.draw.randrange(53, 57)}", self.address4())
        else:
            self.ask(socket.AF_INET6, "2001:db8:5::53", f"2001:db8:c::{self.draw.randrange(1, 5000):x}")


def work(client, stop, errors):
    while not stop.is_set():
        try:
            client.step()
        except OSError as error:
            errors.append(str(error))


def main():
    wanted, hosts_file = int(sys.argv[1]), sys.argv[2]
    hosts = listed_hosts()
    pathlib.Path(hosts_file).write_text("\n".join(hosts) + "\n")
    pings = [
        subprocess.Popen(["ping", "-q", *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for args in (
            ["-i", "0.02", "-s", "56", "192.168.1.1"],
            ["-i", "0.05", "-s", "1200", "-I", "172.16.0.1", "192.168.77.7"],
            ["-i", "0.05", "-6", "2001:db8:5::1"],
        )
    ]
    stop, errors = threading.Event(), []
    threads = [threading.Thread(target=work, args=(Client(i, hosts), stop, errors), daemon=True) for i in range(WORKERS)]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    while packets_seen() < wanted * 1.02 or time.monotonic() - begun < LEAST_S:
        if time.monotonic() - begun > DEADLINE_S:
            print(f"clients: only {packets_seen()} packets in {DEADLINE_S} s; {errors[-1:]}", file=sys.stderr)
            break
        if len(errors) > 200 and packets_seen() < 1000:
            print(f"clients: nothing works: {errors[-1]}", file=sys.stderr)
            return 1
        time.sleep(0.05)
    stop.set()
    for ping in pings:
        ping.terminate()
    for thread in threads:
        thread.join(timeout=5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
