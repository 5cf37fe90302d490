#include "common/model/model_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/unique_fd.h"
#include "common/model/family.h"
#include "common/model/model_json.h"
#include "common/model/sentence_transformers.h"

namespace forkdex {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWeights = "model.safetensors";

// The one-word title of the folder's README, else what config.json says, else the file name.
std::string name_of(const fs::path& folder, const json& config) {
  std::ifstream readme(folder / "README.md");
  for (std::string line; std::getline(readme, line);)
    if (line.starts_with("# ")) {
      if (line.find(' ', 2) == std::string::npos) return line.substr(2);
      break;
    }
  const auto name = member_or(config, "_name_or_path", std::string(), folder / "config.json");
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
  return {static_cast<std::uintmax_t>(status.st_size), nanoseconds_of(status.st_mtim),
          nanoseconds_of(status.st_ctim)};
}

// What a file holds, in blocks of a fixed size so that no file is held in memory.
std::string hash_contents(int fd, const fs::path& file) {
  std::vector<char> block(std::size_t{1} << 20);
  FieldHasher hasher;
  for (;;) {
    const ssize_t got = read_all(fd, block);
    if (got < 0) throw Unusable{"the model folder's weights can't be read", file};
    const auto filled = static_cast<std::size_t>(got);
    hasher.add({block.data(), filled});
    if (filled < block.size()) return hex(hasher.finish());
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

/// Says why `file` can't be opened: models come with their weights in other files, too.
[[noreturn]] void refuse_weights(const fs::path& file) {
  std::error_code ignored;
  for (const char* other : {"model.safetensors.index.json", "pytorch_model.bin"})
    if (!fs::exists(file, ignored) && fs::exists(file.parent_path() / other, ignored))
      throw Unusable{fmt::format("the model folder has {} and no {}: save the model again as one "
                                 "safetensors file",
                                 other, kWeights),
                     file};
  throw Unusable{fmt::format("the model folder has no readable {}", kWeights), file};
}

std::string hash_weights(const fs::path& file, const fs::path& cache_folder) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) refuse_weights(file);
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
    throw Unusable{
        "the model folder has no tokenizer.json: let AutoTokenizer save it again "
        "(docs/operations.md)",
        folder.path / "tokenizer.json"};
  const std::string weights = hash_weights(folder.path / kWeights, cache_folder);
  const std::string config = read_text(folder.path / "config.json").value_or("");
  folder.encoder = FieldHasher().add(weights).add(config).finish();
  FieldHasher all;
  all.add(weights)
      .add(*tokenizer)
      .add(config)
      .add(folder.pooling)
      .add(folder.normalize ? "normalized" : "")
      .add({})  // what stands before a query, which is not stored, was here
      .add(folder.document_prefix)
      .add(std::to_string(folder.max_tokens))
      .add(std::to_string(folder.dimension));
  if (folder.lower_case) all.add("lower case");
  folder.fingerprint = all.finish();
}

/// REQUIRES the dimension and the maximum of tokens that the encoder has.
void apply(const SentenceTransformers& extras, const ModelOverrides& overrides,
           ModelFolder& folder) {
  folder.pooling = extras.pooling;
  folder.normalize = extras.normalize;
  folder.lower_case = extras.lower_case;
  folder.query_prefix = overrides.query_prefix.value_or(extras.query_prompt);
  folder.document_prefix = overrides.document_prefix.value_or(extras.document_prompt);
  const bool is_prefixed = !folder.query_prefix.empty() || !folder.document_prefix.empty();
  if (is_prefixed && !extras.pools_prompt)
    throw Unusable{"pooling with include_prompt false is not supported where texts have prefixes",
                   folder.path / "modules.json"};
  folder.max_tokens = std::min(folder.max_tokens, extras.max_tokens.value_or(folder.max_tokens));
  if (overrides.dimensions.value_or(0) > folder.dimension)
    throw Unusable{fmt::format("--dimensions {} is more than {} has: give at most {}",
                               *overrides.dimensions, folder.name, folder.dimension),
                   folder.path, ErrorCode::kUsage};
  const std::size_t by_folder = extras.dimensions.value_or(folder.dimension);
  folder.dimension =
      std::min(folder.dimension, overrides.dimensions ? *overrides.dimensions : by_folder);
}

ModelFolder read_folder(const fs::path& path, const fs::path& cache_folder,
                        const ModelOverrides& overrides) {
  std::error_code failed;
  if (!fs::is_directory(path, failed))
    throw Unusable{fs::exists(path, failed) ? "the model folder is not a folder"
                                            : "the model folder does not exist",
                   path};
  ModelFolder folder;
  folder.path = path;
  const fs::path file = path / "config.json";
  const json config = read_required_json(file);
  folder.architecture = member_or(config, "model_type", std::string(), file);
  if (folder.architecture.empty())
    throw Unusable{"config.json of the model folder names no model_type", file};
  const ModelFamily* family = find_family(folder.architecture);
  if (!family)
    throw Unusable{fmt::format("model_type {} is not supported: give one of {}",
                               folder.architecture, fmt::join(model_types(), ", ")),
                   file};
  folder.name = name_of(path, config);
  folder.dimension = whole_number(config, family->hidden.in(config), Bounds(), file);
  folder.max_tokens = static_cast<std::size_t>(family->read_positions(config, file).count);
  apply(SentenceTransformers::read(path, config), overrides, folder);
  add_fingerprints(folder, cache_folder);
  return folder;
}

}  // namespace

Result<ModelFolder> ModelFolder::read(const fs::path& folder, const fs::path& cache_folder,
                                      const ModelOverrides& overrides) {
  try {
    return read_folder(folder, cache_folder, overrides);
  } catch (const Unusable& unusable) {
    return Error{unusable.code, unusable.sentence, unusable.file.string()};
  } catch (const json::exception& malformed) {
    return Error{ErrorCode::kModelUnusable,
                 fmt::format("the model folder's JSON is malformed: {}", malformed.what()),
                 folder.string()};
  }
}

}  // namespace forkdex
