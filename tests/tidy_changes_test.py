"""Tests of tests/tidy_changes.py, over small repositories with real findings."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "tidy_changes.py"
CLEAN = "int half(int whole) { return whole / 2; }\n"
FINDING = "#include <string>\nint size(std::string text) { return text.empty(); }\n"


class TidyChanges(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(".clang-tidy", "Checks: -*,performance-*\nWarningsAsErrors: '*'\n")
        self.write("old.cpp", FINDING)
        self.write("first.cpp", CLEAN)
        self.commit()

    def git(self, *arguments):
        author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *author, *arguments], cwd=self.tree, check=True,
                       stdout=subprocess.DEVNULL)

    def write(self, name, content):
        (self.tree / name).parent.mkdir(exist_ok=True)
        (self.tree / name).write_text(content)

    def commit(self, name=None, content=None):
        if name:
            self.write(name, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change")

    def run_script(self, **variables):
        commands = [dict(directory=str(self.tree), file=str(source),
                         command=f"c++ -std=c++20 -c {source}")
                    for source in self.tree.rglob("*.cpp") if source.name != "lonely.cpp"]
        with tempfile.TemporaryDirectory() as build:
            (pathlib.Path(build) / "compile_commands.json").write_text(json.dumps(commands))
            done = subprocess.run([sys.executable, SCRIPT, build, self.tree], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={key: value for key, value in os.environ.items()
                                       if not key.startswith("FORKDEX_TIDY_")} | variables)
        return done.returncode, done.stdout

    def test_nothing_to_check_where_head_has_no_parent(self):
        self.assertEqual(self.run_script(), (0, "nothing to check: HEAD has no parent\n"))

    def test_last_commit_alone_without_origin(self):
        self.commit("a.cpp", FINDING)
        self.commit("b.cpp", CLEAN)
        status, said = self.run_script()
        self.assertEqual(status, 0, said)
        self.assertIn("b.cpp", said)
        self.assertNotIn("a.cpp", said)

    def test_last_commit_alone_where_origin_is_head(self):
        self.commit("a.cpp", FINDING)
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.assertEqual(self.run_script()[0], 1)

    def test_every_commit_since_the_merge_base(self):
        self.git("switch", "--quiet", "--create", "topic")
        self.commit("a.cpp", FINDING)
        self.commit("b.cpp", CLEAN)
        self.git("switch", "--quiet", "main")
        self.commit("theirs.cpp", FINDING)
        self.git("update-ref", "refs/remotes/origin/main", "main")
        self.git("switch", "--quiet", "topic")
        status, said = self.run_script()
        self.assertEqual(status, 1, said)
        self.assertIn("performance-unnecessary-value-param", said)
        self.assertTrue(said.endswith("clang-tidy has findings in a.cpp\n"), said)
        self.assertNotIn("theirs.cpp", said)

    def test_base_named(self):
        self.commit("a.cpp", FINDING)
        self.commit("b.cpp", CLEAN)
        self.assertEqual(self.run_script(FORKDEX_TIDY_BASE="HEAD~2")[0], 1)
        status, said = self.run_script(FORKDEX_TIDY_BASE="nowhere")
        self.assertEqual((status, said),
                         (1, "FORKDEX_TIDY_BASE is nowhere, which is no commit here\n"))

    def test_header_stands_for_its_source(self):
        self.commit("in/a.cpp", FINDING)
        self.commit("in/a.h", "#pragma once\n")
        self.assertEqual(self.run_script()[0], 1)

    def test_header_without_source_and_removed_source(self):
        self.commit("a.cpp", FINDING)
        self.git("rm", "--quiet", "a.cpp")
        self.commit("b.h", "#pragma once\n")
        status, said = self.run_script()
        self.assertEqual(status, 0, said)
        self.assertTrue(said.startswith("0 sources"), said)

    def test_source_without_target_is_named(self):
        self.commit("lonely.cpp", FINDING)
        status, said = self.run_script()
        self.assertEqual(status, 0, said)
        self.assertIn("not checked: lonely.cpp, which no target compiles\n", said)

    def test_source_not_reached_is_named_and_passes(self):
        self.commit("a.cpp", FINDING)
        for seconds in ("0", "0.01"):
            status, said = self.run_script(FORKDEX_TIDY_SECONDS=seconds)
            self.assertEqual(status, 0, said)
            self.assertIn("not checked: a.cpp, the time was over\n", said)


unittest.main()
