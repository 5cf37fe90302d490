#!/usr/bin/env python3
"""Ways to index vectors, side by side: to build, to insert, to ask.

    vector_index_bench.py SUPERVISOR VECTORS [--rows N] [--queries N] [--ways NAME,NAME]

VECTORS holds float32 rows of 384, normalised, as tests/bench/embedding's embedding_bench writes
them. Its last rows are the queries; the others are stored, and where --rows asks for more, rows
between two of them fill up. Makes an embedded database of its own. Each way builds its index, takes
1,000 rows more, and is asked each query for its ten nearest. Exact answers are computed here.
Prints for each way: seconds and processor seconds to build, MB, milliseconds a row to insert,
recall of ten, and the median and the 95th percentile of milliseconds a query. Needs numpy and
psycopg (tests/bench/requirements.txt).
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from bench_folder import bench_folder

DIMENSION = 384
NEAREST = 10
INSERTED = 1000
VECTOR = f"embedding::halfvec({DIMENSION})"
SIGNS = f"binary_quantize({VECTOR})::bit({DIMENSION})"
PLAIN = f"SELECT id FROM v ORDER BY {VECTOR} <=> %(q)s::halfvec({DIMENSION}) LIMIT {NEAREST}"
RANKED = (f"SELECT id FROM (SELECT id, {VECTOR} <=> %(q)s::halfvec({DIMENSION}) AS d FROM v "
          f"ORDER BY {SIGNS} <~> binary_quantize(%(q)s::halfvec({DIMENSION}))::bit({DIMENSION}) "
          f"LIMIT {{candidates}}) c ORDER BY d LIMIT {NEAREST}")


def ways(rows):
    """Name -> (the index, what is set before a query, the query)."""
    lists = int(rows ** 0.5)
    signs = f"hnsw (({SIGNS}) bit_hamming_ops)"
    found = {}
    # "thin" has half as many neighbours a vector.
    for name, index in (("signs", signs), ("thin", signs + " WITH (m = 8)")):
        for candidates in (200, 400, 600, 800):
            found[f"{name}-{candidates}"] = (index, f"hnsw.ef_search = {candidates}",
                                             RANKED.format(candidates=candidates))
    for width in (40, 100, 200):
        found[f"hnsw-{width}"] = (f"hnsw (({VECTOR}) halfvec_cosine_ops)",
                                  f"hnsw.ef_search = {width}", PLAIN)
    for share in (10, 4, 2.5):
        found[f"ivfflat-1/{share}"] = (
            f"ivfflat (({VECTOR}) halfvec_cosine_ops) WITH (lists = {lists})",
            f"ivfflat.probes = {max(1, int(lists / share))}", PLAIN)
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("supervisor", type=Path)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--ways", default="", help="those whose names begin so")
    return parser.parse_args()


def normalised(vectors):
    """As the server sees them, which stores half floats."""
    whole = vectors.astype(np.float32)
    return whole / np.linalg.norm(whole, axis=1, keepdims=True)


def read_vectors(given):
    """The stored rows with INSERTED more, as float16, and the queries."""
    whole = np.fromfile(given.vectors, dtype=np.float32).reshape(-1, DIMENSION)
    whole = whole[np.random.default_rng(1).permutation(len(whole))]  # the file may be sorted
    queries, real = whole[-given.queries:], whole[:-given.queries]
    wanted = given.rows + INSERTED
    parts = [real[:wanted]]
    random = np.random.default_rng(2)
    missing = wanted - len(parts[0])
    while missing > 0:
        count = min(missing, 100_000)
        one, other = real[random.integers(len(real), size=(2, count))]
        between = one + 0.5 * (other - one) * random.random((count, 1), dtype=np.float32)
        parts.append(between / np.linalg.norm(between, axis=1, keepdims=True))
        missing -= count
    print(f"{given.rows} rows, {min(len(real), given.rows)} of them embedded texts, "
          f"{len(queries)} queries")
    return np.concatenate(parts).astype(np.float16), normalised(queries.astype(np.float16))


def text_of(vector):
    return "[" + ",".join(f"{value:.5g}" for value in vector) + "]"


def store(connection, vectors, first):
    with connection.cursor().copy("COPY v (id, embedding) FROM STDIN") as copy:
        for number, vector in enumerate(vectors, first):
            copy.write_row((number, text_of(vector)))


def exact_least(vectors, queries):
    """Of each query the similarity of its tenth nearest: what is as near is right."""
    best = np.full((len(queries), 0), 0, dtype=np.float32)
    for start in range(0, len(vectors), 50_000):
        part = normalised(vectors[start:start + 50_000])
        best = np.concatenate([best, queries @ part.T], axis=1)
        best = -np.partition(-best, NEAREST - 1, axis=1)[:, :NEAREST]
    return best.min(axis=1)


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class ServerClock:
    """Processor seconds of a backend and of the parallel workers that it has meanwhile."""

    def __init__(self, pid):
        self.pid = pid
        self.begun = processor_seconds(pid)
        self.parallel = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.ended.wait(0.2):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    title = (process / "cmdline").read_bytes()
                    if f"parallel worker for PID {self.pid}".encode() in title:
                        self.parallel[process.name] = processor_seconds(process.name)
                except (FileNotFoundError, ProcessLookupError):
                    continue

    def seconds(self):
        self.ended.set()
        self.thread.join()
        return processor_seconds(self.pid) - self.begun + sum(self.parallel.values())


def build(connection, index):
    connection.execute("DROP INDEX IF EXISTS vi")
    clock = ServerClock(connection.info.backend_pid)
    begun = time.monotonic()
    connection.execute(f"CREATE INDEX vi ON v USING {index}")
    seconds = time.monotonic() - begun
    size = connection.execute("SELECT pg_relation_size('vi')").fetchone()[0]
    return f"built in {seconds:.1f} s, {clock.seconds():.1f} CPU s, {size / 1e6:.0f} MB"


def insert(connection, vectors):
    """Milliseconds a row, of wall time and of the server's processor; takes the rows back."""
    first = len(vectors) - INSERTED
    before = processor_seconds(connection.info.backend_pid)
    begun = time.monotonic()
    store(connection, vectors[first:], first)
    seconds = time.monotonic() - begun
    used = processor_seconds(connection.info.backend_pid) - before
    connection.execute(f"DELETE FROM v WHERE id >= {first}")
    wall, cpu = 1000 * seconds / INSERTED, 1000 * used / INSERTED
    return f"{wall:.2f} ms ({cpu:.2f} CPU ms) a row inserted"


