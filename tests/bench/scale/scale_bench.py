#!/usr/bin/env python3
"""What a run costs the supervisor as trees grow: files a second, and its own peak RSS.

    scale_bench.py BIN [--files N[,N...]] [--paths N[,N...]]

BIN is a build's folder of programs. Everything made stands in a folder of its own under TMPDIR,
embedded database included, and goes with it.

--files  work trees of N small Python files in git, indexed by two workers with a model of one
         layer and random weights, everything else as for any repository: a first run, one with
         nothing changed, one over the same files as blobs of HEAD, in a pack, and one over as
         many files that all fail (25000,50000,100000)
--paths  bare repositories with N paths over 64 blobs (250000,500000,1000000), each listed, merged
         and put down as too large; again with nothing changed; and dispatched, every path a job,
         to workers that read nothing and store nothing (tests/unit/fake_worker)

Ends 1 when a run takes more than 2.2 times as long as that of half as many files, or when the
supervisor's peak passes 64 MiB by more than 400 bytes for every path beyond 100,000.
"""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench_folder import bench_folder

MOST_GROWTH = 2.2
MOST_BYTES = 64 << 20
MOST_BYTES_A_PATH = 400
FREE_PATHS = 100_000
LEAST_SECONDS = 2.0  # below, starting up counts for more than files


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    sizes = lambda text: [int(size) for size in text.split(",") if size]
    parser.add_argument("bin", type=Path)
    parser.add_argument("--files", type=sizes, default=[25_000, 50_000, 100_000])
    parser.add_argument("--paths", type=sizes, default=[250_000, 500_000, 1_000_000])
    return parser.parse_args()


