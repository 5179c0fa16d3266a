# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit compile` shows every stage, and `ipjit verify` takes back what it printed."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from command import ipjit

WEB = "tcp port 80"
TWO_HOSTS = "host 192.0.2.1 or host 192.0.2.2"


class Compile(unittest.TestCase):
    def out(self, *words, **more):
        done = ipjit("compile", *words, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        return done.stdout.decode()

    def refused(self, stage, *words, **more):
        done = ipjit("compile", *words, **more)
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(done.stdout, b"")
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"ipjit: {stage}: "), lines)
        return lines[0]

    def test_bpf_has_one_line_an_instruction(self):
        text = self.out("--emit", "bpf", "ip")
        self.assertEqual(len(text.splitlines()), 4)
        self.assertIn("ldh", text)
        insns = json.loads(self.out("--emit", "bpf", "--json", "ip"))["insns"]
        self.assertEqual(insns, [[40, 0, 0, 12], [21, 0, 1, 2048], [6, 0, 0, 262144], [6, 0, 0, 0]])

    def test_words_are_joined_as_tcpdump_does(self):
        self.assertEqual(self.out("--emit", "bpf", "tcp", "port", "80"),
                         self.out("--emit", "bpf", WEB))

    def test_options_of_the_expression(self):
        insns = json.loads(self.out("--emit", "bpf", "--json", "--dlt", "RAW", "--snaplen", "96",
                                    "ip"))["insns"]
        self.assertIn([6, 0, 0, 96], insns)
        self.assertEqual(insns[0], [48, 0, 0, 0])
        longer, shorter = self.out("--emit", "bpf", "-O", WEB), self.out("--emit", "bpf", WEB)
        self.assertGreater(len(longer.splitlines()), len(shorter.splitlines()))

    def test_ir_is_optimised_unless_told_otherwise(self):
        plain = self.out("--emit", "ir", "--no-optimize", WEB)
        better = self.out("--emit", "ir", WEB)
        for text in [plain, better]:
            self.assertTrue(text.startswith("filter tcp port 80"), text)
            self.assertIn("b0:", text)
        self.assertNotEqual(plain, better)
        self.assertEqual(self.out("--emit", "ir", "--optimize", WEB), better)
        self.assertEqual(self.out("--emit", "ir", "--engine", "interp", WEB), better)

    def test_tables_show_every_key_of_a_list(self):
        hosts = " or ".join(f"host 192.0.2.{i}" for i in range(1, 41))
        text = self.out("--emit", "tables", hosts)
        self.assertTrue(text.startswith("table0: slots: u32 keys"), text)
        for i in range(1, 41):
            self.assertIn(f": 0xc00002{i:02x}\n", text)
        table, = json.loads(self.out("--emit", "tables", "--json", hosts))["tables"]
        self.assertEqual(table["keys"], 40)
        self.assertEqual(self.out("--emit", "tables", "ip"), "no tables\n")

    def test_asm_names_block_and_bpf_instruction(self):
        text = self.out("--emit", "asm", "--target", "x86-64-v2", WEB)
        lines = text.splitlines()
        self.assertIn("tcp port 80", lines[0])
        self.assertIn("x86-64-v2", lines[0])
        self.assertIn("verified", lines[0])
        self.assertIn("b0:", lines)
        self.assertRegex(text, r"; \(000\) +ldh")
        self.assertRegex(text, r"  0000  [0-9a-f]{2}")
        self.assertNotIn("(bad)", text)
        self.assertEqual(self.out("--target", "x86-64-v2", WEB), text)  # asm is the default

    def test_targets_differ_where_the_cpu_helps(self):
        v1 = self.out("--target", "x86-64-v1", TWO_HOSTS)
        v3 = self.out("--target", "x86-64-v3", TWO_HOSTS)
        self.assertNotIn("movbe", v1)
        self.assertIn("movbe", v3)
        self.assertEqual(v1.splitlines()[1:],
                         self.out(TWO_HOSTS, env={"IPJIT_TARGET": "x86-64-v1"}).splitlines()[1:])

    def test_listing_as_json_covers_the_code(self):
        unit = json.loads(self.out("--emit", "asm", "--json", WEB))
        self.assertEqual(unit["engine"], "tier1")
        end = 0
        for line in unit["listing"]:
            self.assertEqual(line["offset"], end)
            end += line["size"]
        self.assertEqual(end, unit["code_len"])

    def test_ddd_text(self):
        ddd = "4\n40 0 0 12\n21 0 1 2048\n6 0 0 65535\n6 0 0 0\n"
        self.assertEqual(len(self.out("--emit", "bpf", "-f", "-", stdin=ddd).splitlines()), 4)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(ddd)
            file.flush()
            self.assertIn("b0:", self.out("--emit", "asm", "-f", file.name))

    def test_output_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "unit.bin"
            self.assertEqual(self.out("--emit", "bytes", "-o", path, WEB), "")
            self.assertEqual(path.read_bytes().hex(), self.out("--emit", "bytes", WEB).strip())
        self.assertIn("cannot be written", self.refused("runtime", "-o", "/nowhere/x", WEB))

    def test_refusals_name_stage_and_place(self):
        self.refused("expression", "tcp prot 80")
        line = self.refused("frontend", "-f", "-", stdin="2\n255 0 0 0\n6 0 0 0\n")
        self.assertIn("instruction 0", line)
        self.assertIn("kBadOpcode", line)
        line = self.refused("frontend", "-f", "-", stdin="2\n40 0 0 soup\n6 0 0 0\n")
        self.assertIn("line 2", line)
        self.assertIn("kBackwardJump", self.refused("frontend", "ip6 protochain 6"))
        self.assertIn("x86-64-v9", self.refused("target", "--target", "x86-64-v9", "ip"))
        self.assertIn("/nowhere", self.refused("runtime", "-f", "/nowhere"))
        self.refused("frontend", "--dialect", "linux", "-f", "-", stdin="2\n96 0 0 1\n22 0 0 0\n")


