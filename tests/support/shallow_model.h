#pragma once

// A model that takes a sixth of the work, for cases that index much and ask nothing of vectors but
// that those of two runs agree.

#include <filesystem>

namespace forkdex::test {

/// Makes `folder` a model folder: the bundled model with its first layer alone.
void make_shallow_model(const std::filesystem::path& folder);

/// Whether models compute in fp32 here, unless told otherwise: as `--precision auto` decides, which
/// is not asked because black-box tests know the command line only. It takes ten times as long.
bool computes_in_fp32();

/// From now on programs that this one starts embed by the model in `folder`, both views; or by the
/// bundled one, if `folder` is empty.
void set_default_model(const std::filesystem::path& folder);

}  // namespace forkdex::test
