// The worker's settings: what supervisor and worker make of any document is the same after it has
// crossed once more.

#include "common/protocol/worker_setup.h"

#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/memory_file.h"

namespace forkdex::fuzz {
namespace {

std::string written(const WorkerSetup& setup) {
  const Result<UniqueFd> memory = write_worker_setup(setup);
  expect(memory.ok(), "settings can be written");
  return contents_of(memory->get());
}

void check_any_document(std::string_view bytes) {
  const MemoryFile memory(bytes);
  const Result<WorkerSetup> setup = read_worker_setup(memory.fd());
  if (!setup) {
    expect(setup.error().code == ErrorCode::kRingBroken, "the error is the border's");
    return;
  }
  const std::string once = written(*setup);
  const MemoryFile again(once);
  const Result<WorkerSetup> reread = read_worker_setup(again.fd());
  expect(reread.ok() && written(*reread) == once, "settings cross unchanged");
}

// Paths, names and passwords are bytes.
void check_any_bytes(Input& input) {
  WorkerSetup setup;
  ModelFolder& model = setup.models.text.emplace();
  model.path = input.line();
  model.name = input.line();
  setup.database_url = input.line();
  setup.database_password = input.line();
  setup.cache_folder = input.line();
  setup.batch_tokens = input.number<std::uint64_t>();
  setup.repository_id = static_cast<std::int64_t>(input.number<std::uint64_t>());
  setup.root = input.rest();
  const MemoryFile memory(written(setup));
  const Result<WorkerSetup> read = read_worker_setup(memory.fd());
  expect(read.ok(), "what was written can be read");
  expect(!read->models.code && read->models.text && read->models.text->path == model.path &&
             read->models.text->name == model.name && read->database_url == setup.database_url &&
             read->database_password == setup.database_password && read->root == setup.root &&
             read->cache_folder == setup.cache_folder && read->batch_tokens == setup.batch_tokens &&
             read->repository_id == setup.repository_id,
         "every byte crosses");
}

void check(std::string_view bytes) {
  Input input(bytes);
  if (input.letter() == '=')
    check_any_bytes(input);
  else
    check_any_document(input.rest());
}

const Registration kTarget("worker_setup", check);

}  // namespace
}  // namespace forkdex::fuzz
