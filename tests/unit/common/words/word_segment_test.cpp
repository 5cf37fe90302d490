#include "common/words/word_segment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "tests/support/seed.h"

namespace forkdex {
namespace {

using Segment = WordSegmentBuilder::Segment;

struct Document {
  std::int64_t id = 0;
  std::map<std::string, WordCounts> words;

  std::size_t length() const {
    std::size_t all = 0;
    for (const auto& [word, counts] : words)
      for (const std::uint8_t count : counts) all += count;
    return all;
  }
};

Segment segment_of(const std::vector<Document>& documents) {
  WordSegmentBuilder builder;
  for (const Document& document : documents) {
    builder.begin_chunk(document.id);
    for (const auto& [word, counts] : document.words) builder.add(word, counts);
  }
  return builder.finish();
}

using Postings = std::map<std::size_t, WordCounts>;  // by place in the segment

/// The chunks that have `word`; throws where the segment cannot be read.
Postings postings_of(const Segment& segment, const std::string& word) {
  const auto found = find_word(segment.buckets[word_bucket(word, segment.bits)], word);
  if (!found) throw std::runtime_error("the bucket of '" + word + "' cannot be read");
  Postings postings;
  std::size_t least = 0;
  const bool is_whole =
      for_each_posting(*found, segment.chunks, [&](std::size_t chunk, const WordCounts& counts) {
        if (chunk < least) throw std::runtime_error("chunks are not in order");
        least = chunk + 1;
        postings.emplace(chunk, counts);
      });
  if (!is_whole) throw std::runtime_error("the postings of '" + word + "' cannot be read");
  if (postings.size() != found->count) throw std::runtime_error("the count is another");
  return postings;
}

WordCounts random_counts(std::mt19937& random) {
  WordCounts counts{};
  do {
    for (std::uint8_t& count : counts) {
      const auto kind = random() % 8;
      if (kind == 0) count = static_cast<std::uint8_t>(random() % 256);
      if (kind == 1) count = static_cast<std::uint8_t>(random() % 20);
      if (kind == 2) count = 1;
    }
  } while (counts == WordCounts{});
  return counts;
}

/// Words of a vocabulary in which few are frequent.
std::vector<Document> random_documents(std::mt19937& random, std::size_t size) {
  std::vector<Document> documents;
  std::int64_t id = 0;
  const std::size_t vocabulary = 1 + random() % 3000;
  for (std::size_t i = 0; i < size; ++i) {
    id += 1 + static_cast<std::int64_t>(random() % 3 == 0 ? random() : random() % 3);
    Document document{id, {}};
    for (std::size_t word = random() % 120; word > 0; --word) {
      const std::size_t number = random() % (1 + random() % vocabulary);
      document.words[fmt::format("w{}\u00e4", number)] = random_counts(random);
    }
    documents.push_back(std::move(document));
  }
  return documents;
}

void check_round_trip(const std::vector<Document>& documents) {
  const Segment segment = segment_of(documents);
  REQUIRE(segment.chunks == documents.size());
  REQUIRE(segment.buckets.size() == std::size_t{1} << segment.bits);
  const auto chunks = read_documents(segment.documents, segment.chunks);
  REQUIRE(chunks);
  std::uint64_t words = 0;
  std::map<std::string, Postings> expected;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    words += documents[i].length();
    if (chunks->at(i).id != documents[i].id) FAIL("chunk " << i << " has another id");
    if (chunks->at(i).length != length_code(documents[i].length()))
      FAIL("chunk " << i << " has another length");
    for (const auto& [word, counts] : documents[i].words) expected[word].emplace(i, counts);
  }
  CHECK(segment.words == words);
  for (const auto& [word, postings] : expected)
    if (postings_of(segment, word) != postings) FAIL("'" << word << "' has other chunks");
  for (const char* absent : {"", "absent", "w", "\xff", "w0"})
    CHECK(postings_of(segment, absent).empty());
}

/// Reads all there is of a segment whose bytes may be anything, and says whether all could be.
bool read_all(const Segment& segment, const std::vector<std::string>& words) {
  bool is_whole = true;
  if (const auto chunks = read_documents(segment.documents, segment.chunks)) {
    CHECK(chunks->size() == segment.chunks);
    std::int64_t last = 0;
    for (const WordSegmentChunk& chunk : *chunks) {
      if (chunk.id <= last) FAIL("ids do not ascend");
      last = chunk.id;
    }
  } else {
    is_whole = false;
  }
  for (const std::string& word : words) {
    const auto found = find_word(segment.buckets[word_bucket(word, segment.bits)], word);
    std::size_t visited = 0;
    std::size_t least = 0;
    if (!found ||
        !for_each_posting(*found, segment.chunks, [&](std::size_t chunk, const WordCounts& counts) {
          if (chunk < least || chunk >= segment.chunks) FAIL("a chunk out of order or of range");
          if (counts == WordCounts{}) FAIL("a chunk without the word");
          least = chunk + 1;
          ++visited;
        }))
      is_whole = false;
    else if (visited != found->count)
      FAIL("another number of chunks than is said");
  }
  return is_whole;
}

std::vector<std::string> words_of(const std::vector<Document>& documents) {
  std::set<std::string> words;
  for (const Document& document : documents)
    for (const auto& [word, counts] : document.words) words.insert(word);
  return {words.begin(), words.end()};
}

}  // namespace

