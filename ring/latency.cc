#include "ring/latency.h"

#include <algorithm>

namespace reposfs {

void Latency::Add(std::chrono::milliseconds sample) {
  samples_[count_++ % kSampleCountMax] = sample;
}

std::optional<std::chrono::milliseconds> Latency::Percentile95() const {
  const std::size_t size = std::min(count_, kSampleCountMax);
  if (size < kSampleCountMin) return std::nullopt;
  auto sorted = samples_;
  // The smallest sample that at least 95 of 100 do not exceed.
  const std::size_t rank = (size * 95 + 99) / 100;
  const auto begin = sorted.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(size);
  const auto place = begin + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(begin, place, end);
  return *place;
}

}  // namespace reposfs
