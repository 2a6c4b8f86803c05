// `.git` of a view: a repository that stock git accepts, made up on the fly.
//
//   HEAD config description         text, fixed for the view
//   packed-refs shallow             text, made anew when what is on disk has grown
//   index                           made from the tree and the stat data of the mount
//   info/exclude                    hides the virtual files from `git status`
//   objects/pack/*                  the packs of the store, as they are
//   objects/info/commit-graph       likewise
//   objects/xx/<38 digits>          never there; that git looks is the moment to fetch the object
//   refs/...                        empty, but for refs/remotes/origin/HEAD
//
// At every stage the refs that are shown lead to objects that are here: before the repository is
// complete, only those of the commits that were fetched.
#pragma once

#include "fs/node.h"
#include "fs/view.h"

namespace reposfs {

// REQUIRES: view->commit() has returned a value.
NodePtr MakeGitDirectory(const ViewPtr& view);

}  // namespace reposfs
