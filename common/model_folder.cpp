#include "common/model_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/json_depth.h"
#include "common/locations.h"
#include "common/unique_fd.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWeights = "model.safetensors";
constexpr std::array<std::string_view, 5> kArchitectures = {"bert", "roberta", "xlm-roberta",
                                                            "nomic_bert", "modernbert"};

// Thrown inside this file only.
struct Unusable {
  std::string sentence;
  fs::path file;
  ErrorCode code = ErrorCode::kModelUnusable;
};

std::optional<std::string> read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// The object in `file`, or an empty one when there is no such file.
json read_optional_json(const fs::path& file) {
  const std::optional<std::string> text = read_text(file);
  if (!text) return json::object();
  json root = json::parse(*text, check_json_depth, /*allow_exceptions=*/false);
  if (root.is_discarded()) throw Unusable{"this file of the model folder is not JSON", file};
  return root;
}

json read_required_json(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    throw Unusable{fmt::format("the model folder has no {}", file.filename().string()), file};
  return read_optional_json(file);
}

std::size_t positive(const json& object, const char* key, const fs::path& file) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned() || found->get<std::size_t>() == 0)
    throw Unusable{fmt::format("{} of the model folder's configuration is not a number", key),
                   file};
  return found->get<std::size_t>();
}

// "sentence_transformers.models.Pooling" -> "Pooling"
std::string module_kind(const json& module) {
  const auto type = module.value("type", std::string());
  if (!type.starts_with("sentence_transformers.")) return type;
  return type.substr(type.rfind('.') + 1);
}

std::string pooling_of(const fs::path& file) {
  const json object = read_required_json(file);
  constexpr std::array<std::pair<const char*, const char*>, 3> kKnown = {
      {{"pooling_mode_mean_tokens", "mean"},
       {"pooling_mode_cls_token", "cls"},
       {"pooling_mode_lasttoken", "last"}}};
  const auto mode = object.find("pooling_mode");
  if (mode != object.end() && mode->is_string()) {
    const auto name = mode->get<std::string>() == "lasttoken" ? "last" : mode->get<std::string>();
    for (const auto& [flag, known] : kKnown)
      if (name == known) return name;
    throw Unusable{fmt::format("pooling mode {} is not supported", name), file};
  }
  std::string pooling, set;
  for (const auto& [flag, value] : object.items()) {
    if (!flag.starts_with("pooling_mode_") || value != true) continue;
    if (!set.empty())
      throw Unusable{fmt::format("{} and {} together are not supported", set, flag), file};
    const auto known = std::find_if(kKnown.begin(), kKnown.end(),
                                    [&](const auto& row) { return flag == row.first; });
    if (known == kKnown.end()) throw Unusable{fmt::format("{} is not supported", flag), file};
    set = flag;
    pooling = known->second;
  }
  if (pooling.empty()) throw Unusable{"no pooling mode is set", file};
  return pooling;
}

// A folder without modules.json is a plain encoder: mean pooling, as sentence-transformers reads
// it.
void read_modules(ModelFolder& folder) {
  const fs::path file = folder.path / "modules.json";
  folder.pooling = "mean";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  for (const json& module : read_required_json(file)) {
    const std::string kind = module_kind(module);
    if (kind == "Pooling")
      folder.pooling = pooling_of(folder.path / module.value("path", "") / "config.json");
    else if (kind == "Normalize")
      folder.normalize = true;
    else if (kind != "Transformer" || !module.value("path", "").empty())
      throw Unusable{fmt::format("module {} is not supported", kind), file};
  }
}

/// As many tokens as there are places for in a text.
std::size_t positions_of(const json& config, const fs::path& file) {
  const std::size_t all = positive(
      config, config.contains("n_positions") ? "n_positions" : "max_position_embeddings", file);
  if (config.value("model_type", std::string()).find("roberta") == std::string::npos) return all;
  // RoBERTa counts places from behind the one of the token for padding.
  const auto padding = config.find("pad_token_id");
  const std::size_t unused = padding != config.end() && padding->is_number_unsigned()
                                 ? padding->get<std::size_t>() + 1
                                 : 2;
  if (unused >= all)
    throw Unusable{"max_position_embeddings of the model folder is impossible", file};
  return all - unused;
}

