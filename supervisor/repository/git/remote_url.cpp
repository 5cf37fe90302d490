#include "supervisor/repository/git/remote_url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include <fmt/format.h>

#include "common/base/path_text.h"

namespace forkdex {
namespace {

/// `user@host:path`; all without a ':' before the first '/' is a path.
std::string_view without_scp_user(std::string_view address) {
  const std::string_view head = address.substr(0, address.find('/'));
  const std::size_t colon = head.rfind(':');
  if (colon == std::string_view::npos) return address;
  return address.substr(head.rfind('@', colon) + 1);  // npos + 1 is 0
}

constexpr std::array<std::string_view, 5> kSchemes = {"http", "https", "ssh", "git", "file"};

Error refused(std::string_view url, std::string_view what) {
  return {ErrorCode::kUsage, fmt::format("{} {}", display_path(remote_without_secrets(url)), what),
          ""};
}

/// "%41" as "A"; a '%' that starts no such thing stays.
std::string decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
    bytes += escape ? static_cast<char>(value) : text[i];
    if (escape) i += 2;
  }
  return bytes;
}

/// The last part of a path, without ".git".
std::string name_of(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with("/.git")) path.remove_suffix(5);
  if (path.ends_with(".git") && path.size() > 4) path.remove_suffix(4);
  return std::string(path.substr(path.find_last_of("/:") + 1));  // npos + 1 is 0
}

/// What is wrong with an address whatever its protocol; empty for nothing.
std::string_view fault_of(std::string_view host, std::string_view path, bool needs_host) {
  if (host.empty() && needs_host) return "names no host; give scheme://host/path";
  if (host.starts_with('-')) return "names a host that starts with a dash, which is none";
  if (name_of(path).empty()) return "names no repository; give scheme://host/path";
  return {};
}

Result<RemoteUrl> parse_scp_like(std::string_view url) {
  const std::size_t colon = url.find(':');
  const std::string_view address = url.substr(0, colon);
  const std::string_view host = address.substr(address.rfind('@') + 1);
  const std::string_view path = url.substr(colon + 1);
  if (url.starts_with('-')) return refused(url, "starts with a dash; give user@host:path");
  if (const auto fault = fault_of(host, path, true); !fault.empty()) return refused(url, fault);
  return RemoteUrl{remote_without_secrets(url), std::string(url), name_of(path), "", ""};
}

}  // namespace

bool is_remote_url(std::string_view text) {
  if (text.find("://") != std::string_view::npos) return true;
  const std::string_view host = text.substr(0, text.find(':'));
  return host.size() < text.size() && host.find('@') != std::string_view::npos &&
         host.find('/') == std::string_view::npos;
}

Result<RemoteUrl> parse_remote_url(std::string_view url) {
  if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
    return refused(url, "holds control characters; give a URL without them");
  while (url.ends_with('/')) url.remove_suffix(1);  // the same repository
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return parse_scp_like(url);
  const std::string_view scheme = url.substr(0, scheme_end);
  if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end())
    return refused(url,
                   "is a URL of no protocol that is fetched from; give http, https, ssh, git "
                   "or file");
  const std::size_t begin = scheme_end + 3;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const std::size_t at = authority.rfind('@');
  const std::string_view userinfo = authority.substr(0, at == std::string_view::npos ? 0 : at);
  RemoteUrl remote;
  remote.shown = remote.argument = remote_without_secrets(url);
  const std::string_view host = authority.substr(at + 1);  // npos + 1 is 0
  const std::string_view rest = std::string_view(remote.shown).substr(begin + host.size());
  remote.name = name_of(rest);
  if (const auto fault = fault_of(host, rest, scheme != "file"); !fault.empty())
    return refused(url, fault);
  const std::size_t colon = std::min(userinfo.find(':'), userinfo.size());
  if (scheme.starts_with("http")) {
    remote.user = decoded(userinfo.substr(0, colon));
    remote.password = decoded(userinfo.substr(std::min(colon + 1, userinfo.size())));
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    for (const std::string& part : {remote.user, remote.password})
      if (std::any_of(part.begin(), part.end(), is_control))
        return refused(url, "was given with control characters in user or password");
  } else if (colon < userinfo.size()) {
    return refused(url,
                   "was given with a password, which its protocol has no use for; leave it out");
  } else if (scheme == "ssh") {
    if (userinfo.starts_with('-')) return refused(url, "names a user that starts with a dash");
    remote.argument = url;
  }
  return remote;
}

std::string remote_without_secrets(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(without_scp_user(url));
  const std::size_t begin = scheme + 3;
  if (url.starts_with("http")) url = url.substr(0, url.find_first_of("?#", begin));
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const std::size_t userinfo = authority.rfind('@') + 1;  // 0 where there is none
  return std::string(url.substr(0, begin)).append(url.substr(begin + userinfo));
}

}  // namespace forkdex
