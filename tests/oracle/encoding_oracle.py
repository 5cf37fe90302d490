"""Compares how forkdex reads files that declare an encoding with Python's codecs.

    python encoding_oracle.py CHUNK_TOOL [--seed N]

Writes, for every alias of every codec of Python whose letters are ASCII's, a Python file whose
docstring holds the codec's characters in random order. Ends 0 when forkdex reads all but a few of
each, finds every definition, and its chunks are the bytes that it says.
"""

import argparse
import encodings.aliases
import json
import random
import re
import struct
import subprocess
import sys

# What glibc does not have or (EUC-JISX0213) has a fifth of elsewhere, UTF-7 (which is no one's encoding of source), and code for no text.
MISSING = {"utf_7", "hz", "cp1006", "cp720", "mac_arabic", "mac_croatian", "mac_farsi", "mac_greek",
           "mac_iceland", "mac_romanian", "mac_turkish", "iso2022_jp_1", "iso2022_jp_2004",
           "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_ext", "mbcs", "unicode_escape", "raw_unicode_escape",
           "punycode", "idna", "euc_jis_2004", "euc_jisx0213"}
# Characters that glibc's tables and Python's have at different places (marks of Big5, private ones),
# and those that one of them puts together with the next (Vietnamese, Hebrew).
MOST_DIFFERENT = 0.025
# Its characters are pairs of characters as often as not.
JOINED = {"shift_jis_2004", "shift_jisx0213"}


def codecs_to_try():
    """Each codec with its aliases; those alone whose ASCII is ASCII."""
    found = {}
    for alias, codec in encodings.aliases.aliases.items():
        found.setdefault(codec, {codec}).add(alias)
    ascii_text = "".join(map(chr, range(32, 127)))
    for codec, aliases in sorted(found.items()):
        try:
            if codec not in MISSING and ascii_text.encode(codec) == ascii_text.encode():
                yield codec, sorted(aliases)
        except (UnicodeError, LookupError):
            pass


def repertoire(codec):
    characters = []
    for c in map(chr, [*range(0xA0, 0xD800), *range(0xE000, 0x10000)]):
        try:
            data = c.encode(codec)
            if len(data) <= 4 and data.decode(codec) == c and not c.isspace() and c != "\ufeff":
                characters.append(c)
        except UnicodeError:
            pass
    return characters


def source_of(label, codec, characters, rng):
    words = characters * (1 + 60 // max(1, len(characters)))
    rng.shuffle(words)
    lines = ["".join(words[i:i + 60]) for i in range(0, min(len(words), 60000), 60)]
    text = f"# coding: {label}\n'''" + "\n".join(lines) + "'''\n\n\ndef last(x):\n    return x\n"
    return text, text.encode(codec)


def cut(tool, sources):
    packed = bytearray()
    for source in sources:
        for data in (b"a.py", source):
            packed += struct.pack("=I", len(data)) + data
    done = subprocess.run([tool, "100000000"], input=bytes(packed), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def fault(file, text, data, codec):
    """What is wrong with what forkdex made of `data`, and how many characters it read otherwise."""
    if "error" in file:
        return file["error"], 0
    if not any(chunk["name"] == "last" for chunk in file["chunks"]):
        return "the definition is lost", 0
    for chunk in file["chunks"]:
        begin, end = chunk["bytes"]
        stored = data[begin:end].decode(codec, "replace")
        if codec.startswith("iso2022") or codec in JOINED:
            continue  # a chunk may begin in the middle of a shift
        if abs(len(stored) - len(chunk["source"])) > MOST_DIFFERENT * len(stored):
            return f"bytes {begin} to {end} are {len(stored)} characters, not {len(chunk['source'])}", 0
    ours = re.sub(r"\s", "", "".join(chunk["source"] for chunk in file["chunks"]))
    theirs = re.sub(r"\s", "", text)
    if len(ours) != len(theirs):
        few = abs(len(ours) - len(theirs)) <= MOST_DIFFERENT * len(theirs)
        return None if few else f"{len(ours)} characters of {len(theirs)}: {file['detail']}", 0
    return None, sum(a != b for a, b in zip(ours, theirs))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print("seed", arguments.seed)
    rng = random.Random(arguments.seed)
    cases = []
    for codec, aliases in codecs_to_try():
        characters = repertoire(codec)
        for label in aliases:
            cases.append((codec, label, *source_of(label, codec, characters, rng)))
    wrong = 0
    for (codec, label, text, data), file in zip(cases, cut(arguments.tool, [c[3] for c in cases]), strict=True):
        problem, different = fault(file, text, data, codec)
        if problem or different > MOST_DIFFERENT * len(text):
            wrong += 1
            print(f"{codec} as {label}: {problem or f'{different} of {len(text)} characters differ'}")
    print(f"{len(cases)} declarations, {wrong} read otherwise")
    sys.exit(wrong > 0 or not cases)


if __name__ == "__main__":
    main()