TEST_CASE("word segment: no chunks -> nothing in it", "[words]") {
  const Segment segment = segment_of({});
  CHECK(segment.chunks == 0);
  CHECK(segment.words == 0);
  CHECK(segment.documents.empty());
  CHECK(segment.buckets == std::vector<std::string>{""});
  CHECK(read_documents("", 0)->empty());
  CHECK(postings_of(segment, "word").empty());
}

TEST_CASE("word segment: chunks with and without words -> ids, lengths and counts", "[words]") {
  const std::vector<Document> documents = {
      {7, {{"once", {0, 0, 0, 1}}, {"often", {15, 16, 255, 0}}}},
      {8, {}},
      {std::numeric_limits<std::int64_t>::max(), {{"once", {0, 0, 16, 0}}}}};
  check_round_trip(documents);
  const Segment segment = segment_of(documents);
  CHECK(postings_of(segment, "once") == Postings{{0, {0, 0, 0, 1}}, {2, {0, 0, 16, 0}}});
  CHECK(postings_of(segment, "often") == Postings{{0, {15, 16, 255, 0}}});
  CHECK(segment.words == 1 + 15 + 16 + 255 + 16);
}

TEST_CASE("word segment: random chunks -> what was put in", "[words]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (const std::size_t size : {1u, 2u, 3u, 50u, 200u, 1000u, 3000u})
    check_round_trip(random_documents(random, size));
}

TEST_CASE("word segment: a builder that has given its segment -> is empty again", "[words]") {
  WordSegmentBuilder builder;
  builder.begin_chunk(5);
  builder.add("first", {1, 0, 0, 0});
  builder.finish();
  CHECK(builder.chunks() == 0);
  builder.begin_chunk(3);
  builder.add("second", {0, 1, 0, 0});
  const Segment segment = builder.finish();
  CHECK(segment.chunks == 1);
  CHECK(segment.words == 1);
  CHECK(read_documents(segment.documents, 1)->at(0).id == 3);
  CHECK(postings_of(segment, "first").empty());
  CHECK(postings_of(segment, "second").size() == 1);
}

