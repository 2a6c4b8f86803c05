// What a server says in git's protocol v2 (gitprotocol-v2(5)), understood as it arrives.
//
// Every reader takes its message in pieces of any size and trusts nothing in it: lengths, order and
// number of lines are checked, and whatever is not a pack is bounded in size.
//
// Thread-safety: none.
//
// Errors of every Add(): kCorrupt (not the protocol), kNoSpace (too long), kUnsupported (a history
// that is cut off), and what an ERR line of the server means.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/oid.h"
#include "cache/pkt_line.h"
#include "cache/refs.h"
#include "cache/wire_request.h"

namespace reposfs {

// Takes one message of a server.
class WireReader {
 public:
  virtual ~WireReader() = default;

  // REQUIRES: !complete().
  virtual Status Add(std::string_view bytes) = 0;

  // Whether nothing more belongs to the message.
  virtual bool complete() const = 0;
};

// Reads which capabilities a server advertises.  A server that does not speak version 2 shows in
// its first line: then the message is complete, and capabilities().version2 is false.
class AdvertisementReader final : public WireReader {
 public:
  Status Add(std::string_view bytes) override;
  bool complete() const override { return complete_; }
  // What comes instead is no advertisement at all.
  void EndWithoutVersion2() { complete_ = true; }
  const WireCapabilities& capabilities() const { return capabilities_; }

 private:
  Status AddPkt(const Pkt& pkt);

  PktReader packets_;
  WireCapabilities capabilities_;
  std::size_t size_bytes_ = 0;
  bool service_named_ = false;
  bool complete_ = false;
};

// Reads the answer to LsRefsRequest().
class RefsReader final : public WireReader {
 public:
  Status Add(std::string_view bytes) override;
  bool complete() const override { return complete_; }
  // REQUIRES: complete().
  RefSnapshot TakeRefs() { return std::move(refs_).Take(); }

 private:
  Status AddPkt(const Pkt& pkt);
  Status AddRef(std::string_view line);

  PktReader packets_;
  RefCollector refs_;
  std::size_t size_bytes_ = 0;
  bool complete_ = false;
};

// How the list of shallow commits changes.
struct ShallowChange {
  std::set<Oid> added;
  std::set<Oid> removed;
};

// Whom a FetchReader tells; a failure ends the message and becomes its result.
class FetchEvents {
 public:
  virtual ~FetchEvents() = default;

  // Called once, before the pack.
  virtual Status OnShallow(const ShallowChange& change) = 0;
  virtual Status OnPack(std::string_view bytes) = 0;
  // Words for the user, or a sign of life.
  virtual void OnMessage(std::string_view text) = 0;
};

// Reads the answer to FetchMessage().  Of shallow commits it may speak only if it was asked to, and
// never of more than was asked for: whoever could make the store believe in another shallow commit,
// or in one less, would decide what is missing there for ever.
//
//   header --shallow-info--> lines --delimiter--> header --packfile--> bands --flush--> complete
class FetchReader final : public WireReader {
 public:
  // `asked` is what the message asked for.
  FetchReader(FetchEvents& events, FetchDepth asked) : events_(events), asked_(asked) {}

  Status Add(std::string_view bytes) override;
  bool complete() const override { return section_ == Section::kEnd; }

 private:
  // In the order in which they come; each may be left out.
  enum class Section { kNone, kAcknowledgments, kShallowInfo, kWantedRefs, kPack, kEnd };

  Status AddPkt(const Pkt& pkt);
  Status BeginSection(const Pkt& pkt);
  Status AddLine(std::string_view line);
  Status AddBand(std::string_view data);

  FetchEvents& events_;
  const FetchDepth asked_;
  PktReader packets_;
  ShallowChange shallow_;
  std::uint64_t beside_pack_bytes_ = 0;
  Section last_section_ = Section::kNone;
  Section section_ = Section::kNone;  // kNone: a header comes next.
};

// What the words of a server, after ERR or in band 3, mean.
Error RemoteError(std::string_view text);

}  // namespace reposfs
