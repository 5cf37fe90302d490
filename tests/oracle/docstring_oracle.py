"""Compares forkdex's docstrings with those of Python's own `ast`, definition by definition.

    python docstring_oracle.py CHUNK_TOOL FOLDER... [--share F] [--seed N]

Reads every Python file below the FOLDERs and of the standard library that Python can parse, with
--share only that part of them, at random; and functions whose first statement is put together at
random. Ends 0 when the docstring of each module, class and function is ast.get_docstring's.
"""

import argparse
import ast
import json
import pathlib
import random
import struct
import subprocess
import sys
import sysconfig
import warnings

MAX_TOKENS = 16
CAP = 65536
STORABLE = {0: 0xFFFD, **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)}  # as forkdex writes them


def storable(docstring):
    """What forkdex has room for of a docstring, and PostgreSQL characters."""
    data = (docstring or "").translate(STORABLE).encode()
    return data[:CAP].decode(errors="ignore")


def definitions(tree):
    """What Python says: the module's docstring, and (line, name) to docstring. Lambdas have none."""
    docstrings = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            line = min([node.lineno] + [d.lineno for d in node.decorator_list])
            docstrings[line, node.name] = storable(ast.get_docstring(node))
    return storable(ast.get_docstring(tree)), docstrings


def random_literal(rng):
    """A string literal, or nearly, with what can matter in it."""
    pieces = ["word", "  ", "\t", "\n", "\r\n", "\n    ", "\n\t", "\n  \t ", "\f", "\x0b", "\xa0", "\u3000", "\u2028",
              "\x85", "\x1c", "é", "中", "😀", "'", '"', "\\\n", "\\\r\n", "\\\\", "\\'", '\\"', "\\a\\b\\f\\v",
              "\\n", "\\r", "\\t", "\\d", "\\0", "\\18", "\\377", "\\777", "\\x41", "\\xe9", "\\x4", "\\u00e9",
              "\\ud83d\\ude00", "\\U0001F600", "\\U00110000", "\\N{BULLET}", "\\N{bullet}", "\\N{NULL}",
              "\\N{CJK UNIFIED IDEOGRAPH-4E00}", "\\N{HANGUL SYLLABLE GAG}", "\\N{NO-BREAK SPACE}", "\\N{?}", "{x}", "#"]
    quote = rng.choice(["'", '"', "'''", '"""', '"""'])
    prefix = rng.choice(["", "", "", "", "r", "R", "u", "U", "f", "b", "rb", "fr"] if rng.random() < 0.5 else [""])
    return prefix + quote + "".join(rng.choices(pieces, k=rng.randrange(9))) + quote


def random_statement(rng):
    text = random_literal(rng)
    while rng.random() < 0.3:
        text += rng.choice([" ", "", "\t", " \\\n ", "\f"]) + random_literal(rng)
    if rng.random() < 0.25:
        text = "(" + rng.choice(["", "\n", "# (\n", " \r\n\t"]) + text + rng.choice(["", "\n", " # )\n", ","]) + ")"
    return text + rng.choice(["", "", "", "", "", "; pass", ",", ", 1", ".strip()", " % 1", "  # why", "[0]", " if 1 else 2"])


def random_source(rng, count):
    """A module of `count` functions and classes that Python can parse, as bytes and as tree."""
    parts = []
    while len(parts) < count:
        head = rng.choice(["def f():", "class A:", "async def f(a, b=':'):", "@x\ndef f():"])
        between = rng.choice([" ", "", "\n    ", "\n\n\t", "  # first\n    # second\n\n    ", "\r\n  ", "\n\f  "])
        part = head + between + random_statement(rng) + rng.choice(["\n", "\r\n"])
        try:
            ast.parse(part)
            parts.append(part)
        except (SyntaxError, ValueError):
            pass
    source = ("\n" * rng.randrange(2)).join(parts).encode()
    return pathlib.Path("random.py"), source, ast.parse(source)


def python_files(folders, share, rng):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*.py")):
            if "site-packages" in path.relative_to(folder).parts or rng.random() >= share:
                continue
            source = path.read_bytes()
            if len(source) > 2 << 20 or b"\0" in source:
                continue
            try:
                yield path, source, ast.parse(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                pass  # the standard library has files that are wrong on purpose


def cut(tool, files):
    """What forkdex makes of the files, in their order."""
    packed = bytearray()
    for path, source, _ in files:
        for text in (path.name.encode(), source):
            packed += struct.pack("=I", len(text)) + text
    done = subprocess.run([tool, str(MAX_TOKENS)], input=bytes(packed), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Tally:
    def __init__(self):
        self.compared = self.missing = self.wrong = self.refused = 0

    def differ(self, path, line, name, ours, theirs):
        self.wrong += 1
        if self.wrong <= 20:
            print(f"{path}:{line}: {name}:\n  forkdex: {ours!r:.300}\n  ast:     {theirs!r:.300}")

    def compare(self, path, tree, file):
        if "error" in file:
            self.refused += 1
            return
        module, expected = definitions(tree)
        found = {}
        ours = ""
        for chunk in file["chunks"]:
            if chunk["kind"] == "module":
                ours = ours or chunk["docstring"]
            elif chunk["part"] == 1:
                found[chunk["definition_line"], chunk["name"]] = chunk["docstring"]
        self.compared += 1
        if ours != module:
            self.differ(path, 1, "the module", ours, module)
        for (line, name), docstring in expected.items():
            if (line, name) not in found:
                self.missing += 1
                continue
            self.compared += 1
            if found[line, name] != docstring:
                self.differ(path, line, name, found[line, name], docstring)

    def compare_all(self, tool, what, files):
        before = self.compared
        for (path, _, tree), file in zip(files, cut(tool, files), strict=True):
            self.compare(path, tree, file)
        print(f"{what}: {len(files)} files, {self.compared - before} docstrings compared")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--share", type=float, default=1)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("seed", arguments.seed)
    rng = random.Random(arguments.seed)
    tally = Tally()
    files = [random_source(rng, 40) for _ in range(int(500 * arguments.share))]
    tally.compare_all(arguments.tool, "random statements", files)
    folders = [sysconfig.get_path("stdlib"), *arguments.folders]
    for folder in folders:
        files = list(python_files([folder], arguments.share, rng))
        if not files and arguments.share == 1:
            sys.exit(f"no Python file below {folder}")
        tally.compare_all(arguments.tool, folder, files)
    print(f"{tally.wrong} differ, {tally.missing} definitions are no chunk of their own, "
          f"{tally.refused} files are not cut")
    # A one-line definition inside a function is part of that function's chunk.
    if tally.wrong or tally.missing > 0.05 * tally.compared or tally.refused > 0.01 * tally.compared:
        sys.exit(1)


if __name__ == "__main__":
    main()
