# SPDX-License-Identifier: BSD-2-Clause
"""The man page and the completion know every subcommand and option, and no others."""

import re
import shutil
import subprocess
import unittest

from command import SOURCE, ipjit

PAGE = SOURCE / "packaging" / "man" / "ipjit.1"
COMPLETION = SOURCE / "packaging" / "completion" / "ipjit"


def subcommands():
    text = ipjit("--help").stdout.decode()
    listed = text.split("Subcommands:")[1].split("Examples:")[0]
    return re.findall(r"^  (\w+) ", listed, re.MULTILINE)


def options(subcommand):
    """Every spelling of every option in the help."""
    text = ipjit(subcommand, "--help").stdout.decode()
    listed = text.split("Options:")[1].split("\n\n")[0]
    found = set()
    for line in re.findall(r"^  (-\S+)", listed, re.MULTILINE):
        found.update(word.split("{")[0] for word in line.split(","))
    return found


def rendered(width):
    done = subprocess.run(["man", "--warnings", "-l", str(PAGE)], capture_output=True, check=False,
                          env={"MANWIDTH": str(width), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
                               "MAN_KEEP_FORMATTING": "", "GROFF_NO_SGR": "1"})
    return done.stdout.decode(), done.stderr.decode()


def sections():
    """{"ipjit filter": its text}, options with their hyphens as typed."""
    text = PAGE.read_text().replace("\\-", "-").replace('"', "")
    parts = re.split(r"^\.SH (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


class Documentation(unittest.TestCase):
    def test_help_is_understood(self):
        self.assertIn("filter", subcommands())
        self.assertLessEqual({"--emit", "-f", "--file", "--no-optimize", "-h"}, options("compile"))

    def test_page_renders_without_a_warning(self):
        if not shutil.which("man"):
            self.skipTest("man is not installed")
        for width in [80, 120]:
            text, warnings = rendered(width)
            self.assertEqual(warnings, "")
            self.assertIn("packet filters as native code", text)

    def test_page_knows_every_subcommand_and_option(self):
        known = sections()
        for name in subcommands():
            self.assertRegex(known["SYNOPSIS"], rf"(?m)^\.B ipjit {name}$")
            for option in options(name) - {"-h", "--help"}:
                self.assertRegex(known[f"ipjit {name}"], rf"(?<![\w-]){option}(?![\w-])",
                                 f"ipjit {name} {option}")

    def test_page_invents_nothing(self):
        for title, text in sections().items():
            if not title.startswith("ipjit "):
                continue
            tagged = re.findall(r"^\.T[PQ]\n\.\w+ (.*)$", text, re.MULTILINE)
            for line in tagged:
                for option in re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", line):
                    self.assertIn(option, options(title.split()[1]), title)

    def test_make_help_names_every_package(self):
        rules = (SOURCE / "packaging" / "CMakeLists.txt").read_text()
        packages = re.findall(r"set\(CPACK_DEBIAN_\w+_PACKAGE_NAME (\S+)\)", rules)
        self.assertIn("ipjit", packages)
        text = subprocess.run(["make", "-s", "-C", SOURCE, "help"], capture_output=True, check=True)
        line, = re.findall(r"^make deb .*$", text.stdout.decode(), re.MULTILINE)
        self.assertEqual(set(re.findall(r"ipjit[\w-]*", line)), set(packages))

    def test_completion_offers_exactly_the_options(self):
        def offered(*words):
            script = (f"source '{COMPLETION}'; COMP_WORDS=({' '.join(words)} '-'); "
                      f"COMP_CWORD={len(words)}; _ipjit; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
            done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
            return set(done.stdout.decode().split())

        for name in subcommands():
            self.assertEqual(offered("ipjit", name) - {"--"}, options(name), name)
        script = (f"source '{COMPLETION}'; COMP_WORDS=(ipjit ''); COMP_CWORD=1; _ipjit; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        words = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
        self.assertEqual(set(words.decode().split()),
                         {*subcommands(), "-h", "--help", "--version"})


if __name__ == "__main__":
    unittest.main()
