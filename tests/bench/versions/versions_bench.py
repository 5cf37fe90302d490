#!/usr/bin/env python3
"""One version of forkdex against another, as whole programs over one repository.

    versions_bench.py BIN OTHER-BIN [--repository FOLDER] [--rounds N] [--workers N]
                      [--at-most RATIO]

BIN and OTHER-BIN are two builds' folders of programs. In each round both sides, in turn and in
changing order, index the repository into a fresh embedded database that is started before the clock
is, run once more with nothing changed, and answer one search, which starts one worker. Prints the
median of each side and of the ratios BIN to OTHER-BIN, round by round.

Ends 1 when a ratio's median is greater than RATIO.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench_folder import bench_folder

ROOT = Path(__file__).resolve().parents[3]


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("bin", type=Path)
    parser.add_argument("other_bin", type=Path)
    parser.add_argument("--repository", type=Path, default=ROOT / "build/corpus/rxjs-7.8.2/src")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--at-most", type=float, default=float("inf"))
    return parser.parse_args()


class Side:
    """One version, with a database of its own that goes with `folder`."""

    def __init__(self, bin_folder, folder):
        self.supervisor = bin_folder.resolve() / "supervisor"
        self.environment = {**os.environ, "XDG_DATA_HOME": str(folder)}
        self.environment.pop("DATABASE_URL", None)

    def run(self, *arguments):
        """Gives output, wall seconds, and CPU seconds of the program and what it has reaped."""
        command = [str(self.supervisor), *map(str, arguments)]
        start = time.monotonic()
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended {process.returncode}")
        return output, seconds, usage.ru_utime + usage.ru_stime


def measure(bin_folder, folder, options):
    """One side's figures of one round; smaller is better for each."""
    folder.mkdir()
    folder.chmod(0o711)
    side = Side(bin_folder, folder)
    side.run("database", "start")
    try:
        index = ("--workers", options.workers, "--quiet", "--progress", "none", "--report", "-",
                 options.repository)
        output, seconds, cpu = side.run(*index)
        report = json.loads(output)
        _, unchanged, unchanged_cpu = side.run(*index)
        _, search, _ = side.run("search", "--limit", 1, "merge two streams")
    finally:
        side.run("database", "stop")
    return {"seconds a file": seconds / report["files"]["indexed"],
            "CPU seconds": cpu,
            "supervisor's peak MiB": report["memory"]["supervisor_peak_rss_bytes"] / 2**20,
            "unchanged run, seconds": unchanged,
            "unchanged run, CPU seconds": unchanged_cpu,
            "a search, seconds": search}


def main():
    options = parse()
    sides = (options.bin, options.other_bin)
    rounds = []
    with bench_folder("versions") as folder:
        for number in range(options.rounds):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            figures = {side: measure(sides[side], folder / f"{number}-{side}", options)
                       for side in order}
            rounds.append((figures[0], figures[1]))
    worst = 0.0
    print(f"{options.rounds} rounds over {options.repository.name}, {options.workers} workers")
    print(f"{'':28} {'this':>9} {'other':>9} {'ratio':>7}")
    for name in rounds[0][0]:
        ours, others = ([pair[side][name] for pair in rounds] for side in (0, 1))
        ratio = statistics.median(a / b for a, b in zip(ours, others))
        worst = max(worst, ratio)
        print(f"{name:28} {statistics.median(ours):9.3f} {statistics.median(others):9.3f} "
              f"{ratio:7.3f}")
    if worst > options.at_most:
        sys.exit(f"a ratio is greater than {options.at_most}")


main()
