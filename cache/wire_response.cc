#include "cache/wire_response.h"

#include <utility>

#include "base/text.h"
#include "cache/git_command.h"

namespace reposfs {
namespace {

constexpr std::size_t kAdvertisementMaxBytes = 1u << 20;
constexpr std::size_t kRefsMaxBytes = 128u << 20;
// Progress of hours, shallow commits: more than any honest server says beside a pack.
constexpr std::uint64_t kBesidePackMaxBytes = 64u << 20;
constexpr std::size_t kMessageMaxBytes = 1000;

constexpr std::string_view kError = "ERR ";

Error Malformed(std::string_view what, std::string_view line) {
  return Error{Errc::kCorrupt, "not git's protocol: " + std::string(what) + " \"" +
                                   Printable(line.substr(0, 100)) + "\""};
}

Status CheckSize(std::uint64_t size_bytes, std::uint64_t size_max_bytes) {
  if (size_bytes <= size_max_bytes) return {};
  return Error{Errc::kNoSpace,
               "the server said more than " + std::to_string(size_max_bytes) + " bytes"};
}

Error SectionOutOfOrder(std::string_view line) {
  return Malformed("unexpected section", line);
}

}  // namespace

Error RemoteError(std::string_view text) {
  const std::string shown = Printable(text.substr(0, kMessageMaxBytes));
  return Error{MeaningOf(text).value_or(Errc::kUnreachable), "remote error: " + shown};
}

Status AdvertisementReader::Add(std::string_view bytes) {
  size_bytes_ += bytes.size();
  if (auto good = CheckSize(size_bytes_, kAdvertisementMaxBytes); !good) return good;
  return packets_.Add(bytes, [this](const Pkt& pkt) { return AddPkt(pkt); });
}

Status AdvertisementReader::AddPkt(const Pkt& pkt) {
  if (complete_) return {};  // What follows belongs to an older protocol.
  const std::string_view line = pkt.line();
  if (line.starts_with(kError)) return RemoteError(line.substr(kError.size()));
  if (!capabilities_.version2) {
    // Over HTTP some servers name the service first: one line, and a flush.
    const bool names_service = pkt.type == PktType::kData && line.starts_with("# service=");
    const bool ends_service = pkt.type == PktType::kFlush && service_named_;
    if (names_service || ends_service) {
      if (names_service && std::exchange(service_named_, true)) complete_ = true;
      return {};
    }
    capabilities_.version2 = line == "version 2";
    complete_ = !capabilities_.version2;
    return {};
  }
  if (pkt.type == PktType::kFlush) {
    complete_ = true;
  } else if (pkt.type == PktType::kData) {
    capabilities_.Add(line);
  } else {
    return Malformed("a delimiter among the capabilities", line);
  }
  return {};
}

Status RefsReader::Add(std::string_view bytes) {
  size_bytes_ += bytes.size();
  if (auto good = CheckSize(size_bytes_, kRefsMaxBytes); !good) return good;
  return packets_.Add(bytes, [this](const Pkt& pkt) { return AddPkt(pkt); });
}

Status RefsReader::AddPkt(const Pkt& pkt) {
  if (complete_) return Malformed("after the end of the refs", pkt.data);
  if (pkt.type == PktType::kFlush) {
    complete_ = true;
    return {};
  }
  if (pkt.type != PktType::kData) return Malformed("a delimiter among the refs", {});
  const std::string_view line = pkt.line();
  if (line.starts_with(kError)) return RemoteError(line.substr(kError.size()));
  return AddRef(line);
}

// "<oid or unborn> <name>[ symref-target:<name>][ peeled:<oid>]"
Status RefsReader::AddRef(std::string_view line) {
  constexpr std::string_view kSymref = "symref-target:";
  constexpr std::string_view kPeeled = "peeled:";
  const auto fields = Split(line, ' ');
  if (fields.size() < 2) return Malformed("a ref without a name", line);
  const std::string_view name = fields[1];
  if (fields[0] != "unborn") {
    if (auto added = refs_.Add(name, fields[0]); !added) return added;
  }
  for (std::size_t i = 2; i < fields.size(); ++i) {
    if (fields[i].starts_with(kSymref)) refs_.AddSymref(name, fields[i].substr(kSymref.size()));
    if (fields[i].starts_with(kPeeled)) {
      auto peeled = refs_.AddPeeled(name, fields[i].substr(kPeeled.size()));
      if (!peeled) return peeled;
    }
  }
  return {};
}

Status FetchReader::Add(std::string_view bytes) {
  return packets_.Add(bytes, [this](const Pkt& pkt) { return AddPkt(pkt); });
}

Status FetchReader::AddPkt(const Pkt& pkt) {
  constexpr std::size_t kHeaderBytes = 4;
  const bool is_pack = section_ == Section::kPack && pkt.data.starts_with('\1');
  beside_pack_bytes_ += kHeaderBytes + (is_pack ? 0 : pkt.data.size());
  // The header of an honest packet is 1/16,000 of it; of the smallest one it is nearly all.
  if (is_pack && pkt.data.size() > 256) beside_pack_bytes_ -= kHeaderBytes;
  if (auto good = CheckSize(beside_pack_bytes_, kBesidePackMaxBytes); !good) return good;

  if (section_ == Section::kEnd) return Malformed("after the end of the pack", pkt.data);
  if (section_ == Section::kNone) return BeginSection(pkt);
  if (section_ == Section::kPack) {
    if (pkt.type == PktType::kData) return AddBand(pkt.data);
    if (pkt.type != PktType::kFlush) return Malformed("a delimiter within the pack", {});
    section_ = Section::kEnd;
    return {};
  }
  if (pkt.type == PktType::kData) return AddLine(pkt.line());
  if (pkt.type != PktType::kDelimiter) {
    return Error{Errc::kCorrupt, "the server's answer ends without a pack"};
  }
  section_ = Section::kNone;
  return {};
}

Status FetchReader::BeginSection(const Pkt& pkt) {
  if (pkt.type != PktType::kData) {
    return Error{Errc::kCorrupt, "the server's answer ends without a pack"};
  }
  const std::string_view line = pkt.line();
  if (line.starts_with(kError)) return RemoteError(line.substr(kError.size()));
  if (line == "acknowledgments") {
    section_ = Section::kAcknowledgments;
  } else if (line == "shallow-info") {
    section_ = Section::kShallowInfo;
  } else if (line == "wanted-refs") {
    section_ = Section::kWantedRefs;
  } else if (line == "packfile") {
    section_ = Section::kPack;
  }
  if (section_ <= last_section_) return SectionOutOfOrder(line);
  last_section_ = section_;
  return section_ == Section::kPack ? events_.OnShallow(shallow_) : Status();
}

Status FetchReader::AddLine(std::string_view line) {
  if (line.starts_with(kError)) return RemoteError(line.substr(kError.size()));
  // We have said `done` and wanted no ref by name: the other sections tell nothing new.
  if (section_ != Section::kShallowInfo) return {};
  const std::size_t space = line.find(' ');
  const std::string_view verb = line.substr(0, space);
  const auto commit =
      space == std::string_view::npos ? std::nullopt : Oid::FromHex(line.substr(space + 1));
  if (!commit || (verb != "shallow" && verb != "unshallow")) {
    return Malformed("about shallow commits", line);
  }
  const bool is_added = verb == "shallow";
  if (is_added && asked_ != FetchDepth::kCommitOnly) {
    return Error{Errc::kUnsupported, "the server's own history is cut off at commit " +
                                         commit->Hex() + "; it has to be completed there"};
  }
  if (!is_added && asked_ != FetchDepth::kUnshallow) return Malformed("not asked for", line);
  (is_added ? shallow_.added : shallow_.removed).insert(*commit);
  return {};
}

Status FetchReader::AddBand(std::string_view data) {
  if (data.empty()) return Malformed("a packet without a band", data);
  const char band = data.front();
  data.remove_prefix(1);
  switch (band) {
    case 1:
      // An empty one says that the server is alive.
      if (!data.empty()) return events_.OnPack(data);
      events_.OnMessage({});
      return {};
    case 2:
      events_.OnMessage(data);
      return {};
    case 3:
      return RemoteError(data);
    default:
      return Malformed("an unknown band", data);
  }
}

}  // namespace reposfs
