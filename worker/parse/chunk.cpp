#include "worker/parse/chunk.h"

namespace forkdex {

std::string_view name(ChunkKind kind) {
  switch (kind) {
    case ChunkKind::kFunction:
      return "function";
    case ChunkKind::kMethod:
      return "method";
    case ChunkKind::kClass:
      return "class";
    case ChunkKind::kInterface:
      return "interface";
    case ChunkKind::kType:
      return "type";
    case ChunkKind::kEnum:
      return "enum";
    case ChunkKind::kModule:
      return "module";
    case ChunkKind::kText:
      return "text";
  }
  return "text";
}

}  // namespace forkdex
