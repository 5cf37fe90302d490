#include "common/base/languages.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace forkdex {
namespace {

struct Row {
  std::string_view key;
  std::string_view id;
};

// The tables are sorted by key: looked up by binary search, once a file. Keys of the first two are
// in lower case, and fit in any.
constexpr std::array kExtensions = {
    Row{"_js", "javascript"},
    Row{"adoc", "asciidoc"},
    Row{"asm", "assembly"},
    Row{"astro", "astro"},
    Row{"awk", "awk"},
    Row{"bash", "shell"},
    Row{"bat", "batch"},
    Row{"bazel", "starlark"},
    Row{"bib", "bibtex"},
    Row{"bones", "javascript"},
    Row{"bzl", "starlark"},
    Row{"c", "c"},
    Row{"c++", "cpp"},
    Row{"cc", "cpp"},
    Row{"cfg", "ini"},
    Row{"cjs", "javascript"},
    Row{"clj", "clojure"},
    Row{"cljs", "clojure"},
    Row{"cmake", "cmake"},
    Row{"cmd", "batch"},
    Row{"coffee", "coffeescript"},
    Row{"cpp", "cpp"},
    Row{"cs", "csharp"},
    Row{"css", "css"},
    Row{"cts", "typescript"},
    Row{"cu", "cuda"},
    Row{"cuh", "cuda"},
    Row{"cxx", "cpp"},
    Row{"d", "d"},
    Row{"dart", "dart"},
    Row{"diff", "diff"},
    Row{"dockerfile", "dockerfile"},
    Row{"el", "lisp"},
    Row{"elm", "elm"},
    Row{"erl", "erlang"},
    Row{"es", "javascript"},
    Row{"es6", "javascript"},
    Row{"ex", "elixir"},
    Row{"exs", "elixir"},
    Row{"f", "fortran"},
    Row{"f90", "fortran"},
    Row{"fish", "shell"},
    Row{"fs", "fsharp"},
    Row{"fsx", "fsharp"},
    Row{"glsl", "glsl"},
    Row{"go", "go"},
    Row{"gql", "graphql"},
    Row{"gradle", "groovy"},
    Row{"graphql", "graphql"},
    Row{"groovy", "groovy"},
    Row{"gyp", "python"},
    Row{"gypi", "python"},
    Row{"h", "c"},
    Row{"h++", "cpp"},
    Row{"haml", "haml"},
    Row{"hbs", "handlebars"},
    Row{"hcl", "hcl"},
    Row{"hh", "cpp"},
    Row{"hpp", "cpp"},
    Row{"hrl", "erlang"},
    Row{"hs", "haskell"},
    Row{"htm", "html"},
    Row{"html", "html"},
    Row{"hxx", "cpp"},
    Row{"ini", "ini"},
    Row{"ino", "cpp"},
    Row{"ipynb", "json"},
    Row{"jake", "javascript"},
    Row{"java", "java"},
    Row{"javascript", "javascript"},
    Row{"jl", "julia"},
    Row{"js", "javascript"},
    Row{"jsb", "javascript"},
    Row{"jscad", "javascript"},
    Row{"jsfl", "javascript"},
    Row{"jslib", "javascript"},
    Row{"jsm", "javascript"},
    Row{"json", "json"},
    Row{"json5", "json"},
    Row{"jsonc", "json"},
    Row{"jsonl", "json"},
    Row{"jspre", "javascript"},
    Row{"jss", "javascript"},
    Row{"jsx", "jsx"},
    Row{"kt", "kotlin"},
    Row{"kts", "kotlin"},
    Row{"less", "less"},
    Row{"lisp", "lisp"},
    Row{"lmi", "python"},
    Row{"lua", "lua"},
    Row{"m", "objectivec"},
    Row{"markdown", "markdown"},
    Row{"md", "markdown"},
    Row{"mdx", "markdown"},
    Row{"mjs", "javascript"},
    Row{"mk", "make"},
    Row{"ml", "ocaml"},
    Row{"mli", "ocaml"},
    Row{"mm", "objectivec"},
    Row{"mts", "typescript"},
    Row{"nim", "nim"},
    Row{"nix", "nix"},
    Row{"njs", "javascript"},
    Row{"pac", "javascript"},
    Row{"pas", "pascal"},
    Row{"patch", "diff"},
    Row{"php", "php"},
    Row{"pl", "perl"},
    Row{"pm", "perl"},
    Row{"po", "gettext"},
    Row{"pot", "gettext"},
    Row{"properties", "properties"},
    Row{"proto", "protobuf"},
    Row{"ps1", "powershell"},
    Row{"psm1", "powershell"},
    Row{"pug", "pug"},
    Row{"py", "python"},
    Row{"py3", "python"},
    Row{"pyde", "python"},
    Row{"pyi", "python"},
    Row{"pyp", "python"},
    Row{"pyt", "python"},
    Row{"pyw", "python"},
    Row{"r", "r"},
    Row{"rake", "ruby"},
    Row{"rb", "ruby"},
    Row{"rpy", "python"},
    Row{"rs", "rust"},
    Row{"rst", "rst"},
    Row{"s", "assembly"},
    Row{"sass", "sass"},
    Row{"sbt", "scala"},
    Row{"scala", "scala"},
    Row{"scm", "scheme"},
    Row{"scss", "scss"},
    Row{"sh", "shell"},
    Row{"sjs", "javascript"},
    Row{"smk", "python"},
    Row{"snakefile", "python"},
    Row{"sol", "solidity"},
    Row{"sql", "sql"},
    Row{"ssjs", "javascript"},
    Row{"star", "starlark"},
    Row{"sv", "systemverilog"},
    Row{"svelte", "svelte"},
    Row{"svg", "xml"},
    Row{"swift", "swift"},
    Row{"tac", "python"},
    Row{"tcl", "tcl"},
    Row{"tex", "latex"},
    Row{"tf", "hcl"},
    Row{"toml", "toml"},
    Row{"ts", "typescript"},
    Row{"tsx", "tsx"},
    Row{"txt", "text"},
    Row{"v", "verilog"},
    Row{"vb", "visualbasic"},
    Row{"vhd", "vhdl"},
    Row{"vhdl", "vhdl"},
    Row{"vim", "vim"},
    Row{"vue", "vue"},
    Row{"wsgi", "python"},
    Row{"xhtml", "html"},
    Row{"xml", "xml"},
    Row{"xpy", "python"},
    Row{"xsd", "xml"},
    Row{"xsjs", "javascript"},
    Row{"xsjslib", "javascript"},
    Row{"xsl", "xml"},
    Row{"yaml", "yaml"},
    Row{"yml", "yaml"},
    Row{"zig", "zig"},
    Row{"zsh", "shell"},
};

constexpr std::array kFileNames = {
    Row{".bash_profile", "shell"},   Row{".bashrc", "shell"},
    Row{".gclient", "python"},       Row{".profile", "shell"},
    Row{".pythonrc", "python"},      Row{".vimrc", "vim"},
    Row{".zshrc", "shell"},          Row{"brewfile", "ruby"},
    Row{"cmakelists.txt", "cmake"},  Row{"containerfile", "dockerfile"},
    Row{"dockerfile", "dockerfile"}, Row{"gemfile", "ruby"},
    Row{"gnumakefile", "make"},      Row{"jakefile", "javascript"},
    Row{"jenkinsfile", "groovy"},    Row{"justfile", "make"},
    Row{"makefile", "make"},         Row{"rakefile", "ruby"},
    Row{"sconscript", "python"},     Row{"sconstruct", "python"},
    Row{"snakefile", "python"},      Row{"vagrantfile", "ruby"},
    Row{"wscript", "python"},
};

/// In this case alone: "build" and "deps" are names of scripts too.
constexpr std::array kExactNames = {
    Row{"BUCK", "starlark"},     Row{"BUILD", "starlark"},     Row{"DEPS", "python"},
    Row{"Tiltfile", "starlark"}, Row{"WORKSPACE", "starlark"},
};

static_assert(std::ranges::is_sorted(kExtensions, {}, &Row::key));
static_assert(std::ranges::is_sorted(kFileNames, {}, &Row::key));
static_assert(std::ranges::is_sorted(kExactNames, {}, &Row::key));

constexpr std::string_view kUnknown = "text";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

template <std::size_t N>
const Row* find(const std::array<Row, N>& table, std::string_view key) {
  const auto row = std::ranges::lower_bound(table, key, {}, &Row::key);
  return row != table.end() && row->key == key ? &*row : nullptr;
}

const Row* row_of(std::string_view path) {
  const std::string_view written = path.substr(path.rfind('/') + 1);
  if (const Row* row = find(kExactNames, written)) return row;
  const std::string name = lower(written);
  if (const Row* row = find(kFileNames, name)) return row;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return nullptr;  // ".py" is a hidden file's name
  return find(kExtensions, std::string_view(name).substr(dot + 1));
}

}  // namespace

std::string_view language_of(std::string_view path) {
  const Row* row = row_of(path);
  return row ? row->id : kUnknown;
}

bool name_says_language(std::string_view path) { return row_of(path) != nullptr; }

std::optional<std::string_view> language_with_id(std::string_view id) {
  if (id == kUnknown) return kUnknown;
  for (const std::span<const Row> table :
       {std::span<const Row>(kExtensions), std::span<const Row>(kFileNames)}) {
    const auto row = std::ranges::find(table, id, &Row::id);
    if (row != table.end()) return row->id;
  }
  return std::nullopt;
}

bool is_language(std::string_view id) { return language_with_id(id).has_value(); }

std::string excluded_by_content(std::string_view language) {
  return "its content is " + std::string(language);
}

}  // namespace forkdex
