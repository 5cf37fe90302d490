#include "tests/fuzz/lying_peer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace forkdex::fuzz {
namespace {

// Where both rings, the phase and the failure stand; beyond are slots.
constexpr std::size_t kFrontBytes = 1024;

}  // namespace

LyingPeer::LyingPeer(int memory_fd) {
  const auto size = static_cast<std::size_t>(::lseek(memory_fd, 0, SEEK_END));
  void* const start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
  if (start == MAP_FAILED) throw std::runtime_error("the segment's memory cannot be mapped");
  memory_ = {static_cast<std::byte*>(start), size};
}

LyingPeer::~LyingPeer() { ::munmap(memory_.data(), memory_.size()); }

void LyingPeer::write(Input& input) {
  switch (input.letter()) {
    case 'r': {
      const std::size_t place = input.number<std::uint8_t>() * sizeof(std::uint32_t);
      const auto word = input.number<std::uint32_t>();
      std::memcpy(&memory_[place % kFrontBytes], &word, sizeof word);
      break;
    }
    case 'w': {
      const std::size_t place = input.number<std::uint32_t>() % memory_.size();
      const std::string_view bytes = input.bytes(input.number<std::uint8_t>());
      std::memcpy(&memory_[place], bytes.data(), std::min(bytes.size(), memory_.size() - place));
      break;
    }
    case 'f':
      std::ranges::fill(memory_, static_cast<std::byte>(input.letter()));
      break;
    default:
      break;
  }
}

JobReceiver attached(const JobSender& sender) {
  auto receiver =
      JobReceiver::attach(UniqueFd(::dup(sender.memory_fd())), UniqueFd(::dup(sender.jobs_fd())),
                          UniqueFd(::dup(sender.outcomes_fd())));
  if (!receiver) throw std::runtime_error(receiver.error().text());
  return *std::move(receiver);
}

}  // namespace forkdex::fuzz
