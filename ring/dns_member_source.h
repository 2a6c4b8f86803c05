// Members that DNS names: the addresses of a name, or its services.
//
// A: a member for each address, whose id is the address.
//
// SRV: a member for each record, at the record's target and port.  Its id is the target's name
// within the service: `reposfs-0` for reposfs-0.ring.default.svc.cluster.local, if the service is
// _http._tcp.ring.default.svc.cluster.local; the whole target, if that is not below the service.
// What SRV calls weight says how to spread requests, and Kubernetes changes it with the number of
// pods: every member has weight 1.
//
// An answer is believed for as long as its records live, from 1 s to 5 minutes.  A name that does
// not exist is an error like a server that is silent: Kubernetes says so when no pod is ready.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "ring/member_source.h"
#include "ring/options.h"

namespace reposfs {

struct DnsMembers {
  std::vector<Member> members;
  std::chrono::seconds time_to_live{0};  // The shortest of all records.
};

// Asks once.  Blocks for at most about 3 s for each nameserver that is silent.
//
// Errors: kNotFound if there is no such name or it has no records of the type; kUnreachable if no
// nameserver answers; kInvalidArgument for an answer that is no list of members.
Result<DnsMembers> LookUpMembers(const RingDnsOptions& options);

// REQUIRES: options.name is not empty.
std::unique_ptr<MemberSource> MakeDnsMemberSource(RingDnsOptions options);

}  // namespace reposfs
