#pragma once

// Python's docstrings as Python reads them: ast.get_docstring(node, clean=True) of 3.11. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace forkdex {

/// The docstring that `statement`, the first one of a module, class or function, is: the value of
/// its string literals without the indentation of the source. Nothing where the statement is
/// something else, such as an f-string, bytes, a tuple or a call. What UTF-8 or PostgreSQL's text
/// cannot hold (surrogates, U+0000) becomes U+FFFD.
std::optional<std::string> python_docstring(std::string_view statement);

}  // namespace forkdex
