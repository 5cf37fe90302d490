"""Texts for the oracles: real code, and everything that is not."""

import ast
import os
import pathlib
import random
import struct
import sysconfig
import warnings

CODE_SUFFIXES = (".py", ".ts", ".tsx", ".js", ".jsx", ".h", ".cpp", ".md", ".json", ".pyi", ".txt")


def corpus_folder(argument=None):
    """The folder to take code from: the argument, FORKDEX_CORPUS, or the installed packages."""
    return pathlib.Path(argument or os.environ.get("FORKDEX_CORPUS") or sysconfig.get_path("purelib"))


def code_files(folder, rng, bytes_wanted):
    """Contents of files under `folder` in random order, until `bytes_wanted` are read."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in CODE_SUFFIXES and p.is_file())
    rng.shuffle(paths)
    for path in paths:
        if bytes_wanted <= 0:
            return
        text = path.read_bytes().decode("utf-8", errors="replace")
        bytes_wanted -= len(text)
        yield text


def code_pieces(folder, rng, count):
    """`count` pieces of code: between 1 and 40 lines each."""
    pieces = []
    for text in code_files(folder, rng, count * 1000):
        lines = text.splitlines(keepends=True)
        at = 0
        while at < len(lines) and len(pieces) < count:
            size = rng.choice((1, 1, 2, 3, 5, 8, 13, 40))
            pieces.append("".join(lines[at:at + size])[:20000])
            at += size
    return pieces


def python_functions(source):
    """Source of every function and method in a Python file, nested ones apart."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    lines = source.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield "".join(lines[node.lineno - 1:node.end_lineno])


def functions(folder, rng, count, longest=100_000):
    """`count` chunks as the model sees them, up to `longest` characters: functions and methods,
    or, from files of other languages, runs of 8 lines."""
    chunks = []
    for text in code_files(folder, rng, count * 20_000):
        found = list(python_functions(text))
        if not found:
            lines = text.splitlines(keepends=True)
            found = ["".join(lines[at:at + 8]) for at in range(0, min(len(lines), 160), 8)]
        found = [chunk for chunk in found if len(chunk) <= longest]
        chunks += rng.sample(found, min(len(found), 20))
        if len(chunks) >= count:
            break
    return chunks[:count]


def packed(texts):
    """The oracle tool's input. Texts are str or bytes."""
    out = bytearray()
    for text in texts:
        data = text if isinstance(text, bytes) else text.encode("utf-8")
        out += struct.pack("=I", len(data)) + data
    return bytes(out)


def seeded(argument):
    seed = int(argument) if argument else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)
