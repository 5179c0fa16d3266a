#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Counts single tests from the reports that scripts/check.sh leaves.

    tally.py stage DIR STAGE STATUS   "STAGE N passed, N failed[, N skipped]" for one stage
    tally.py why DIR STAGE            the ends of what its failed ctest cases printed
    tally.py total FILE               the sum over such lines; exit 1 if any failed

A stage that ran ctest has DIR/STAGE.junit.xml.  A ctest case that is a GoogleTest program NAME_test
left DIR/STAGE.reports/NAME_test.xml and counts as the tests in it (NAME_test_1.xml where it was
tried again); one whose output ends in "N passed, N failed", or in unittest's summary, counts as
that; any other counts as one.  A program that died counts one failure beside what it managed to
report.  A stage without ctest counts its PASS and FAIL lines, or one.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n(?:OK|FAILED)(?: \((.*)\))?", re.M)
LINES_SHOWN = 40  # of a failed case
LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


def gtest_counts(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None:
            failed += 1
        elif case.get("result") in ("skipped", "suppressed") or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def unittest_counts(summary):
    ran, words = int(summary[0]), dict(re.findall(r"(\w+)=(\d+)", summary[1]))
    failed = sum(int(words.get(word, 0)) for word in ("failures", "errors"))
    skipped = int(words.get("skipped", 0))
    return ran - failed - skipped, failed, skipped


def case_counts(case, reports):
    """One ctest case, as the tests that it stands for."""
    ok = case.get("status") == "run" and case.find("failure") is None
    report = reports / (case.get("name") + "_test.xml")
    again = reports / (case.get("name") + "_test_1.xml")
    if again.exists():
        report = again
    output = case.findtext("system-out") or ""
    said, unittests = LINE.findall(output), UNITTEST.findall(output)
    if report.exists():
        counts = gtest_counts(report)
    elif said:
        counts = tuple(int(n or 0) for n in said[-1])
    elif unittests:
        counts = unittest_counts(unittests[-1])
    elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return (0, 0, 1)
    else:
        return (1, 0, 0) if ok else (0, 1, 0)
    if not ok and counts[1] == 0:
        counts = (counts[0], 1, counts[2])
    return counts


def failed_cases(directory, stage):
    """[(name, what it printed)] of the ctest cases that failed."""
    junit = directory / f"{stage}.junit.xml"
    if not junit.exists():
        return []
    return [(case.get("name"), case.findtext("system-out") or "")
            for case in ElementTree.parse(junit).getroot().iter("testcase")
            if case.find("failure") is not None]


def stage_counts(directory, stage, status):
    total = [0, 0, 0]
    junit = directory / f"{stage}.junit.xml"
    if junit.exists():
        for case in ElementTree.parse(junit).getroot().iter("testcase"):
            for i, n in enumerate(case_counts(case, directory / f"{stage}.reports")):
                total[i] += n
    else:
        log = directory / f"{stage}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        total[0] = len(re.findall(r"^PASS ", text, re.M))
        total[1] = len(re.findall(r"^FAIL ", text, re.M))
        if total[0] + total[1] == 0 and status == 0:
            total[0] = 1
    if status != 0 and total[1] == 0:
        total[1] = 1
    return total


def words(total):
    line = f"{total[0]} passed, {total[1]} failed"
    return line + (f", {total[2]} skipped" if total[2] else "")


def main(argv):
    if len(argv) == 5 and argv[1] == "stage":
        print(argv[3], words(stage_counts(pathlib.Path(argv[2]), argv[3], int(argv[4]))))
        return 0
    if len(argv) == 4 and argv[1] == "why":
        for name, output in failed_cases(pathlib.Path(argv[2]), argv[3]):
            print(f"{name} printed at its end:")
            print("\n".join("| " + line for line in output.splitlines()[-LINES_SHOWN:]))
        return 0
    if len(argv) == 3 and argv[1] == "total":
        text = pathlib.Path(argv[2]).read_text()
        rows = [LINE.findall(line.split(" ", 1)[1])[0] for line in text.splitlines()]
        total = [sum(int(row[i] or 0) for row in rows) for i in range(3)]
        print(words(total))
        return 1 if total[1] or not total[0] else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv))
