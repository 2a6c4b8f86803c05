#include "cache/wire_request.h"

#include <algorithm>

#include "base/text.h"
#include "cache/pkt_line.h"

namespace reposfs {
namespace {

// As `git fetch --unshallow` asks: no history is deeper.
constexpr std::string_view kInfiniteDepth = "deepen 2147483647\n";

bool HasWord(std::string_view words, std::string_view word) {
  const auto all = Split(words, ' ');
  return std::find(all.begin(), all.end(), word) != all.end();
}

std::string Command(std::string_view name, const WireCapabilities& server) {
  std::string out;
  AppendPkt("command=" + std::string(name) + "\n", out);
  if (server.agent) AppendPkt("agent=" + std::string(kWireAgent) + "\n", out);
  if (!server.object_format.empty()) {
    AppendPkt("object-format=" + server.object_format + "\n", out);
  }
  AppendDelimiter(out);
  return out;
}

}  // namespace

WireCapabilities WireCapabilities::Guess() {
  WireCapabilities guess;
  guess.version2 = true;
  guess.shallow = true;
  guess.filter = true;
  guess.guessed = true;
  return guess;
}

void WireCapabilities::Add(std::string_view line) {
  const std::size_t equals = line.find('=');
  const std::string_view name = line.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
  if (name == "agent") agent = true;
  if (name == "ls-refs") unborn = HasWord(value, "unborn");
  if (name == "object-format") object_format = value;
  if (name == "fetch") {
    shallow = HasWord(value, "shallow");
    filter = HasWord(value, "filter");
  }
}

std::string LsRefsRequest(const WireCapabilities& server) {
  std::string out = Command("ls-refs", server);
  AppendPkt("peel\n", out);
  AppendPkt("symrefs\n", out);
  if (server.unborn) AppendPkt("unborn\n", out);
  for (const char* prefix : {"HEAD", "refs/heads/", "refs/tags/"}) {
    AppendPkt(std::string("ref-prefix ") + prefix + "\n", out);
  }
  AppendFlush(out);
  return out;
}

std::string FetchMessage(const WireCapabilities& server, const WireFetch& fetch) {
  std::string out = Command("fetch", server);
  for (const char* word : {"thin-pack\n", "ofs-delta\n"}) AppendPkt(word, out);
  if (server.shallow) {
    for (const Oid& commit : fetch.shallow) AppendPkt("shallow " + commit.Hex() + "\n", out);
    if (fetch.depth == FetchDepth::kCommitOnly) AppendPkt("deepen 1\n", out);
    if (fetch.depth == FetchDepth::kUnshallow) AppendPkt(kInfiniteDepth, out);
  }
  if (server.filter && fetch.without_blobs) {
    AppendPkt("filter blob:none\n", out);
    // It is little, and to count it out takes the server longer.  A silent server says every few
    // seconds that it is there.
    AppendPkt("no-progress\n", out);
  }
  for (const Oid& want : fetch.wants) AppendPkt("want " + want.Hex() + "\n", out);
  const std::size_t have_count = std::min(fetch.haves.size(), kHavesMax);
  for (std::size_t i = 0; i < have_count; ++i) {
    AppendPkt("have " + fetch.haves[i].Hex() + "\n", out);
  }
  AppendPkt("done\n", out);
  AppendFlush(out);
  return out;
}

}  // namespace reposfs