TEST_CASE("word segment: as many chunks as a segment takes -> all of them", "[words]") {
  WordSegmentBuilder builder;
  for (std::size_t i = 0; i < kMaxWordSegmentChunks; ++i) {
    REQUIRE_FALSE(builder.is_full());
    builder.begin_chunk(static_cast<std::int64_t>(3 * i + 1));
    builder.add("every", {0, 0, 0, 1});
    if (i + 1 == kMaxWordSegmentChunks) builder.add("last", {0, 0, 0, 1});
  }
  CHECK(builder.is_full());
  const Segment segment = builder.finish();
  CHECK(read_documents(segment.documents, kMaxWordSegmentChunks)->back().id == 3 * 65535 + 1);
  CHECK(postings_of(segment, "every").size() == kMaxWordSegmentChunks);
  CHECK(postings_of(segment, "last") == Postings{{kMaxWordSegmentChunks - 1, {0, 0, 0, 1}}});
  CHECK_FALSE(read_documents(segment.documents, kMaxWordSegmentChunks - 1));
  CHECK_FALSE(read_documents(segment.documents + "\1\1", kMaxWordSegmentChunks + 1));
}

TEST_CASE("word segment: a length -> itself to the nearest eighth of a power of two", "[words]") {
  CHECK(length_of(length_code(0)) == 0);
  double greatest = 0;
  for (std::size_t words = 0; words < 5'000'000; words = words < 1000 ? words + 1 : words * 9 / 8) {
    const double kept = length_of(length_code(words));
    greatest = std::max(greatest, std::abs(std::log2((kept + 1) / (1.0 + double(words)))));
  }
  CHECK(greatest <= 1.0 / 16 + 1e-9);
  CHECK(length_code(std::numeric_limits<std::size_t>::max()) == 255);
  for (unsigned code = 1; code < 256; ++code)
    if (length_of(static_cast<std::uint8_t>(code)) <=
        length_of(static_cast<std::uint8_t>(code - 1)))
      FAIL("code " << code);
}

TEST_CASE("word segment: a word -> a bucket of those there are, a fair share in each", "[words]") {
  CHECK(word_bucket("word", 0) == 0);
  CHECK(word_bucket("", kMostBucketBits) < 1u << kMostBucketBits);
  std::vector<int> words(16);
  for (int i = 0; i < 16'000; ++i) ++words.at(word_bucket(fmt::format("word{}", i), 4));
  CHECK(*std::min_element(words.begin(), words.end()) > 900);
  CHECK(*std::max_element(words.begin(), words.end()) < 1100);
  // FNV-1a of the empty text and of "a", as published, behind MurmurHash3's fmix64; stored segments
  // rest on them.
  CHECK(word_bucket("", 16) == 0xefd0);
  CHECK(word_bucket("a", 16) == 0x82a2);
}

TEST_CASE("word segment: truncated bytes -> refused, or read in range", "[words]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto documents = random_documents(random, 40);
  const auto words = words_of(documents);
  const Segment segment = segment_of(documents);
  for (std::size_t size = 0; size < segment.documents.size(); ++size)
    if (read_documents(std::string_view(segment.documents).substr(0, size), segment.chunks))
      FAIL("documents cut to " << size << " bytes can be read");
  for (std::size_t bucket = 0; bucket < segment.buckets.size(); ++bucket)
    for (std::size_t size = 0; size < segment.buckets[bucket].size(); size += 1 + random() % 50) {
      Segment cut = segment;
      cut.buckets[bucket].resize(size);
      read_all(cut, words);
    }
}

TEST_CASE("word segment: altered bytes -> refused, or read in range", "[words]") {
  const unsigned seed = test::new_seed();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto documents = random_documents(random, 30);
  const auto words = words_of(documents);
  const Segment segment = segment_of(documents);
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    Segment altered = segment;
    std::string& bytes =
        random() % 4 == 0 ? altered.documents : altered.buckets[random() % altered.buckets.size()];
    for (std::size_t i = 1 + random() % 3; i > 0 && !bytes.empty(); --i)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 4 == 0 ? 255 : random() % 256);
    refused += read_all(altered, words) ? 0 : 1;
  }
  CHECK(refused > 100);
}

