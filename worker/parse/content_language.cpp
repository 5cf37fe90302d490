#include "worker/parse/content_language.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/base/languages.h"
#include "worker/parse/modeline.h"
#include "worker/parse/shebang.h"

namespace forkdex {
namespace {

struct Row {
  std::string_view key;
  std::string_view id;
};

/// Programs that run scripts, without their versions (d8 and v8 are V8's). Deno, Bun and the like
/// run TypeScript, of which JavaScript is a part.
constexpr std::array kInterpreters = {
    Row{"Rscript", "r"},
    Row{"ash", "shell"},
    Row{"awk", "awk"},
    Row{"bash", "shell"},
    Row{"bun", "typescript"},
    Row{"chakra", "javascript"},
    Row{"clisp", "lisp"},
    Row{"coffee", "coffeescript"},
    Row{"csi", "csharp"},
    Row{"d", "javascript"},
    Row{"dart", "dart"},
    Row{"dash", "shell"},
    Row{"deno", "typescript"},
    Row{"ecl", "lisp"},
    Row{"elixir", "elixir"},
    Row{"escript", "erlang"},
    Row{"expect", "tcl"},
    Row{"fish", "shell"},
    Row{"gawk", "awk"},
    Row{"gjs", "javascript"},
    Row{"groovy", "groovy"},
    Row{"guile", "scheme"},
    Row{"ipython", "python"},
    Row{"jruby", "ruby"},
    Row{"js", "javascript"},
    Row{"jsc", "javascript"},
    Row{"julia", "julia"},
    Row{"jython", "python"},
    Row{"kotlin", "kotlin"},
    Row{"ksh", "shell"},
    Row{"lisp", "lisp"},
    Row{"littler", "r"},
    Row{"lua", "lua"},
    Row{"luajit", "lua"},
    Row{"macruby", "ruby"},
    Row{"make", "make"},
    Row{"mawk", "awk"},
    Row{"micropython", "python"},
    Row{"mksh", "shell"},
    Row{"nawk", "awk"},
    Row{"node", "javascript"},
    Row{"nodejs", "javascript"},
    Row{"nu", "shell"},
    Row{"ocaml", "ocaml"},
    Row{"openrc-run", "shell"},
    Row{"pdksh", "shell"},
    Row{"perl", "perl"},
    Row{"php", "php"},
    Row{"pwsh", "powershell"},
    Row{"py", "python"},
    Row{"pypy", "python"},
    Row{"python", "python"},
    Row{"pythonw", "python"},
    Row{"qjs", "javascript"},
    Row{"r", "r"},
    Row{"rake", "ruby"},
    Row{"rc", "shell"},
    Row{"rhino", "javascript"},
    Row{"ruby", "ruby"},
    Row{"runghc", "haskell"},
    Row{"runhaskell", "haskell"},
    Row{"sbcl", "lisp"},
    Row{"scala", "scala"},
    Row{"sh", "shell"},
    Row{"swift", "swift"},
    Row{"tclsh", "tcl"},
    Row{"ts-node", "typescript"},
    Row{"ts-node-esm", "typescript"},
    Row{"tsx", "typescript"},
    Row{"v", "javascript"},
    Row{"v8-shell", "javascript"},
    Row{"wish", "tcl"},
    Row{"zsh", "shell"},
    Row{"zx", "javascript"},
};

/// Modes of Emacs and Vim whose names are not the languages'.
constexpr std::array kModes = {
    Row{"bash", "shell"},
    Row{"bzl", "starlark"},
    Row{"c++", "cpp"},
    Row{"conf", "ini"},
    Row{"cperl", "perl"},
    Row{"cs", "csharp"},
    Row{"dosbatch", "batch"},
    Row{"dosini", "ini"},
    Row{"ecmascript", "javascript"},
    Row{"emacs-lisp", "lisp"},
    Row{"ess-r", "r"},
    Row{"gfm", "markdown"},
    Row{"javascriptreact", "jsx"},
    Row{"jinja", "html"},
    Row{"js", "javascript"},
    Row{"js-jsx", "jsx"},
    Row{"js2", "javascript"},
    Row{"js3", "javascript"},
    Row{"jsonc", "json"},
    Row{"makefile", "make"},
    Row{"makefile-gmake", "make"},
    Row{"mhtml", "html"},
    Row{"node", "javascript"},
    Row{"nxml", "xml"},
    Row{"objc", "objectivec"},
    Row{"ps1", "powershell"},
    Row{"py", "python"},
    Row{"python2", "python"},
    Row{"python3", "python"},
    Row{"rest", "rst"},
    Row{"rjsx", "jsx"},
    Row{"sh", "shell"},
    Row{"shell-script", "shell"},
    Row{"terraform", "hcl"},
    Row{"tex", "latex"},
    Row{"ts", "typescript"},
    Row{"typescript-tsx", "tsx"},
    Row{"typescriptreact", "tsx"},
    Row{"web", "html"},
    Row{"zsh", "shell"},
};
static_assert(std::ranges::is_sorted(kInterpreters, {}, &Row::key));
static_assert(std::ranges::is_sorted(kModes, {}, &Row::key));

template <std::size_t N>
std::optional<std::string_view> find(const std::array<Row, N>& table, std::string_view key) {
  const auto row = std::ranges::lower_bound(table, key, {}, &Row::key);
  if (row == table.end() || row->key != key) return std::nullopt;
  return row->id;
}

std::optional<std::string_view> language_of_mode(std::string_view mode) {
  for (const std::string_view end : {"-mode", "-ts"}) {
    if (mode.ends_with(end)) mode.remove_suffix(end.size());
  }
  const auto known = find(kModes, mode);
  return known ? known : language_with_id(mode);
}

/// The characters of UTF-16 that are ASCII, which is what these lines are written in.
std::string ascii_of_utf16(std::string_view bytes, std::size_t low_byte) {
  std::string text;
  for (std::size_t i = 2; i + 1 < bytes.size(); i += 2) {
    const char low = bytes[i + low_byte];
    text += bytes[i + 1 - low_byte] == '\0' && low > 0 ? low : '?';
  }
  return text;
}

}  // namespace

std::optional<std::string_view> language_of_content(std::string_view text) {
  if (const std::string mode = editor_mode_of(text); !mode.empty()) {
    if (const auto language = language_of_mode(mode)) return language;
  }
  if (const std::string program = interpreter_of(text); !program.empty())
    return find(kInterpreters, program);
  if (text.starts_with("<?xml ")) return "xml";
  return std::nullopt;
}

std::string_view language_of_file(std::string_view path, std::string_view bytes) {
  const std::string_view by_name = language_of(path);
  if (name_says_language(path)) return by_name;
  if (bytes.starts_with("\xFF\xFE"))
    return language_of_content(ascii_of_utf16(bytes, 0)).value_or(by_name);
  if (bytes.starts_with("\xFE\xFF"))
    return language_of_content(ascii_of_utf16(bytes, 1)).value_or(by_name);
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  return language_of_content(bytes).value_or(by_name);
}

}  // namespace forkdex
