#!/usr/bin/env python3
"""How well `search` answers questions of which the right files are known: NDCG@10 by file.

    answers.py EVAL CHECKOUTS SUPERVISOR [--variant NAME:ARGUMENTS]... [--index-arguments ARGUMENTS]
               [--no-index] [--database-url URL | --data FOLDER] [--only NAME[,NAME...]]
               [--json FILE]

EVAL has repos.json, a list of objects with `name` and `root` (the folder to index, null for the
whole repository), and questions/NAME.json, a list of objects with `query`, `category`, `relevant`
and `secondary`. These two list targets: a path in the repository, or an object with `path`,
`start_line` and `end_line`. CHECKOUTS has a folder NAME for each repository. SUPERVISOR is the
program. Each root is indexed as repository NAME without commits, then every query is asked.

--variant          a way to search: a name for it and what `search` gets, as in 'words:--words'.
                   Variants are asked one after the other and printed side by side (default: one
                   without arguments)
--index-arguments  what `index` gets, as in --index-arguments='--workers 1'
--no-index         the repositories are in the database already
--database-url     the database; without it an embedded one that goes when the bench ends
--data             a folder that keeps the embedded database for another run with --no-index
--only             asks about these repositories only
--json             writes every figure, and each question's ranks and results, to FILE

A target's rank is that of the first of ten results in its file which overlaps its lines, where it
has any. Each such rank gains 1, however many targets share it; the ideal is a rank of its own for
every target. Paths match where one ends with the other, name by name. The mean is over
repositories, a category's mean over its questions.
"""

import argparse
import collections
import contextlib
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench_folder import bench_folder

