#pragma once

// What a definition is called, read from what the source writes before its value. Pure.

#include <string>
#include <string_view>

namespace forkdex {

/// A name as source writes it: `area`, `Shape.area`, `'quoted key'`, `[Symbol.iterator]`.
struct WrittenName {
  std::string last;  ///< what the definition is called
  std::string full;  ///< with what the source puts before it
};

/// Reads a property's key or what a function or class is assigned to. Of `a.b`, `a['b']`, `a?.b`,
/// `a!.b`, `(a as T).b`, `(<T>a).b` and the like the name is `a.b`; that of `a[b.c]` is `a[b.c]`.
/// Everything else is called what is written. Names are capped at 200 bytes.
WrittenName read_name(std::string_view text);

/// Whether `text`, what something is assigned to, ends with a subscript that is another at each
/// run, as in `a[b.c]`; not one that is a constant by its name, as in `a[Symbol.iterator]`.
bool is_known_at_run_time(std::string_view text);

}  // namespace forkdex