def ask(connection, settings, query, vectors, queries, least):
    connection.execute(f"SET {settings}")
    texts = [text_of(vector) for vector in queries]
    for text in texts[:50]:
        connection.execute(query, {"q": text})  # into the caches
    right, times = 0, []
    for text, vector, enough in zip(texts, queries, least):
        begun = time.monotonic()
        ids = [row[0] for row in connection.execute(query, {"q": text})]
        times.append(1000 * (time.monotonic() - begun))
        right += int((normalised(vectors[ids]) @ vector >= enough - 2e-6).sum())
    return (f"recall {right / (NEAREST * len(queries)):.3f}, "
            f"p50 {np.percentile(times, 50):.1f} ms, p95 {np.percentile(times, 95):.1f} ms")


def compare(connection, given):
    vectors, queries = read_vectors(given)
    connection.execute("CREATE TABLE v (id bigint PRIMARY KEY, embedding halfvec NOT NULL);"
                       "ALTER TABLE v ALTER COLUMN embedding SET STORAGE PLAIN")
    store(connection, vectors[:given.rows], 0)
    connection.execute("VACUUM ANALYZE v")
    connection.execute("SET maintenance_work_mem = '1GB'")
    least = exact_least(vectors[:given.rows], queries)
    built = None
    for name, (index, settings, query) in ways(given.rows).items():
        if given.ways and not name.startswith(tuple(given.ways.split(","))):
            continue
        if index != built:
            print(f"{name}: {build(connection, index)}", flush=True)
            built = index
            connection.execute("SET enable_seqscan = off")
            print(f"{name}: {insert(connection, vectors)}", flush=True)
        print(f"{name}: {ask(connection, settings, query, vectors, queries, least)}", flush=True)


def main():
    given = arguments()
    with bench_folder("vector-index") as folder:
        environment = {**os.environ, "XDG_DATA_HOME": str(folder), "DATABASE_URL": ""}
        url = subprocess.run([given.supervisor, "database", "start"], env=environment, check=True,
                             capture_output=True, text=True).stdout.strip()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
                compare(connection, given)
        finally:
            subprocess.run([given.supervisor, "database", "stop"], env=environment, check=True,
                           stdout=subprocess.DEVNULL)


main()