class Verify(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def unit(self, expression=WEB):
        done = ipjit("compile", "--emit", "bytes", "--json", expression)
        self.assertEqual(done.returncode, 0, done)
        return json.loads(done.stdout)

    def test_takes_back_what_compile_printed(self):
        hosts = " or ".join(f"host 192.0.2.{i}" for i in range(1, 60))
        for expression in [WEB, "", TWO_HOSTS, hosts]:
            path = self.file("unit.json", json.dumps(self.unit(expression)))
            done = ipjit("verify", path, "--contract", path)
            self.assertEqual((done.returncode, done.stderr), (0, b""), expression)
            self.assertIn(b"accepted", done.stdout)

    def test_raw_hex_and_bare_contract(self):
        unit = self.unit()
        contract = self.file("contract.json", json.dumps(unit["contract"]))
        raw = self.file("unit.bin", bytes.fromhex(unit["bytes"]))
        text = self.file("unit.hex", unit["bytes"] + "\n")
        answers = []
        for path in [raw, text]:
            done = ipjit("verify", path, "--contract", contract, "--code-len", unit["code_len"],
                         "--json")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            answers.append(json.loads(done.stdout))
        self.assertTrue(answers[0]["accepted"])
        self.assertGreater(answers[0]["insns"], 5)
        self.assertEqual(answers[0], answers[1])

    def test_raw_bytes_of_compile_are_all_code(self):
        raw = self.folder / "filter.bin"
        contract = self.file("contract.json", '{"bases":1,"max_len":65535}')
        for expression in [WEB, "ip6", ""]:
            self.assertEqual(ipjit("compile", "--emit", "bytes", "--target", "x86-64-v1", "-o", raw,
                                   expression).returncode, 0)
            done = ipjit("verify", raw, "--contract", contract)
            self.assertEqual((done.returncode, done.stderr), (0, b""), done)

    def test_refusal_names_offset_instruction_rule_and_state(self):
        # movzx eax, byte [rdi + 12]; ret, without a check of the length
        code = self.file("bad.hex", "31c9 0fb6470c c3 cccccccc")
        contract = self.file("contract.json", '{"bases": 1, "max_len": 65535}')
        done = ipjit("verify", code, "--contract", contract)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith(b"ipjit: verifier: "), done.stderr)
        for word in [b"refused", b"0x2", b"movzx", b"rule", b"state"]:
            self.assertIn(word, done.stdout)
        done = ipjit("verify", code, "--contract", contract, "--json")
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["accepted"], report["offset"]), (1, False, 2))
        for key in ["insn", "rule", "meaning", "state"]:
            self.assertTrue(report[key], key)

    def test_every_flipped_length_check_is_refused(self):
        unit = self.unit("ether[100] = 1")
        code = bytes.fromhex(unit["bytes"])
        self.assertEqual(code.count(101), 1)  # the one length check: 101 bytes
        contract = self.file("contract.json", json.dumps(unit["contract"]))
        weak = self.file("weak.bin", code.replace(bytes([101]), bytes([100])))
        done = ipjit("verify", weak, "--contract", contract, "--code-len", unit["code_len"])
        self.assertEqual(done.returncode, 1)

    def test_bad_input(self):
        unit = self.file("unit.json", json.dumps(self.unit()))
        for name, text, word in [
                ("soup", '{"soup": 1}', "soup"), ("list", "[]", "object"), ("text", "soup", "JSON"),
                ("wide", '{"isa": 4294967296}', "isa"), ("sign", '{"isa": -1}', "isa"),
                ("count", '{"nr_tables": 2}', "nr_tables"),
                ("tables", '{"table": [{"place": 0, "soup": 1}]}', "soup")]:
            done = ipjit("verify", unit, "--contract", self.file(name, text))
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(word.encode(), done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(ipjit("verify", "/nowhere", "--contract", unit).returncode, 1)
        self.assertEqual(ipjit("verify", unit, "--contract", "/nowhere").returncode, 1)
        empty = self.file("empty", "")
        self.assertEqual(ipjit("verify", empty, "--contract", unit).returncode, 2)
        done = ipjit("verify", unit, "--contract", unit, "--code-len", "99999999")
        self.assertEqual(done.returncode, 2)
        wrong = json.loads(unit.read_text())["contract"] | {"abi": 99}
        done = ipjit("verify", unit, "--contract", self.file("abi", json.dumps(wrong)))
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith(b"ipjit: verifier: "), done.stderr)


class Listing(unittest.TestCase):
    def test_agrees_with_objdump(self):
        try:
            subprocess.run(["objdump", "--version"], check=True, capture_output=True)
        except FileNotFoundError:
            self.skipTest("objdump is not installed")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "unit.bin"
            unit = json.loads(ipjit("compile", "--emit", "asm", "--json", WEB).stdout)
            ipjit("compile", "--emit", "bytes", "-o", path, WEB)
            command = ["objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "-w", path]
            dump = subprocess.run(command, check=True, capture_output=True).stdout.decode()
        offsets = [int(at, 16) for at in re.findall(r"^ +([0-9a-f]+):\t", dump, re.MULTILINE)]
        ours = [line["offset"] for line in unit["listing"]]
        self.assertEqual(ours, offsets[:len(ours)])


if __name__ == "__main__":
    unittest.main()
