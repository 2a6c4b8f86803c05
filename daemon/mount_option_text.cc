#include "daemon/mount_option_text.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "daemon/nearest_word.h"
#include "daemon/value_parsing.h"

namespace reposfs {
namespace {

// Part of every mount of reposfs, or meant for whoever calls mount(8): nothing is left to do.
const std::vector<std::string> kIgnored = {
    "ro",       "nosuid",      "nodev",         "suid",       "dev",        "exec",
    "atime",    "noatime",     "auto",          "noauto",     "user",       "nouser",
    "users",    "group",       "owner",         "nofail",     "async",      "sync",
    "dirsync",  "relatime",    "_netdev",       "norelatime", "loud",       "silent",
    "defaults", "strictatime", "nostrictatime", "diratime",   "nodiratime", "default_permissions"};

const std::vector<std::string> kForTheKernel = {"noexec"};

const std::vector<std::string> kOurs = {"config", "cache", "allow_other", "uid", "gid"};

Error Refuse(std::string_view option, std::string_view why) {
  return Error{Errc::kInvalidArgument,
               "mount option \"" + std::string(option) + "\": " + std::string(why)};
}

bool Contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// x-systemd.automount, comment=..., user=ann (from /etc/mtab), SELinux labels.
bool IsCallersBusiness(std::string_view name) {
  return name.starts_with("x-") || name.starts_with("X-") || name == "comment" || name == "user" ||
         name == "helper" || name == "uhelper" || name == "subtype" || name == "fsname";
}

bool IsSecurityLabel(std::string_view name) {
  return name == "context" || name == "fscontext" || name == "defcontext" || name == "rootcontext";
}

Result<std::uint32_t> ParseId(std::string_view option, std::string_view value) {
  const auto id = ParseInteger(value, {0, std::numeric_limits<std::uint32_t>::max() - 1});
  if (!id) return Refuse(option, "expected a number, as `id -u` and `id -g` print it");
  return static_cast<std::uint32_t>(id.value());
}

Error RefuseUnknown(std::string_view option, std::string_view name) {
  std::vector<std::string> known = kOurs;
  known.insert(known.end(), kForTheKernel.begin(), kForTheKernel.end());
  known.insert(known.end(), kIgnored.begin(), kIgnored.end());
  return Refuse(option, "there is no such option" + DidYouMean(name, known));
}

// `name=value`, one of kOurs.
Status ApplyOurs(std::string_view option, std::string_view name, std::string_view value,
                 ParsedMountOptions& options) {
  if (name == "allow_other") {
    options.allow_other = true;
    return {};
  }
  if (value.empty()) return Refuse(option, "it needs a value");
  if (name == "config") options.config_file = std::filesystem::path(value);
  if (name == "cache") options.cache = std::string(value);
  if (name == "uid" || name == "gid") {
    const auto id = ParseId(option, value);
    if (!id) return id.error();
    (name == "uid" ? options.uid : options.gid) = id.value();
  }
  return {};
}

Status ApplyOption(std::string_view option, MountCaller caller, UnknownOptions unknown,
                   ParsedMountOptions& options) {
  const auto equals = std::min(option.find('='), option.size());
  const std::string_view name = option.substr(0, equals);
  const std::string_view value = option.substr(std::min(equals + 1, option.size()));
  if (Contains(kOurs, name)) return ApplyOurs(option, name, value, options);
  if (name == "rw" && caller == MountCaller::kUser) {
    return Refuse(option, "reposfs is read-only; leave it out");
  }
  if (name == "rw" || Contains(kIgnored, option) || IsCallersBusiness(name)) return {};
  if (Contains(kForTheKernel, option) || IsSecurityLabel(name)) {
    options.kernel_options.emplace_back(option);
    return {};
  }
  if (unknown == UnknownOptions::kIgnore) return {};
  return RefuseUnknown(option, name);
}

Error RefuseUsage(std::string_view why) {
  return Error{Errc::kInvalidArgument,
               std::string(why) + "; expected SOURCE MOUNTPOINT [-sfnv] [-o OPTION,...]"};
}

// What the words on the command line are, before options are read.
struct HelperWords {
  std::vector<std::string> positional;
  std::string options;
  bool fake = false;
  bool sloppy = false;
};

Result<HelperWords> SortWords(const std::vector<std::string>& arguments) {
  HelperWords words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "-o" || word == "-t" || word == "-N") {
      if (i + 1 == arguments.size()) return RefuseUsage(word + " needs a value");
      ++i;
      if (word == "-o") words.options += "," + arguments[i];
    } else if (word.size() > 1 && word.front() == '-') {
      const bool known = word.find_first_not_of("sfnv", 1) == std::string::npos;
      if (!known) return RefuseUsage("unknown option " + word);
      words.fake = words.fake || word.find('f') != std::string::npos;
      words.sloppy = words.sloppy || word.find('s') != std::string::npos;
    } else {
      words.positional.push_back(word);
    }
  }
  return words;
}

}  // namespace

Result<ParsedMountOptions> ParseMountOptions(std::string_view text, MountCaller caller,
                                             UnknownOptions unknown) {
  ParsedMountOptions options;
  for (const std::string_view option : Split(text, ',')) {
    if (option.empty()) continue;
    const auto status = ApplyOption(option, caller, unknown, options);
    if (!status) return status.error();
  }
  return options;
}

Result<MountHelperArguments> ParseMountHelperArguments(const std::vector<std::string>& arguments) {
  const auto words = SortWords(arguments);
  if (!words) return words.error();
  if (words->positional.size() != 2) return RefuseUsage("wrong number of arguments");

  const auto unknown = words->sloppy ? UnknownOptions::kIgnore : UnknownOptions::kRefuse;
  auto options = ParseMountOptions(words->options, MountCaller::kMountHelper, unknown);
  if (!options) return std::move(options).error();
  const std::string& source = words->positional[0];
  if (source.starts_with('/')) {
    if (options->config_file && options->config_file != source) {
      return RefuseUsage("source " + source + " and config= name two configuration files");
    }
    options->config_file = source;
  }
  return MountHelperArguments{std::move(options).value(), words->positional[1], words->fake};
}

}  // namespace reposfs
