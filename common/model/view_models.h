#pragma once

// The models of a run or a question: one a view, the same one for both, or none for one of them.

#include <cstdint>
#include <optional>

#include "common/model/model_folder.h"
#include "common/model/view.h"

namespace forkdex {

using ViewModels = PerView<std::optional<ModelFolder>>;

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
