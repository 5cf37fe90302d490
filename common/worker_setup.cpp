#include "common/worker_setup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <nlohmann/json.hpp>

namespace forkdex {
namespace {

// Paths are bytes; text in CBOR must be UTF-8, so they cross as byte strings.
nlohmann::json bytes_of(const std::string& raw) {
  return nlohmann::json::binary(std::vector<std::uint8_t>(raw.begin(), raw.end()));
}

std::string text_of(const nlohmann::json& value) {
  const auto& binary = value.get_binary();
  return {binary.begin(), binary.end()};
}

nlohmann::json list_of(const std::vector<std::string>& all) {
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& raw : all) list.push_back(bytes_of(raw));
  return list;
}

nlohmann::json to_json(const WorkerSetup& setup) {
  const ModelFolder& model = setup.model;
  return {{"model",
           {{"path", bytes_of(model.path.string())},
            {"name", bytes_of(model.name)},
            {"architecture", model.architecture},
            {"dimension", model.dimension},
            {"max_tokens", model.max_tokens},
            {"pooling", model.pooling},
            {"query_prefix", model.query_prefix},
            {"document_prefix", model.document_prefix},
            {"normalize", model.normalize},
            {"fingerprint", bytes_of({model.fingerprint.begin(), model.fingerprint.end()})}}},
          {"batch_tokens", setup.batch_tokens},
          {"precision", setup.precision},
          {"cache_folder", bytes_of(setup.cache_folder)},
          {"log_format", setup.log_format},
          {"worker", setup.worker},
          {"verbose", setup.verbose},
          {"indexes", setup.indexes},
          {"database_url", bytes_of(setup.database_url)},
          {"database_password", bytes_of(setup.database_password)},
          {"root", bytes_of(setup.root)},
          {"object_folders", list_of(setup.object_folders)},
          {"repository_id", setup.repository_id},
          {"model_id", setup.model_id},
          {"run_id", setup.run_id},
          {"recipe", setup.recipe},
          {"max_file_bytes", setup.max_file_bytes},
          {"lock_timeout_ms", setup.lock_timeout_ms},
          {"parse_deadline_ms", setup.parse_deadline_ms}};
}

WorkerSetup from_json(const nlohmann::json& json) {
  WorkerSetup setup;
  const nlohmann::json& model = json.at("model");
  setup.model.path = text_of(model.at("path"));
  setup.model.name = text_of(model.at("name"));
  setup.model.architecture = model.at("architecture");
  setup.model.dimension = model.at("dimension");
  setup.model.max_tokens = model.at("max_tokens");
  setup.model.pooling = model.at("pooling");
  setup.model.query_prefix = model.at("query_prefix");
  setup.model.document_prefix = model.at("document_prefix");
  setup.model.normalize = model.at("normalize");
  const std::string fingerprint = text_of(model.at("fingerprint"));
  std::copy_n(fingerprint.begin(), std::min(fingerprint.size(), setup.model.fingerprint.size()),
              setup.model.fingerprint.begin());
  setup.batch_tokens = json.at("batch_tokens");
  setup.precision = json.at("precision");
  setup.cache_folder = text_of(json.at("cache_folder"));
  setup.log_format = json.at("log_format");
  setup.worker = json.at("worker");
  setup.verbose = json.at("verbose");
  setup.indexes = json.at("indexes");
  setup.database_url = text_of(json.at("database_url"));
  setup.database_password = text_of(json.at("database_password"));
  setup.root = text_of(json.at("root"));
  for (const nlohmann::json& folder : json.at("object_folders"))
    setup.object_folders.push_back(text_of(folder));
  setup.repository_id = json.at("repository_id");
  setup.model_id = json.at("model_id");
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
  const std::vector<std::uint8_t> document = nlohmann::json::to_cbor(to_json(setup));
  if (!memory.valid() || ::write(memory.get(), document.data(), document.size()) !=
                             static_cast<ssize_t>(document.size()))
    return system_error(ErrorCode::kBug, "the worker's settings cannot be handed over", errno);
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return memory;
}

Result<WorkerSetup> read_worker_setup(int fd) try {
  std::vector<std::uint8_t> document(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)));
  if (::pread(fd, document.data(), document.size(), 0) != static_cast<ssize_t>(document.size()))
    return system_error(ErrorCode::kRingBroken, "the worker's settings cannot be read", errno);
  return from_json(nlohmann::json::from_cbor(document));
} catch (const std::exception& error) {
  return Error{ErrorCode::kRingBroken, "the worker's settings are not what the supervisor writes",
               error.what()};
}

}  // namespace forkdex
