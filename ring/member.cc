#include "ring/member.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"

namespace reposfs {
namespace {

Error Refuse(std::string_view text, std::string_view why) {
  return Error{Errc::kInvalidArgument, "\"" + Printable(text) + "\" " + std::string(why)};
}

std::string_view WithoutScheme(std::string_view address) {
  const auto end = address.find("://");
  return end == std::string_view::npos ? address : address.substr(end + 3);
}

// What follows the host: "", ":7420", or something that does not belong there.
std::string_view AfterHost(std::string_view address) {
  const std::string_view authority = WithoutScheme(address);
  const bool bracketed = authority.starts_with('[');
  const auto end = HostOfAddress(address).size() + (bracketed ? 2 : 0);
  return authority.substr(std::min(end, authority.size()));
}

bool IsPort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65'535;
}

bool IsNameOrIpv4(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

bool IsIpv6(std::string_view host) {
  in6_addr parsed{};
  return ::inet_pton(AF_INET6, std::string(host).c_str(), &parsed) == 1;
}

}  // namespace

Status CheckMemberId(std::string_view id) {
  constexpr std::size_t kLengthMax = 255;
  const bool visible = std::all_of(id.begin(), id.end(),
                                   [](unsigned char c) { return c > ' ' && c < 0x7f && c != '/'; });
  if (visible && !id.empty() && id.size() <= kLengthMax) return {};
  return Refuse(id, "is no id of a node; write for example node-1");
}

Status CheckMemberAddress(std::string_view address) {
  const Error refusal = Refuse(address,
                               "is no address of a node; write for example "
                               "http://10.0.0.1:7420");
  constexpr std::size_t kLengthMax = 1024;
  if (!address.starts_with("http://") && !address.starts_with("https://")) return refusal;
  if (address.size() > kLengthMax) return refusal;
  const std::string_view host = HostOfAddress(address);
  const bool bracketed = WithoutScheme(address).starts_with('[');
  if (bracketed ? !IsIpv6(host) : !IsNameOrIpv4(host)) return refusal;
  const std::string_view rest = AfterHost(address);
  if (!rest.empty() && (rest.front() != ':' || !IsPort(rest.substr(1)))) return refusal;
  return {};
}

Status CheckMembers(const std::vector<Member>& members) {
  if (members.size() > kMemberCountMax) {
    return Error{Errc::kInvalidArgument, std::to_string(members.size()) +
                                             " nodes are more than a ring can have (" +
                                             std::to_string(kMemberCountMax) + ")"};
  }
  std::set<std::string_view> ids;
  for (const Member& member : members) {
    if (auto status = CheckMemberId(member.id); !status) return status;
    if (auto status = CheckMemberAddress(member.address); !status) return status;
    if (member.weight < 1 || member.weight > kMemberWeightMax) {
      return Refuse(std::to_string(member.weight), "is no weight of a node; write 1 to 1000");
    }
    if (!ids.insert(member.id).second) return Refuse(member.id, "is the id of two nodes");
  }
  return {};
}

std::string_view HostOfAddress(std::string_view address) {
  const std::string_view authority = WithoutScheme(address);
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find_first_of(":/?#"));
}

bool IsLoopback(std::string_view address) {
  const std::string_view host = HostOfAddress(address);
  if (AsciiLower(host) == "localhost" || host == "::1") return true;
  in_addr parsed{};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &parsed) == 1 &&
         (ntohl(parsed.s_addr) >> 24) == 127;
}

}  // namespace reposfs
