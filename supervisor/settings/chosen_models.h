#pragma once

// The models that the settings choose: one for each view, one for both views, or none for one view;
// and how workers compute with them.

#include <filesystem>

#include "common/error/result.h"
#include "common/model/view_models.h"
#include "common/protocol/worker_setup.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// Reads the models that --code-model and --text-model choose; "none" disables a view. ERRORS
/// kUsage when both views are disabled; kModelUnusable as ModelFolder::read.
Result<ViewModels> read_view_models(const Settings& settings);

/// Reads `chosen`, or the bundled model where that is empty, with this machine's cache. ERRORS as
/// ModelFolder::read.
Result<ModelFolder> read_chosen_model(const std::filesystem::path& chosen,
                                      const ModelOverrides& overrides);

/// Returns how a worker computes under `settings`, with this machine's cache.
WorkerTuning worker_tuning(const Settings& settings);

/// Returns what `settings` override in the folder of either model: --dimensions and prefixes.
ModelOverrides model_overrides(const Settings& settings);

/// Whether `chosen`, a value of --code-model or --text-model, disables its view.
bool is_off(const std::filesystem::path& chosen);

/// Returns the error of settings that disable both views.
Error no_view_error();

}  // namespace forkdex
