#pragma once

// A safetensors file mapped read-only: any number of processes that open it share one copy in
// memory. The header is not trusted; every tensor lies inside the file and no two overlap. Nothing
// is left when the process is killed. A file truncated while it is mapped ends the process
// (SIGBUS).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error/result.h"

namespace forkdex {

class Safetensors {
 public:
  struct Tensor {
    std::string dtype;  ///< as the file spells it, e.g. "F32"
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;  ///< aligned to the element; valid while the file is open
  };

  /// Maps `file` and checks its header. ERRORS kModelUnusable, saying what is wrong with it.
  static Result<Safetensors> open(const std::filesystem::path& file);

  Safetensors(Safetensors&& other) noexcept;
  Safetensors& operator=(Safetensors&& other) noexcept;
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;
  ~Safetensors();

  /// Reads the whole file into memory, where it stays as long as the kernel has room. BLOCKS for
  /// the disk. Where the kernel cannot, pages are read when first used, as without.
  void fault_in() const;

  /// The tensor called `name`, or null.
  const Tensor* find(std::string_view name) const;

 private:
  Safetensors(std::span<const std::byte> file) : file_(file) {}
  void read_header();

  std::span<const std::byte> file_;  // the mapping
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace forkdex
