#include "common/protocol/worker_setup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/io.h"

namespace forkdex {
namespace {

// Paths are bytes; text in CBOR must be UTF-8, so they cross as byte strings.
nlohmann::json raw(const std::string& bytes) {
  return nlohmann::json::binary(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

std::string text_of(const nlohmann::json& value) {
  const auto& binary = value.get_binary();
  return {binary.begin(), binary.end()};
}

nlohmann::json list_of(const std::vector<std::string>& all) {
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& bytes : all) list.push_back(raw(bytes));
  return list;
}

nlohmann::json model_json(const std::optional<ModelFolder>& model) {
  if (!model) return nullptr;
  return {{"path", raw(model->path.string())},   {"name", raw(model->name)},
          {"architecture", model->architecture}, {"dimension", model->dimension},
          {"max_tokens", model->max_tokens},     {"pooling", model->pooling},
          {"query_prefix", model->query_prefix}, {"document_prefix", model->document_prefix},
          {"normalize", model->normalize},       {"lower_case", model->lower_case},
          {"encoder", model->encoder},           {"fingerprint", model->fingerprint}};
}

std::optional<ModelFolder> model_from_json(const nlohmann::json& json) {
  if (json.is_null()) return std::nullopt;
  ModelFolder model;
  model.path = text_of(json.at("path"));
  model.name = text_of(json.at("name"));
  model.architecture = json.at("architecture");
  model.dimension = json.at("dimension");
  model.max_tokens = json.at("max_tokens");
  model.pooling = json.at("pooling");
  model.query_prefix = json.at("query_prefix");
  model.document_prefix = json.at("document_prefix");
  model.normalize = json.at("normalize");
  model.lower_case = json.at("lower_case");
  model.encoder = json.at("encoder");
  model.fingerprint = json.at("fingerprint");
  return model;
}

nlohmann::json to_json(const WorkerSetup& setup) {
  return {{"code_model", model_json(setup.models.code)},
          {"text_model", model_json(setup.models.text)},
          {"batch_tokens", setup.batch_tokens},
          {"precision", setup.precision},
          {"cache_folder", raw(setup.cache_folder)},
          {"worker", setup.worker},
          {"indexes", setup.indexes},
          {"database_url", raw(setup.database_url)},
          {"database_password", raw(setup.database_password)},
          {"root", raw(setup.root)},
          {"object_folders", list_of(setup.object_folders)},
          {"repository_id", setup.repository_id},
          {"code_model_id", setup.model_ids.code},
          {"text_model_id", setup.model_ids.text},
          {"run_id", setup.run_id},
          {"recipe", setup.recipe},
          {"max_file_bytes", setup.max_file_bytes},
          {"lock_timeout_ms", setup.lock_timeout_ms},
          {"parse_deadline_ms", setup.parse_deadline_ms}};
}

WorkerSetup from_json(const nlohmann::json& json) {
  WorkerSetup setup;
  setup.models.code = model_from_json(json.at("code_model"));
  setup.models.text = model_from_json(json.at("text_model"));
  setup.batch_tokens = json.at("batch_tokens");
  setup.precision = json.at("precision");
  setup.cache_folder = text_of(json.at("cache_folder"));
  setup.worker = json.at("worker");
  setup.indexes = json.at("indexes");
  setup.database_url = text_of(json.at("database_url"));
  setup.database_password = text_of(json.at("database_password"));
  setup.root = text_of(json.at("root"));
  for (const nlohmann::json& folder : json.at("object_folders"))
    setup.object_folders.push_back(text_of(folder));
  setup.repository_id = json.at("repository_id");
  setup.model_ids.code = json.at("code_model_id");
  setup.model_ids.text = json.at("text_model_id");
  setup.run_id = json.at("run_id");
  setup.recipe = json.at("recipe");
  setup.max_file_bytes = json.at("max_file_bytes");
  setup.lock_timeout_ms = json.at("lock_timeout_ms");
  setup.parse_deadline_ms = json.at("parse_deadline_ms");
  return setup;
}

}  // namespace

Result<UniqueFd> write_worker_setup(const WorkerSetup& setup) {
  UniqueFd memory(::memfd_create("forkdex-setup", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  std::string document;
  nlohmann::json::to_cbor(to_json(setup), document);
  if (!memory.valid() || !write_all(memory.get(), document))
    return system_error(ErrorCode::kBug, "the worker's settings cannot be handed over", errno);
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return memory;
}

Result<WorkerSetup> read_worker_setup(int fd) try {
  std::string document(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  if (read_all_at(fd, document, 0) != static_cast<ssize_t>(document.size()))
    return system_error(ErrorCode::kRingBroken, "the worker's settings cannot be read", errno);
  return from_json(nlohmann::json::from_cbor(document));
} catch (const std::exception& error) {
  return Error{ErrorCode::kRingBroken, "the worker's settings are not what the supervisor writes",
               error.what()};
}

}  // namespace forkdex
