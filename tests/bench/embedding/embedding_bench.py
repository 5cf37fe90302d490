"""forkdex's encoder against sentence-transformers in fp32, on one core and one thread.

    python embedding_bench.py EMBEDDING_BENCH MODEL [--corpus FOLDER] [--seed N] [--chunks N]
                              [--rounds N] [--core N] [--precision fp32|bf16]
                              [--at-least RATIO]

Same chunks, alternating rounds, medians. Ends 1 when the ratio is below RATIO or a cosine is
below 0.9999 (bf16: 0.9998).
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "oracle"))


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("model")
    parser.add_argument("--corpus")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--chunks", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--batch-tokens", default="2048")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--at-least", type=float, default=0.0)
    return parser.parse_args()


class Forkdex:
    def __init__(self, options, sample, folder):
        packed, self.vectors_file = f"{folder}/texts", f"{folder}/vectors"
        pathlib.Path(packed).write_bytes(texts.packed(sample))
        self.process = subprocess.Popen(
            [options.tool, options.model, packed, self.vectors_file, options.batch_tokens,
             options.precision],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, self.tokens = self.process.stdout.readline().split()
        return float(seconds)

    def vectors(self, count):
        self.process.stdin.close()
        self.process.wait()
        return numpy.fromfile(self.vectors_file, dtype=numpy.float32).reshape(count, -1)


class SentenceTransformers:
    def __init__(self, options, sample):
        torch.set_num_threads(1)
        self.model, self.sample = SentenceTransformer(options.model, device="cpu"), sample

    def round(self):
        start = time.perf_counter()
        self.last = self.model.encode(self.sample, batch_size=32)
        return time.perf_counter() - start


def main():
    options = parse()
    os.sched_setaffinity(0, {options.core})
    rng = texts.seeded(options.seed)
    sample = texts.functions(texts.corpus_folder(options.corpus), rng, options.chunks,
                             longest=2000)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Forkdex(options, sample, folder), SentenceTransformers(options, sample)
        ours.round(), theirs.round()  # warm
        seconds = [(ours.round(), theirs.round()) for _ in range(options.rounds)]
        vectors = ours.vectors(len(sample))
    similar = (vectors * theirs.last).sum(1) / (
        numpy.linalg.norm(vectors, axis=1) * numpy.linalg.norm(theirs.last, axis=1))
    rates = [len(sample) / statistics.median(column) for column in zip(*seconds)]
    ratio = statistics.median(theirs_s / ours_s for ours_s, theirs_s in seconds)
    print(f"{len(sample)} chunks, {ours.tokens} tokens, core {options.core}, one thread, {options.precision}, "
          f"median of {options.rounds} alternating rounds")
    print(f"forkdex                {rates[0]:8.1f} chunks/s")
    print(f"sentence-transformers  {rates[1]:8.1f} chunks/s")
    print(f"ratio {ratio:.2f}, cosine min {similar.min():.6f} mean {similar.mean():.6f}")
    least = 0.9999 if options.precision == "fp32" else 0.9998
    return 1 if ratio < options.at_least or similar.min() < least else 0


if __name__ == "__main__":
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", HF_HUB_OFFLINE="1",
                      TRANSFORMERS_OFFLINE="1", TQDM_DISABLE="1")
    import numpy
    import torch
    from sentence_transformers import SentenceTransformer

    import texts
    sys.exit(main())