LIMIT = 10
OLD_CATEGORIES = {"api": "architecture", "keyword": "symbol"}


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("eval", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("supervisor", type=Path)
    parser.add_argument("--variant", type=variant, action="append", default=[])
    parser.add_argument("--index-arguments", type=shlex.split, default=[])
    parser.add_argument("--no-index", action="store_true")
    parser.add_argument("--database-url")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", type=lambda names: names.split(","))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.supervisor.is_file():
        parser.error(f"{options.supervisor} is not a program: give a build's bin/supervisor")
    if options.database_url and options.data:
        parser.error("--data is for the embedded database: leave it out with --database-url")
    if options.no_index and not (options.database_url or options.data):
        parser.error("--no-index needs the database that has the repositories: "
                     "give --database-url or --data")
    names = [name for name, _ in options.variant]
    if len(set(names)) < len(names):
        parser.error("two variants have one name: give each --variant a name of its own")
    options.variant = dict(options.variant or [("default", [])])
    return options


def variant(text):
    name, colon, arguments = text.partition(":")
    if not name or not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME:ARGUMENTS, such as words:--words")
    return name, shlex.split(arguments)


class Repository:
    """A checkout with the questions about it."""

    def __init__(self, options, row):
        self.name, self.root = row["name"], row["root"] or ""
        self.checkout = options.checkouts.resolve() / self.name
        self.folder = self.checkout / self.root
        if not self.folder.is_dir():
            sys.exit(f"{self.folder} is not a folder: check {self.name} out there")
        text = (options.eval / "questions" / f"{self.name}.json").read_text()
        self.questions = [Question(row) for row in json.loads(text)]

    def path_of(self, result):
        """The result's path in the whole repository: below the root alone, names repeat."""
        return f"{self.root}/{result['path']}" if self.root else result["path"]

    def absent_targets(self):
        """The targets that no search can find, because the root does not have their files."""
        files = [str(path.relative_to(self.checkout)) for path in self.folder.rglob("*")
                 if path.is_file()]
        targets = {target["path"] for question in self.questions for target in question.targets}
        return sorted(target for target in targets
                      if not any(is_same_file(file, target) for file in files))


class Question:
    def __init__(self, row):
        self.query = row["query"]
        self.category = OLD_CATEGORIES.get(row["category"], row["category"])
        self.targets = [target if isinstance(target, dict) else {"path": target}
                        for target in row["relevant"] + row["secondary"]]


def is_same_file(path, other):
    return f"/{path}".endswith(f"/{other}") or f"/{other}".endswith(f"/{path}")


def is_hit(result, target):
    if not is_same_file(result["path"], target["path"]):
        return False
    if "start_line" not in target:
        return True
    return (result["start_line"] <= target["end_line"]
            and target["start_line"] <= result["end_line"])


def ranks_of(results, targets):
    """For each target the rank of its first result, from 1, or None."""
    return [next((rank for rank, result in enumerate(results[:LIMIT], 1)
                  if is_hit(result, target)), None)
            for target in targets]


def ndcg(ranks):
    gain = lambda places: sum(1 / math.log2(1 + place) for place in places)
    return gain(set(ranks) - {None}) / gain(range(1, min(len(ranks), LIMIT) + 1))


class Supervisor:
    """The program with its database."""

    def __init__(self, options, folder):
        self.program, self.is_embedded = options.supervisor.resolve(), not options.database_url
        self.environment = {**os.environ, "XDG_DATA_HOME": str(folder)}
        for name in ("DATABASE_URL", "FORKDEX_DATABASE_URL"):
            self.environment.pop(name, None)
        if options.database_url:
            self.environment["DATABASE_URL"] = options.database_url

    def run(self, *arguments, allowed=(0,)):
        """Gives what the program writes to its output and to its error output."""
        command = [str(self.program), *map(str, arguments)]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if ended.returncode not in allowed:
            sys.exit(f"{shlex.join(command)} ended {ended.returncode}:\n{ended.stderr}")
        return ended.stdout, ended.stderr

    @contextlib.contextmanager
    def running_database(self):
        if self.is_embedded:
            self.run("database", "start")
        try:
            yield
        finally:
            if self.is_embedded:
                self.run("database", "stop")

    def index(self, repository, arguments):
        output, _ = self.run("index", "--repository", repository.name, "--no-commits", "--quiet",
                             "--progress", "none", "--report", "-", *arguments, repository.folder,
                             allowed=(0, 1))
        report = json.loads(output)
        print(f"{repository.name}: indexed in {report['seconds']['total']:.1f} s, "
              f"{report['chunks']['written']} chunks written, "
              f"{len(report['problems'])} files failed", file=sys.stderr, flush=True)

    def ask(self, repository, question, arguments):
        """Gives the results, with paths in the whole repository, and the program's warnings."""
        output, warnings = self.run("search", "--repository", repository.name, "--limit", LIMIT,
                                    "--json", *arguments, "--", question.query)
        results = json.loads(output)["results"]
        return [{**result, "path": repository.path_of(result)} for result in results], warnings


def measure(supervisor, repository, name, arguments):
    """Each question's value, ranks and results; the first warning is shown."""
    answers, warned = [], False
    for question in repository.questions:
        results, warnings = supervisor.ask(repository, question, arguments)
        if warnings and not warned:
            warned = True
            print(f"{repository.name}, {name}: {warnings.strip()}", file=sys.stderr, flush=True)
        ranks = ranks_of(results, question.targets)
        answers.append({"query": question.query, "category": question.category,
                        "ndcg10": ndcg(ranks), "targets": question.targets, "ranks": ranks,
                        "results": [f"{result['path']}:{result['start_line']}-{result['end_line']}"
                                    for result in results]})
    return answers


def mean(answers):
    return statistics.fmean(answer["ndcg10"] for answer in answers)


def summary(arguments, answers):
    """One variant's figures; `answers` has a list for each repository's name."""
    categories = collections.defaultdict(list)
    for answer in (answer for some in answers.values() for answer in some):
        categories[answer["category"]].append(answer)
    repositories = {name: {"ndcg10": mean(some), "questions": some}
                    for name, some in answers.items()}
    return {"arguments": arguments, "repositories": repositories,
            "mean": statistics.fmean(each["ndcg10"] for each in repositories.values()),
            "categories": {name: {"ndcg10": mean(some), "questions": len(some)}
                           for name, some in sorted(categories.items())}}


def print_row(title, questions, values):
    figures = "".join(f" {value:>10.3f}" for value in values)
    more = f" {values[1] - values[0]:>+10.3f}" if len(values) == 2 else ""
    print(f"{title:28} {questions:>9}{figures}{more}")


def print_table(variants):
    sides = list(variants.values())
    heads = [*variants, *(["difference"] if len(sides) == 2 else [])]
    print(f"{'NDCG@10':28} {'questions':>9}" + "".join(f" {head[:10]:>10}" for head in heads))
    for name, first in sides[0]["repositories"].items():
        print_row(name, len(first["questions"]),
                  [side["repositories"][name]["ndcg10"] for side in sides])
    total = sum(len(each["questions"]) for each in sides[0]["repositories"].values())
    print_row("mean over repositories", total, [side["mean"] for side in sides])
    for name, first in sides[0]["categories"].items():
        print_row(f"{name} questions", first["questions"],
                  [side["categories"][name]["ndcg10"] for side in sides])


def chosen_repositories(options):
    rows = json.loads((options.eval / "repos.json").read_text())
    unknown = set(options.only or ()) - {row["name"] for row in rows}
    if unknown:
        sys.exit(f"repos.json has no repository {', '.join(sorted(unknown))}")
    return [Repository(options, row) for row in rows
            if options.only is None or row["name"] in options.only]


def folder_of_data(options):
    if not options.data:
        return bench_folder("answers")
    options.data.mkdir(mode=0o711, parents=True, exist_ok=True)  # the server may be another user's
    return contextlib.nullcontext(options.data.resolve())


def main():
    options = parse()
    repositories = chosen_repositories(options)
    answers = {name: {} for name in options.variant}
    with folder_of_data(options) as folder:
        supervisor = Supervisor(options, folder)
        with supervisor.running_database():
            for repository in repositories:
                if not options.no_index:
                    supervisor.index(repository, options.index_arguments)
                for name, arguments in options.variant.items():
                    answers[name][repository.name] = measure(supervisor, repository, name,
                                                             arguments)
    variants = {name: summary(options.variant[name], answers[name]) for name in answers}
    absent = {repository.name: repository.absent_targets() for repository in repositories}
    print_table(variants)
    for name, paths in absent.items():
        if paths:
            print(f"{name}: its root does not have {', '.join(paths)}")
    if options.json:
        told = {"variants": variants, "absent_targets": absent}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


main()
