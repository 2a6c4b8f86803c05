// Git hosts in the configuration: those known by name, and what a good URL template is.
//
// Thread-safety: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/options.h"

namespace reposfs {

// The hosts that exist when the configuration names none.
const std::map<std::string, HostOptions>& BuiltInHosts();

// What `hosts: { <name>: {} }` means: the built-in host, or https://<name>/{owner}/{name}.git.
HostOptions HostDefaults(const std::string& name);

// Ok if `name` can be a directory of the mount.  Errors: kInvalidArgument.
Status CheckHostName(std::string_view name);

// Ok if `url` has a scheme we fetch from, both placeholders and no password.
// Errors: kInvalidArgument.
Status CheckUrlTemplate(std::string_view url);

}  // namespace reposfs
