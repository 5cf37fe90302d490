"""What one writes to index a repository with Python's own libraries: joblib hands files to loky
processes, each with its sentence-transformers model and its connection, tree-sitter cuts,
psycopg stores.

    python joblib_design.py MODEL DATABASE_URL REPOSITORY [--workers N]
                            [--cut definitions|everything]

definitions  functions, methods and classes, as they stand in the tree; the model reads the
             beginning of those too long for it
everything   every line once: functions and methods, and the runs of lines between them, in
             pieces of 1,000 characters at most

Writes its account as JSON to standard output. The database must be empty but for pgvector.
"""

import argparse
import functools
import json
import os
import sys
import time
from pathlib import Path

import joblib
import psycopg
import tree_sitter
import tree_sitter_javascript
import tree_sitter_python
import tree_sitter_typescript

GRAMMARS = {
    ".py": tree_sitter_python.language,
    ".ts": tree_sitter_typescript.language_typescript,
    ".tsx": tree_sitter_typescript.language_tsx,
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), tree_sitter_javascript.language),
}
FUNCTIONS = {"function_definition", "function_declaration", "generator_function_declaration",
             "method_definition"}
CLASSES = {"class_definition", "class_declaration", "abstract_class_declaration"}
BOUND = {"variable_declarator", "public_field_definition", "field_definition"}
MOST_CHARACTERS = 1000

SCHEMA = """
create table files (id bigint generated always as identity primary key, path text unique);
create table chunks (
    id bigint generated always as identity primary key, file_id bigint references files,
    kind text, start_line int, end_line int, source text, embedding vector(384))
"""


# What a process opens once and keeps for all its files.
@functools.cache
def model(folder):
    from sentence_transformers import SentenceTransformer
    return SentenceTransformer(folder, device="cpu")


@functools.cache
def parser(suffix):
    return tree_sitter.Parser(tree_sitter.Language(GRAMMARS[suffix]()))


@functools.cache
def connection(url):
    return psycopg.connect(url)


def is_function(node):
    if node.type in FUNCTIONS:
        return True
    value = node.child_by_field_name("value") if node.type in BOUND else None
    return value is not None and value.type in ("arrow_function", "function_expression")


def definitions(root):
    """Functions, and classes beside what stands in them; nothing inside functions."""
    stack = [root]
    while stack:
        node = stack.pop()
        if is_function(node):
            yield "function", node.start_point.row, node.end_point.row
            continue
        if node.type in CLASSES:
            yield "class", node.start_point.row, node.end_point.row
        stack.extend(reversed(node.named_children))


def everything(root, lines):
    """Every line of a file in one piece, and each function in pieces of its own."""
    functions = [(begin, end) for kind, begin, end in definitions(root) if kind == "function"]
    pieces, at = [], 0
    for begin, end in [*functions, (len(lines), len(lines))]:
        if begin > at:
            pieces.append(("between", at, begin - 1))
        if end >= max(begin, at) and begin < len(lines):
            pieces.append(("function", max(begin, at), end))
        at = max(at, end + 1)
    for kind, begin, end in pieces:
        start, characters = begin, 0
        for row in range(begin, min(end + 1, len(lines))):
            if characters and characters + len(lines[row]) > MOST_CHARACTERS:
                yield kind, start, row - 1
                start, characters = row, 0
            characters += len(lines[row])
        yield kind, start, end


def chunks_of(path, cut):
    contents = path.read_bytes()
    root = parser(path.suffix).parse(contents).root_node
    lines = contents.decode("utf-8", errors="replace").splitlines(keepends=True)
    spans = definitions(root) if cut == "definitions" else everything(root, lines)
    chunks = [(kind, begin + 1, end + 1, "".join(lines[begin:end + 1]))
              for kind, begin, end in spans]
    return [chunk for chunk in chunks if chunk[3].strip()]


def index_file(path, options):
    """Seconds spent parsing, in the model and in the database, and chunks stored."""
    times = [time.perf_counter()]
    chunks = chunks_of(path, options.cut)
    times.append(time.perf_counter())
    vectors = model(options.model).encode([chunk[3] for chunk in chunks]) if chunks else []
    times.append(time.perf_counter())
    database = connection(options.url)
    with database.transaction(), database.cursor() as cursor:
        cursor.execute("insert into files (path) values (%s) returning id", (str(path),))
        file_id = cursor.fetchone()[0]
        cursor.executemany(
            "insert into chunks (file_id, kind, start_line, end_line, source, embedding)"
            " values (%s, %s, %s, %s, %s, %s)",
            [(file_id, *chunk, str(vector.tolist())) for chunk, vector in zip(chunks, vectors)])
    times.append(time.perf_counter())
    return [after - before for before, after in zip(times, times[1:])], len(chunks)


def parse():
    arguments = argparse.ArgumentParser(usage=__doc__)
    arguments.add_argument("model")
    arguments.add_argument("url")
    arguments.add_argument("repository", type=Path)
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--cut", choices=("definitions", "everything"), default="definitions")
    return arguments.parse_args()


def main():
    options = parse()
    start = time.perf_counter()
    with psycopg.connect(options.url) as database:
        database.execute("create extension vector")
        database.execute(SCHEMA)
    files = sorted(path for path in options.repository.rglob("*")
                   if path.suffix in GRAMMARS and path.is_file())
    done = joblib.Parallel(n_jobs=options.workers, backend="loky")(
        joblib.delayed(index_file)(path, options) for path in files)
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    stages = [sum(column) for column in zip(*(seconds for seconds, _ in done))]
    json.dump({"files": len(done), "chunks": sum(count for _, count in done),
               "seconds": {"total": time.perf_counter() - start,
                           **dict(zip(("parse", "model", "database"), stages))}}, sys.stdout)


if __name__ == "__main__":
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TQDM_DISABLE="1",
                      TOKENIZERS_PARALLELISM="false")
    import joblib_design  # so that the processes find these functions in a module, with its caches
    joblib_design.main()
