// The hook that tells git that nothing in a view has changed.
//
// git asks a program which files may have changed (core.fsmonitor) and looks at no other.  In a
// view that is easy to answer; but the index and the configuration can be copied, or the view be
// the lower half of an overlay, where files do change.  So the program asks the mount itself: it
// looks for a name in `.git` that is never listed, hence never copied, and that exists only for the
// token in this view's index and for the device number of this mount, which no file system laid
// over it has.  Nothing may be mounted on anything inside, either.  When anything else is the case,
// or a program is missing, it fails, and git looks at every file.
//
// Thread-safety: every function may be called from any thread.
#pragma once

#include <string>

#include "base/flight.h"
#include "fs/view.h"

namespace reposfs {

// A view with fewer files and directories has no hook: to start it would take longer than to look.
inline constexpr std::size_t kHookEntryCountMin = 10'000;

// The command, for core.fsmonitor.
std::string UnchangedHookCommand();

// What the index of `view` says it was written at.  REQUIRES: view.commit() has returned a value.
std::string UnchangedToken(const View& view);

// The name in `.git` that the hook looks for in `view`; empty if the mount can't tell its device.
// REQUIRES: as UnchangedToken().
std::string UnchangedName(const View& view);

// Whether `view` has kHookEntryCountMin files and directories.  Blocks on the disk for some trees.
// Errors: those of reading trees.
Outcome<bool> HasHook(View& view);

}  // namespace reposfs
