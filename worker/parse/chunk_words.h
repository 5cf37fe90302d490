#pragma once

#include <string>
#include <string_view>

#include "worker/parse/chunk.h"

namespace forkdex {

/// The words of `chunk`, a piece of the file at `path` whose text view is made, by field: as
/// ChunkWords::tsvector gives them. Pure.
std::string lexemes_of(std::string_view path, const Chunk& chunk);

}  // namespace forkdex
