#include "tests/support/http_files.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string_view>
#include <system_error>
#include <utility>

#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace {

constexpr int kAskAgainMs = 10;

void send_all(int connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// A request up to its empty line.
std::string read_request(int connection) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    request.append(buffer, static_cast<std::size_t>(got));
  }
  return request;
}

}  // namespace

HttpFiles::HttpFiles(std::filesystem::path folder, std::string authorization)
    : folder_(std::move(folder)),
      authorization_(std::move(authorization)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, generic, &size) != 0)
    throw std::system_error(errno, std::generic_category(), "a server on loopback");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpFiles::~HttpFiles() {
  ends_ = true;
  thread_.join();
  ::close(listener_);
}

void HttpFiles::serve() {
  while (!ends_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kAskAgainMs) <= 0) continue;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    answer(connection);
    ::close(connection);
  }
}

void HttpFiles::answer(int connection) {
  const std::string request = read_request(connection);
  ++waiting_;
  while (held_ && !ends_) std::this_thread::sleep_for(std::chrono::milliseconds(kAskAgainMs));
  --waiting_;
  if (request.find("\r\nAuthorization: " + authorization_ + "\r\n") == std::string::npos) {
    ++refused_;
    return send_all(connection,
                    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                    "Content-Length: 0\r\nConnection: close\r\n\r\n");
  }
  ++served_;
  const std::size_t start = request.find(" /") + 2;
  const std::string path = request.substr(start, request.find_first_of(" ?", start) - start);
  if (path.find("..") != std::string::npos || !std::filesystem::is_regular_file(folder_ / path))
    return send_all(connection,
                    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  const std::string bytes = read_file(folder_ / path);
  send_all(connection, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes.size()) +
                           "\r\nConnection: close\r\n\r\n" + bytes);
}

}  // namespace forkdex::test
