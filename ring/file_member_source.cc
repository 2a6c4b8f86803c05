#include "ring/file_member_source.h"

#include <utility>

#include "base/file_util.h"
#include "ring/polled_member_source.h"

namespace reposfs {
namespace {

constexpr std::uint64_t kFileSizeMaxBytes = 1u << 20;

Result<std::vector<Member>> ReadMembers(const std::filesystem::path& file,
                                        const ParseMembers& parse) {
  const auto text = ReadFile(file, kFileSizeMaxBytes);
  if (!text) return text.error();
  auto members = parse(*text);
  if (!members) return members.error().Within(file.string());
  if (members->empty()) {
    // Written in two steps, or by mistake: a ring of nobody helps nobody.
    return Error{Errc::kInvalidArgument, file.string() + " lists no nodes"};
  }
  if (auto status = CheckMembers(*members); !status) return status.error().Within(file.string());
  return members;
}

}  // namespace

std::unique_ptr<MemberSource> MakeFileMemberSource(std::filesystem::path file, ParseMembers parse,
                                                   std::chrono::milliseconds read_every) {
  return std::make_unique<PolledMemberSource>(
      "ring-file", [file = std::move(file), parse = std::move(parse), read_every] {
        return PolledMemberSource::Answer{ReadMembers(file, parse), read_every};
      });
}

}  // namespace reposfs
