"""Compares forkdex's token ids with those of the PyPI `tokenizers` library, text by text.

    python tokenizer_oracle.py ORACLE_TOOL MODEL [--corpus FOLDER] [--seed N] [--code N]
        [--share F]

Ends 0 when every id of every text is equal: for MODEL's tokenizer, for those of the other families
(tokenizer_families.py), each over all texts, and for variants of each over some of them. --share takes that part of the texts, at random.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
from tokenizers import Tokenizer

import texts
import tokenizer_families

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
WORDS = ["Hello", "world", "don't", "naïve", "ÅNGSTRÖM", "İstanbul", "straße", "日本語", "한국어", "한국어",
         "été", "Ελληνικά", "русский", "العربية", "हिन्दी", "x" * 99, "y" * 100, "z" * 101, "é" * 60, "𝒳𝓎", "👩‍💻", "fi"]
SPACES = [" ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\x0b", "\x0c", "\x85", "", ""]


def block_texts(rng):
    """Every code point alone in a word, and in runs of its neighbours where there are any."""
    for start in range(0, len(CODE_POINTS), 64):
        block = CODE_POINTS[start:start + 64]
        yield "".join(f"a{chr(c)}b{chr(c)} " for c in block)
        if 0x40000 <= block[0] < 0xE0000:
            continue
        yield "".join(map(chr, block))
        rng.shuffle(block)
        yield "".join(map(chr, block))


def assigned(rng, count):
    """`count` texts of random code points, most of them from places where letters live."""
    edges = [(0, 0x250), (0x250, 0x530), (0x530, 0x1100), (0x1100, 0x3100), (0x3100, 0xD7FF),
             (0xF900, 0xFFFF), (0x10000, 0x12000), (0x16000, 0x17000), (0x1B000, 0x1FBFF),
             (0x2F800, 0x2FA20), (0xE0000, 0xE0200)]
    for _ in range(count):
        low, high = rng.choice(edges)
        yield "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 40)))


def marked(rng, count):
    """Runs of combining characters, for their canonical order."""
    marks = [c for low, high in ((0x300, 0x370), (0x591, 0x5C8), (0x64B, 0x660), (0x8D0, 0x8E2),
                                 (0x1BA0, 0x1BF4), (0x302A, 0x3030), (0x1D160, 0x1D173),
                                 (0x1DC0, 0x1E00), (0x1E000, 0x1E02B), (0x1E8D0, 0x1E950))
             for c in range(low, high)] + [0x9FE, 0xA953, 0xA9C0, 0x111C0, 0x11938, 0xD4B, 0x1B06]
    for _ in range(count):
        yield "".join(rng.choice("aeo\x00 \u200d가") +
                      "".join(chr(rng.choice(marks)) for _ in range(rng.randrange(1, 7)))
                      for _ in range(4))


def special(rng, count):
    """Literal special tokens among words, spaces and parts of such tokens."""
    parts = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[cls]", "[SEP", "SEP]", "[[SEP]]", "[MASK][MASK]",
             "[ SEP ]", "##ing", "##", "[unused1]", "<s>", "<MASK>", "<Wrap>", "</s>", "<mask>", "<unk>", "<pad>", "<|padding|>",
             "|||IP_ADDRESS|||", "|||IP", "don't", "we'll", "'re", "I'D", "x's", "'", " ", "  ", "   ", " " * 30,
             "``", "''", "▁", "<0x41>", "def", "self", "_", "1", "2²", "½"] + WORDS
    for _ in range(count):
        yield "".join(rng.choice(parts) + rng.choice(SPACES) for _ in range(rng.randrange(1, 9)))


def clusters(rng, count):
    """What belongs together for the eye: marks, joiners, jamo, flags, emoji, conjuncts, line ends."""
    parts = ["a", "é", "©", "™", "ﬁ", "ﷺ", "\u0300", "\u0301", "\u0345", "\u0903", "\u093c", "\u200c",
             "\u200d", "\ufe0f", "\u20e3", "\u0600", "\u0605", "\u070f", "\u0890", "\u0d4e", "\u1100",
             "\u1161", "\u11a8", "\uac00", "\uac01", "\u0915", "\u094d", "\u0958", "\u0b95", "\u0bcd",
             "\r", "\n", "\u2028", "\u200b", "\u00ad", "\ufeff", "\U0001f1e6", "\U0001f468",
             "\U0001f3fd", "\U000e0041", "\U00011133", "\uff76", "\uff9e", "\u304b", "\u3099", "²", " "]
    for _ in range(count):
        yield "".join(rng.choice(parts) for _ in range(rng.randrange(1, 12)))


def noise(rng, count):
    """Random bytes, code with bytes broken, and control characters: most of it not UTF-8."""
    for _ in range(count):
        if rng.random() < 0.5:
            yield rng.randbytes(rng.randrange(1, 80))
        else:
            data = bytearray("".join(rng.choice(WORDS) + rng.choice(SPACES)
                                     for _ in range(6)).encode())
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(len(data))] = rng.choice((0, 7, 0x7F, 0x80, 0xC0, 0xE0, 0xF0, 0xFF))
            yield bytes(data)


def all_texts(rng, corpus, code_count):
    yield from ["", " ", "\n", "\ufeff", "\x00", "[CLS]", "\ufffd", "a" * 100_000, "ab " * 10_000]
    yield from texts.code_pieces(corpus, rng, code_count)
    yield from block_texts(rng)
    yield from assigned(rng, 15_000)
    yield from marked(rng, 10_000)
    yield from special(rng, 10_000)
    yield from clusters(rng, 10_000)
    yield from noise(rng, 10_000)


def variants(folder):
    """The model's tokenizer.json, and what its siblings ask for: cased text, accents kept,
    added tokens that take whitespace and that are matched after normalisation."""
    root = json.loads((pathlib.Path(folder) / "tokenizer.json").read_text())
    yield "as it is", root
    off = dict(root["normalizer"], clean_text=False, handle_chinese_chars=False, lowercase=False)
    yield "nothing normalised", dict(root, normalizer=off)
    yield "accents kept", dict(root, normalizer=dict(root["normalizer"], strip_accents=False))
    yield "only accents", dict(root, normalizer=dict(off, strip_accents=True))

    def token(content, ident, **flags):
        return dict(id=ident, content=content, single_word=False, lstrip=False, rstrip=False,
                    normalized=False, special=False, **{}) | flags
    added = [dict(t, lstrip=t["content"] == "[MASK]") for t in root["added_tokens"]]
    added += [token("<MASK>", 30522, rstrip=True), token("<Wrap>", 30523, normalized=True, lstrip=True, rstrip=True),
              token("[MASK][MASK]", 30524, special=True), token("Naïve", 30525, normalized=True)]
    yield "added tokens", dict(root, added_tokens=added)


def ask(tool, folder, max_tokens, sample):
    done = subprocess.run([tool, "tokenize", str(folder), str(max_tokens)], check=True,
                          input=texts.packed(sample), stdout=subprocess.PIPE)
    numbers = numpy.frombuffer(done.stdout, dtype=numpy.int32).tolist()
    answers, at = [], 0
    while at < len(numbers):
        end = at + 1 + numbers[at]
        answers.append(numbers[at + 1:end])
        at = end
    return answers


def compare(name, theirs, tool, folder, max_tokens, sample):
    ours = ask(tool, folder, max_tokens, sample)
    assert len(ours) == len(sample), (len(ours), len(sample))
    expected = [e.ids for e in theirs.encode_batch(
        [t.decode("utf-8", errors="replace") if isinstance(t, bytes) else t for t in sample])]
    wrong = [i for i in range(len(sample)) if ours[i] != expected[i]]
    print(f"{name}: {len(sample)} texts, {sum(map(len, ours))} tokens, {len(wrong)} different")
    for i in wrong[:10]:
        print(f"  {sample[i][:200]!r}\n    forkdex    {ours[i][:60]}\n    tokenizers {expected[i][:60]}")
    return len(wrong)


def compare_document(name, root, tool, sample, cut_sample):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "tokenizer.json").write_text(json.dumps(root))
        theirs = Tokenizer.from_file(f"{folder}/tokenizer.json")
        theirs.no_padding()
        theirs.no_truncation()
        wrong = compare(name, theirs, tool, folder, 2**31, sample)
        theirs.enable_truncation(16)
        return wrong + compare(f"{name}, cut at 16", theirs, tool, folder, 16, cut_sample)


def families(model, sample):
    """Of each family its name, a tokenizer.json and variants of it. Relatives have only variants."""
    (_, root), *others = variants(model)
    yield "BERT", root, others
    for name, (make, make_variants) in tokenizer_families.FAMILIES.items():
        root = make(sample)
        yield name, root, make_variants(root)
    for name, (make, make_variants) in tokenizer_families.RELATIVES.items():
        root = make(sample)
        yield name, None, [("as it is", root), *make_variants(root)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("model")
    parser.add_argument("--corpus")
    parser.add_argument("--seed")
    parser.add_argument("--code", type=int, default=25_000)
    parser.add_argument("--share", type=float, default=1.0)
    options = parser.parse_args()
    rng = texts.seeded(options.seed)
    sample = list(all_texts(rng, texts.corpus_folder(options.corpus), options.code))
    assert len(sample) >= 100_000, len(sample)
    edges, code, others = sample[:9], sample[9:9 + options.code], sample[9 + options.code:]

    def share(items, count=None):
        return rng.sample(items, int((count or len(items)) * options.share))

    code, others = share(code), share(others)
    sample = edges + code + others
    wrong = 0
    for family, root, its_variants in families(options.model, code[:3000]):
        if root:
            cut = edges + share(sample, 8_000)
            wrong += compare_document(family, root, options.tool, sample, cut)
        for name, variant in its_variants:
            some = edges + share(code, 1_000) + share(others, 4_000)
            wrong += compare_document(f"{family}, {name}", variant, options.tool, some, some[:500])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
