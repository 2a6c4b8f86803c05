// Which license a file holds, by what is only said in that one.
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace reposfs {

// How likely a file of this name in the root of a repository holds its license: the more, the
// likelier; 0 is not at all.
int LicenseRank(std::string_view name);

// As SPDX names it ("MIT"); empty if it is none of the usual ones.  A line
// "SPDX-License-Identifier:" goes before everything else.
std::string LicenseOf(std::string_view text);

}  // namespace reposfs
