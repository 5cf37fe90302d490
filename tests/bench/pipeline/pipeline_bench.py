#!/usr/bin/env python3
"""The whole of forkdex against the joblib design (joblib_design.py), from files to rows.

    build/deps/venv/bin/python pipeline_bench.py BIN MODEL [--repository FOLDER] [--workers N]
                               [--rounds N] [--cores N[,N...]] [--cut definitions|everything]
                               [--at-least RATIO] [--at-most-memory FRACTION]

BIN is a build's folder of programs, MODEL the model for both. The same source files (Python,
JavaScript, TypeScript) on the same cores into the same server, forkdex's embedded one in a folder
of its own; every run has a fresh database. Alternating rounds, medians. CPU seconds and peak memory
are of the processes of either side, without PostgreSQL's; memory is the sum of PSS over them, read
ten times a second. --cut says what the joblib design embeds; forkdex always embeds everything.
Needs tests/bench/requirements.txt.

Ends 1 when forkdex is less than RATIO times as fast, or its peak more than FRACTION of the other's.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench_folder import bench_folder

try:
    import psycopg
    import tokenizers
    import tree_sitter_typescript  # for the other side, which should not end in the middle
except ImportError as error:
    sys.exit(f"{error.name} is not installed: see tests/bench/requirements.txt")

ROOT = Path(__file__).resolve().parents[3]
EVERY_S = 0.1


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("bin", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--repository", type=Path, default=ROOT / "build/corpus/rxjs-7.8.2/src")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=lambda text: {int(core) for core in text.split(",")},
                        default=os.sched_getaffinity(0))
    parser.add_argument("--cut", choices=("definitions", "everything"), default="definitions")
    parser.add_argument("--at-least", type=float, default=0.0)
    parser.add_argument("--at-most-memory", type=float, default=float("inf"))
    return parser.parse_args()


def process_tree(pid):
    """A process and all below it, as far as they are still there."""
    found, left = [], [pid]
    while left:
        pid = left.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                left += [int(child) for child in children.read_text().split()]
            except OSError:
                pass  # the thread has ended
    return found


def pss_bytes(pid):
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # ended
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


class PeakMemory(threading.Thread):
    """Samples the sum of PSS over the tree below a process until told that it has ended."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.bytes, self.error, self.ended = pid, 0, None, threading.Event()
        self.start()

    def run(self):
        try:
            while not self.ended.wait(EVERY_S):
                self.bytes = max(self.bytes, sum(map(pss_bytes, process_tree(self.pid))))
        except PermissionError as error:
            self.error = error  # a sum without some of the processes would flatter


