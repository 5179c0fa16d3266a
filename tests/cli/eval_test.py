# SPDX-License-Identifier: BSD-2-Clause
"""The protocol of `ipjit eval`, on every engine."""

import json
import subprocess
import unittest

from command import CLEAN, HAVE_TIER2, IPJIT, evaluate, ipjit, tcp_packet, wait_for_tier2

ENGINES = ["interp", "tier1", "libpcap"]
OURS = ["interp", "tier1"]

IS_IP = [[40, 0, 0, 12], [21, 0, 1, 2048], [6, 0, 0, 65535], [6, 0, 0, 0]]
TCP = tcp_packet().hex()
# A = ancillary word; return A
FIELDS = {"protocol": 0, "pkttype": 4, "ifindex": 8, "mark": 20, "queue": 24, "hatype": 28,
          "rxhash": 32, "cpu": 36, "vlan_tci": 44, "vlan_present": 48, "pay_offset": 52,
          "random": 56, "vlan_proto": 60}


def ancillary(offset):
    return [[32, 0, 0, -4096 + offset], [22, 0, 0, 0]]


class Eval(unittest.TestCase):
    def test_answer_has_the_documented_shape(self):
        for engine in ENGINES:
            case = {"id": "x", "dialect": "libpcap", "insns": IS_IP,
                    "packets": [{"hex": TCP, "wirelen": 60}, {"hex": "00"}, {"hex": ""}]}
            self.assertEqual(evaluate(engine, case),
                             [{"id": "x", "engine": engine, "results": [65535, 0, 0]}])

    def test_expression(self):
        for engine in ENGINES:
            answers = evaluate(
                engine,
                {"id": 1, "expr": "tcp port 80", "dlt": "EN10MB", "packets": [{"hex": TCP}]},
                {"id": 2, "expr": "tcp port 80", "dlt": 1, "snaplen": 96, "optimize": False,
                 "packets": [{"hex": TCP}]},
                {"id": 3, "expr": "tcp port 81", "packets": [{"hex": TCP}]},
                {"id": 4, "expr": "ip", "dlt": "DLT_RAW", "packets": [{"hex": TCP[28:]}]})
            self.assertEqual([a["results"] for a in answers], [[262144], [96], [0], [262144]])
            self.assertEqual([a["id"] for a in answers], [1, 2, 3, 4])

    def test_wirelen_is_the_length_that_programs_see(self):
        program = [[128, 0, 0, 0], [22, 0, 0, 0]]  # ld #pktlen; ret a
        for engine in ENGINES:
            answer, = evaluate(engine, {"id": 0, "insns": program, "packets": [
                {"hex": "0011", "wirelen": 1500}, {"hex": "0011"}]})
            self.assertEqual(answer["results"], [1500, 2])

    def test_meta_reaches_linux_programs(self):
        for engine in OURS:
            for i, (name, offset) in enumerate(FIELDS.items()):
                answer, = evaluate(engine, {
                    "id": name, "dialect": "linux", "insns": ancillary(offset),
                    "packets": [{"hex": TCP, "meta": {name: 1000 + i}}, {"hex": TCP}]})
                self.assertEqual(answer.get("results"), [1000 + i, 0], (engine, answer))

    def test_net_off_moves_the_network_header(self):
        program = [[48, 0, 0, -0x100000 + 9], [22, 0, 0, 0]]  # ldb [SKF_NET_OFF + 9]; ret a
        for engine in OURS:
            answer, = evaluate(engine, {"id": 0, "dialect": "linux", "insns": program, "packets": [
                {"hex": TCP, "meta": {"net_off": 14}}]})
            self.assertEqual(answer.get("results"), [6], (engine, answer))

    def test_dialects_differ_where_they_should(self):
        shift = [[0, 0, 0, 1], [1, 0, 0, 33], [108, 0, 0, 0], [22, 0, 0, 0]]  # 1 << (X = 33)
        for engine in OURS:
            answers = evaluate(engine, *[{"id": d, "dialect": d, "insns": shift,
                                          "packets": [{"hex": ""}]} for d in ["libpcap", "linux"]])
            self.assertEqual([a["results"] for a in answers], [[0], [2]])

    def test_bad_programs_are_objects_with_a_place(self):
        cases = {
            "kBadOpcode": (3, IS_IP[:3] + [[255, 0, 0, 0], [6, 0, 0, 0]]),
            "kJumpOutOfRange": (1, [[40, 0, 0, 12], [21, 0, 9, 2048], [6, 0, 0, 0]]),
            "kDivisionByZero": (0, [[52, 0, 0, 0], [6, 0, 0, 0]]),
            "kBadMemorySlot": (0, [[2, 0, 0, 16], [6, 0, 0, 0]]),
            "kNoReturn": (0, [[0, 0, 0, 1]]),
            "kEmpty": (0, []),
        }
        for engine in ENGINES:
            for code, (at, insns) in cases.items():
                answer, = evaluate(engine, {"id": code, "insns": insns, "packets": []})
                error = answer["error"]
                self.assertEqual((error["stage"], error["code"], error["at"]),
                                 ("frontend", code, at), (engine, error))
                self.assertTrue(error["why"])
                self.assertEqual(set(answer), {"id", "error"})
                self.assertEqual(list(error), ["stage", "code", "at", "why"])

    def test_bad_expression(self):
        for engine in ENGINES:
            answer, = evaluate(engine, {"id": 0, "expr": "port http and", "packets": []})
            self.assertEqual(answer["error"]["stage"], "expression")
            self.assertEqual(answer["error"]["code"], "kSyntax")

    def test_backward_jumps_run_on_the_interpreters_alone(self):
        case = {"id": 0, "expr": "ip6 protochain 6", "packets": [{"hex": TCP}]}
        for engine in ["interp", "libpcap"]:
            self.assertEqual(evaluate(engine, case)[0]["results"], [0])
        error = evaluate("tier1", case)[0]["error"]
        self.assertEqual(error["code"], "kBackwardJump")

    def test_no_engine_stands_in_for_another(self):
        good = {"id": 0, "insns": IS_IP, "packets": [{"hex": TCP}]}
        done = ipjit("eval", "--engine", "tier2", stdin=json.dumps(good),
                     env={"IPJIT_TIER2": "off"})
        error = json.loads(done.stdout)["error"]
        self.assertEqual((error["stage"], error["code"]), ("tier2", "kUnavailable"))
        error = evaluate("libpcap", {**good, "dialect": "linux"})[0]["error"]
        self.assertEqual(error["code"], "kUnavailable")

    @unittest.skipUnless(HAVE_TIER2, "built without LLVM: there is no ipjit-tier2")
    def test_tier2_agrees_with_the_interpreter(self):
        wait_for_tier2()
        packets = [{"hex": TCP}, {"hex": TCP[:40]}, {"hex": ""}, {"hex": "ff" * 60}]
        hosts = " or ".join(f"host 192.0.2.{i}" for i in range(1, 30))
        cases = [{"id": expr, "expr": expr, "packets": packets * 20}
                 for expr in ["ip", "tcp port 80", "udp or vlan", hosts, "len > 50 and ip[8] = 64"]]
        cases.append({"id": "linux", "dialect": "linux", "insns": IS_IP, "packets": packets})
        wanted = [answer["results"] for answer in evaluate("interp", *cases)]
        for words in [[], ["--no-profile"]]:
            done = ipjit("eval", "--engine", "tier2", *words,
                         stdin="".join(json.dumps(case) + "\n" for case in cases))
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual([a.get("results", a) for a in answers], wanted)
            self.assertEqual({a["engine"] for a in answers}, {"tier2"})
        error = evaluate("tier2", {"id": 0, "expr": "ip6 protochain 6", "packets": []})[0]["error"]
        self.assertEqual(error["code"], "kBackwardJump")

    def test_ipjit_engine_does_not_override_the_engine_asked_for(self):
        case = json.dumps({"id": 0, "insns": IS_IP, "packets": [{"hex": TCP}]})
        done = ipjit("eval", "--engine", "tier1", stdin=case, env={"IPJIT_ENGINE": "interp"})
        self.assertEqual(json.loads(done.stdout)["engine"], "tier1")

    def test_lines_that_are_no_cases(self):
        lines = ["{", "[]", '{"id":7}', '{"id":8,"insns":[],"expr":"ip"}', '{"id":9,"insns":[[1]]}',
                 '{"id":10,"insns":[[0,0,0,4294967296]]}', '{"id":11,"expr":5}',
                 '{"id":12,"expr":"ip","packets":[{"hex":"0"}]}',
                 '{"id":13,"expr":"ip","packets":[{"hex":"zz"}]}',
                 '{"id":14,"expr":"ip","packets":[{"hex":"","meta":{"soup":1}}]}',
                 '{"id":15,"expr":"ip","packets":{}}', '{"id":16,"expr":"ip","dlt":"SOUP"}',
                 '{"id":17,"expr":"ip","dialect":"bsd"}', '{"id":{"a":[1]},"insns":5}', "", "  ",
                 '\xff\xfe', '{"id":18,"insns":[[6,0,0,1]],"packets":[{"hex":""}]}']
        done = ipjit("eval", "--engine", "interp", stdin="\n".join(lines).encode("latin-1"))
        self.assertEqual(done.returncode, 0)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([a["id"] for a in answers],
                         [None, None, *range(7, 18), {"a": [1]}, None, 18])
        for answer in answers[:-1]:
            self.assertEqual(answer["error"]["stage"], "usage", answer)
            self.assertTrue(answer["error"]["why"])
        self.assertEqual(answers[0]["error"]["at"], 1)
        self.assertEqual(answers[-2]["error"]["at"], 17)
        self.assertEqual(answers[-1]["results"], [1])

    def test_numbers_out_of_range_are_named(self):
        packet = {"hex": ""}
        cases = [({"expr": "ip", "snaplen": -5}, '"snaplen" is -5: not a whole number from 1 to'),
                 ({"expr": "ip", "snaplen": 0}, '"snaplen" is 0: not'),
                 ({"expr": "ip", "netmask": 1 << 32}, '"netmask" is 4294967296: not'),
                 ({"expr": "ip", "packets": [{**packet, "wirelen": -1}]},
                  'packets[0]: "wirelen" is -1: not a whole number from 0 to 4294967295'),
                 ({"expr": "ip", "packets": [{**packet, "meta": {"mark": "x"}}]},
                  'meta "mark" is "x": not')]
        for case, why in cases:
            answer, = evaluate("interp", {"id": 0, **case})
            self.assertEqual(answer["error"]["stage"], "usage")
            self.assertIn(why, answer["error"]["why"])

    def test_an_answer_comes_before_the_next_question(self):
        with subprocess.Popen([IPJIT, "eval", "--engine", "tier1"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, env=CLEAN) as child:
            for i in range(3):
                child.stdin.write(json.dumps({"id": i, "insns": IS_IP}).encode() + b"\n")
                child.stdin.flush()
                self.assertEqual(json.loads(child.stdout.readline())["id"], i)
            child.stdin.close()
            self.assertEqual(child.wait(timeout=120), 0)


if __name__ == "__main__":
    unittest.main()
