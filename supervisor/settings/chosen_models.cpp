#include "supervisor/settings/chosen_models.h"

#include "supervisor/installation/locations.h"

namespace forkdex {
namespace {

constexpr const char* kOff = "none";

}  // namespace

bool is_off(const std::filesystem::path& chosen) { return chosen == kOff; }

Error no_view_error() {
  return {ErrorCode::kUsage,
          "--code-model and --text-model are both none, so no chunk can be embedded; give a model "
          "folder for one of them, or leave one out",
          ""};
}

Result<ViewModels> read_view_models(const Settings& settings) {
  const PerView<const std::filesystem::path*> chosen = {&settings.code_model, &settings.text_model};
  if (is_off(*chosen.code) && is_off(*chosen.text)) return no_view_error();
  ViewModels models;
  for (const View view : kViews) {
    if (is_off(*chosen[view])) continue;
    if (view == View::kText && models.code && *chosen.text == *chosen.code) {
      models.text = models.code;
      continue;
    }
    auto model = read_chosen_model(*chosen[view], model_overrides(settings));
    if (!model) return model.error();
    models[view] = *std::move(model);
  }
  return models;
}

Result<ModelFolder> read_chosen_model(const std::filesystem::path& chosen,
                                      const ModelOverrides& overrides) {
  const auto cache = cache_folder();
  return ModelFolder::read(chosen.empty() ? default_model_folder() : chosen,
                           cache ? *cache : std::filesystem::path(), overrides);
}

WorkerTuning worker_tuning(const Settings& settings) {
  WorkerTuning tuning;
  tuning.batch_tokens = settings.batch_tokens;
  tuning.precision = settings.precision;
  if (const auto cache = cache_folder()) tuning.cache_folder = cache->string();
  return tuning;
}

ModelOverrides model_overrides(const Settings& settings) {
  return {settings.dimensions, settings.query_prefix, settings.document_prefix};
}

}  // namespace forkdex