class Measured:
    """What one run cost."""

    def __init__(self, command, environment, cores, log):
        with open(log, "w") as errors:
            start = time.monotonic()
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                                       stderr=errors, start_new_session=True,
                                       preexec_fn=lambda: os.sched_setaffinity(0, cores))
            peak = PeakMemory(process.pid)
            try:
                self.output = process.stdout.read()
                _, status, usage = os.wait4(process.pid, 0)
                self.seconds = time.monotonic() - start
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)  # loky's processes outlive their parent
                process.wait()
                raise
            finally:
                peak.ended.set()
                peak.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{command[0]} ended {process.returncode}:\n{Path(log).read_text()[-2000:]}")
        if peak.error:
            sys.exit(f"memory cannot be read: {peak.error}; run it as root")
        self.cpu_seconds, self.peak_bytes = usage.ru_utime + usage.ru_stime, peak.bytes


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.databases = options, folder, 0
        self.environment = {**os.environ, "XDG_DATA_HOME": str(folder / "data")}
        self.environment.pop("DATABASE_URL", None)
        (folder / "data").mkdir()
        self.model = options.model.resolve()
        settings = json.loads((self.model / "sentence_bert_config.json").read_text())
        self.tokenizer = tokenizers.Tokenizer.from_file(str(self.model / "tokenizer.json"))
        self.tokenizer.enable_truncation(settings["max_seq_length"])
        self.tokenizer.no_padding()

    def database_command(self, command):
        done = subprocess.run([self.options.bin / "supervisor", "database", command],
                              env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def start_server(self):
        self.server = self.database_command("start")

    def stop_server(self):
        self.database_command("stop")

    def fresh_database(self):
        self.databases += 1
        name = f"bench{self.databases}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return urllib.parse.urlsplit(self.server)._replace(path=f"/{name}").geturl()

    def measure(self, command):
        return Measured([str(word) for word in command], self.environment, self.options.cores,
                        self.folder / "log")

    def forkdex(self):
        done = self.measure([
            self.options.bin / "supervisor", "--workers", self.options.workers, "--quiet",
            "--progress", "none", "--report", "-", "--database-url", self.fresh_database(),
            "--code-model", self.model, "--languages", "python,javascript,typescript,tsx",
            self.options.repository])
        told = json.loads(done.output)
        done.files, done.chunks = told["files"]["indexed"], told["chunks"]["written"]
        done.tokens, done.reported = told["chunks"]["tokens"], told
        return done

    def joblib(self):
        url = self.fresh_database()
        done = self.measure([
            sys.executable, ROOT / "tests/bench/pipeline/joblib_design.py", self.model, url,
            self.options.repository, "--workers", self.options.workers, "--cut",
            self.options.cut])
        told = json.loads(done.output)
        done.files, done.chunks, done.reported = told["files"], told["chunks"], told
        with psycopg.connect(url) as connection:
            sources = [row[0] for row in connection.execute("select source from chunks")]
        done.tokens = sum(len(one.ids) for one in self.tokenizer.encode_batch_fast(sources))
        return done


def print_table(ours, theirs):
    print(f"{'':14} {'seconds':>8} {'files/s':>8} {'chunks':>7} {'chunks/s':>9} {'tokens':>7} "
          f"{'tokens/s':>9} {'CPU s':>7} {'peak PSS':>9}")
    for name, runs in (("forkdex", ours), ("joblib design", theirs)):
        middle = lambda of: statistics.median(of(run) for run in runs)
        print(f"{name:14} {middle(lambda run: run.seconds):8.1f} "
              f"{middle(lambda run: run.files / run.seconds):8.1f} {runs[0].chunks:7} "
              f"{middle(lambda run: run.chunks / run.seconds):9.1f} {runs[0].tokens:7} "
              f"{middle(lambda run: run.tokens / run.seconds):9.0f} "
              f"{middle(lambda run: run.cpu_seconds):7.1f} "
              f"{middle(lambda run: run.peak_bytes) / 1e6:6.0f} MB")


def compare(options, ours, theirs):
    """Prints what was measured; returns the failures."""
    if {run.files for run in ours + theirs} != {ours[0].files}:
        return [f"forkdex indexed {ours[0].files} files, the other {theirs[0].files}"]
    print(f"{options.repository}: {ours[0].files} files, {options.workers} workers on cores "
          f"{','.join(map(str, sorted(options.cores)))}, joblib design over {options.cut}, "
          f"median of {len(ours)} alternating rounds")
    print_table(ours, theirs)
    paired = lambda of: statistics.median(of(a, b) for a, b in zip(ours, theirs))
    ratio = paired(lambda a, b: b.seconds / a.seconds)
    memory = paired(lambda a, b: a.peak_bytes / b.peak_bytes)
    tokens = paired(lambda a, b: a.tokens / a.seconds / (b.tokens / b.seconds))
    chunks = paired(lambda a, b: a.chunks / a.seconds / (b.chunks / b.seconds))
    cpu = paired(lambda a, b: b.cpu_seconds / a.cpu_seconds)
    print(f"forkdex is {ratio:.2f} times as fast by files, {chunks:.2f} by chunks, {tokens:.2f} by "
          f"tokens; the other takes {cpu:.2f} times the CPU; forkdex's peak is {memory:.2f} of it")
    failed = []
    if ratio < options.at_least:
        failed.append(f"{ratio:.2f} times as fast, less than {options.at_least}")
    if memory > options.at_most_memory:
        failed.append(f"{memory:.2f} of the memory, more than {options.at_most_memory}")
    return failed


def main():
    options = parse()
    with bench_folder("pipeline") as folder:
        bench = Bench(options, folder)
        bench.start_server()
        try:
            ours, theirs = [], []
            for _ in range(options.rounds):
                ours.append(bench.forkdex())
                theirs.append(bench.joblib())
                print(f"round: forkdex {ours[-1].seconds:.1f} s, joblib design "
                      f"{theirs[-1].seconds:.1f} s {theirs[-1].reported['seconds']}",
                      file=sys.stderr, flush=True)
        finally:
            bench.stop_server()
    failed = compare(options, ours, theirs)
    print("\n".join(failed), end="\n" if failed else "")
    sys.exit(1 if failed else 0)


main()
