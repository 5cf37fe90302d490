#pragma once

// Addresses of repositories elsewhere, as `git clone` takes them, taken apart so that what may be
// secret travels apart from the rest.

#include <string>
#include <string_view>

#include "common/error/result.h"

namespace forkdex {

/// `url` without what may be secret in it: userinfo (`user:password@`, of scp-like addresses too)
/// and, for http and https, query and fragment. A local path stays as it is.
std::string remote_without_secrets(std::string_view url);

/// Whether `text` has the form of such an address: `scheme://…`, or git's short `user@host:path`.
bool is_remote_url(std::string_view text);

/// An address that can be fetched from.
struct RemoteUrl {
  std::string shown;     ///< without userinfo; for people, rows and names of folders
  std::string argument;  ///< what git is told: as shown, except that ssh keeps the user's name
  std::string name;      ///< the last part, without `.git`
  // Of http and https, decoded; empty where the address has none.
  std::string user;
  std::string password;
};

/// Takes `url` apart. ERRORS kUsage: another protocol than http, https, ssh, git and file, no host,
/// no path, a password for ssh, or what a program could take for an option; the sentence holds no
/// userinfo.
Result<RemoteUrl> parse_remote_url(std::string_view url);

}  // namespace forkdex
