#pragma once

// Which models the settings choose: one a view, the same one for both, or none for one of them; and
// how workers compute with them.

#include <filesystem>

#include "common/error/result.h"
#include "common/model/view_models.h"
#include "common/protocol/worker_setup.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

/// The models that --code-model and --text-model choose; "none" switches a view off. ERRORS
/// kUsage when both are; kModelUnusable as ModelFolder::read.
Result<ViewModels> read_view_models(const Settings& settings);

/// Reads `chosen`, or the bundled model where that is empty, with this machine's cache. ERRORS as
/// ModelFolder::read.
Result<ModelFolder> read_chosen_model(const std::filesystem::path& chosen,
                                      const ModelWishes& wishes);

/// How `settings` have a worker compute, with this machine's cache.
WorkerTuning worker_tuning(const Settings& settings);

/// What `settings` wish of either model: --dimensions and prefixes.
ModelWishes model_wishes(const Settings& settings);

/// Whether `chosen`, a value of --code-model or --text-model, switches its view off.
bool is_off(const std::filesystem::path& chosen);

/// The error of settings that switch both views off.
Error no_view_error();

}  // namespace forkdex