std::size_t max_tokens_of(const fs::path& folder, const json& config) {
  const std::size_t positions = positions_of(config, folder / "config.json");
  for (const auto& [file, key] : {std::pair{"sentence_bert_config.json", "max_seq_length"},
                                  std::pair{"tokenizer_config.json", "model_max_length"}}) {
    const json object = read_optional_json(folder / file);
    const auto found = object.find(key);
    // Some tokenizers spell "no limit" as a float of 30 digits.
    if (found == object.end() || !found->is_number_unsigned()) continue;
    return std::min(positions, positive(object, key, folder / file));
  }
  return positions;
}

void read_prompts(ModelFolder& folder) {
  const fs::path file = folder.path / "config_sentence_transformers.json";
  const json object = read_optional_json(file);
  const json prompts = object.value("prompts", json::object());
  const auto by_default = object.find("default_prompt_name");
  const std::string fallback = by_default != object.end() && by_default->is_string()
                                   ? by_default->get<std::string>()
                                   : std::string();
  using Names = std::vector<std::string>;
  const Names of_query = {"query"}, of_document = {"document", "passage", "corpus"};
  const auto has_default = [&](const Names& names) {
    return std::find(names.begin(), names.end(), fallback) != names.end();
  };
  const bool is_for_both = !fallback.empty() && !has_default(of_query) && !has_default(of_document);
  if (is_for_both && !prompts.contains(fallback))
    throw Unusable{fmt::format("default_prompt_name {} is none of the prompts", fallback), file};
  const auto prompt = [&](Names names) {
    if (is_for_both) names.push_back(fallback);
    for (const std::string& name : names)
      if (prompts.contains(name)) return prompts.at(name).get<std::string>();
    return std::string();
  };
  folder.query_prefix = prompt(of_query);
  folder.document_prefix = prompt(of_document);
}

// The one-word title of the folder's README, else what config.json says, else the file name.
std::string name_of(const fs::path& folder, const json& config) {
  std::ifstream readme(folder / "README.md");
  for (std::string line; std::getline(readme, line);)
    if (line.starts_with("# ")) {
      if (line.find(' ', 2) == std::string::npos) return line.substr(2);
      break;
    }
  const auto name = config.value("_name_or_path", std::string());
  if (!name.empty() && !name.starts_with('/')) return name;
  return folder.filename().empty() ? folder.parent_path().filename() : folder.filename();
}

struct FileIdentity {
  std::uintmax_t size;
  std::int64_t mtime_ns;
  std::int64_t ctime_ns;
  bool operator==(const FileIdentity&) const = default;
};

