#pragma once

// Reading and writing whole amounts: as read(2), pread(2) and write(2), again after a signal and
// after a short count. errno says why a call has failed, as theirs does. BLOCKS as the descriptor
// does.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace forkdex {

/// Writes all of `bytes`. False with errno.
bool write_all(int fd, std::string_view bytes);

/// Fills `to`. Gives the number of bytes read, fewer than asked for only at the end of the file; -1
/// with errno.
ssize_t read_all(int fd, std::span<char> to);

/// The same from `offset` on; the descriptor's own position stays.
ssize_t read_all_at(int fd, std::span<char> to, std::uint64_t offset);

/// Reads from the descriptor's position to the end. Nothing with errno, EFBIG where more than
/// `max_bytes` are left.
std::optional<std::string> read_to_end(
    int fd, std::size_t max_bytes = std::numeric_limits<std::size_t>::max());

/// Sees to the disk all that was written to the file system that holds `folder`: before
/// a rename, so that its name never stands for files whose bytes a power cut took. False with
/// errno.
bool sync_file_system(const std::filesystem::path& folder);

}  // namespace forkdex
