#pragma once

// A bound for documents from outside: nlohmann::json parses any depth, but copies, prints and
// compares what it holds by recursion, so that a few bytes of brackets would end the process.

#include <nlohmann/json.hpp>

namespace forkdex {

/// What check_json_depth throws; caught wherever malformed JSON is.
class JsonTooDeep : public nlohmann::json::exception {
 public:
  JsonTooDeep() : exception(0, "it is nested too deep") {}
};

/// The callback to give to json::parse(). Throws JsonTooDeep past 64 levels, which no file that
/// forkdex reads comes near.
inline bool check_json_depth(int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
  constexpr int kMaxDepth = 64;
  if (depth > kMaxDepth) throw JsonTooDeep();
  return true;
}

}  // namespace forkdex
