// The command line of reposfs: from words to one call of a command.
//
// Thread-safety: call it once, from main().
#pragma once

#include <string>
#include <vector>

namespace reposfs {

// Does what `arguments`, without the program's name, ask for.  `program` is the name it was called
// by: as `mount.reposfs` it reads the words that mount(8) gives to a helper.
//
// Returns the exit status: 0 done, 1 failed, 2 wrong usage.
int RunCommandLine(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace reposfs
