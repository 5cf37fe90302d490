#pragma once

#include <string>

#include "common/model/view_models.h"

namespace forkdex {

/// What turns bytes into chunks, as one text: a hash over the sources of the chunker, its queries,
/// the language table and the grammars' lock file, made at build time. Known to both programs, so
/// that the supervisor can plan without a grammar.
std::string chunking_recipe();

/// What turns bytes into rows: the chunking recipe, the model by which files are cut, and whether
/// chunks get a text view. A file whose row has another recipe is indexed again even if its bytes
/// are the same.
std::string indexing_recipe(const ViewModels& models);

}  // namespace forkdex
