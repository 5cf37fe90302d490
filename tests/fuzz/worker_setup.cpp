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
  IndexingSetup& indexing = setup.indexing.emplace();
  indexing.database_url = input.line();
  indexing.database_password = input.line();
  setup.tuning.cache_folder = input.line();
  setup.tuning.batch_tokens = input.number<std::uint64_t>();
  indexing.repository_id = static_cast<std::int64_t>(input.number<std::uint64_t>());
  indexing.object_folders = {std::string(input.line()), ""};
  indexing.root = input.rest();
  const MemoryFile memory(written(setup));
  const Result<WorkerSetup> read = read_worker_setup(memory.fd());
  expect(read.ok(), "what was written can be read");
  expect(!read->models.code && read->models.text && read->indexing, "what is there is there");
  const WorkerTuning& tuning = read->tuning;
  const IndexingSetup& read_back = *read->indexing;
  expect(read->models.text->path == model.path && read->models.text->name == model.name &&
             read_back.database_url == indexing.database_url &&
             read_back.database_password == indexing.database_password &&
             read_back.root == indexing.root &&
             read_back.object_folders == indexing.object_folders &&
             tuning.cache_folder == setup.tuning.cache_folder &&
             tuning.batch_tokens == setup.tuning.batch_tokens &&
             read_back.repository_id == indexing.repository_id,
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
