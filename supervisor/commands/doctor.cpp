#include "supervisor/commands/doctor.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/path_text.h"
#include "common/base/terminal_text.h"
#include "common/pg/conninfo.h"
#include "supervisor/answer/query_embedding.h"
#include "supervisor/database/access.h"
#include "supervisor/fleet/memory_limits.h"
#include "supervisor/installation/locations.h"
#include "supervisor/settings/chosen_models.h"
#include "supervisor/terminal/output.h"

namespace forkdex {
namespace {

constexpr std::array<std::string_view, 6> kFeatures = {"avx2",        "avx512f",  "avx512_vnni",
                                                       "avx512_bf16", "amx_bf16", "amx_int8"};

std::string gibibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(1ULL << 30));
}

std::string cores_text(const MachineLimits& limits) {
  if (limits.cores == limits.machine_cores) return std::to_string(limits.cores);
  return fmt::format("{} of {} (affinity or cgroup quota)", limits.cores, limits.machine_cores);
}

std::string memory_text(const MachineLimits& limits) {
  std::string text = fmt::format("{}, {} available", gibibytes(limits.total_bytes),
                                 gibibytes(limits.available_bytes));
  if (limits.cgroup_bytes != 0)
    text +=
        fmt::format(", cgroup {} allows {}", limits.cgroup_version, gibibytes(limits.cgroup_bytes));
  return text;
}

std::string versions_text(const Result<DatabaseVersions>& versions) {
  if (!versions) return versions.error().text();
  return fmt::format("PostgreSQL {}, {}", versions->server,
                     versions->pgvector.empty() ? "no pgvector" : "pgvector " + versions->pgvector);
}

std::string model_text(const Result<ModelFolder>& model) {
  if (!model) return model.error().text();
  return fmt::format("{} ({}, {} dimensions, {} tokens)", model->name, model->architecture,
                     model->dimension, model->max_tokens);
}

nlohmann::ordered_json model_json(const ExaminedModel& examined) {
  if (!examined.model) return nullptr;
  nlohmann::ordered_json json = {{"folder", escape_path(examined.folder.native())}};
  const Result<ModelFolder>& model = *examined.model;
  if (model) {
    json["name"] = model->name;
    json["architecture"] = model->architecture;
    json["dimension"] = model->dimension;
    json["max_tokens"] = model->max_tokens;
  } else {
    json["problem"] = model.error().text();
  }
  return json;
}

}  // namespace

ExaminedModel examine_model(const std::filesystem::path& chosen, const Settings& settings) {
  if (is_off(chosen)) return {};
  auto model = read_chosen_model(chosen, model_overrides(settings));
  if (model)
    if (auto vector = embed_query(worker_executable(), *model, worker_tuning(settings), "doctor");
        !vector)
      model = vector.error();
  return {chosen.empty() ? default_model_folder() : chosen, std::move(model)};
}

Processor read_processor(const std::filesystem::path& root) {
  std::ifstream stream(root / "proc/cpuinfo");
  Processor processor;
  for (std::string line; std::getline(stream, line) && !line.empty();) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    if (line.starts_with("model name"))
      processor.model = line.substr(std::min(colon + 2, line.size()));
    if (!line.starts_with("flags")) continue;
    std::istringstream flags(line.substr(colon + 1));
    const std::vector<std::string> all((std::istream_iterator<std::string>(flags)), {});
    for (const std::string_view feature : kFeatures)
      if (std::find(all.begin(), all.end(), feature) != all.end())
        processor.features.emplace_back(feature);
  }
  return processor;
}

Result<DatabaseVersions> database_versions(PgConnection& connection) {
  const Result<PgRows> rows = connection.run(
      "SELECT split_part(current_setting('server_version'), ' ', 1),"
      " coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), '')");
  if (!rows) return rows.error();
  return DatabaseVersions{std::string(rows->text(0, 0)), std::string(rows->text(0, 1))};
}