TEST_CASE("word segment: documents that cannot be true -> refused", "[words]") {
  const std::string most = std::string(8, '\xff') + "\x7f";  // the greatest id
  const std::string beyond = std::string(9, '\x80') + "\1";  // 2^63
  CHECK(read_documents(most + "\1", 1)->at(0).id == std::numeric_limits<std::int64_t>::max());
  for (const auto& [documents, chunks] :
       std::vector<std::pair<std::string, std::size_t>>{{"", 1},
                                                        {"\1", 1},
                                                        {"\1\1", 0},
                                                        {"\1\1", 2},
                                                        {"\1\1\1", 1},
                                                        {"\1\1\1", 2},
                                                        {std::string("\0\1", 2), 1},
                                                        {std::string("\1\1\0\1", 4), 2},
                                                        {std::string(10, '\x80') + "\1\1", 1},
                                                        {std::string(11, '\xff'), 1},
                                                        {beyond + "\1", 1},
                                                        {most + "\1\1\1", 2},
                                                        {std::string(9, '\xff') + "\1\1\2\1", 2},
                                                        {std::string(9, '\xff') + "\x7f\1", 1}}) {
    CAPTURE(documents, chunks);
    CHECK_FALSE(read_documents(documents, chunks));
  }
}

TEST_CASE("word segment: postings that cannot be true -> refused", "[words]") {
  const auto is_whole = [](std::size_t count, const std::string& bytes, std::size_t chunks) {
    return for_each_posting({count, bytes}, chunks, [&](std::size_t chunk, const WordCounts&) {
      if (chunk >= chunks) FAIL("chunk " << chunk);
    });
  };
  CHECK(is_whole(0, "", 0));
  CHECK(is_whole(1, "\1\x11", 1));
  CHECK(is_whole(2, "\1\x11\1\3\x10\x7f", 2));
  for (const auto& [count, bytes, chunks] :
       std::vector<std::tuple<std::size_t, std::string, std::size_t>>{
           {0, "\1\x11", 1},  // more than are counted
           {2, "\1\x11", 2},  // fewer
           {1, "\1\x11", 0},  // beyond the last chunk
           {1, "\2\x11", 1},
           {2, "\1\x11\1\x11", 1},
           {1, std::string("\0\x11", 2), 1},  // no step
           {1, "\1", 1},                      // no counts
           {1, std::string("\1\0", 2), 1},    // of no field
           {1, "\1\xf0", 1},
           {1, std::string("\1\1\0", 3), 1},  // in a field, no times
           {1, "\1\3\1", 1},                  // one count of two
           {1, "\1\1\x80\2", 1},              // 256 times
           {1, std::string(9, '\xff') + "\1\x11", 1},
           {2, "\2\x11" + std::string(9, '\xff') + "\1\x11", 2},
           {1, std::string(12, '\xff'), 1}}) {
    CAPTURE(count, bytes, chunks);
    CHECK_FALSE(is_whole(count, bytes, chunks));
  }
}

TEST_CASE("word segment: a bucket that is malformed -> refused up to the word, read before it",
          "[words]") {
  const std::string entries =
      "\1b\1\2\1\x11"
      "\1d\1\2\1\x21";
  CHECK(find_word(entries, "b")->count == 1);
  CHECK(find_word(entries, "d")->bytes == "\1\x21");
  for (const char* absent : {"", "a", "c", "e", "bb"})
    CHECK(find_word(entries, absent)->count == 0);
  for (std::size_t size = 1; size < entries.size(); ++size) {
    CAPTURE(size);
    const auto cut = std::string_view(entries).substr(0, size);
    CHECK(find_word(cut, "b").has_value() == (size >= 6));
    CHECK(find_word(cut, "d").has_value() == (size == 6));
  }
  CHECK_FALSE(find_word("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", "b"));
  CHECK_FALSE(find_word("\1a\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1x", "b"));
}

}  // namespace forkdex
