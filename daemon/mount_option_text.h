// `-o` options as mount(8) and /etc/fstab write them.
//
// Thread-safety: pure functions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

struct ParsedMountOptions {
  std::optional<std::filesystem::path> config_file;  // config=FILE
  std::optional<std::string> cache;                  // cache=DIR
  bool allow_other = false;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  // Those that change the mount and that it does not have anyway.
  std::vector<std::string> kernel_options;
};

enum class MountCaller {
  kUser,         // `reposfs mount -o ...`
  kMountHelper,  // mount(8), which writes `rw` before the options of everybody who wrote no `ro`.
};
enum class UnknownOptions { kRefuse, kIgnore };

// Reads comma-separated options.
//
// Errors: kInvalidArgument for an unknown option, unless `unknown` is kIgnore, a bad value, and for
// `rw` from a user.
Result<ParsedMountOptions> ParseMountOptions(std::string_view text, MountCaller caller,
                                             UnknownOptions unknown);

// What mount(8) gives to a helper: SOURCE MOUNTPOINT [-sfnv] [-o OPT,...].
struct MountHelperArguments {
  ParsedMountOptions options;  // config_file is also set by a SOURCE that is a path.
  std::string mountpoint;
  bool fake = false;  // -f: check everything, mount nothing.
};

// `arguments` are without the program's name.  Errors: kInvalidArgument.
Result<MountHelperArguments> ParseMountHelperArguments(const std::vector<std::string>& arguments);

}  // namespace reposfs
