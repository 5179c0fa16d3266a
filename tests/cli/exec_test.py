# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit exec` must be invisible to the command and to whoever started it."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from command import CLEAN, IPJIT, ipjit, pcap_file, tcp_packet


@unittest.skipIf(os.environ.get("SANITIZED"),
                 "a sanitizer's runtime cannot be preloaded into programs that have none")
class Exec(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def both(self, *command, **more):
        """With and without --report: nothing may differ but the report."""
        return [ipjit("exec", *flags, "--", *command, **more) for flags in [[], ["--report"]]]

    def test_exit_status_and_streams(self):
        for done in self.both("sh", "-c", "cat; echo err >&2; exit 37", stdin=b"through"):
            self.assertEqual(done.returncode, 37)
            self.assertEqual(done.stdout, b"through")
            self.assertIn(b"err\n", done.stderr)

    def test_words_arrive_as_they_are(self):
        words = ["-x", "--json", "", "a b", "--", "*"]
        for done in self.both(sys.executable, "-c", "import sys; print(sys.argv[1:])", *words):
            self.assertEqual(done.stdout.decode(), f"{words}\n")

    def test_death_by_signal(self):
        for number in [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT]:
            for done in self.both("sh", "-c", f"kill -{int(number)} $$"):
                self.assertEqual(done.returncode, -number)

    def test_signals_are_passed_on(self):
        script = "trap 'echo got; exit 5' USR1; echo ready; while :; do sleep 0.05; done"
        for flags in [[], ["--report"]]:
            with subprocess.Popen([IPJIT, "exec", *flags, "--", "sh", "-c", script], env=CLEAN,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
                self.assertEqual(child.stdout.readline(), b"ready\n")
                child.send_signal(signal.SIGUSR1)
                out, _ = child.communicate(timeout=120)
                self.assertEqual((out, child.returncode), (b"got\n", 5))

    def test_stop_and_continue(self):
        with subprocess.Popen([IPJIT, "exec", "--report", "--", "sh", "-c",
                               "kill -STOP $$; exit 6"], env=CLEAN, stderr=subprocess.DEVNULL,
                              start_new_session=True) as child:
            pid, status = os.waitpid(child.pid, os.WUNTRACED)
            self.assertTrue(pid == child.pid and os.WIFSTOPPED(status))
            os.kill(child.pid, signal.SIGCONT)
            self.assertEqual(child.wait(timeout=120), 6)

    def test_preload_is_added_in_front(self):
        for done in self.both("sh", "-c", "echo $LD_PRELOAD", env={"LD_PRELOAD": ""}):
            self.assertRegex(done.stdout.decode(), r"^/.*/libipjit-pcap\.so\n$")
        library = ipjit("exec", "--", "sh", "-c", "echo $LD_PRELOAD").stdout.decode().strip()
        done = ipjit("exec", "--", "sh", "-c", "echo $LD_PRELOAD",
                     env={"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/libz.so.1"})
        self.assertEqual(done.stdout.decode().strip(),
                         library + ":/usr/lib/x86_64-linux-gnu/libz.so.1")

    def refused(self, command, *parts):
        for done in self.both(*command):
            self.assertEqual(done.returncode, 1, done)
            lines = done.stderr.decode().splitlines()
            self.assertEqual(len(lines), 1, lines)
            self.assertTrue(lines[0].startswith("ipjit: runtime: "), lines)
            for part in parts:
                self.assertIn(part, lines[0])

    def test_what_cannot_be_run(self):
        self.refused(["no-such-command-of-anyone"], "not found")
        self.refused(["/nowhere/x"], "No such file")
        self.refused([str(self.folder)], "executable")
        nonsense = self.folder / "nonsense"
        nonsense.write_bytes(b"\x7fELF nonsense")
        nonsense.chmod(0o755)
        self.refused([str(nonsense)], "Exec format")

    def test_static_program(self):
        source = self.folder / "main.c"
        source.write_text("int main(void) { return 0; }\n")
        binary = self.folder / "static"
        try:
            subprocess.run(["cc", "-static", "-o", binary, source], check=True, capture_output=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            self.skipTest("no static C program can be linked here")
        self.refused([str(binary)], "statically linked")
        script = self.folder / "script"
        script.write_text(f"#!{binary} -x\n")
        script.chmod(0o755)
        self.refused([str(script)], "statically linked")

    @unittest.skipUnless(os.getuid() == 0, "needs root, to make set-user-ID and setcap files")
    def test_programs_that_gain_privileges(self):
        copy = shutil.copy("/bin/true", self.folder / "true")
        os.chmod(copy, 0o755)
        os.chmod(self.folder, 0o755)
        os.chown(copy, 65534, 65534)
        os.chmod(copy, 0o4755)
        self.refused([copy], "set-user-ID", "ipjit enable")
        os.chmod(copy, 0o2755)
        self.refused([copy], "set-group-ID")
        os.chmod(copy, 0o755)
        self.assertEqual([done.returncode for done in self.both(copy)], [0, 0])

    def test_report_shows_the_commands_filters(self):
        capture = self.folder / "in.pcap"
        capture.write_bytes(pcap_file([tcp_packet(dport=80 + i % 2) for i in range(4000)]))
        command = [IPJIT, "filter", "-r", capture, "--engine", "tier1", "tcp port 80"]
        silent, done = self.both(*command)
        self.assertEqual(silent.stderr, b"")
        self.assertEqual(done.returncode, 0)
        report = done.stderr.decode()
        for part in ["FILTER", "tcp port 80", "tier1", "4000", "2000"]:
            self.assertIn(part, report)
        done = ipjit("exec", "--report", "--", "true")
        self.assertIn(b"no filter of this command", done.stderr)

    def test_the_reference_stays_libpcaps(self):
        case = b'{"id":1,"expr":"ip","packets":[{"hex":"00"}]}'
        done = ipjit("exec", "--report", "--", IPJIT, "eval", "--engine", "libpcap", stdin=case)
        self.assertEqual(done.stdout, b'{"id":1,"engine":"libpcap","results":[0]}\n')
        self.assertIn(b"no filter of this command", done.stderr)

    def test_tcpdump(self):
        capture = self.folder / "in.pcap"
        capture.write_bytes(pcap_file([tcp_packet(dport=80 + i % 2) for i in range(4000)]))
        os.chmod(self.folder, 0o755)
        command = ["tcpdump", "-n", "-t", "-r", str(capture), "tcp port 80"]
        if not shutil.which("tcpdump"):
            self.skipTest("tcpdump is not installed")
        plain = subprocess.run(command, capture_output=True, env=CLEAN, check=False)
        if plain.returncode:
            self.skipTest("tcpdump cannot work here: " + plain.stderr.decode())
        silent, report = self.both(*command)
        self.assertEqual((silent.returncode, silent.stdout), (0, plain.stdout))
        self.assertEqual(report.stdout, plain.stdout)
        self.assertIn(b"tier1", report.stderr)


class Stats(unittest.TestCase):
    def test_finished_filter(self):
        with tempfile.TemporaryDirectory() as folder:
            capture = pathlib.Path(folder) / "in.pcap"
            capture.write_bytes(pcap_file([tcp_packet()] * 3000))
            name = f"tcp port {20000 + os.getpid() % 20000} or port 80"
            record, table = self.finished(capture, name)
        self.assertEqual((record["packets"], record["matched"], record["alive"], record["engine"]),
                         (3000, 3000, False, "tier1"))
        self.assertGreater(record["code_bytes"], 0)
        self.assertGreater(record["finished_ns"], record["started_ns"])
        self.assertIn(name, table)
        self.assertIn("finished", table)

    def finished(self, capture, name):
        """A filter's record and table.  Where /dev/shm is shared with others, a hundred filters that
        they finish meanwhile push it out."""
        for _ in range(20):
            begun = time.time_ns()
            self.assertEqual(ipjit("filter", "-r", capture, name).returncode, 0)
            records = self.records()
            found = [r for r in records if r["filter"] == name and r["started_ns"] >= begun]
            if found:
                table = ipjit("stats", "--pid", found[0]["pid"]).stdout.decode()
                records = self.records()
                if name in table:
                    return found[0], table
            younger = sum(not r["alive"] and r["finished_ns"] >= begun for r in records)
            self.assertGreaterEqual(younger, 100, "it is not shown, and others did not push it out")
        self.skipTest("others finish hundreds of filters a second")

    def test_live_filter(self):
        read, write = os.pipe()
        begun = time.time_ns()  # an earlier process may have had the pid
        with subprocess.Popen([IPJIT, "filter", "-r", "-", "udp port 4711"], stdin=read,
                              stdout=subprocess.PIPE, env=CLEAN) as child:
            os.close(read)
            with os.fdopen(write, "wb") as stream:
                stream.write(pcap_file([]))
                stream.flush()
                deadline = time.monotonic() + 120
                while True:
                    mine = [r for r in self.records("--pid", child.pid)
                            if r["started_ns"] >= begun]
                    if mine or time.monotonic() > deadline:
                        break
                    time.sleep(0.02)
                self.assertEqual([(r["filter"], r["alive"]) for r in mine],
                                 [("udp port 4711", True)])
            child.communicate(timeout=120)
            self.assertEqual(child.returncode, 0)

    def test_what_is_not_there_is_said(self):
        done = ipjit("stats", "--pid", 1)
        self.assertEqual(done.stdout, b"no filter of process 1 runs, and none has finished\n")

    def test_without_shared_memory_it_cannot_tell(self):
        script = 'mount -t tmpfs -o ro none /dev/shm || exit 77; exec "$@"'
        unshare = ["unshare", "-m" if os.getuid() == 0 else "-rm", "sh", "-c", script, "sh", IPJIT]
        commands = [(["exec", "--report", "--", "true"], b"cannot tell whether filters"),
                    (["stats"], b"cannot tell what filters run: /dev/shm: Read-only file system\n"),
                    (["stats", "--pid", "1"], b"cannot tell what filters of process 1 run: /dev/shm")]
        for words, wanted in commands:
            done = subprocess.run([*unshare, *words], capture_output=True, env=CLEAN, check=False)
            if done.returncode:
                self.skipTest("no mount namespace here: " + done.stderr.decode())
            self.assertIn(wanted, done.stdout + done.stderr)

    def test_table_fits_its_columns(self):
        done = ipjit("stats", "--all")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        lines = done.stdout.decode(errors="replace").splitlines()  # a name may be cut in a letter
        self.assertLessEqual(max(map(len, lines)), 120)

    def records(self, *words):
        import json
        done = ipjit("stats", "--json", *words)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)["filters"]


if __name__ == "__main__":
    unittest.main()
