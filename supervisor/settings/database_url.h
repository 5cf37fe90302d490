#pragma once

#include <string>
#include <vector>

#include "supervisor/settings/settings.h"

namespace forkdex {

/// Stores the last of `values`, a URL that libpq can read, without its +driver; an empty one stands
/// for the embedded database. False for any other text.
bool set_database_url(Settings& settings, const std::vector<std::string>& values);

/// What is wrong with a text that set_database_url() refuses, to follow the name of the setting:
/// "must be …", or "has the unknown parameter …" where libpq knows no parameter of that name. Holds
/// nothing that may be a part of a password.
std::string fault_of_database_url(const std::vector<std::string>& values);

}  // namespace forkdex
