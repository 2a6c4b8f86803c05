// The device number of a mounted file system, without asking the file system itself: a daemon that
// waits for its own answer would wait for ever.
//
// Thread-safety: pure.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace reposfs {

// The st_dev of what was mounted last on `mountpoint`, according to `mountinfo`, the text of
// /proc/self/mountinfo; 0 if nothing is.
//
// Source of the format: proc(5), "/proc/pid/mountinfo".
dev_t DeviceMountedOn(std::string_view mountpoint, std::string_view mountinfo);

}  // namespace reposfs
