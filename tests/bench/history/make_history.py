#!/usr/bin/env python3
"""Makes a repository with a history like a project of many hands: make_history.py FOLDER [COMMITS]

Topic branches of a few commits each leave the main line and are merged back, some after others
were, some with changes of the merge's own; files are added, edited, renamed and removed in folders
up to four deep. About 900 files stand at the end. The same arguments give the same history.
"""

import random
import subprocess
import sys
from pathlib import Path

WORDS = ("fix", "add", "remove", "rename", "speed up", "document", "test", "refactor", "revert",
         "query", "model", "template", "cache", "form", "session", "index", "signal", "locale",
         "migration", "router", "loader", "parser", "upload", "cookie", "field", "admin", "view")


class History:
    def __init__(self, stream, commits):
        self.stream = stream
        self.random = random.Random(commits)
        self.commits = commits
        self.made = 0
        self.now = 1_100_000_000
        self.names = 0

    def write(self, text):
        self.stream.write(text.encode())

    def new_path(self):
        self.names += 1
        depth = self.random.randrange(1, 5)
        folders = [f"part{self.random.randrange(12)}" for _ in range(depth)]
        return "/".join(["src", *folders, f"file{self.names}.py"])

    def change(self, files):
        """Changes 1 to 5 files of `files` (content by path) and tells how."""
        lines = []
        for _ in range(self.random.randrange(1, 6)):
            what = self.random.random()
            paths = list(files)
            if len(paths) < 20 or (what < 0.25 and len(paths) < 900) or what < 0.03:
                path = self.new_path()
                files[path] = f"def f{self.names}():\n    return {self.random.random()}\n"
            elif what < 0.06:
                path = self.random.choice(paths)
                del files[path]
                lines.append(f"D {path}\n")
                continue
            elif what < 0.09:
                old, path = self.random.choice(paths), self.new_path()
                files[path] = files.pop(old)
                lines.append(f"D {old}\n")
            else:
                path = self.random.choice(paths)
                files[path] += f"# {self.random.random()}\n"
            lines.append(f"M 100644 inline {path}\ndata {len(files[path])}\n{files[path]}\n")
        return "".join(lines)

    def commit(self, branch, parents, body):
        self.made += 1
        self.now += self.random.randrange(60, 3600)
        message = " ".join(self.random.choices(WORDS, k=8)) + f"\n\nRefs #{self.made}.\n"
        who = f"Author {self.random.randrange(40)} <author@example.org> {self.now} +0100"
        self.write(f"commit refs/heads/{branch}\nmark :{self.made}\nauthor {who}\n"
                   f"committer {who}\ndata {len(message)}\n{message}")
        for key, parent in zip(("from", *["merge"] * 9), parents):
            self.write(f"{key} :{parent}\n")
        self.write(body)
        return self.made

    def take_over(self, ours, base, theirs):
        """Merges `theirs` into `ours`, which wins where both changed a file; tells how."""
        lines = []
        for path in set(base) | set(theirs):
            if theirs.get(path) == base.get(path) or ours.get(path) != base.get(path):
                continue
            if path in theirs:
                ours[path] = theirs[path]
                lines.append(f"M 100644 inline {path}\ndata {len(ours[path])}\n{ours[path]}\n")
            elif path in ours:
                del ours[path]
                lines.append(f"D {path}\n")
        return "".join(lines)

    def run(self):
        files = {}
        head = self.commit("main", [], self.change(files))
        topics = []  # (name, head, files at the base, files)
        while self.made < self.commits:
            choice = self.random.random()
            if choice < 0.08 and len(topics) < 8:
                topics.append([f"topic{self.made}", head, dict(files), dict(files)])
            elif choice < 0.55 and topics:
                topic = self.random.choice(topics)
                topic[1] = self.commit(topic[0], [topic[1]], self.change(topic[3]))
            elif choice < 0.63 and topics:
                topic = topics.pop(self.random.randrange(len(topics)))
                body = self.take_over(files, topic[2], topic[3])
                if self.random.random() < 0.1:
                    body += self.change(files)
                head = self.commit("main", [head, topic[1]], body)
            else:
                head = self.commit("main", [head], self.change(files))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, commits = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    git = ["git", "-C", str(folder)]
    folder.mkdir(parents=True)
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    with subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE) as importer:
        History(importer.stdin, commits).run()
        importer.stdin.close()
    if importer.returncode:
        sys.exit("git fast-import failed")
    subprocess.run([*git, "reset", "-q", "--hard"], check=True)


main()
