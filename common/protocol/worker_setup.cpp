#include "common/protocol/worker_setup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <filesystem>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "common/base/io.h"

namespace forkdex {
namespace {

using nlohmann::json;

// Every field is named once, for writing and for reading: Struct is const where it is written.

template <class Field, class Struct>
  requires std::same_as<std::remove_const_t<Struct>, ModelFolder>
void visit_fields(Field field, Struct& model) {
  field("path", model.path);
  field("name", model.name);
  field("architecture", model.architecture);
  field("dimension", model.dimension);
  field("max_tokens", model.max_tokens);
  field("pooling", model.pooling);
  field("query_prefix", model.query_prefix);
  field("document_prefix", model.document_prefix);
  field("normalize", model.normalize);
  field("lower_case", model.lower_case);
  field("encoder", model.encoder);
  field("fingerprint", model.fingerprint);
}

template <class Field, class Struct>
  requires std::same_as<std::remove_const_t<Struct>, WorkerTuning>
void visit_fields(Field field, Struct& tuning) {
  field("batch_tokens", tuning.batch_tokens);
  field("precision", tuning.precision);
  field("cache_folder", tuning.cache_folder);
  field("parses", tuning.parses);
  field("parse_deadline_ms", tuning.parse_deadline_ms);
}

template <class Field, class Struct>
  requires std::same_as<std::remove_const_t<Struct>, IndexingSetup>
void visit_fields(Field field, Struct& indexing) {
  field("database_url", indexing.database_url);
  field("database_password", indexing.database_password);
  field("root", indexing.root);
  field("object_folders", indexing.object_folders);
  field("repository_id", indexing.repository_id);
  field("code_model_id", indexing.model_ids.code);
  field("text_model_id", indexing.model_ids.text);
  field("run_id", indexing.run_id);
  field("recipe", indexing.recipe);
  field("max_file_bytes", indexing.max_file_bytes);
  field("lock_timeout_ms", indexing.lock_timeout_ms);
}

template <class Field, class Struct>
  requires std::same_as<std::remove_const_t<Struct>, WorkerSetup>
void visit_fields(Field field, Struct& setup) {
  field("code_model", setup.models.code);
  field("text_model", setup.models.text);
  field("tuning", setup.tuning);
  field("worker", setup.worker);
  field("indexing", setup.indexing);
}

template <class T>
concept Numeric = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, Sha256>;

struct Writer {
  template <Numeric T>
  json operator()(const T& value) const {
    return value;
  }
  // Paths are bytes; text in CBOR must be UTF-8, so they cross as byte strings.
  json operator()(const std::string& bytes) const {
    return json::binary(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
  }
  json operator()(const std::filesystem::path& path) const { return (*this)(path.string()); }
  json operator()(const std::vector<std::string>& all) const {
    json list = json::array();
    for (const std::string& bytes : all) list.push_back((*this)(bytes));
    return list;
  }
  template <class T>
  json operator()(const std::optional<T>& value) const {
    return value ? (*this)(*value) : json(nullptr);
  }
  template <class Struct>
  json operator()(const Struct& value) const {
    json object = json::object();
    visit_fields([&](const char* name, const auto& field) { object[name] = (*this)(field); },
                 value);
    return object;
  }
};

/// Throws json::exception where the document is not what Writer makes.
struct Reader {
  template <Numeric T>
  void operator()(const json& from, T& value) const {
    value = from.get<T>();
  }
  void operator()(const json& from, std::string& bytes) const {
    const auto& binary = from.get_binary();
    bytes.assign(binary.begin(), binary.end());
  }
  void operator()(const json& from, std::filesystem::path& path) const {
    std::string bytes;
    (*this)(from, bytes);
    path = bytes;
  }
  void operator()(const json& from, std::vector<std::string>& all) const {
    for (const json& item : from) (*this)(item, all.emplace_back());
  }
  template <class T>
  void operator()(const json& from, std::optional<T>& value) const {
    if (!from.is_null()) (*this)(from, value.emplace());
  }
  template <class Struct>
  void operator()(const json& from, Struct& value) const {
    visit_fields([&](const char* name, auto& field) { (*this)(from.at(name), field); }, value);
  }
};

}  // namespace

Result<UniqueFd> write_worker_setup(const WorkerSetup& setup) {
  UniqueFd memory(::memfd_create("forkdex-setup", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  std::string document;
  json::to_cbor(Writer()(setup), document);
  if (!memory.valid() || !write_all(memory.get(), document))
    return system_error(ErrorCode::kBug, "the worker's settings cannot be handed over", errno);
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return memory;
}

Result<WorkerSetup> read_worker_setup(int fd) try {
  std::string document(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  if (read_all_at(fd, document, 0) != static_cast<ssize_t>(document.size()))
    return system_error(ErrorCode::kRingBroken, "the worker's settings cannot be read", errno);
  WorkerSetup setup;
  Reader()(json::from_cbor(document), setup);
  return setup;
} catch (const std::exception& error) {
  return Error{ErrorCode::kRingBroken, "the worker's settings are not what the supervisor writes",
               error.what()};
}

}  // namespace forkdex
