#!/usr/bin/env python3
"""Checks of the tree itself: tests/lint.py CHECK [BINARY-FOLDER].

format    sources stand as clang-format leaves them
includes  a room includes only what its row of ROOMS grants; torch and tree-sitter have one room each
documents every repository path that a document names exists
sizes     no source file has outgrown a reader
links     the supervisor program holds neither libtorch nor tree-sitter
"""

import itertools
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 450
TOP_FOLDERS = ("common", "deploy", "docs", "supervisor", "tests", "worker", ".ci")

# The rooms of the house, each with those it may include beside itself: arrows run downward only.
# A file belongs to the room with the longest name that its path begins with. A name grants the room
# with all rooms inside it; "ROOM/*" grants the files of that room alone.
ROOMS = {
    "common/error": "",
    "common/base": "common/error",
    "common/error/faults": "common/error common/base",
    "common/pg": "common/error common/base",
    "common/model": "common/error common/base",
    "common/jobs": "common/error common/base",
    "common/words": "common/error common/base",
    "common/protocol": "common/error common/base common/model common/jobs",
    "supervisor/terminal": "common",
    "supervisor/installation": "common",
    "supervisor/process": "common",
    "supervisor/settings": "common supervisor/terminal supervisor/installation",
    "supervisor/fleet": "common supervisor/terminal supervisor/installation supervisor/process",
    "supervisor/repository": "common supervisor/terminal supervisor/installation supervisor/process "
                             "supervisor/repository",
    "supervisor/repository/git": "common supervisor/process supervisor/repository/*",
    "supervisor/repository/worktree": "common supervisor/repository/* supervisor/repository/git",
    "supervisor/repository/history": "common supervisor/repository/* supervisor/repository/git",
    "supervisor/repository/remote": "common supervisor/terminal supervisor/installation "
                                    "supervisor/process supervisor/repository/* "
                                    "supervisor/repository/git",
    "supervisor/database/server": "common supervisor/terminal supervisor/installation "
                                  "supervisor/process",
    # Commits and their ids are the repository's words; its rows are made of nothing else of it.
    "supervisor/database": "common supervisor/terminal supervisor/installation supervisor/process "
                           "supervisor/database/server supervisor/repository/commit.h",
    "supervisor/run": "common supervisor/terminal supervisor/installation supervisor/process "
                      "supervisor/settings supervisor/fleet supervisor/repository "
                      "supervisor/database supervisor/run",
    "supervisor/run/phases": "common supervisor/terminal supervisor/installation "
                             "supervisor/process supervisor/settings supervisor/fleet "
                             "supervisor/repository supervisor/database supervisor/run/* "
                             "supervisor/run/output",
    "supervisor/run/output": "common supervisor/terminal supervisor/installation "
                             "supervisor/settings supervisor/database "
                             "supervisor/run/*",
    "supervisor/answer": "common supervisor/terminal supervisor/installation supervisor/fleet "
                         "supervisor/database",
    "supervisor/commands": "common supervisor",
    "supervisor": "common supervisor",
    "worker/parse": "common",
    "worker/embed": "common worker/embed",
    "worker/store": "common worker/parse",
    "worker/sandbox": "common",
    "worker/read": "common",
    "worker/jobs": "common worker/job_handler.h worker/parse worker/embed worker/store worker/read",
    "worker": "common worker",
    "tests/blackbox": "tests",
    "tests/support": "tests/support",
}

# Libraries that belong to one room.
LIBRARIES = {r"<(torch|ATen|c10)/": "worker/embed/", r"<tree_sitter/": "worker/parse/"}


