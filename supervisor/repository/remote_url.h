#pragma once

#include <string>
#include <string_view>

namespace forkdex {

/// `url` without what may be secret in it: userinfo (`user:password@`, of scp-like addresses too)
/// and, for http and https, query and fragment. A local path stays as it is.
std::string remote_without_secrets(std::string_view url);

}  // namespace forkdex
