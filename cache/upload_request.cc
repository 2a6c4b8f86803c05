#include "cache/upload_request.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "base/text.h"
#include "cache/pkt_line.h"

namespace reposfs {
namespace {

// Takes `word` off the beginning of `line`, if it is there.
bool Skip(std::string_view word, std::string_view& line) {
  if (!line.starts_with(word)) return false;
  line.remove_prefix(word.size());
  return true;
}

Error Malformed(std::string_view line) {
  return Error{Errc::kInvalidArgument,
               "not a request of git's protocol: \"" + Printable(line.substr(0, 200)) + "\""};
}

// Takes the packets of one request, in their order.
class RequestParser {
 public:
  explicit RequestParser(UploadVersion version) {
    request_.version = version;
    if (version == UploadVersion::kZero) request_.fetch.emplace();
  }

  Status Add(const Pkt& pkt) {
    if (pkt.type == PktType::kResponseEnd) return Malformed("0002");
    if (pkt.type == PktType::kDelimiter) in_arguments_ = true;
    if (pkt.type != PktType::kData) return {};
    if (request_.version == UploadVersion::kZero) return AddOldLine(pkt.line());
    if (!in_arguments_) return AddCapability(pkt.line());
    if (request_.ls_refs) return AddLsRefs(pkt.line());
    return request_.fetch ? AddFetch(pkt.line()) : Status();
  }

  UploadRequest Take() && { return std::move(request_); }

 private:
  Status AddCapability(std::string_view line) {
    if (Skip("command=", line)) {
      if (request_.ls_refs || request_.fetch) return Malformed(line);
      if (line == "ls-refs") request_.ls_refs.emplace();
      if (line == "fetch") request_.fetch.emplace();
    } else if (Skip("object-format=", line) && line != "sha1") {
      return Error{Errc::kUnsupported, "only SHA-1 object ids are supported"};
    }
    return {};
  }

  Status AddLsRefs(std::string_view line) {
    LsRefsArguments& asked = *request_.ls_refs;
    if (line == "peel") asked.peel = true;
    if (line == "symrefs") asked.symrefs = true;
    if (line == "unborn") asked.unborn = true;
    if (Skip("ref-prefix ", line)) {
      // As git does: who names too many gets everything, and chooses himself.
      constexpr std::size_t kPrefixCountMax = 65'536;
      if (asked.prefixes.size() < kPrefixCountMax) asked.prefixes.emplace_back(line);
      if (asked.prefixes.size() == kPrefixCountMax) asked.prefixes = {""};
    }
    return {};
  }

  // In version 0 the first `want` carries the client's capabilities.
  Status AddOldLine(std::string_view line) {
    constexpr std::size_t kWantSize = 5 + Oid::kHexSize;
    if (line.starts_with("want ") && line.size() > kWantSize) {
      for (const std::string_view word : Split(line.substr(kWantSize), ' ')) {
        if (word == "ofs-delta") request_.fetch->ofs_delta = true;
        if (word == "deepen-relative") request_.fetch->other_depth = true;
        if (Skip("object-format=", line) && line != "sha1") {
          return Error{Errc::kUnsupported, "only SHA-1 object ids are supported"};
        }
      }
      line = line.substr(0, kWantSize);
    }
    return AddFetch(line);
  }

  Status AddFetch(std::string_view line) {
    FetchArguments& asked = *request_.fetch;
    const std::string_view whole = line;
    if (Skip("want ", line)) {
      const auto want = Oid::FromHex(line);
      if (!want) return Malformed(whole);
      if (wanted_.insert(*want).second) asked.wants.push_back(*want);
    } else if (Skip("have ", line)) {
      if (!Oid::FromHex(line)) return Malformed(whole);
      ++asked.have_count;
    } else if (Skip("deepen ", line)) {
      std::int64_t depth = 0;
      const char* const end = line.data() + line.size();
      const auto parsed = std::from_chars(line.data(), end, depth);
      if (parsed.ec != std::errc() || parsed.ptr != end || depth < 0) return Malformed(whole);
      if (depth > 0) asked.depth = depth;  // 0 means nothing, in version 0.
    } else if (Skip("filter ", line)) {
      asked.filter = line;
    } else {
      AddWord(line, asked);
    }
    return {};
  }

  static void AddWord(std::string_view line, FetchArguments& asked) {
    if (line.starts_with("deepen-")) asked.other_depth = true;
    if (line.starts_with("shallow ")) asked.is_shallow = true;
    if (line == "done") asked.done = true;
    if (line == "ofs-delta") asked.ofs_delta = true;
    if (line == "no-progress") asked.no_progress = true;
  }

  UploadRequest request_;
  std::unordered_set<Oid, OidHash> wanted_;
  bool in_arguments_ = false;
};

}  // namespace

Result<UploadRequest> ParseUploadRequest(std::string_view body, UploadVersion version) {
  RequestParser parser(version);
  PktReader reader;
  const Status read = reader.Add(body, [&](const Pkt& pkt) { return parser.Add(pkt); });
  if (read) return std::move(parser).Take();
  const bool no_packet = read.error().code == Errc::kCorrupt;
  return no_packet ? Error{Errc::kInvalidArgument, read.error().message} : read.error();
}

std::string WithoutUnknownHaves(std::string_view body,
                                const std::function<bool(const Oid&)>& is_here) {
  std::string out;
  std::unordered_set<Oid, OidHash> kept;
  PktReader reader;
  const auto add = [&](const Pkt& pkt) -> Status {
    if (pkt.type == PktType::kFlush) AppendFlush(out);
    if (pkt.type == PktType::kDelimiter) AppendDelimiter(out);
    if (pkt.type != PktType::kData) return {};
    std::string_view line = pkt.line();
    if (!Skip("have ", line)) {
      AppendPkt(pkt.data, out);
      return {};
    }
    const auto have = Oid::FromHex(line);
    const bool keeps = have && kept.size() < kHavesKept && is_here(*have);
    if (keeps && kept.insert(*have).second) AppendPkt(pkt.data, out);
    return {};
  };
  static_cast<void>(reader.Add(body, add));  // It has been parsed before.
  return out;
}

}  // namespace reposfs
