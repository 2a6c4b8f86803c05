// The commands that mount and unmount.
#pragma once

#include <string>
#include <vector>

#include "daemon/command_context.h"
#include "daemon/mount_option_text.h"

namespace reposfs {

enum class Detach { kForeground, kBackground };

// Mounts at `mountpoint`, with context.config changed as `options` say (config= and cache= have
// been followed already).  In the background it returns as soon as the mount answers.
int RunMountCommand(CommandContext context, const std::string& mountpoint,
                    const ParsedMountOptions& options, Detach detach);

enum class UnmountMode {
  kWhenIdle,
  kLazy,  // The name goes at once, the mount itself when its last user has gone.
};

// Unmounts and waits until the daemon has ended (not if lazy).
int RunUnmount(const CommandContext& context, const std::string& mountpoint, UnmountMode mode);

}  // namespace reposfs
