// What the tests of locks need of each kind of coordinator, so that all are held to one contract.
//
// Thread-safety: none.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/lock_service.h"
#include "tests/support/command.h"

namespace reposfs::testing {

class LockWorld {
 public:
  virtual ~LockWorld() = default;

  virtual milliseconds lease() const = 0;
  // A service as another process would have it.
  virtual std::unique_ptr<LockService> Open() = 0;
  // The program of tests/support/lock_worker.cc and what tells it this world; its other arguments
  // follow.
  virtual Argv Worker() const = 0;
  // Nobody gets an answer until Mend().
  virtual void Break() = 0;
  virtual void Mend() = 0;
  // One of the faults of its own that locks must survive; returns when it is over.
  virtual void Disturb(int number) = 0;
};

struct LockWorldKind {
  std::string name;
  std::function<std::unique_ptr<LockWorld>()> make;
};

inline std::ostream& operator<<(std::ostream& stream, const LockWorldKind& kind) {
  return stream << kind.name;
}

// For INSTANTIATE_TEST_SUITE_P.
class LockTest : public ::testing::TestWithParam<LockWorldKind> {
 protected:
  LockTest() : world_(GetParam().make()) {}

  const std::unique_ptr<LockWorld> world_;
};

class LockContractTest : public LockTest {};
class LockHistoryTest : public LockTest {};

}  // namespace reposfs::testing
