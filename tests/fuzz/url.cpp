// URLs: the password does not show, wherever in the URL it stands.

#include "common/pg/url.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

constexpr std::string_view kSecret = "q7Zk0xWv";

// The part of `text` that can stand where it is put without ending it.
std::string_view until(std::string_view text, std::string_view ends) {
  return text.substr(0, std::min(text.find_first_of(ends), text.size()));
}

void check(std::string_view bytes) {
  if (bytes.find(kSecret) != std::string_view::npos) return;
  without_secrets(bytes);
  expect(without_driver(bytes).size() <= bytes.size(), "a driver is only taken out");

  Input input(bytes);
  const std::string user(until(input.line(), "/"));
  const std::string host(until(input.line(), "?"));
  const std::string parameters(input.line());
  const std::string with_userinfo =
      "postgresql://" + user + ":" + std::string(kSecret) + "@" + host;
  expect(without_secrets(with_userinfo).find(kSecret) == std::string::npos,
         "a password before the host does not show");
  for (const char* name : {"password=", "sslpassword="}) {
    const std::string url = "postgresql://" + host + "?" + parameters + "&" + name +
                            std::string(kSecret) + "&" + std::string(input.rest());
    expect(without_secrets(url).find(kSecret) == std::string::npos,
           "a password among the parameters does not show");
  }
}

const Registration kTarget("url", check);

}  // namespace
}  // namespace forkdex::fuzz
