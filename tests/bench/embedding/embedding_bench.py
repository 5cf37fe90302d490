"""forkdex's encoder against the libraries that do the same on a CPU, on one core and one thread.

    python embedding_bench.py EMBEDDING_BENCH MODEL [--corpus FOLDER] [--seed N] [--chunks N]
                              [--rounds N] [--core N] [--batch-tokens N] [--only TEXT[,TEXT...]]
                              [--at-least bf16|fp32/PEER=RATIO]...

Same chunks for all, rounds in which each has a turn, in another order each time; medians, and the
median over the rounds of how many times as fast forkdex was, by the CPU seconds of a turn: on a
quiet core they are its seconds, and beside other work they do not count what others took. Before
the rounds, each peer (peers.py) tries batch sizes and keeps its fastest. Peers need
tests/bench/requirements.txt; one whose package is missing is left out. --only leaves peers out
whose names hold none of the texts.

Ends 1 when a ratio is below RATIO, or a cosine of forkdex's to sentence-transformers in fp32 below
0.9999 (bf16: 0.9998). bf16 is left out where the processor does not have it.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

LEAST_COSINE = {"fp32": 0.9999, "bf16": 0.9998}
REFERENCE = "sentence-transformers-fp32"


def precisions():
    """Those that this processor computes in: bf16 put together from other instructions takes
    forkdex and its peers many times as long as fp32."""
    has_bf16 = "avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text()
    return ["fp32", "bf16"] if has_bf16 else ["fp32"]


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("tool")
    parser.add_argument("model")
    parser.add_argument("--corpus")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--chunks", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--batch-tokens", default="2048")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[""])
    parser.add_argument("--at-least", action="append", default=[])
    return parser.parse_args()


class Forkdex:
    """The encoder in a process of its own, which waits while others have their turn."""

    def __init__(self, options, sample, folder, precision):
        self.name, self.precision, self.chosen = f"forkdex-{precision}", precision, ""
        packed, self.vectors_file = folder / "texts", folder / f"vectors-{precision}"
        packed.write_bytes(texts.packed(sample))
        self.count = len(sample)
        self.process = subprocess.Popen(
            [options.tool, options.model, packed, self.vectors_file, options.batch_tokens,
             precision], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turn()

    def cpu_seconds(self):
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def turn(self):
        before = self.cpu_seconds()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit(f"{self.name} ended {self.process.wait()}")
        self.tokens = int(answer[1])
        return float(answer[0]), self.cpu_seconds() - before

    def vectors(self):
        self.process.stdin.close()
        self.process.wait()
        return numpy.fromfile(self.vectors_file, dtype=numpy.float32).reshape(self.count, -1)


class Driven:
    """A peer at the batch size that is its fastest."""

    def __init__(self, peer, sample):
        self.name, self.peer, self.sample = peer.name, peer, sample
        some = sample[::2]
        fastest = float("inf")
        for batch in peer.batches:
            # Twice: at the first sight of a shape, a runtime may prepare itself for it.
            seconds = min(self.embed(some, batch)[1] for _ in range(2))
            if seconds < fastest:
                fastest, self.batch = seconds, batch
            elif seconds > 1.15 * fastest:
                break  # larger ones only pad more
        self.chosen = f"{self.batch} {peer.unit} a batch"
        self.turn()

    def embed(self, sample, batch):
        start, cpu_start = time.perf_counter(), time.process_time()
        self.last = self.peer.embed(sample, batch)
        return time.perf_counter() - start, time.process_time() - cpu_start

    def turn(self):
        return self.embed(self.sample, self.batch)

    def vectors(self):
        return self.last


def drive_peers(options, sample, folder):
    driven = []
    for name, peer, arguments in peers.all_peers(options.model, folder):
        if name != REFERENCE and not any(text in name for text in options.only):
            continue
        if name.endswith("-bf16") and "bf16" not in precisions():
            print(f"left out: {name}, this processor has no bf16")
            continue
        if lacking := peers.missing(peer):
            print(f"left out: {name}, {' and '.join(lacking)} not installed")
            continue
        driven.append(Driven(peer(name, *arguments), sample))
    return driven


def print_table(runners, turns, ratios, similar, count):
    ours = precisions()
    columns = "  ".join(f"{one} is" for one in ours)
    print(f"{'':27} chunks/s  by CPU s  {columns}   cosine min      mean")
    for runner in runners:
        rate, cpu_rate = (count / statistics.median(column) for column in zip(*turns[runner.name]))
        times = " ".join(f"{ratios[one, runner.name]:7.2f}x" for one in ours)
        print(f"{runner.name:27} {rate:8.1f} {cpu_rate:9.1f} {times}   "
              f"{similar[runner.name].min():10.6f} "
              f"{similar[runner.name].mean():9.6f}  {runner.chosen}".rstrip())


def failures(options, ratios, similar):
    for precision in precisions():
        least = LEAST_COSINE[precision]
        if similar[f"forkdex-{precision}"].min() < least:
            yield f"a cosine of forkdex-{precision} is below {least}"
    for wanted in options.at_least:
        pair, least = wanted.rsplit("=", 1)
        ratio = ratios.get(tuple(pair.split("/", 1)))
        if ratio is None:
            yield f"{pair} was not measured"
        elif ratio < float(least):
            yield f"{pair} is {ratio:.2f}, less than {least}"


def main():
    options = parse()
    os.sched_setaffinity(0, {options.core})
    torch.set_num_threads(1)
    sample = texts.functions(texts.corpus_folder(options.corpus), texts.seeded(options.seed),
                             options.chunks, longest=2000)
    with tempfile.TemporaryDirectory(prefix="forkdex-bench-") as name:
        folder = pathlib.Path(name)
        ours = [Forkdex(options, sample, folder, precision) for precision in precisions()]
        runners = ours + drive_peers(options, sample, folder)
        turns = {runner.name: [] for runner in runners}
        for round_number in range(options.rounds):
            first = round_number * 2 % len(runners)
            for runner in runners[first:] + runners[:first]:
                turns[runner.name].append(runner.turn())
        vectors = {runner.name: runner.vectors() for runner in runners}
    ratios = {(one.precision, runner.name): statistics.median(
                  theirs[1] / mine[1] for mine, theirs in zip(turns[one.name], turns[runner.name]))
              for one in ours for runner in runners}
    similar = {name: cosines(of, vectors[REFERENCE]) for name, of in vectors.items()}
    print(f"{len(sample)} chunks, {ours[0].tokens} tokens, core {options.core}, one thread, "
          f"median of {options.rounds} alternating rounds")
    print_table(runners, turns, ratios, similar, len(sample))
    failed = list(failures(options, ratios, similar))
    print("\n".join(failed), end="\n" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    # Before the libraries are loaded, which read them then.
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", HF_HUB_OFFLINE="1",
                      TRANSFORMERS_OFFLINE="1", TQDM_DISABLE="1", TOKENIZERS_PARALLELISM="false",
                      TRANSFORMERS_VERBOSITY="error")
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "oracle"))
    import numpy
    import torch

    import peers
    import texts
    from vectors import cosines
    sys.exit(main())
