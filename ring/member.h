// A node of the ring as the configuration or a discovery service names it.
//
// Thread-safety: plain values and pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reposfs {

struct Member {
  // Places the node on the ring: who changes it moves repositories.
  std::string id;
  // Where its HTTP interface is: "http://10.0.0.1:7420", without a slash at the end.
  std::string address;
  // How many times the share of a node of weight 1 it owns.
  int weight = 1;

  friend bool operator==(const Member&, const Member&) = default;
};

constexpr std::size_t kMemberCountMax = 1024;
constexpr int kMemberWeightMax = 1000;

// Ok if `id` is 1 to 255 visible ASCII characters without '/'.  Errors: kInvalidArgument.
Status CheckMemberId(std::string_view id);

// Ok if `address` is http://HOST[:PORT] or https://..., with no user, path or query.
// Errors: kInvalidArgument.
Status CheckMemberAddress(std::string_view address);

// Ok if each of `members` is right, there are at most kMemberCountMax and no id is given twice.
// Errors: kInvalidArgument.
Status CheckMembers(const std::vector<Member>& members);

// "10.0.0.1" of "http://10.0.0.1:7420", "::1" of "http://[::1]:7420" or "[::1]:0".
std::string_view HostOfAddress(std::string_view address);

// Whether an address of a member, or "address:port", leads to this machine only: 127.0.0.0/8, ::1
// or localhost.
bool IsLoopback(std::string_view address);

}  // namespace reposfs
