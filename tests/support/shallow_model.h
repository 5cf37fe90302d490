#pragma once

// The bundled model, but for one file; and so one that takes a sixth of the work, for cases that
// index much and ask nothing of vectors but that those of two runs agree.

#include <filesystem>
#include <string>

namespace forkdex::test {

/// Fills `folder`, which exists, with links to the bundled model's files, but for `file`, which
/// holds `text` instead.
void link_bundled_model(const std::filesystem::path& folder, const std::string& file,
                        const std::string& text);

/// Makes `folder` a model folder: the bundled model with its first layer alone.
void make_shallow_model(const std::filesystem::path& folder);

/// Whether models compute in fp32 here, unless told otherwise: as `--precision auto` decides, which
/// is not asked because black-box tests know the command line only. It takes ten times as long.
bool computes_in_fp32();

/// From now on programs that this one starts embed by the model in `folder`, both views; or by the
/// bundled one, if `folder` is empty.
void set_default_model(const std::filesystem::path& folder);

}  // namespace forkdex::test
