#pragma once

#include <filesystem>

#include "common/error/result.h"
#include "supervisor/database/server/server_user.h"

namespace forkdex {

/// Makes (or finds again) a private folder, 0700 and `user`'s, for the socket of the server over
/// the data folder `data`, with a path short enough for a socket (107 bytes): below /run/forkdex
/// for root, $XDG_RUNTIME_DIR/forkdex, else in the temporary folder. ERRORS kDatabaseUnusable.
Result<std::filesystem::path> make_socket_folder(const std::filesystem::path& data,
                                                 const ServerUser& user);

}  // namespace forkdex
