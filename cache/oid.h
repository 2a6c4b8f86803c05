// A git object id (SHA-1).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace reposfs {

struct Oid {
  static constexpr std::size_t kSize = 20;
  static constexpr std::size_t kHexSize = 40;

  std::array<std::uint8_t, kSize> bytes{};

  // REQUIRES: 20 bytes at `raw`.
  static Oid FromRaw(const void* raw) {
    Oid oid;
    std::memcpy(oid.bytes.data(), raw, kSize);
    return oid;
  }

  // Nothing unless `hex` is exactly 40 hexadecimal digits.
  static std::optional<Oid> FromHex(std::string_view hex);

  std::string Hex() const;

  // The null id stands for "no object", as in git.
  bool IsNull() const { return *this == Oid{}; }

  auto operator<=>(const Oid&) const = default;
};

struct OidHash {
  std::size_t operator()(const Oid& oid) const {
    std::size_t hash;
    std::memcpy(&hash, oid.bytes.data(), sizeof hash);
    return hash;
  }
};

}  // namespace reposfs
