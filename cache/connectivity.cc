#include "cache/connectivity.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "cache/git_command.h"

namespace reposfs {
namespace {

constexpr std::size_t kAskInterval = 1024;  // Commits.

// The ids in the lines "<word> <id>" that `content`, a commit or a tag, begins with, but for those
// of other words.
std::vector<Oid> IdsAfter(std::string_view word, std::string_view content) {
  std::vector<Oid> ids;
  std::size_t begin = 0;
  while (begin < content.size() && content[begin] != '\n') {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = content.substr(begin, end - begin);
    const bool is_named = line.size() == word.size() + 1 + Oid::kHexSize &&
                          line.starts_with(word) && line[word.size()] == ' ';
    const auto id = is_named ? Oid::FromHex(line.substr(word.size() + 1)) : std::nullopt;
    if (id) ids.push_back(*id);
    begin = end + 1;
  }
  return ids;
}

// What came and what was here, as one.
class BothStores {
 public:
  BothStores(const std::filesystem::path& staging, const ObjectStore& store)
      : received_(staging / "objects"), store_(store) {}

  bool HasReceived(const Oid& id) const { return received_.Contains(id); }
  bool Contains(const Oid& id) const { return HasReceived(id) || store_.Contains(id); }
  Result<Object> Read(const Oid& id) const {
    return HasReceived(id) ? received_.Read(id) : store_.Read(id);
  }

 private:
  const ObjectStore received_;
  const ObjectStore& store_;
};

// The commits that `wants` are, or that those of them which are tags point at.  What is not here is
// left out.
Result<std::set<Oid>> CommitsOf(const BothStores& objects, std::vector<Oid> wants) {
  std::set<Oid> commits;
  std::set<Oid> seen;
  while (!wants.empty()) {
    const Oid id = wants.back();
    wants.pop_back();
    if (!seen.insert(id).second || !objects.Contains(id)) continue;
    auto object = objects.Read(id);
    if (!object) return std::move(object).error();
    if (object->type == ObjectType::kCommit) commits.insert(id);
    if (object->type != ObjectType::kTag) continue;
    for (const Oid& target : IdsAfter("object", object->content)) wants.push_back(target);
  }
  return commits;
}

}  // namespace

Status CheckConnectivity(const std::filesystem::path& staging, const std::vector<Oid>& wants,
                         StoreIs store, const FetchOptions& limits,
                         const std::function<Status()>& keep_going) {
  std::vector<std::string> arguments = {"--git-dir=" + staging.string(), "rev-list", "--objects",
                                        "--quiet", "--stdin"};
  // Every ref of a staging names a commit whose tree the store has.  What lies behind a commit that
  // was shallow is what came now, so there the walk must not end.
  if (store == StoreIs::kWhole) arguments.insert(arguments.end(), {"--not", "--all"});
  ProcessOptions options = GitCommand(std::move(arguments), limits, nullptr);
  for (const Oid& want : wants) options.input += want.Hex() + "\n";
  options.supervise = keep_going;
  auto result = RunProcess(options);
  if (!result) return std::move(result).error();
  if (result->ok()) return {};
  const std::string& said = result->errors;
  return Error{Errc::kCorrupt, "the server left objects out: " + said.substr(0, said.find('\n'))};
}

Status CheckShallow(const Staging& staging, const ObjectStore& store, const std::vector<Oid>& wants,
                    const std::function<Status()>& keep_going) {
  const BothStores objects(staging.path(), store);
  const auto wanted = CommitsOf(objects, wants);
  if (!wanted) return wanted.error();
  const std::set<Oid> before = staging.shallow_before();
  const std::set<Oid> shallow = staging.shallow_after();
  for (const Oid& commit : shallow) {
    if (before.contains(commit) || wanted->contains(commit)) continue;
    return Error{Errc::kCorrupt, "commit " + commit.Hex() +
                                     ", which nobody has asked for, was said to have no parents"};
  }
  // A server that does not care for depth has sent more commits.
  std::vector<Oid> commits(wanted->begin(), wanted->end());
  std::unordered_set<Oid, OidHash> seen;
  while (!commits.empty()) {
    const Oid id = commits.back();
    commits.pop_back();
    if (shallow.contains(id) || !seen.insert(id).second) continue;
    if (keep_going && seen.size() % kAskInterval == 0) {
      if (auto going = keep_going(); !going) return going;
    }
    auto object = objects.Read(id);
    if (!object) return std::move(object).error();
    for (const Oid& parent : IdsAfter("parent", object->content)) {
      if (objects.HasReceived(parent)) {
        commits.push_back(parent);
      } else if (!store.Contains(parent)) {
        return Error{Errc::kCorrupt, "commit " + id.Hex() + " came without its parent " +
                                         parent.Hex() + ", and was not said to have none"};
      }
    }
  }
  return {};
}

}  // namespace reposfs
