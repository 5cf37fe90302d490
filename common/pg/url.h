#pragma once

// What may be shown of a URL. Remotes and database URLs carry passwords; neither a log, a report
// nor the database may.

#include <string>
#include <string_view>

namespace forkdex {

/// `url` without userinfo and without the value of a `password` or `sslpassword` query parameter.
/// A text that is no URL comes back as it is.
std::string without_secrets(std::string_view url);

/// `url` without a "+driver" in its scheme: "postgresql+asyncpg://h/d" gives "postgresql://h/d".
std::string without_driver(std::string_view url);

}  // namespace forkdex
