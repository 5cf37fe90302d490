#pragma once

// The models of a run or a question: one a view, the same one for both, or none for one of them.

#include <cstdint>
#include <optional>

#include "common/model_folder.h"
#include "common/result.h"
#include "common/settings.h"
#include "common/view.h"

namespace forkdex {

using ViewModels = PerView<std::optional<ModelFolder>>;

/// What --code-model and --text-model choose; "none" switches a view off. ERRORS kUsage when both
/// are; kModelUnusable as ModelFolder::read.
Result<ViewModels> read_view_models(const Settings& settings);

/// What `settings` wish of either model: --dimensions and prefixes.
ModelWishes model_wishes(const Settings& settings);

/// Whether `chosen`, a value of --code-model or --text-model, switches its view off.
bool is_off(const std::filesystem::path& chosen);

/// What is said when both are.
Error no_view_error();

/// Whether one model serves both views.
bool is_one_model(const ViewModels& models);

/// The view whose model stands for the source: chunks are cut to what it reads.
inline View source_view(const ViewModels& models) {
  return models.code ? View::kCode : View::kText;
}

/// The view whose model embeds what is no chunk: commit messages.
inline View message_view(const ViewModels& models) {
  return models.text ? View::kText : View::kCode;
}

}  // namespace forkdex
