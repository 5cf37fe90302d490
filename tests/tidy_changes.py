#!/usr/bin/env python3
"""clang-tidy over the sources that commits changed: tests/tidy_changes.py BUILD-FOLDER [TREE]

The commits are those since FORKDEX_TIDY_BASE or, where it is not set, since the merge base with
origin/main; where that ref does not exist or is HEAD, the last commit alone. A changed header stands
for the source of the same name beside it. BUILD-FOLDER holds compile_commands.json.

Ends 1 on a finding. After FORKDEX_TIDY_SECONDS (120) it stops: a source that it did not reach is
named and is no finding.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AT_A_TIME = 2
TREE = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parent.parent).resolve()


def git(*arguments):
    """What git prints, or None where it fails."""
    done = subprocess.run(["git", *arguments], cwd=TREE, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def commit(name):
    return git("rev-parse", "--verify", "--quiet", name + "^{commit}")


def base():
    """The commit since which sources are looked at, or None for a HEAD without a parent."""
    if named := os.environ.get("FORKDEX_TIDY_BASE"):
        return commit(named) or sys.exit(f"FORKDEX_TIDY_BASE is {named}, which is no commit here")
    if commit("origin/main") not in (None, commit("HEAD")):
        if merge_base := git("merge-base", "origin/main", "HEAD"):
            return merge_base
    return commit("HEAD~1")


def changed_sources(since):
    """The sources that the commits changed: the programs' ahead of the tests', in each those whose
    header alone was changed last."""
    changed = git("diff", "--name-only", "--diff-filter=d", "-z", since, "HEAD", "--", "*.cpp", "*.h")
    paths = [Path(path) for path in changed.split("\0") if path]
    paths.sort(key=lambda path: (path.parts[0] == "tests", path.suffix == ".h"))
    sources = dict.fromkeys(path.with_suffix(".cpp") for path in paths)
    return [path for path in sources if (TREE / path).is_file()]


def compiled_files(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    return {(Path(command["directory"]) / command["file"]).resolve() for command in commands}


def tidy(build, source, deadline):
    """What clang-tidy says of `source`, "" for nothing; None where the deadline comes first."""
    left = deadline - time.monotonic()
    if left <= 0:
        return None
    started = time.monotonic()
    try:
        done = subprocess.run(["clang-tidy-19", "--quiet", "-p", build, TREE / source], cwd=TREE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=left)
    except subprocess.TimeoutExpired:
        return None
    print(f"{time.monotonic() - started:5.0f} s  {source}", flush=True)
    return done.stdout + done.stderr if done.returncode else ""


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = Path(sys.argv[1]).resolve()
    deadline = time.monotonic() + float(os.environ.get("FORKDEX_TIDY_SECONDS", 120))
    since = base()
    if not since:
        print("nothing to check: HEAD has no parent")
        return 0
    sources, compiled = changed_sources(since), compiled_files(build)
    print(f"{len(sources)} sources have changed since {since[:12]}", flush=True)
    for source in sources:
        if (TREE / source).resolve() not in compiled:
            print(f"not checked: {source}, which no target compiles")
    sources = [source for source in sources if (TREE / source).resolve() in compiled]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        said = list(pool.map(lambda source: tidy(build, source, deadline), sources))
    print("".join(filter(None, said)), end="")
    for source, answer in zip(sources, said):
        if answer is None:
            print(f"not checked: {source}, the time was over")
    found = [str(source) for source, answer in zip(sources, said) if answer]
    if found:
        print("clang-tidy has findings in", ", ".join(found))
    return 1 if found else 0


sys.exit(main())
