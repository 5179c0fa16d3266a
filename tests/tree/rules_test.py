#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each rule of tree_test.py finds the one file that breaks it, and nothing in one that does not."""
import sys

import tree_test

SPDX = "// SPDX-License-Identifier: BSD-2-Clause\n"
CASES = [
    # check, path, text that is fine, text that breaks the rule
    ("include_floors", "ir/x.cpp", '#include "ir/program.h"\n', '#include "runtime/pipeline.h"\n'),
    ("include_floors", "verifier/x.cpp", '#include "verifier/verify.h"\n', '#include "tier1-asmjit/tier1.h"\n'),
    ("include_floors", "runtime/x.cpp", "#include <urcu/rcu.h>\n", "#include <asmjit/x86.h>\n"),
    ("include_floors", "verifier/core/x.c", "#include <stdint.h>\n", "#include <stdio.h>\n"),
    ("quoted_includes_exist", "ir/x.cpp", '#include "ir/program.h"\n', '#include "ir/no_such.h"\n'),
    ("included_sources", "ir/x.cpp", '#include "ir/text.h"\n', '#include "ir/text.cpp"\n'),
    ("prints", "tools/ipjit/x.cpp", 'say(stdout, "x");\n', 'fmt::print("x");\n'),
    ("prints", "ir/x.cpp", 'fmt::print("x");\n', None),
    ("licences", "ir/x.cpp", SPDX, "// hello\n"),
    ("licences", "verifier/core/x.c", "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n", SPDX),
    ("sizes", "ir/x.cpp", "\n" * 500, "\n" * 501),
    ("folder_names", "ir/sets/x.cpp", SPDX, None),
    ("folder_names", "ir/util/x.cpp", None, SPDX),
    ("words", "ir/x.cpp", "todo lists\n", "// TO" + "DO later\n"),
    ("words", "docs/x.md", "/usr/bin\n", "cd /wo" + "rk/main\n"),
    ("paths_in_prose", "docs/x.md", "see `ir/text.h`, `ir/`\n", "see `ir/no_such.h`\n"),
    ("paths_in_prose", "docs/x.md", "[map](../Makefile)\n", "[map](no_such.md)\n"),
    ("commands_in_prose", "x.md", "```sh\nmake demo\n```\n", "```sh\nmake coffee\n```\n"),
    ("commands_in_prose", "x.md", "```sh\nscripts/deps.sh\n```\n", "```sh\nscripts/no_such.sh\n```\n"),
]


def complaints(check, path, text):
    tree = tree_test.Tree()
    tree.files = {name: "" for name in tree_test.FRONT_DOORS}
    tree.files["Makefile"] = (tree_test.ROOT / "Makefile").read_text()
    tree.files[path] = text
    return [c for c in getattr(tree_test, "check_" + check)(tree) if path in c]


def main():
    passed = failed = 0
    for check, path, good, bad in CASES:
        for text, wanted in ((good, False), (bad, True)):
            if text is None:
                continue
            found = complaints(check, path, text)
            if bool(found) == wanted:
                passed += 1
            else:
                failed += 1
                print(f"FAIL {check} on {path}: {'nothing found' if wanted else found[0]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
