// The frames of git's wire protocol.
//
// A pkt-line is four hexadecimal digits, the length with themselves, and that many bytes less four;
// 0000, 0001 and 0002 stand for themselves (gitprotocol-common(5), gitprotocol-v2(5)).
//
// Thread-safety: none.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reposfs {

enum class PktType { kData, kFlush, kDelimiter, kResponseEnd };

struct Pkt {
  PktType type = PktType::kData;
  std::string_view data;  // Of kData.

  // `data` without the newline that may end a line of text.
  std::string_view line() const {
    return data.ends_with('\n') ? data.substr(0, data.size() - 1) : data;
  }
};

inline constexpr std::size_t kPktMaxBytes = 65520;

// Finds the packets in a stream that comes in pieces of any size.  Holds one packet at most.
class PktReader {
 public:
  using Handler = std::function<Status(const Pkt&)>;

  // Calls `handler` for each packet that `bytes` complete; what it is given is valid only then.
  // Errors: kCorrupt if no packet begins like that; those of `handler`, which ends the stream.
  Status Add(std::string_view bytes, const Handler& handler);

 private:
  std::string begun_;  // Less than a packet.
};

// REQUIRES: `line` fits a packet.
void AppendPkt(std::string_view line, std::string& out);
void AppendDelimiter(std::string& out);
void AppendFlush(std::string& out);

}  // namespace reposfs
