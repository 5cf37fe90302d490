#include "worker/embed/encoder/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/unique_fd.h"

namespace forkdex {
namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 8;                       // before the header
constexpr std::uint64_t kMaxHeaderBytes = 64u * 1024 * 1024;  // ten thousand tensors take 1 MB
constexpr int kMaxDepth = 3;                                  // {"name": {"shape": [ ... ]}}

// Thrown inside this file only: what is wrong with the header.
struct Malformed {
  std::string what;
};

struct Dtype {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array kDtypes = {
    Dtype{"F64", 8}, Dtype{"F32", 4}, Dtype{"F16", 2},  Dtype{"BF16", 2},    Dtype{"I64", 8},
    Dtype{"U64", 8}, Dtype{"I32", 4}, Dtype{"U32", 4},  Dtype{"I16", 2},     Dtype{"U16", 2},
    Dtype{"I8", 1},  Dtype{"U8", 1},  Dtype{"BOOL", 1}, Dtype{"F8_E4M3", 1}, Dtype{"F8_E5M2", 1}};

std::uint64_t element_bytes(const std::string& name, const std::string& dtype) {
  const auto found = std::find_if(kDtypes.begin(), kDtypes.end(),
                                  [&](const Dtype& row) { return row.name == dtype; });
  if (found == kDtypes.end()) throw Malformed{fmt::format("{} has the type {}", name, dtype)};
  return found->bytes;
}

std::uint64_t byte_count(const std::string& name, const Safetensors::Tensor& tensor) {
  std::uint64_t bytes = element_bytes(name, tensor.dtype);
  for (const std::int64_t size : tensor.shape)
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes))
      throw Malformed{fmt::format("{} has an impossible shape", name)};
  return bytes;
}

// Refuses nesting that no honest header has, before it takes memory.
bool check_depth(int depth, json::parse_event_t, json&) {
  if (depth > kMaxDepth) throw Malformed{"the header is nested too deep"};
  return true;
}

Safetensors::Tensor read_tensor(const std::string& name, const json& entry,
                                std::span<const std::byte> data) {
  Safetensors::Tensor tensor;
  tensor.dtype = entry.at("dtype").get<std::string>();
  for (const json& size : entry.at("shape")) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > INT64_MAX)
      throw Malformed{fmt::format("{} has an impossible shape", name)};
    tensor.shape.push_back(size.get<std::int64_t>());
  }
  const json& offsets = entry.at("data_offsets");
  if (offsets.size() != 2 || !offsets.at(0).is_number_unsigned() ||
      !offsets.at(1).is_number_unsigned())
    throw Malformed{fmt::format("{} has no proper data_offsets", name)};
  const auto begin = offsets.at(0).get<std::uint64_t>();
  const auto end = offsets.at(1).get<std::uint64_t>();
  if (begin > end || end > data.size())
    throw Malformed{fmt::format("{} lies outside the file", name)};
  if (end - begin != byte_count(name, tensor))
    throw Malformed{
        fmt::format("{} has {} bytes, which its shape does not need", name, end - begin)};
  tensor.bytes = data.subspan(begin, end - begin);
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
  if (!tensor.bytes.empty() && address % element_bytes(name, tensor.dtype) != 0)
    throw Malformed{fmt::format("{} is not aligned to its elements", name)};
  return tensor;
}

void check_overlap(const std::map<std::string, Safetensors::Tensor, std::less<>>& tensors) {
  std::vector<std::pair<const std::byte*, const std::byte*>> spans;
  for (const auto& [name, tensor] : tensors)
    if (!tensor.bytes.empty())
      spans.emplace_back(tensor.bytes.data(), tensor.bytes.data() + tensor.bytes.size());
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 1; i < spans.size(); ++i)
    if (spans[i].first < spans[i - 1].second) throw Malformed{"two tensors overlap"};
}

Error unusable(const std::filesystem::path& file, std::string_view why) {
  return {ErrorCode::kModelUnusable,
          fmt::format("the weights of this model folder can't be used: {}", why), file.string()};
}

}  // namespace

Result<Safetensors> Safetensors::open(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return unusable(file, std::strerror(errno));
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return unusable(file, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return unusable(file, "it is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < kLengthBytes) return unusable(file, "the file is too short");
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (start == MAP_FAILED) return unusable(file, std::strerror(errno));
  Safetensors opened(std::span<const std::byte>(static_cast<const std::byte*>(start), size));
  try {
    opened.read_header();
  } catch (const Malformed& malformed) {
    return unusable(file, malformed.what);
  } catch (const json::exception& malformed) {
    return unusable(file, fmt::format("its header is malformed: {}", malformed.what()));
  }
  return opened;
}

void Safetensors::read_header() {
  std::uint64_t length;  // little-endian, as is every machine that libtorch runs on here
  std::memcpy(&length, file_.data(), sizeof length);
  if (length > kMaxHeaderBytes || length > file_.size() - kLengthBytes)
    throw Malformed{"its header does not fit into the file"};
  const auto* const text = reinterpret_cast<const char*>(file_.data()) + kLengthBytes;
  const json header = json::parse(text, text + length, check_depth);
  if (!header.is_object()) throw Malformed{"its header is not an object"};
  const std::span<const std::byte> data = file_.subspan(kLengthBytes + length);
  for (const auto& [name, entry] : header.items())
    if (name != "__metadata__") tensors_.emplace(name, read_tensor(name, entry, data));
  check_overlap(tensors_);
}

Safetensors::Safetensors(Safetensors&& other) noexcept
    : file_(std::exchange(other.file_, {})), tensors_(std::move(other.tensors_)) {}

Safetensors& Safetensors::operator=(Safetensors&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(tensors_, other.tensors_);
  return *this;
}

Safetensors::~Safetensors() {
  if (!file_.empty()) ::munmap(const_cast<std::byte*>(file_.data()), file_.size());
}

void Safetensors::fault_in() const {
  ::madvise(const_cast<std::byte*>(file_.data()), file_.size(), MADV_POPULATE_READ);
}

const Safetensors::Tensor* Safetensors::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace forkdex
