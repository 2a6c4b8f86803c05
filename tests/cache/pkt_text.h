// Messages of git's wire protocol as lists of lines, which can be read and compared.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cache/pkt_line.h"

namespace reposfs {

// The lines of `message`; "--" for a delimiter, "." for the end.
inline std::vector<std::string> Lines(const std::string& message) {
  std::vector<std::string> lines;
  PktReader reader;
  EXPECT_TRUE(reader.Add(message, [&](const Pkt& pkt) -> Status {
    const bool data = pkt.type == PktType::kData;
    lines.push_back(data ? std::string(pkt.line()) : pkt.type == PktType::kFlush ? "." : "--");
    return {};
  }));
  return lines;
}

// The message of such lines.
inline std::string Message(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    if (line == "--") {
      AppendDelimiter(out);
    } else if (line == ".") {
      AppendFlush(out);
    } else {
      AppendPkt(line + "\n", out);
    }
  }
  return out;
}

}  // namespace reposfs
