// A git index for a view, with exactly the stat data that the mount reports.
//
// With it the first `git status` compares stat data only and reads no blob.
//
// Source of the format: git's Documentation/gitformat-index.txt, version 2, with the cache tree
// extension ("TREE"), and in a view that has the hook those of git_index_extensions.h.
#pragma once

#include <string>

#include "base/flight.h"
#include "fs/view.h"

namespace reposfs {

// Blocks on the disk for every tree of the view and the header of every blob.  The result depends
// on nothing but the view.
//
// Errors: those of reading; kUnsupported if the view has more than 4 million files.
Outcome<std::string> BuildGitIndex(const ViewPtr& view);

}  // namespace reposfs
