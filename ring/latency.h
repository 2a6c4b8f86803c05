// How long a member took to answer lately: what a hedged request needs to know.
//
// Thread-safety: none; the owner locks.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

namespace reposfs {

class Latency {
 public:
  static constexpr std::size_t kSampleCountMax = 64;
  // With fewer answers than this the slowest of them says nothing.
  static constexpr std::size_t kSampleCountMin = 8;

  void Add(std::chrono::milliseconds sample);

  // What 95 of 100 answers did not exceed, of the last kSampleCountMax; nothing with fewer than
  // kSampleCountMin.
  std::optional<std::chrono::milliseconds> Percentile95() const;

 private:
  std::array<std::chrono::milliseconds, kSampleCountMax> samples_{};
  std::size_t count_ = 0;  // Ever added.
};

}  // namespace reposfs
