#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tree keeps its own rules: include floors, licences, sizes, and prose that tells the truth.

    tests/tree/tree_test.py [-v]

Reads the files that git tracks (all files below the source directory where there is no git), prints
each broken rule as path:line: why, and ends in "N passed, N failed".
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = {".c", ".h", ".cpp", ".def"}
SCRIPTS = {".py", ".sh", ".cmake"}

# Folder -> what its files may include in quotes, as prefixes.  Includes go down, never sideways.
FLOORS = {
    "include/ipjit": ("ipjit/",),
    "arch-detect": ("ipjit/", "arch-detect/"),
    "ir": ("ipjit/", "ir/"),
    "lookup": ("ipjit/", "ir/", "lookup/"),
    "bpf-frontend": ("ipjit/", "ir/", "bpf-frontend/"),
    "netfilter-frontend": ("ipjit/", "ir/", "netfilter-frontend/"),
    "tier1-asmjit": ("ipjit/", "ir/", "lookup/", "arch-detect/", "tier1-asmjit/"),
    "tier2-llvm": ("ipjit/", "ir/", "lookup/", "arch-detect/", "tier2-llvm/"),
    "verifier": ("ipjit/", "verifier/"),
    "runtime": ("ipjit/", "arch-detect/", "ir/", "lookup/", "bpf-frontend/", "netfilter-frontend/",
                "tier1-asmjit/", "tier2-llvm/remote/", "verifier/", "runtime/",
                "kernel-glue/uapi/"),
}
# The one file of ir/ that also knows the machine.
EXTRA = {"ir/compiler.h": ("arch-detect/",)}
# Third parties stay where they are named.
THIRD_PARTY = {
    "asmjit/": ("tier1-asmjit/", "tests/"),
    "llvm/": ("tier2-llvm/", "tests/"),
    "Zydis/": ("tools/", "tests/"),
    "urcu": ("runtime/", "tests/"),
    "CLI/": ("tools/", "bench/dpdk/"),
    "rte_": ("bench/", "include/ipjit/ipjit_dpdk.h", "tests/dpdk/"),
    "gtest/": ("tests/",),
    "gmock/": ("tests/",),
}
# The verifier's core is what the kernel module builds: freestanding C.
CORE_SYSTEM = {"stddef.h", "stdint.h", "stdbool.h", "errno.h", "linux/types.h", "linux/errno.h",
               "linux/string.h", "linux/stddef.h", "asm/errno.h"}
FRONT_DOORS = ("arch-detect/target.h", "lookup/table.h", "bpf-frontend/translate.h",
               "bpf-frontend/check.h", "bpf-frontend/expression.h", "bpf-frontend/interpret.h",
               "bpf-frontend/text.h", "ir/text.h", "ir/validate.h", "ir/interpret.h", "ir/optimize.h",
               "ir/compiler.h", "tier1-asmjit/tier1.h", "verifier/verifier.h", "verifier/verify.h",
               "runtime/pipeline.h", "runtime/code_memory.h")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)


