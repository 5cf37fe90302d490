#include "common/words/word_segment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace forkdex {
namespace {

// A bucket that a question reads is then one page of the database or a few.
constexpr std::size_t kBucketBytes = 4096;
constexpr std::int64_t kGreatestId = std::numeric_limits<std::int64_t>::max();

void append_number(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  bytes += static_cast<char>(value);
}

/// Takes a number off the front of `bytes`.
std::optional<std::uint64_t> take_number(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (shift == 63 && byte > 1) break;  // beyond 64 bits
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// Takes a text behind its length off the front of `bytes`.
std::optional<std::string_view> take_text(std::string_view& bytes) {
  const auto size = take_number(bytes);
  if (!size || *size > bytes.size()) return std::nullopt;
  const std::string_view text = bytes.substr(0, *size);
  bytes.remove_prefix(*size);
  return text;
}

// Most words stand in one field and a few times: the byte of the fields has the count then.
constexpr unsigned kCountShift = 4;
constexpr unsigned kMostShortCount = 15;

void append_counts(std::string& bytes, const WordCounts& counts) {
  unsigned fields = 0;
  unsigned last = 0;
  for (std::size_t field = 0; field < kWordFields; ++field)
    if (counts[field] > 0) {
      fields |= 1u << field;
      last = counts[field];
    }
  const bool is_one = (fields & (fields - 1)) == 0;
  if (is_one && last <= kMostShortCount) {
    bytes += static_cast<char>(fields | last << kCountShift);
    return;
  }
  bytes += static_cast<char>(fields);
  for (const std::uint8_t count : counts)
    if (count > 0) append_number(bytes, count);
}

std::optional<WordCounts> take_counts(std::string_view& bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto head = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  if (head % (1u << kCountShift) == 0) return std::nullopt;  // in no field
  WordCounts counts{};
  for (std::size_t field = 0; field < kWordFields; ++field) {
    if ((head & 1u << field) == 0) continue;
    std::optional<std::uint64_t> count = head >> kCountShift;
    if (*count == 0) count = take_number(bytes);
    if (!count || *count == 0 || *count > 255) return std::nullopt;
    counts[field] = static_cast<std::uint8_t>(*count);
  }
  return counts;
}

}  // namespace

std::uint8_t length_code(std::size_t words) {
  const double code = std::round(8 * std::log2(1 + static_cast<double>(words)));
  return static_cast<std::uint8_t>(std::min(code, 255.0));
}

double length_of(std::uint8_t code) { return std::exp2(code / 8.0) - 1; }

std::uint32_t word_bucket(std::string_view word, unsigned bits) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  // FNV's high bits hardly differ between short words: MurmurHash3's last step spreads them.
  hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCD;
  hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53;
  return bits == 0 ? 0 : static_cast<std::uint32_t>(hash >> (64 - bits));
}

void WordSegmentBuilder::begin_chunk(std::int64_t id) {
  if (chunks_ > 0) end_chunk();
  append_number(documents_, static_cast<std::uint64_t>(id - last_id_));
  last_id_ = id;
  ++chunks_;
}

void WordSegmentBuilder::end_chunk() {
  documents_ += static_cast<char>(length_code(length_));
  all_words_ += length_;
  length_ = 0;
}

void WordSegmentBuilder::add(std::string_view word, const WordCounts& counts) {
  Postings& postings = words_[std::string(word)];
  const auto chunk = static_cast<std::uint32_t>(chunks_);
  append_number(postings.bytes, chunk - postings.last);
  append_counts(postings.bytes, counts);
  postings.last = chunk;
  ++postings.count;
  for (const std::uint8_t count : counts) length_ += count;
}

WordSegmentBuilder::Segment WordSegmentBuilder::finish() {
  if (chunks_ > 0) end_chunk();
  Segment segment;
  segment.chunks = chunks_;
  segment.words = all_words_;
  segment.documents = std::move(documents_);
  std::size_t bytes = 0;
  std::vector<std::pair<std::string_view, const Postings*>> sorted;
  sorted.reserve(words_.size());
  for (const auto& [word, postings] : words_) {
    sorted.emplace_back(word, &postings);
    bytes += word.size() + postings.bytes.size() + 4;
  }
  std::sort(sorted.begin(), sorted.end());
  while (segment.bits < kMostBucketBits && bytes >> segment.bits > kBucketBytes) ++segment.bits;
  segment.buckets.resize(std::size_t{1} << segment.bits);
  for (const auto& [word, postings] : sorted) {
    std::string& bucket = segment.buckets[word_bucket(word, segment.bits)];
    append_number(bucket, word.size());
    bucket += word;
    append_number(bucket, postings->count);
    append_number(bucket, postings->bytes.size());
    bucket += postings->bytes;
  }
  *this = WordSegmentBuilder();
  return segment;
}

std::optional<std::vector<WordSegmentChunk>> read_documents(std::string_view documents,
                                                            std::size_t chunks) {
  if (chunks > kMaxWordSegmentChunks) return std::nullopt;
  std::vector<WordSegmentChunk> all;
  all.reserve(chunks);
  std::int64_t id = 0;
  while (!documents.empty()) {
    const auto step = take_number(documents);
    if (!step || *step == 0 || documents.empty() || all.size() == chunks) return std::nullopt;
    if (*step > static_cast<std::uint64_t>(kGreatestId - id)) return std::nullopt;
    id += static_cast<std::int64_t>(*step);
    all.push_back({id, static_cast<std::uint8_t>(documents.front())});
    documents.remove_prefix(1);
  }
  if (all.size() != chunks) return std::nullopt;
  return all;
}

std::optional<WordPostings> find_word(std::string_view bucket, std::string_view word) {
  while (!bucket.empty()) {
    const auto there = take_text(bucket);
    const auto count = there ? take_number(bucket) : std::nullopt;
    const auto bytes = count ? take_text(bucket) : std::nullopt;
    if (!bytes) return std::nullopt;
    if (*there == word) return WordPostings{*count, *bytes};
    if (*there > word) break;
  }
  return WordPostings{};
}

bool for_each_posting(
    const WordPostings& postings, std::size_t chunks,
    const std::function<void(std::size_t chunk, const WordCounts& counts)>& visit) {
  std::string_view bytes = postings.bytes;
  std::uint64_t chunk = 0;  // from 1
  std::size_t visited = 0;
  while (!bytes.empty()) {
    const auto step = take_number(bytes);
    const auto counts = step ? take_counts(bytes) : std::nullopt;
    if (!counts || *step == 0 || *step > chunks - chunk) return false;
    chunk += *step;
    visit(chunk - 1, *counts);
    ++visited;
  }
  return visited == postings.count;
}

}  // namespace forkdex
