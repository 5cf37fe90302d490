// A segment of the word index, and the text of a tsvector, of any bytes: whatever is read is in
// range and in order, and what was read of a segment can be written and read again.

#include "common/words/word_segment.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/words/lexemes.h"
#include "tests/fuzz/fuzz_target.h"

namespace forkdex::fuzz {
namespace {

bool is_none(const WordCounts& counts) { return counts == WordCounts{}; }

/// The chunks of a word; nothing where they cannot be read.
std::optional<std::vector<std::pair<std::size_t, WordCounts>>> chunks_of(
    const WordPostings& postings, std::size_t chunks) {
  std::vector<std::pair<std::size_t, WordCounts>> all;
  const bool is_whole =
      for_each_posting(postings, chunks, [&](std::size_t chunk, const WordCounts& counts) {
        expect(chunk < chunks, "a chunk is one of the segment");
        expect(all.empty() || all.back().first < chunk, "chunks ascend");
        expect(!is_none(counts), "a chunk has the word");
        all.emplace_back(chunk, counts);
      });
  if (!is_whole) return std::nullopt;
  expect(all.size() == postings.count, "as many chunks as are said");
  return all;
}

void check_documents(std::string_view bytes, std::size_t chunks) {
  const auto documents = read_documents(bytes, chunks);
  if (!documents) return;
  expect(documents->size() == chunks, "as many chunks as are said");
  std::int64_t last = 0;
  WordSegmentBuilder builder;
  for (const WordSegmentChunk& chunk : *documents) {
    expect(chunk.id > last, "ids ascend");
    last = chunk.id;
    builder.begin_chunk(chunk.id);
  }
  const auto again = read_documents(builder.finish().documents, chunks);
  expect(again && again->size() == chunks, "what was read can be written");
  for (std::size_t i = 0; i < chunks; ++i)
    expect((*again)[i].id == (*documents)[i].id, "an id comes back");
}

void check_bucket(std::string_view bucket, std::string_view word, std::size_t chunks) {
  const auto found = find_word(bucket, word);
  if (!found) return;
  const auto read = chunks_of(*found, chunks);
  if (!read) return;
  WordSegmentBuilder builder;
  std::size_t begun = 0;
  for (const auto& [chunk, counts] : *read) {
    while (begun <= chunk) builder.begin_chunk(static_cast<std::int64_t>(++begun));
    builder.add(word, counts);
  }
  const WordSegmentBuilder::Segment segment = builder.finish();
  const auto again = find_word(segment.buckets.at(word_bucket(word, segment.bits)), word);
  expect(again && chunks_of(*again, chunks) == read, "what was read can be written and read again");
}

void check_lexemes(std::string_view text) {
  for_each_lexeme(text, [&](std::string_view word, const WordCounts& counts) {
    expect(!word.empty() && !is_none(counts), "a word stands somewhere");
    expect(word.data() >= text.data() && word.data() + word.size() <= text.data() + text.size(),
           "a word is in its text");
  });
  // Words of any text, as a tsvector of them is sent: their number, then each with its positions.
  ChunkWords words;
  words.add(WordField::kName, text.substr(0, text.size() / 2));
  words.add(WordField::kBody, text);
  const std::string sent = words.tsvector();
  expect(sent.size() >= 4 && sent.size() < std::size_t{1} << 21, "a tsvector is not too large");
}

void check(std::string_view bytes) {
  Input input(bytes);
  const std::size_t chunks = input.number<std::uint16_t>();
  const std::string_view word = input.bytes(input.number<std::uint8_t>());
  const std::string_view rest = input.rest();
  check_documents(rest, chunks);
  check_bucket(rest, word, chunks);
  chunks_of({chunks, rest}, chunks);
  check_lexemes(rest);
}

const Registration kTarget("word_segment", check);

}  // namespace
}  // namespace forkdex::fuzz
