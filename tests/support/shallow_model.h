#pragma once

// A model that takes a sixth of the work, for cases that index much and ask nothing of vectors but
// that those of two runs agree.

#include <filesystem>

namespace forkdex::test {

/// Makes `folder` a model folder: the bundled model with its first layer alone.
void make_shallow_model(const std::filesystem::path& folder);

/// Whether the bundled model computes by fp32 here, and so takes ten times as long as elsewhere.
bool bundled_model_is_slow();

/// From now on programs that this one starts embed by the model in `folder`, both views; or by the
/// bundled one, if `folder` is empty.
void set_default_model(const std::filesystem::path& folder);

}  // namespace forkdex::test
