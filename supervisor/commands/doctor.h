#pragma once

// What `supervisor doctor` says: what this machine offers and what would be chosen.

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/sandbox_support.h"
#include "common/error/result.h"
#include "common/model/view_models.h"
#include "common/pg/connection.h"
#include "supervisor/fleet/sizing.h"
#include "supervisor/settings/settings.h"

namespace forkdex {

struct Processor {
  std::string model;                  ///< as /proc/cpuinfo names it
  std::vector<std::string> features;  ///< of those that speed the model up, the ones it has
};

/// Reads <root>/proc/cpuinfo; what cannot be read stays empty.
Processor read_processor(const std::filesystem::path& root);

struct DatabaseVersions {
  std::string server;    ///< "18.4"
  std::string pgvector;  ///< empty when the database has no extension "vector"
};

/// Asks the server. ERRORS as PgConnection::run.
Result<DatabaseVersions> database_versions(PgConnection& connection);

/// A model that was chosen, and what is found of it; nothing where the view is off.
struct ExaminedModel {
  std::filesystem::path folder;
  std::optional<Result<ModelFolder>> model;
};

/// Reads what `chosen` means (see Settings::code_model), with the overrides of `settings`, and has
/// a worker embed a text by it, which writes prepared weights into the cache folder as a run would.
/// BLOCKS for the worker's start.
ExaminedModel examine_model(const std::filesystem::path& chosen, const Settings& settings);

/// Everything that doctor looked at.
struct Examination {
  MachineLimits limits;
  Processor processor;
  std::string database;  ///< "embedded in FOLDER", or the URL without secrets
  Result<DatabaseVersions> versions;
  PerView<ExaminedModel> models;
  unsigned workers = 1;  ///< what --workers auto comes to
  SandboxSupport sandbox;
  std::string memory_limit;  ///< how a worker's memory is limited: MemoryLimits::name
};

/// A line a subject; what is wrong stands there as its sentence.
std::string examination_text(const Examination& examination);

/// The same as one JSON object and a newline.
std::string examination_json(const Examination& examination);

/// The error that a run would end with before it looks at a file, if any.
Result<void> verdict(const Examination& examination);

/// `supervisor doctor`: examines the machine, the database and the models, and prints what it
/// found. BLOCKS as examine_model, once a model. ERRORS as write_output; the verdict's.
Result<int> run_doctor(const Invocation& invocation);

}  // namespace forkdex
