#include "tests/support/shallow_model.h"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace forkdex::test {
namespace fs = std::filesystem;

void link_bundled_model(const fs::path& folder, const std::string& file, const std::string& text) {
  for (const auto& entry : fs::directory_iterator(deps_folder() / "model")) {
    if (entry.path().filename() != file)
      fs::create_symlink(entry.path(), folder / entry.path().filename());
  }
  std::ofstream(folder / file) << text;
}

void make_shallow_model(const fs::path& folder) {
  fs::create_directory(folder);
  nlohmann::json config = nlohmann::json::parse(read_file(deps_folder() / "model/config.json"));
  config["num_hidden_layers"] = 1;
  link_bundled_model(folder, "config.json", config.dump());
}

bool computes_in_fp32() {
#if defined(__x86_64__)
  return !__builtin_cpu_supports("avx512bf16");
#else
  return true;
#endif
}

void set_default_model(const fs::path& folder) {
  for (const char* setting : {"FORKDEX_CODE_MODEL", "FORKDEX_TEXT_MODEL"}) {
    if (folder.empty()) {
      ::unsetenv(setting);
    } else {
      ::setenv(setting, folder.c_str(), 1);
    }
  }
}

}  // namespace forkdex::test
