#include "worker/jobs/group_vectors.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "common/base/clock.h"
#include "common/error/fault.h"

namespace forkdex {
namespace {

// Texts embedded at once, and vectors held at once: those of a file with more are stored ahead of
// it, so that memory stays within a few megabytes and a second attempt finds them.
constexpr std::size_t kSliceTexts = 512;
constexpr std::size_t kHeldVectors = 4 * kSliceTexts;

}  // namespace

void GroupVectors::clear() {
  hashes_.clear();
  vectors_.clear();
}

Result<void> GroupVectors::embed_unknown(const std::map<Sha256, Text>& texts) {
  if (texts.empty()) return {};
  std::vector<Sha256> hashes;
  for (const auto& [hash, text] : texts) hashes.push_back(hash);
  if (auto passed = fault::point("embed.lookup"); !passed) return passed;
  auto known = store_.known_vectors(model_.id, hashes);
  if (!known) return known.error();
  std::vector<Text> unknown;
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (!(*known)[i]) unknown.push_back(texts.at(hashes[i]));
  return embed(unknown);
}

Result<void> GroupVectors::embed(std::span<const Text> texts) {
  for (std::size_t start = 0; start < texts.size(); start += kSliceTexts) {
    const std::size_t size = std::min(kSliceTexts, texts.size() - start);
    if (auto embedded = embed_slice(texts.subspan(start, size)); !embedded) return embedded;
    if (hashes_.size() < kHeldVectors) continue;
    if (auto stored = store_held_vectors(); !stored) return stored;
  }
  return {};
}

/// The files that the next batch has texts of are at work, and no other.
void GroupVectors::embedding(std::span<const Text> slice, std::span<const std::size_t> texts) {
  std::vector<FileInHand*> owners;
  for (const std::size_t text : texts) owners.push_back(slice[text].owner);
  std::sort(owners.begin(), owners.end());
  owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
  for (const FileInHand* rests : embedding_)
    if (!std::binary_search(owners.begin(), owners.end(), rests))
      receiver_.enter(rests->slot, Stage::kWaiting);
  for (const FileInHand* owner : owners) receiver_.enter(owner->slot, Stage::kEmbed);
  embedding_ = std::move(owners);
}

/// Appends the hashes and vectors of `slice`, and charges CPU time and tokens to the owners.
Result<void> GroupVectors::embed_slice(std::span<const Text> slice) {
  PrefixedTexts sources(model_.prefix);
  for (const Text& text : slice) sources.add(text.text);
  const std::size_t dimension = model_.embedder->dimension();
  const std::size_t row = hashes_.size();
  vectors_.resize((row + slice.size()) * dimension);
  std::chrono::nanoseconds cpu{0};
  std::uint64_t tokens = 0;
  {
    CpuTimer timer(cpu);
    std::vector<std::size_t> all(slice.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    embedding(slice, all);  // while they are tokenized
    for (const FileInHand* owner : embedding_)
      if (auto passed = fault::point("embed.batch", owner->wanted.path); !passed) return passed;
    auto embedded =
        model_.embedder->embed(sources.views(), std::span(vectors_).subspan(row * dimension),
                               tokens, [&](auto batch) { embedding(slice, batch); });
    if (!embedded) return embedded;
    embedding(slice, {});
  }
  std::size_t bytes = 1;
  for (const std::string_view source : sources.views()) bytes += source.size();
  for (const Text& text : slice) {
    const double share = static_cast<double>(text.text.size()) / static_cast<double>(bytes);
    text.owner->outcome.times.embed += std::chrono::nanoseconds(
        static_cast<std::int64_t>(share * static_cast<double>(cpu.count())));
    ++text.owner->result.embedded;
    hashes_.push_back(text.hash);
  }
  slice.front().owner->result.tokens += tokens;
  return {};
}

/// Stores the vectors in hand ahead of their files and lets go of them.
Result<void> GroupVectors::store_held_vectors() {
  const std::size_t dimension = model_.embedder->dimension();
  std::vector<StoredVector> vectors;
  for (std::size_t row = 0; row < hashes_.size(); ++row)
    vectors.push_back({hashes_[row], std::span(vectors_).subspan(row * dimension, dimension)});
  if (auto stored = store_.store_vectors(model_.id, vectors); !stored) {
    // What refuses one file may pass: they are stored with their files then.
    const bool may_pass = traits(stored.error().code).radius == BlastRadius::kFile;
    return may_pass ? Result<void>() : stored;
  }
  clear();
  return {};
}

std::vector<StoredVector> GroupVectors::vectors_of(const FileInHand& file, View view) const {
  std::unordered_set<std::string_view> wanted;
  for (const Sha256& hash : file.hashes[view]) wanted.insert(bytes_of(hash));
  const std::size_t dimension = model_.embedder->dimension();
  std::vector<StoredVector> vectors;
  for (std::size_t row = 0; row < hashes_.size(); ++row)
    if (wanted.contains(bytes_of(hashes_[row])))
      vectors.push_back({hashes_[row], std::span(vectors_).subspan(row * dimension, dimension)});
  return vectors;
}

}  // namespace forkdex
