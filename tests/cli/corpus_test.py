# SPDX-License-Identifier: BSD-2-Clause
"""The public corpus through `ipjit eval`: every program, every packet, every engine."""

import gzip
import json
import struct
import unittest

from command import CORPUS, evaluate

OURS = ["interp", "tier1"]


def packets_of(path):
    """[(bytes, wirelen)] of a pcap file; nothing for other formats."""
    data = path.read_bytes()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<",
             b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order:
        return None
    packets, at = [], 24
    while at + 16 <= len(data):
        caplen, wirelen = struct.unpack_from(order + "II", data, at + 8)
        packets.append((data[at + 16:at + 16 + caplen], wirelen))
        at += 16 + caplen
    return packets


@unittest.skipUnless(CORPUS.is_dir(), f"the corpus is not here: {CORPUS}")
class Corpus(unittest.TestCase):
    def compare(self, engine, cases, expected):
        answers = evaluate(engine, *cases)
        self.assertEqual(len(answers), len(cases))
        wrong = [(case["id"], answer, want)
                 for case, answer, want in zip(cases, answers, expected)
                 if answer.get("results") != want and
                 answer.get("error", {}).get("code") != "kBackwardJump"]
        self.assertEqual(wrong, [], f"{len(wrong)} of {len(cases)} differ on {engine}")

    def test_bpfjit(self):
        data = json.loads((CORPUS / "bpfjit" / "bpfjit.json").read_text())
        cases = [{"id": f"{i} {t['name']}", "dialect": "libpcap", "insns": t["insns"],
                  "packets": [{"hex": run[0], "wirelen": run[1]} for run in t["runs"]]}
                 for i, t in enumerate(data["tests"])]
        expected = [[run[2] for run in t["runs"]] for t in data["tests"]]
        # A few programs run in that suite, but libpcap's own check refuses them, so must we; and on
        # opcode 0x8006 libpcap's interpreter aborts the process.
        refused = [t["insns"] for t in data["reject"] if t.get("libpcap_check")]
        refused.append([[0x8006, 0, 0, 13]])
        kept = [(case, want) for case, want in zip(cases, expected) if case["insns"] not in refused]
        self.assertGreater(len(kept), 190)
        for engine in OURS:
            self.compare(engine, *zip(*kept))
        # M[] begins as 0 with us; libpcap's is whatever lay on the stack.
        unsettled = [t["insns"] for t in data["tests"]
                     if "read before write" in (t["linux_check"] or "")]
        kept = [(case, want) for case, want in kept if case["insns"] not in unsettled]
        self.assertGreater(len(kept), 180)
        self.compare("libpcap", *zip(*kept))

    def test_bpfjit_refusals(self):
        data = json.loads((CORPUS / "bpfjit" / "bpfjit.json").read_text())
        for dialect in ["libpcap", "linux"]:
            refused = [t for t in data["reject"] if t.get(f"{dialect}_check")]
            self.assertTrue(refused)
            answers = evaluate("interp", *[{"id": t["name"], "dialect": dialect,
                                            "insns": t["insns"], "packets": []} for t in refused])
            self.assertEqual([a["id"] for a in answers if "error" not in a], [], dialect)

    def test_xnet(self):
        data = json.loads((CORPUS / "xnet_bpf" / "vm_tests.json").read_text())
        for dialect in ["libpcap", "linux"]:
            tests = [t for t in data["tests"] if isinstance(t.get(f"ref_{dialect}"), int)]
            cases = [{"id": t["name"], "dialect": dialect, "insns": t["insns"],
                      "packets": [{"hex": t["packet"]}]} for t in tests]
            self.assertTrue(cases)
            for engine in OURS:
                self.compare(engine, cases, [[t[f"ref_{dialect}"]] for t in tests])

    def test_libpcap_apply(self):
        data = json.loads((CORPUS / "libpcap" / "filter_apply.json").read_text())
        cases, expected = [], []
        for t in data["tests"]:
            packets = packets_of(CORPUS / "libpcap" / "savefiles" / t["savefile"])
            if packets is None or t["needs"]:
                continue
            for kind in ["opt", "unopt"]:
                if t[kind] is None or not t[f"ref_ok_{kind}"]:
                    continue
                cases.append({"id": f"{t['name']} {kind}", "dialect": "libpcap", "insns": t[kind],
                              "packets": [{"hex": p.hex(), "wirelen": w} for p, w in packets]})
                expected.append(t["results"])
        self.assertGreater(len(cases), 300)
        for engine in OURS + ["libpcap"]:
            self.compare(engine, cases, expected)

    def test_libpcap_accept_agrees_with_libpcap(self):
        with gzip.open(CORPUS / "libpcap" / "filter_accept.json.gz") as file:
            data = json.load(file)
        blocks = data["tests"]
        packets = [{"hex": bytes((i * 37 + n * 11) & 255 for i in range(n)).hex()}
                   for n in [0, 1, 14, 34, 60, 200]]
        cases = [{"id": f"{i} {kind}", "insns": block[kind], "packets": packets}
                 for i, block in enumerate(blocks) if not block["linuxext"]
                 for kind in ["opt", "unopt"] if block.get(kind)]
        self.assertGreater(len(cases), 1000)
        expected = [answer.get("results") for answer in evaluate("libpcap", *cases)]
        for engine in OURS:
            self.compare(engine, cases, expected)


if __name__ == "__main__":
    unittest.main()
