// The main() of a program that takes locks; see lock_worker.cc for its arguments and its log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/lock_service.h"

namespace reposfs::testing {

int RunLockWorker(std::unique_ptr<LockService> locks, const std::vector<std::string>& arguments);

}  // namespace reposfs::testing
