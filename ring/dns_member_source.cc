#include "ring/dns_member_source.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "ring/polled_member_source.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kAskAgainMin{1};
constexpr seconds kAskAgainMax{300};
// After an error; twice as long after each further one, up to the second.
constexpr seconds kRetryMin{1};
constexpr seconds kRetryMax{30};

// The state of glibc's resolver, which may not be shared.
class Resolver {
 public:
  Resolver() : ready_(::res_ninit(&state_) == 0) {
    state_.retrans = 1;  // Seconds for the first try; twice that for the second and last.
    state_.retry = 2;
  }
  ~Resolver() {
    if (ready_) ::res_nclose(&state_);
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Asks `nameserver` ("ip:port") and no other.
  Status Use(const std::string& nameserver);

  // Returns the answer as it came.
  Result<std::vector<unsigned char>> Ask(const std::string& name, ns_type type);

 private:
  struct __res_state state_ {};
  const bool ready_;
};

Status Resolver::Use(const std::string& nameserver) {
  const auto colon = nameserver.rfind(':');
  const std::string host(HostOfAddress(nameserver));
  std::uint16_t port = 0;
  if (colon != std::string::npos) {
    std::from_chars(nameserver.data() + colon + 1, nameserver.data() + nameserver.size(), port);
  }
  sockaddr_in& first = state_.nsaddr_list[0];
  first = {};
  first.sin_family = AF_INET;
  first.sin_port = htons(port);
  if (port == 0 || ::inet_pton(AF_INET, host.c_str(), &first.sin_addr) != 1) {
    return Error{Errc::kInvalidArgument, "ring.dns.nameserver: \"" + Printable(nameserver) +
                                             "\" is no nameserver; write for example 10.0.0.10:53"};
  }
  state_.nscount = 1;
  return {};
}

Result<std::vector<unsigned char>> Resolver::Ask(const std::string& name, ns_type type) {
  if (!ready_) return Error{Errc::kIo, "the resolver can't be initialised; see /etc/resolv.conf"};
  std::vector<unsigned char> answer(NS_MAXMSG);
  const int size = ::res_nquery(&state_, name.c_str(), ns_c_in, type, answer.data(),
                                static_cast<int>(answer.size()));
  if (size >= 0) {
    answer.resize(std::min(answer.size(), static_cast<std::size_t>(size)));
    return answer;
  }
  const int reason = state_.res_h_errno;
  if (reason == HOST_NOT_FOUND || reason == NO_DATA) {
    return Error{Errc::kNotFound, "DNS knows no nodes by the name " + name};
  }
  return Error{Errc::kUnreachable, "DNS does not answer for " + name};
}

std::string WithoutDot(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  return name;
}

// "ring.svc" of "_http._tcp.ring.svc".
std::string_view ServiceDomain(std::string_view name) {
  while (name.starts_with('_') && name.find('.') != std::string_view::npos) {
    name.remove_prefix(name.find('.') + 1);
  }
  return name;
}

std::string IdOfTarget(const std::string& target, const std::string& service) {
  const std::string domain = "." + AsciiLower(ServiceDomain(service));
  const std::string lower = AsciiLower(target);
  if (!lower.ends_with(domain)) return lower;
  return lower.substr(0, lower.size() - domain.size());
}

std::optional<Member> MemberOfA(const ns_rr& record, const RingDnsOptions& options) {
  std::array<char, INET_ADDRSTRLEN> text{};
  if (ns_rr_rdlen(record) != sizeof(in_addr)) return std::nullopt;
  if (::inet_ntop(AF_INET, ns_rr_rdata(record), text.data(), text.size()) == nullptr) {
    return std::nullopt;
  }
  const std::string address = text.data();
  return Member{address, options.scheme + "://" + address + ":" + std::to_string(options.port), 1};
}

std::optional<Member> MemberOfSrv(const ns_msg& message, const ns_rr& record,
                                  const RingDnsOptions& options) {
  constexpr int kPortAt = 4;  // After priority and weight.
  constexpr int kTargetAt = 6;
  if (ns_rr_rdlen(record) <= kTargetAt) return std::nullopt;
  const unsigned char* data = ns_rr_rdata(record);
  std::array<char, NS_MAXDNAME> text{};
  if (::dn_expand(ns_msg_base(message), ns_msg_end(message), data + kTargetAt, text.data(),
                  static_cast<int>(text.size())) < 0) {
    return std::nullopt;
  }
  const std::string target = WithoutDot(text.data());
  const std::string port = std::to_string(ns_get16(data + kPortAt));
  return Member{IdOfTarget(target, WithoutDot(options.name)),
                options.scheme + "://" + AsciiLower(target) + ":" + port, 1};
}

Result<DnsMembers> ReadAnswer(const std::vector<unsigned char>& answer,
                              const RingDnsOptions& options) {
  const Error broken = {Errc::kInvalidArgument, "DNS answers nonsense for " + options.name};
  const ns_type type = options.type == DnsRecordType::kA ? ns_t_a : ns_t_srv;
  ns_msg message;
  if (::ns_initparse(answer.data(), static_cast<int>(answer.size()), &message) != 0) return broken;
  DnsMembers result;
  result.time_to_live = kAskAgainMax;
  for (int index = 0; index < ns_msg_count(message, ns_s_an); ++index) {
    ns_rr record;
    if (::ns_parserr(&message, ns_s_an, index, &record) != 0) return broken;
    // An alias on the way counts for how long all of it is true.
    result.time_to_live = std::min(result.time_to_live, seconds(ns_rr_ttl(record)));
    if (ns_rr_type(record) != type) continue;
    auto member =
        type == ns_t_a ? MemberOfA(record, options) : MemberOfSrv(message, record, options);
    if (!member) return broken;
    result.members.push_back(std::move(*member));
  }
  if (result.members.empty()) {
    return Error{Errc::kNotFound, "DNS knows no nodes by the name " + options.name};
  }
  if (auto status = CheckMembers(result.members); !status) {
    return status.error().Within("DNS answers for " + options.name);
  }
  return result;
}

}  // namespace

Result<DnsMembers> LookUpMembers(const RingDnsOptions& options) {
  Resolver resolver;
  if (!options.nameserver.empty()) {
    if (auto status = resolver.Use(options.nameserver); !status) return std::move(status).error();
  }
  const auto answer =
      resolver.Ask(options.name, options.type == DnsRecordType::kA ? ns_t_a : ns_t_srv);
  if (!answer) return answer.error();
  return ReadAnswer(*answer, options);
}

std::unique_ptr<MemberSource> MakeDnsMemberSource(RingDnsOptions options) {
  return std::make_unique<PolledMemberSource>(
      "ring-dns", [options = std::move(options), retry = milliseconds(kRetryMin)]() mutable {
        auto found = LookUpMembers(options);
        if (!found) {
          const milliseconds pause = retry;
          retry = std::min<milliseconds>(2 * retry, kRetryMax);
          return PolledMemberSource::Answer{std::move(found).error(), pause};
        }
        retry = kRetryMin;
        const seconds pause = std::max(found->time_to_live, kAskAgainMin);
        return PolledMemberSource::Answer{std::move(found->members), pause};
      });
}

}  // namespace reposfs