FileIdentity identity_of(int fd, const fs::path& file) {
  struct stat status;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    throw Unusable{"the model folder's weights are not a regular file", file};
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return {static_cast<std::uintmax_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

// What a file holds, in blocks of a fixed size so that no file is held in memory.
std::string hash_contents(int fd, const fs::path& file) {
  std::vector<char> block(std::size_t{1} << 20);
  FieldHasher hasher;
  std::size_t filled = 0;
  for (;;) {
    const ssize_t got = ::read(fd, block.data() + filled, block.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Unusable{"the model folder's weights can't be read", file};
    filled += static_cast<std::size_t>(got);
    if (got != 0 && filled < block.size()) continue;
    hasher.add({block.data(), filled});
    if (got == 0) return hex(hasher.finish());
    filled = 0;
  }
}

/// Remembers the hash of one big file by its size and times. Losing it costs one reading.
class HashCache {
 public:
  HashCache(const fs::path& folder, const fs::path& file) {
    std::error_code ignored;
    if (!folder.empty()) entry_ = folder / ("weights-" + key_of(fs::absolute(file, ignored)));
  }

  std::optional<std::string> find(const FileIdentity& wanted) const {
    if (entry_.empty()) return std::nullopt;
    std::ifstream stream(entry_);
    FileIdentity stored{};
    std::string digest;
    if (!(stream >> stored.size >> stored.mtime_ns >> stored.ctime_ns >> digest)) return {};
    if (!(stored == wanted) || digest.size() != 64) return {};
    return digest;
  }

  // Written under another name and renamed: a reader sees a whole entry or none.
  void keep(const FileIdentity& identity, const std::string& digest) const {
    if (entry_.empty()) return;
    std::error_code ignored;
    fs::create_directories(entry_.parent_path(), ignored);
    const fs::path temporary = fmt::format("{}.{}", entry_.string(), ::getpid());
    std::ofstream stream(temporary, std::ios::trunc);
    stream << fmt::format("{} {} {} {}\n", identity.size, identity.mtime_ns, identity.ctime_ns,
                          digest);
    stream.close();
    if (stream) fs::rename(temporary, entry_, ignored);
    if (!stream || ignored) fs::remove(temporary, ignored);
  }

 private:
  static std::string key_of(const fs::path& file) {
    return hex(sha256(file.string())).substr(0, 32);
  }
  fs::path entry_;  // empty: nothing is kept
};

std::string hash_weights(const fs::path& file, const fs::path& cache_folder) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid())
    throw Unusable{fmt::format("the model folder has no readable {}", kWeights), file};
  const FileIdentity identity = identity_of(fd.get(), file);
  const HashCache cache(cache_folder, file);
  if (const auto known = cache.find(identity)) return *known;
  const std::string digest = hash_contents(fd.get(), file);
  cache.keep(identity, digest);
  return digest;
}

void add_fingerprints(ModelFolder& folder, const fs::path& cache_folder) {
  const std::optional<std::string> tokenizer = read_text(folder.path / "tokenizer.json");
  if (!tokenizer)
    throw Unusable{"the model folder has no tokenizer.json", folder.path / "tokenizer.json"};
  const std::string weights = hash_weights(folder.path / kWeights, cache_folder);
  const std::string config = read_text(folder.path / "config.json").value_or("");
  folder.encoder = FieldHasher().add(weights).add(config).finish();
  folder.fingerprint = FieldHasher()
                           .add(weights)
                           .add(*tokenizer)
                           .add(config)
                           .add(folder.pooling)
                           .add(folder.normalize ? "normalized" : "")
                           .add({})  // what stands before a query, which is not stored, was here
                           .add(folder.document_prefix)
                           .add(std::to_string(folder.max_tokens))
                           .add(std::to_string(folder.dimension))
                           .finish();
}

void apply(const ModelWishes& wishes, ModelFolder& folder) {
  if (wishes.query_prefix) folder.query_prefix = *wishes.query_prefix;
  if (wishes.document_prefix) folder.document_prefix = *wishes.document_prefix;
  if (!wishes.dimensions) return;
  if (*wishes.dimensions > folder.dimension)
    throw Unusable{fmt::format("--dimensions {} is more than {} has: give at most {}",
                               *wishes.dimensions, folder.name, folder.dimension),
                   folder.path, ErrorCode::kUsage};
  folder.dimension = *wishes.dimensions;
}

ModelFolder read_folder(const fs::path& path, const fs::path& cache_folder,
                        const ModelWishes& wishes) {
  std::error_code failed;
  if (!fs::is_directory(path, failed))
    throw Unusable{fs::exists(path, failed) ? "the model folder is not a folder"
                                            : "the model folder does not exist",
                   path};
  ModelFolder folder;
  folder.path = path;
  const json config = read_required_json(path / "config.json");
  folder.architecture = config.value("model_type", std::string());
  if (folder.architecture.empty())
    throw Unusable{"config.json of the model folder names no model_type", path / "config.json"};
  if (std::find(kArchitectures.begin(), kArchitectures.end(), folder.architecture) ==
      kArchitectures.end())
    throw Unusable{fmt::format("model_type {} is not supported: give one of {}",
                               folder.architecture, fmt::join(kArchitectures, ", ")),
                   path / "config.json"};
  folder.name = name_of(path, config);
  folder.dimension =
      positive(config, config.contains("n_embd") ? "n_embd" : "hidden_size", path / "config.json");
  folder.max_tokens = max_tokens_of(path, config);
  read_modules(folder);
  read_prompts(folder);
  apply(wishes, folder);
  add_fingerprints(folder, cache_folder);
  return folder;
}

}  // namespace

Result<ModelFolder> ModelFolder::read(const fs::path& folder, const fs::path& cache_folder,
                                      const ModelWishes& wishes) {
  try {
    return read_folder(folder, cache_folder, wishes);
  } catch (const Unusable& unusable) {
    return Error{unusable.code, unusable.sentence, unusable.file.string()};
  } catch (const json::exception& malformed) {
    return Error{ErrorCode::kModelUnusable,
                 fmt::format("the model folder's JSON is malformed: {}", malformed.what()),
                 folder.string()};
  }
}

Result<ModelFolder> ModelFolder::read_chosen(const fs::path& chosen, const ModelWishes& wishes) {
  const auto cache = forkdex::cache_folder();
  return read(chosen.empty() ? default_model_folder() : chosen, cache ? *cache : fs::path(),
              wishes);
}

}  // namespace forkdex