def write_model(folder):
    """A BERT of one layer, as small as one can be that reads 128 tokens."""
    folder.mkdir()
    hidden, inner, vocabulary = 32, 48, ["[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz"]
    tokens = {token: i for i, token in enumerate(vocabulary)}
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": 1,
        "num_attention_heads": 2, "hidden_size": hidden, "intermediate_size": inner,
        "vocab_size": len(tokens), "max_position_embeddings": 128, "type_vocab_size": 2}))
    (folder / "tokenizer.json").write_text(json.dumps({
        "added_tokens": [], "normalizer": {"type": "BertNormalizer"},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": tokens}}))
    shapes = {"embeddings.word_embeddings.weight": [len(tokens), hidden],
              "embeddings.position_embeddings.weight": [128, hidden],
              "embeddings.token_type_embeddings.weight": [2, hidden]}
    layer = "encoder.layer.0."
    for name, outputs, inputs in (
            *((f"{layer}attention.self.{part}", hidden, hidden)
              for part in ("query", "key", "value")),
            (f"{layer}attention.output.dense", hidden, hidden),
            (f"{layer}intermediate.dense", inner, hidden), (f"{layer}output.dense", hidden, inner)):
        shapes |= {f"{name}.weight": [outputs, inputs], f"{name}.bias": [outputs]}
    for name in ("embeddings", f"{layer}attention.output", f"{layer}output"):
        shapes |= {f"{name}.LayerNorm.weight": [hidden], f"{name}.LayerNorm.bias": [hidden]}
    header, data, state = {}, b"", 1
    for name, shape in shapes.items():
        values = []
        for _ in range(shape[0] * (shape[1] if len(shape) > 1 else 1)):
            state = (state * 1664525 + 1013904223) % 2**32
            values.append(state / 2**32 - 0.5)
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def path_of(i):
    return f"part{i // 10_000}/part{i // 200 % 50}/file{i}.py"


def write_files(folder, files, contents_of):
    for i in range(files):
        path = folder / path_of(i)
        if i % 200 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(contents_of(i))


def make_work_tree(folder, files):
    write_files(folder, files, lambda i: (f'def add_{i}(value):\n    """Adds {i}."""\n'
                                          f'    return value + {i}\n').encode())
    git = ["git", "-C", folder, "-c", "user.name=Bench", "-c", "user.email=bench@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All of it"],
                    ["repack", "-adq"]):
        subprocess.run([*git, *command], check=True)


def make_broken_tree(folder, files):
    """Files that say they are UTF-16 and are not."""
    write_files(folder, files, lambda i: b"\xff\xfeodd")


def make_bare_repository(folder, paths):
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
    with subprocess.Popen(["git", "-C", folder, "fast-import", "--quiet"],
                          stdin=subprocess.PIPE) as importer:
        out = importer.stdin
        for blob in range(64):
            text = f"def number_{blob}():\n    return {blob}\n".encode()
            out.write(b"blob\nmark :%d\ndata %d\n%s\n" % (blob + 1, len(text), text))
        out.write(b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000000 +0000\n"
                  b"data 10\nAll of it\n\n")
        for i in range(paths):
            out.write(b"M 100644 :%d %s\n" % (i % 64 + 1, path_of(i).encode()))
        out.close()
    if importer.returncode:
        sys.exit("git fast-import failed")


class Peak(threading.Thread):
    """Watches the VmHWM of one process, its children apart, until that has ended."""

    def __init__(self, pid):
        super().__init__()
        self.status, self.bytes = Path(f"/proc/{pid}/status"), 0
        self.start()

    def run(self):
        while True:
            try:
                lines = self.status.read_text().splitlines()
            except OSError:
                return
            marks = [line for line in lines if line.startswith("VmHWM:")]
            if not marks:
                return  # ended, and not waited for yet
            self.bytes = int(marks[0].split()[1]) * 1024
            time.sleep(0.01)


class Bench:
    def __init__(self, folder, programs):
        self.folder, self.bin, self.failures = folder, programs, []
        self.environment = {**os.environ, "XDG_DATA_HOME": str(folder / "data")}
        self.environment.pop("DATABASE_URL", None)
        (folder / "data").mkdir()
        write_model(folder / "model")
        # The supervisor's own worker is the `worker` beside it.
        self.faked = folder / "faked" / "build" / "bin"
        self.faked.mkdir(parents=True)
        shutil.copy(self.bin / "supervisor", self.faked)
        shutil.copy(self.bin / "fake_worker", self.faked / "worker")
        (folder / "faked" / "deps").symlink_to(self.bin.parent.parent / "deps")

    def supervise(self, programs, *arguments):
        return subprocess.Popen([programs / "supervisor", *arguments], env=self.environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, name, programs, repository, files, *options):
        report = self.folder / "report.json"
        start = time.monotonic()
        process = self.supervise(programs, "--progress", "none", "--quiet", "--workers", "2",
                                 "--code-model", self.folder / "model", "--report", report,
                                 "--repository", repository.name, *options, repository)
        peak = Peak(process.pid)
        try:
            status = process.wait()
        except BaseException:
            process.kill()  # its workers go with it
            process.wait()
            raise
        seconds = time.monotonic() - start
        peak.join()
        told = json.loads(report.read_text())
        failed = files if name == "failing" else 0
        if status != (1 if failed else 0):
            sys.exit(f"{name} over {files} files ended {status}")
        if told["files"]["total"] != files or len(told["problems"]) != failed:
            sys.exit(f"{name}: not every one of {files} files is accounted for")
        peak_bytes = max(peak.bytes, told["memory"]["supervisor_peak_rss_bytes"])
        built = told["seconds"]["index_build"]
        phases = ", ".join(f"{phase.replace('_', ' ')} {told['seconds'][phase]:.1f}"
                           for phase in ("scan", "files", "commits", "index_build")
                           if told["seconds"][phase] >= 0.05)
        print(f"{files:8} {name:10} {seconds:7.1f} s {files / (seconds - built):9.0f} files/s "
              f"{peak_bytes / 2**20:6.1f} MiB  ({phases})", flush=True)
        allowed = MOST_BYTES + MOST_BYTES_A_PATH * max(0, files - FREE_PATHS)
        if peak_bytes > allowed:
            self.failures.append(f"{name}: {peak_bytes} bytes for {files} files, {allowed} allowed")
        return seconds - built  # how an index over vectors grows is another matter

    def files(self, count):
        tree = self.folder / f"tree{count}"
        make_work_tree(tree, count)
        times = {name: self.run(name, self.bin, tree, count, *options)
                 for name, options in (("first", ()), ("unchanged", ()),
                                       ("blobs", ("--rev", "HEAD")))}
        shutil.rmtree(tree)
        broken = self.folder / f"broken{count}"
        make_broken_tree(broken, count)
        times["failing"] = self.run("failing", self.bin, broken, count)
        shutil.rmtree(broken)
        return times

    def paths(self, count):
        bare = self.folder / f"bare{count}"
        make_bare_repository(bare, count)
        refused = ("--max-file-size", "1")
        times = {name: self.run(name, self.bin, bare, count, *refused)
                 for name in ("refused", "again")}
        times["dispatched"] = self.run("dispatched", self.faked, bare, count, "--no-commits")
        shutil.rmtree(bare)
        return times

    def series(self, sizes, measure):
        before = None
        for count in sizes:
            times = measure(count)
            for name, seconds in (times if before else {}).items():
                half = max(before[1][name], LEAST_SECONDS)
                if count == 2 * before[0] and seconds > MOST_GROWTH * half:
                    self.failures.append(f"{name}: {seconds:.1f} s for {count} files, "
                                         f"{before[1][name]:.1f} s for half of them")
            before = count, times


def main():
    options = parse()
    with bench_folder("scale") as folder:
        bench = Bench(folder, options.bin.resolve())
        bench.supervise(bench.bin, "database", "start").wait()
        try:
            bench.series(options.files, bench.files)
            bench.series(options.paths, bench.paths)
        finally:
            bench.supervise(bench.bin, "database", "stop").wait()
    for failure in bench.failures:
        print(failure, file=sys.stderr)
    sys.exit(1 if bench.failures else 0)


main()