def files(*patterns):
    """The files of the working tree that git tracks or would add, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for path in sorted(set(listed.split("\0"))) if (ROOT / path).is_file()]


def check_format(_):
    sources = files("*.cpp", "*.h")
    done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *sources],
                          cwd=ROOT, capture_output=True, text=True)
    yield from (line for line in done.stderr.splitlines() if "error:" in line)
    if done.returncode and not done.stderr:
        yield f"clang-format-19 ended {done.returncode}"


def within(path, room):
    if room.endswith("/*"):
        return str(Path(path).parent) == room[:-2]
    return path == room or path.startswith(room + "/")


def room_of(path):
    return max((room for room in ROOMS if within(path, room)), key=len, default=None)


def may_include(room, path):
    """Whether a file of `room` may include the file at `path`."""
    return any(within(path, allowed) for allowed in [room, *ROOMS[room].split()])


def check_includes(_):
    for path in files("*.cpp", "*.h"):
        room = room_of(path)
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            ours = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if ours and room and "/" in ours[1] and not may_include(room, ours[1]):
                yield f"{path}:{number}: {room} must not include {ours[1]}"
            for library, owner in LIBRARIES.items():
                if re.match(r"\s*#\s*include\s+" + library, line) and not path.startswith(owner):
                    yield f"{path}:{number}: only {owner} may include {line.split()[-1]}"


def braces(text):
    """`a/{b,c}.h` -> `a/b.h`, `a/c.h`."""
    parts = [part[1:-1].split(",") if part.startswith("{") else [part]
             for part in re.split(r"(\{[^{}]*\})", text)]
    return ["".join(combination) for combination in itertools.product(*parts)]


def exists(base, path):
    return any(base.glob(path)) if re.search(r"[*?\[]", path) else (base / path).exists()


def check_documents(_):
    for document in files("*.md"):
        fenced = False
        for number, line in enumerate((ROOT / document).read_text().splitlines(), 1):
            fenced ^= line.lstrip().startswith("```")
            here = f"{document}:{number}"
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if not fenced and "://" not in target:
                    if not exists((ROOT / document).parent, target):
                        yield f"{here}: links to {target}, which does not exist"
            spans = [line] if fenced else re.findall(r"`([^`]+)`", line)
            for word in itertools.chain.from_iterable(span.split() for span in spans):
                word = re.sub(r"(:\d+)?[.,;:)]*$", "", word.lstrip("("))
                if word.split("/")[0] not in TOP_FOLDERS or "/" not in word:
                    continue
                if re.search(r"[…<>$()|]|\.\.\.", word):
                    continue  # a pattern for the reader, not a path
                for path in braces(word):
                    if not exists(ROOT, path):
                        yield f"{here}: names {path}, which does not exist"


def check_sizes(_):
    for path in files("*.cpp", "*.h", "*.py", "tests/run", "deploy/setup"):
        lines = (ROOT / path).read_text().splitlines()
        generated = any("Generated by" in line for line in lines[:5])
        if len(lines) > MAX_LINES and not generated:
            yield f"{path}: {len(lines)} lines, more than {MAX_LINES}: split it by concept"


def check_links(binaries):
    """What each program must do without: the worker loads libtorch where it embeds."""
    rules = {"supervisor": (r"torch|libc10|tree.sitter",
                            r"\b(at|c10|torch)::|\bts_parser_|\btree_sitter_"),
             "worker": (r"torch|libc10", r"\b(at|c10|torch)::")}
    for name, (linked, held) in rules.items():
        program = str(Path(binaries) / name)
        libraries = subprocess.run(["ldd", program], check=True, capture_output=True,
                                   text=True).stdout
        symbols = subprocess.run(["nm", "--demangle", program], check=True, capture_output=True,
                                 text=True).stdout
        if "main" not in symbols:
            yield f"{program} has no symbols to check"
        for line in libraries.splitlines():
            if re.search(linked, line):
                yield f"{program} links {line.strip()}"
        for line in symbols.splitlines():
            if re.search(held, line):
                yield f"{program} holds {line.strip()}"


def main():
    if len(sys.argv) < 2 or f"check_{sys.argv[1]}" not in globals():
        sys.exit(__doc__)
    name, argument = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    problems = list(globals()[f"check_{name}"](argument))
    print("\n".join(problems) or f"{name}: nothing to report")
    sys.exit(bool(problems))


main()
