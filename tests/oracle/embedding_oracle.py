"""Compares forkdex's fp32 vectors with those of sentence-transformers, text by text, and its bf16
vectors with those in fp32, over half as many texts again.

    python embedding_oracle.py ORACLE_TOOL MODEL [--corpus FOLDER] [--seed N] [--chunks N]

Ends 0 when every cosine is at least 0.9999 (bf16: 0.9998) and the ten nearest texts of every text
are the same in bf16, but for 1 in 100.
"""

import argparse
import subprocess
import sys

import numpy
import torch
from sentence_transformers import SentenceTransformer

import texts
from vectors import cosines

LEAST_COSINE = 0.9999
LEAST_COSINE_BF16 = 0.9998
LEAST_OVERLAP_BF16 = 0.99
EDGES = ["", " ", "\x00", "x", "[SEP]", "漢字 かな", "a" * 5000, "def f():\n    return 1\n" * 400]


def our_vectors(tool, model, precision, sample):
    done = subprocess.run([tool, "embed", model, precision], check=True, input=texts.packed(sample),
                          stdout=subprocess.PIPE)
    return numpy.frombuffer(done.stdout, dtype=numpy.float32).reshape(len(sample), -1)


def their_vectors(model, sample):
    torch.set_num_threads(1)
    return SentenceTransformer(model, device="cpu").encode(sample, batch_size=32)


def overlap(full, half, count=10):
    """The share of each text's nearest in `half` that are as near in `full` as its nearest there:
    of texts with the same tokens, which are many in real code, any will do."""
    exact, rough = full @ full.T, half @ half.T
    numpy.fill_diagonal(exact, -2)
    numpy.fill_diagonal(rough, -2)
    least = numpy.sort(exact, axis=1)[:, -count] - 1e-6
    picked = numpy.take_along_axis(exact, numpy.argsort(-rough, axis=1)[:, :count], axis=1)
    return (picked >= least[:, None]).mean()


def is_near_in_bf16(full, half):
    similar, shared = cosines(full, half), overlap(full, half)
    print(f"bf16, {len(full)} texts: cosine min {similar.min():.8f}, mean {similar.mean():.8f}; "
          f"of the ten nearest {shared:.4f} are the same")
    return similar.min() >= LEAST_COSINE_BF16 and shared >= LEAST_OVERLAP_BF16


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("model")
    parser.add_argument("--corpus")
    parser.add_argument("--seed")
    parser.add_argument("--chunks", type=int, default=1000)
    options = parser.parse_args()
    rng = texts.seeded(options.seed)
    more = EDGES + texts.functions(texts.corpus_folder(options.corpus), rng,
                                   options.chunks * 3 // 2)
    sample = more[:len(EDGES) + options.chunks]
    full = our_vectors(options.tool, options.model, "fp32", more)
    half = our_vectors(options.tool, options.model, "bf16", more)
    ours, theirs = full[:len(sample)], their_vectors(options.model, sample)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    similar = cosines(ours, theirs)
    lengths = numpy.abs(numpy.linalg.norm(ours, axis=1) - numpy.linalg.norm(theirs, axis=1))
    print(f"{len(sample)} texts: cosine min {similar.min():.8f}, mean {similar.mean():.8f}; "
          f"lengths differ by at most {lengths.max():.2e}")
    wrong = [i for i in range(len(sample)) if not similar[i] >= LEAST_COSINE]
    for i in wrong[:10]:
        print(f"  cosine {similar[i]:.6f}: {sample[i][:200]!r}")
    return 1 if wrong or lengths.max() > 1e-3 or not is_near_in_bf16(full, half) else 0


if __name__ == "__main__":
    sys.exit(main())