std::string examination_text(const Examination& e) {
  std::string text;
  const auto add = [&](std::string_view label, std::string_view value) {
    text += fmt::format("{:<12}{}\n", label, printable(value));
  };
  add("forkdex", FORKDEX_VERSION);
  add("cores", cores_text(e.limits));
  add("memory", memory_text(e.limits));
  add("processor", e.processor.model.empty() ? "unknown" : e.processor.model);
  add("features", e.processor.features.empty()
                      ? "none that the model could use"
                      : fmt::format("{}", fmt::join(e.processor.features, " ")));
  add("database", e.database);
  add("", versions_text(e.versions));
  for (const View view : kViews) {
    const ExaminedModel& examined = e.models[view];
    const std::string_view label = view == View::kCode ? "code model" : "text model";
    add(label, examined.model ? escape_path(examined.folder.native()) : "none");
    if (examined.model) add("", model_text(*examined.model));
  }
  add("workers", fmt::format("{} (--workers auto)", e.workers));
  const std::uint64_t bytes = choose_memory_per_worker(e.workers, e.limits.memory_bytes());
  add("",
      fmt::format("{} MiB each (--memory-per-worker auto), by {}", bytes >> 20, e.memory_limit));
  add("sandbox", describe(e.sandbox));
  return text;
}

std::string examination_json(const Examination& e) {
  using Json = nlohmann::ordered_json;
  Json database = {{"name", e.database}};
  if (e.versions) {
    database["server"] = e.versions->server;
    database["pgvector"] =
        e.versions->pgvector.empty() ? Json(nullptr) : Json(e.versions->pgvector);
  } else {
    database["problem"] = e.versions.error().text();
  }
  const MachineLimits& limits = e.limits;
  const Json answer = {
      {"version", FORKDEX_VERSION},
      {"cores", {{"machine", limits.machine_cores}, {"usable", limits.cores}}},
      {"memory",
       {{"total_bytes", limits.total_bytes},
        {"available_bytes", limits.available_bytes},
        {"cgroup_bytes", limits.cgroup_bytes == 0 ? Json(nullptr) : Json(limits.cgroup_bytes)}}},
      {"processor", {{"model", e.processor.model}, {"features", e.processor.features}}},
      {"database", std::move(database)},
      {"code_model", model_json(e.models.code)},
      {"text_model", model_json(e.models.text)},
      {"workers", e.workers},
      {"memory_per_worker_bytes", choose_memory_per_worker(e.workers, e.limits.memory_bytes())},
      {"memory_limit", e.memory_limit},
      {"sandbox",
       {{"landlock_abi", e.sandbox.landlock_abi}, {"system_call_filter", e.sandbox.seccomp}}}};
  return answer.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<void> verdict(const Examination& examination) {
  if (!examination.versions) return examination.versions.error();
  for (const View view : kViews)
    if (const auto& model = examination.models[view].model; model && !*model) return model->error();
  if (!examination.models.code.model && !examination.models.text.model) return no_view_error();
  return {};
}

Result<int> run_doctor(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  // First, as a run does: with an embedded server in it, our group could not be divided.
  const std::string_view memory_limit = MemoryLimits::name(MemoryLimits::open("/").kind());
  auto database = DatabaseAccess::open(settings.database_url, "forkdex doctor");
  const MachineLimits limits = machine_limits();
  const ExaminedModel code_model = examine_model(settings.code_model, settings);
  const Examination examination{
      .limits = limits,
      .processor = read_processor("/"),
      .database = database                        ? database->description()
                  : settings.database_url.empty() ? "embedded PostgreSQL"
                                                  : describe_database(settings.database_url),
      .versions = database ? database_versions(database->connection())
                           : Result<DatabaseVersions>(database.error()),
      .models = {code_model, settings.text_model == settings.code_model
                                 ? code_model
                                 : examine_model(settings.text_model, settings)},
      .workers = choose_workers(limits.cores, limits.memory_bytes()),
      .sandbox = sandbox_support(),
      .memory_limit = std::string(memory_limit),
  };
  const auto written =
      write_output(settings.json ? examination_json(examination) : examination_text(examination));
  if (!written) return written.error();
  if (auto fit = verdict(examination); !fit) return fit.error();
  return kExitOk;
}

}  // namespace forkdex
