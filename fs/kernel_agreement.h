// What daemon and kernel have agreed on when the mount began.
#pragma once

#include <string>
#include <vector>

namespace reposfs {

struct KernelAgreement {
  std::string protocol;  // "7.38"; empty until the kernel has asked for the first time.
  std::vector<std::string> features;  // As libfuse names them, for example "NO_OPEN_SUPPORT".
};

}  // namespace reposfs
