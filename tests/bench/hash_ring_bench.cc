// What it costs to find the owners of a key on a ring of 50 members with 100 virtual nodes each.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "ring/hash_ring.h"

namespace reposfs {
namespace {

HashRing Ring(int replication_count) {
  std::vector<Member> members;
  for (int number = 0; number < 50; ++number) {
    members.push_back({"node-" + std::to_string(number), "http://10.0.0.1"});
  }
  return HashRing::Build(members, {.virtual_nodes = 100, .replication_count = replication_count})
      .value();
}

std::vector<std::string> Keys() {
  std::vector<std::string> keys;
  for (int number = 0; number < 4096; ++number) {
    keys.push_back("github.com/owner-" + std::to_string(number % 97) + "/name-" +
                   std::to_string(number));
  }
  return keys;
}

// From the text of the key to as many owners as the argument says.
void OwnersOfKey(benchmark::State& state) {
  const HashRing ring = Ring(static_cast<int>(state.range(0)));
  const auto keys = Keys();
  std::size_t next = 0;
  for (auto _ : state) {
    unsigned sum = 0;
    for (const MemberIndex owner : ring.OwnersOf(keys[next++ % keys.size()])) sum += owner;
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(OwnersOfKey)->Arg(1)->Arg(3);

// Without hashing the key.
void OwnerAtPlace(benchmark::State& state) {
  const HashRing ring = Ring(1);
  std::uint64_t place = 1;
  for (auto _ : state) {
    place = place * 6364136223846793005u + 1442695040888963407u;
    benchmark::DoNotOptimize(ring.OwnersAt(place)[0]);
  }
}
BENCHMARK(OwnerAtPlace);

void BuildRing(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Ring(2));
}
BENCHMARK(BuildRing)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace reposfs

BENCHMARK_MAIN();
