# SPDX-License-Identifier: BSD-2-Clause
"""What the measured nanoseconds would mean behind a 100 GbE card: a calculation, not a measurement."""
from measurements_tier2 import digits, table

# A frame of 64 bytes, and the preamble, start and gap around it, in bits at 100 Gbit/s.
LINE_MPPS = 100e9 / ((64 + 20) * 8) / 1e6
RECEIVE_NS = 15  # an example: a vector driver's receiving and freeing; put in what yours costs
ENGINES = ("libpcap", "rte_bpf JIT", "rte_bpf JIT repaired", "ipjit tier1 burst", "ipjit tier2 burst")


def rates(receive_ns, filter_ns):
    """(Mpps per core, cores for line rate)"""
    mpps = 1000 / (receive_ns + filter_ns)
    return mpps, LINE_MPPS / mpps


def rows(pktbench):
    forward_ns = pktbench["filters"]["contests"][0]["engines"][0]["ns"]["median"]
    for name, filter_ns, which in [("none", 0.0, "")] + [
            (contest["name"], max(0.0, one["over_forward_ns"]["median"]), one["name"])
            for contest in pktbench["filters"]["contests"] for one in contest["engines"]
            if one["name"] in ENGINES and "refusal" not in one and one["agrees"]]:
        cells = [name, which, digits(filter_ns)]
        for receive_ns in (forward_ns, RECEIVE_NS):
            cells += [digits(value) for value in rates(receive_ns, filter_ns)]
        yield cells


def section(pktbench):
    forward_ns = pktbench["filters"]["contests"][0]["engines"][0]["ns"]["median"]
    yield (f"Line rate of 64-byte frames is {LINE_MPPS:.1f} Mpps. Mpps per core = 1000 / (ns to receive and free + ns of the "
           f"filter); cores = {LINE_MPPS:.1f} / that. The filter's ns are those of the tables above with forwarding taken away; "
           f"receiving is once this machine's `forward only` ({digits(forward_ns)} ns), once {RECEIVE_NS} ns as an example. "
           "No 100 GbE card was at hand; `benchmarking.md` says what this leaves out.\n")
    yield table(["filter", "engine", "ns of the filter", f"Mpps per core at {digits(forward_ns)} ns", "cores for line rate",
                 f"Mpps per core at {RECEIVE_NS} ns", "cores for line rate"], list(rows(pktbench)))
