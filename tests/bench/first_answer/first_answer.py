#!/usr/bin/env python3
"""Seconds from an empty database to the first right answer by words, and to the run's end.

    first_answer.py SUPERVISOR FOLDER QUERY FILE [--vectors] [--rounds N] [-- ARGUMENTS OF INDEX]

Indexes FOLDER into a new embedded database, and from the start of the run on asks
`search --words QUERY` again and again, until FILE is among the first ten answers. The start of
the database counts. Prints the seconds of each round and their median. --vectors has the run
embed, too; without it, it stores what words need. The questions take processor time from the run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from bench_folder import bench_folder

BETWEEN_QUESTIONS = 0.02  # seconds


def arguments():
    own, index = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, index = own[:at], own[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("supervisor", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("query")
    parser.add_argument("file", help="the right file, relative to FOLDER")
    parser.add_argument("--vectors", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args(own), index


def is_answered(given, environment):
    """Whether the right file is among the answers. A repository that is not there yet has none."""
    asked = subprocess.run(
        [given.supervisor, "search", "--words", "--json", "--limit", "10", given.query],
        env=environment, capture_output=True, text=True)
    if asked.returncode != 0:
        return False
    return any(hit["path"] == given.file for hit in json.loads(asked.stdout)["results"])


def one_round(given, index, data):
    """Seconds to the first right answer, and to the end of the run."""
    environment = {**os.environ, "XDG_DATA_HOME": str(data), "DATABASE_URL": ""}
    vectors = [] if given.vectors else ["--no-vectors"]
    started = time.monotonic()
    run = subprocess.Popen(
        [given.supervisor, "index", "--quiet", "--no-commits", *vectors, *index, given.folder],
        env=environment)
    answered = None
    while run.poll() is None:
        if answered is None and is_answered(given, environment):
            answered = time.monotonic() - started
        time.sleep(BETWEEN_QUESTIONS)
    ended = time.monotonic() - started
    if run.returncode not in (0, 1):
        sys.exit(f"the run ended with status {run.returncode}")
    if answered is None:
        if not is_answered(given, environment):
            sys.exit(f"{given.file} does not answer {given.query!r} after the run")
        answered = time.monotonic() - started
    return answered, ended


def main():
    given, index = arguments()
    rounds = []
    for _ in range(given.rounds):
        with bench_folder("first-answer") as folder:
            rounds.append(one_round(given, index, folder))
            print("answered after {:.2f} s, ended after {:.2f} s".format(*rounds[-1]), flush=True)
    answered, ended = (statistics.median(column) for column in zip(*rounds))
    print(f"median: answered after {answered:.2f} s, ended after {ended:.2f} s")


if __name__ == "__main__":
    main()