def tracked():
    try:
        names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
                               capture_output=True, text=True, check=True).stdout.split("\n")
        paths = [ROOT / name for name in names if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [p for p in ROOT.rglob("*") if not re.match(r"build", str(p.relative_to(ROOT)))]
    return sorted(p for p in paths if p.is_file())


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def is_script(path, text):
    return path.suffix in SCRIPTS or path.name in ("CMakeLists.txt", "Makefile") or text.startswith("#!")


class Tree:
    def __init__(self):
        self.files = {}
        for path in tracked():
            try:
                self.files[name_of(path)] = path.read_text()
            except (UnicodeDecodeError, FileNotFoundError):
                pass  # captures and other data; what a neighbour had there for a moment

    def code(self):
        return {n: t for n, t in self.files.items() if pathlib.Path(n).suffix in CODE}

    def prose(self):
        return {n: t for n, t in self.files.items() if n.endswith(".md")}


def check_include_floors(tree):
    for name, text in tree.code().items():
        folder = next((f for f in FLOORS if name.startswith(f + "/")), None)
        for match in INCLUDE.finditer(text):
            quoted, system = match.groups()
            where = f"{name}:{line_of(text, match.start())}"
            if folder and quoted and not quoted.startswith(FLOORS[folder] + EXTRA.get(name, ())):
                yield f"{where}: {folder}/ may not include \"{quoted}\""
            for prefix, homes in THIRD_PARTY.items():
                if system and system.startswith(prefix) and not name.startswith(homes):
                    yield f"{where}: <{system}> belongs to {', '.join(homes)}"
            if name.startswith("verifier/core/") and system and system not in CORE_SYSTEM:
                yield f"{where}: the verifier's core is freestanding: no <{system}>"


def is_generated(tree, name, quoted):
    """The folder's CMakeLists.txt names it: it is made in the build tree."""
    lists = tree.files.get(str(pathlib.Path(name).parent / "CMakeLists.txt"), "")
    return re.search(rf"(?<![\w.]){re.escape(quoted)}(?![\w.])", lists)


def check_quoted_includes_exist(tree):
    for name, text in tree.code().items():
        for match in INCLUDE.finditer(text):
            quoted = match.group(1)
            if quoted and not any((base / quoted).exists() for base in
                                  (ROOT, ROOT / "include", ROOT / "kernel-glue",
                                   (ROOT / name).parent)) \
                    and not is_generated(tree, name, quoted):
                yield f"{name}:{line_of(text, match.start())}: \"{quoted}\" is not in the tree"


def check_included_sources(tree):
    for name, text in tree.code().items():
        for match in INCLUDE.finditer(text):
            included = match.group(1) or match.group(2)
            if included.endswith((".c", ".cpp")):
                yield f"{name}:{line_of(text, match.start())}: {included} is no header"


def check_prints(tree):
    for name, text in tree.code().items():
        for match in re.finditer(r"\bfmt::print(?:ln)?\s*\(", text):
            if name.startswith("tools/"):
                yield f"{name}:{line_of(text, match.start())}: fmt::print() throws on a full disk"


def check_licences(tree):
    for name, text in tree.files.items():
        path = pathlib.Path(name)
        if path.suffix not in CODE and not is_script(path, text):
            continue
        lines = text.split("\n", 2)
        first = lines[1] if text.startswith("#!") and len(lines) > 1 else lines[0]
        shared = name.startswith(("verifier/core/", "include/ipjit/abi.h", "include/ipjit/fields.def"))
        if "SPDX-License-Identifier: " not in first:
            yield f"{name}:1: the first line names no licence"
        elif shared and "GPL-2.0-only OR BSD-2-Clause" not in first:
            yield f"{name}:1: what the kernel builds too is GPL-2.0-only OR BSD-2-Clause"


def check_sizes(tree):
    for name, text in tree.files.items():
        path, lines = pathlib.Path(name), text.count("\n")
        if (path.suffix in CODE - {".def"} or is_script(path, text)) and lines > 500:
            yield f"{name}: {lines} lines; 500 are the most"
    for name in FRONT_DOORS:
        if name in tree.files and tree.files[name].count("\n") > 120:
            yield f"{name}: {tree.files[name].count(chr(10))} lines; a front door has 120 at most"
        if name not in tree.files:
            yield f"{name}: this front door is gone; tests/tree/tree_test.py still lists it"


def check_folder_names(tree):
    for name in tree.files:
        for part in pathlib.Path(name).parts[:-1]:
            if part in ("util", "utils", "common", "helpers", "misc"):
                yield f"{name}: a shared thing has a floor and a name; '{part}' is neither"


def check_words(tree):
    words = {
        "/wo" + "rk/": "a path of one machine",
        "/ro" + "ot/": "a path of one machine",
        "TO" + "DO": "work that was left",
        "FIX" + "ME": "work that was left",
        "X" * 3: "work that was left",
    }
    for name, text in tree.files.items():
        for word, why in words.items():
            for match in re.finditer((r"\b%s\b" if word.isalpha() else "%s") % re.escape(word), text):
                yield f"{name}:{line_of(text, match.start())}: {word!r} is {why}"


def paths_in(text):
    """What prose writes as a path: in backticks, with a slash or a known ending, no blanks."""
    for match in re.finditer(r"`([A-Za-z0-9_.][A-Za-z0-9_./*-]*)`|\]\(([^)#]+)(?:#[^)]*)?\)", text):
        word = match.group(1) or match.group(2)
        if "://" in word or word.startswith(("/", "~", "mailto:")):
            continue
        ending = word.rsplit(".", 1)[-1] if "." in word else ""
        if match.group(2) or word.endswith("/") or ending in ("cpp", "h", "c", "md", "sh", "def", "py"):
            yield word, match.start()


def check_paths_in_prose(tree):
    for name, text in tree.prose().items():
        plain = re.sub(r"```.*?```", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
        for word, at in paths_in(plain):
            # "ir/" or "verify.h": from the root, beside the page, or a file's own name anywhere.
            found = any(any(base.glob(word.rstrip("/") or ".")) for base in (ROOT, (ROOT / name).parent, ROOT / "include"))
            if word.endswith("/"):
                found = found or any(f"/{word}" in n for n in tree.files)
            elif "/" not in word:
                found = found or any(n.endswith("/" + word) for n in tree.files)
            if not found and not word.startswith(("build", "../shared/")):
                yield f"{name}:{line_of(plain, at)}: `{word}` does not exist"


def commands_in(text):
    for block in re.finditer(r"```(?:sh|bash|console|shell)\n(.*?)```", text, re.S):
        at = block.start(1)
        for line in block.group(1).split("\n"):
            yield re.sub(r"^\s*[$#]\s+", "", line).strip(), at
            at += len(line) + 1


def check_commands_in_prose(tree):
    targets = set(re.findall(r"^([a-z][a-z-]*):", tree.files.get("Makefile", ""), re.M))
    tools = "\n".join(t for n, t in tree.files.items() if n.startswith("tools/"))
    words = set(re.findall(r'"([a-z]+)"', tools))
    for name, text in tree.prose().items():
        for command, at in commands_in(text):
            where = f"{name}:{line_of(text, at)}"
            parts = command.split("#")[0].split()
            while parts and (parts[0] in ("sudo", "time") or re.match(r"[A-Z_]+=", parts[0])):
                parts = parts[1:]
            if not parts:
                continue
            if parts[0] == "make":
                for target in parts[1:]:
                    if re.fullmatch(r"[a-z-]+", target) and target not in targets:
                        yield f"{where}: the Makefile has no '{target}'"
            elif parts[0] == "ipjit" and len(parts) > 1 and parts[1].isalpha() and parts[1] not in words:
                yield f"{where}: ipjit has no '{parts[1]}'"
            elif parts[0].startswith(("scripts/", "tests/", "bench/", "./scripts/")):
                if not (ROOT / parts[0]).exists():
                    yield f"{where}: {parts[0]} does not exist"


def check_scripts_run(tree):
    for name, text in tree.files.items():
        if text.startswith("#!") and not (ROOT / name).stat().st_mode & 0o100:
            yield f"{name}: begins with #! and is not executable"
        if text.startswith(("#!/usr/bin/env bash", "#!/bin/bash", "#!/bin/sh")):
            broken = subprocess.run(["bash", "-n", str(ROOT / name)], capture_output=True, text=True)
            if broken.returncode:
                yield f"{name}: {broken.stderr.strip()}"


def main():
    tree = Tree()
    checks = [(n[6:], f) for n, f in sorted(globals().items()) if n.startswith("check_")]
    failed = 0
    for name, check in checks:
        broken = list(check(tree))
        failed += bool(broken)
        if broken or "-v" in sys.argv:
            print(f"{'FAIL' if broken else 'PASS'} {name.replace('_', ' ')}")
        for line in broken:
            print(f"  {line}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
