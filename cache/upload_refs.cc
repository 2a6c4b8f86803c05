#include "cache/upload_refs.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cache/pkt_line.h"
#include "cache/wire_request.h"

namespace reposfs {
namespace {

// What git's upload-pack of version 0 can do with our settings (cache/upload_pack.cc).
constexpr std::string_view kOldCapabilities =
    "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not "
    "deepen-relative no-progress include-tag multi_ack_detailed allow-tip-sha1-in-want "
    "allow-reachable-sha1-in-want no-done filter object-format=sha1";

// Which names a client wants to hear of.  It may name as many prefixes as there are refs, so each
// name is compared with one.
class AskedNames {
 public:
  explicit AskedNames(std::vector<std::string> prefixes) {
    std::sort(prefixes.begin(), prefixes.end());
    for (std::string& prefix : prefixes) {
      const bool covered = !prefixes_.empty() && prefix.starts_with(prefixes_.back());
      if (!covered) prefixes_.push_back(std::move(prefix));
    }
  }

  bool Contain(std::string_view name) const {
    if (prefixes_.empty()) return true;
    // None covers another: only the last that is not behind `name` can.
    const auto behind = std::upper_bound(prefixes_.begin(), prefixes_.end(), name);
    return behind != prefixes_.begin() && name.starts_with(*std::prev(behind));
  }

 private:
  std::vector<std::string> prefixes_;  // In order.
};

std::string HeadLine(const RefSnapshot& refs, const LsRefsArguments& asked) {
  if (refs.head().IsNull() && (refs.head_branch().empty() || !asked.unborn)) return "";
  std::string line = (refs.head().IsNull() ? "unborn" : refs.head().Hex()) + " HEAD";
  if (asked.symrefs && !refs.head_branch().empty()) {
    line += " symref-target:" + refs.head_branch();
  }
  return line;
}

void AppendText(std::string line, std::string& out) {
  AppendPkt(line += '\n', out);
}

}  // namespace

std::string UploadCapabilities() {
  std::string out;
  AppendText("version 2", out);
  AppendText("agent=" + std::string(kWireAgent), out);
  AppendText("ls-refs=unborn", out);
  AppendText("fetch=shallow wait-for-done filter", out);
  AppendText("object-format=sha1", out);
  AppendFlush(out);
  return out;
}

std::string UploadAdvertisement(const RefSnapshot& refs) {
  std::string capabilities(kOldCapabilities);
  if (!refs.head_branch().empty() && !refs.head().IsNull()) {
    capabilities += " symref=HEAD:" + refs.head_branch();
  }
  capabilities += " agent=" + std::string(kWireAgent);
  std::string out;
  AppendText("# service=git-upload-pack", out);
  AppendFlush(out);
  const auto append = [&](const Oid& oid, const std::string& name) {
    std::string line = oid.Hex() + " " + name;
    if (!capabilities.empty()) line += '\0' + std::exchange(capabilities, "");
    AppendText(std::move(line), out);
  };
  if (!refs.head().IsNull()) append(refs.head(), "HEAD");
  for (const Ref& ref : refs.refs()) {
    append(ref.object, ref.name);
    if (!ref.peeled.IsNull()) append(ref.peeled, ref.name + "^{}");
  }
  // Without any ref there must be a line to carry the capabilities.
  if (!capabilities.empty()) append(Oid{}, "capabilities^{}");
  AppendFlush(out);
  return out;
}

std::string LsRefsAnswer(const RefSnapshot& refs, const LsRefsArguments& asked) {
  const AskedNames names(asked.prefixes);
  std::string out;
  if (names.Contain("HEAD")) {
    const std::string head = HeadLine(refs, asked);
    if (!head.empty()) AppendText(head, out);
  }
  for (const Ref& ref : refs.refs()) {
    if (!names.Contain(ref.name)) continue;
    std::string line = ref.object.Hex() + " " + ref.name;
    if (asked.peel && !ref.peeled.IsNull()) line += " peeled:" + ref.peeled.Hex();
    AppendText(std::move(line), out);
  }
  AppendFlush(out);
  return out;
}

std::string UploadFailure(std::string_view text) {
  constexpr std::size_t kTextMax = 4'000;
  std::string out;
  AppendText("ERR " + Printable(text.substr(0, kTextMax)), out);
  return out;
}

}  // namespace reposfs
