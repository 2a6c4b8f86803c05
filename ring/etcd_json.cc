#include "ring/etcd_json.h"

#include <array>
#include <charconv>

#include "base/text.h"

namespace reposfs {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBadToken = "the token is no longer good";

// Of gRPC, as the gateway passes them on.
enum GrpcCode : std::int64_t {
  kGrpcInvalidArgument = 3,
  kGrpcNotFound = 5,
  kGrpcPermissionDenied = 7,
  kGrpcResourceExhausted = 8,
  kGrpcFailedPrecondition = 9,
  kGrpcOutOfRange = 11,
  kGrpcUnauthenticated = 16,
};

bool Says(const std::string& message, std::string_view words) {
  return message.find(words) != std::string::npos;
}

Errc ErrcOf(std::int64_t code, const std::string& message) {
  switch (code) {
    case kGrpcInvalidArgument:
      return Says(message, "user name is empty") || Says(message, "authentication failed")
                 ? Errc::kAccessDenied
                 : Errc::kInvalidArgument;
    case kGrpcFailedPrecondition:
      return Errc::kInvalidArgument;
    case kGrpcNotFound:
    case kGrpcOutOfRange:
      return Errc::kNotFound;
    case kGrpcPermissionDenied:
    case kGrpcUnauthenticated:
      return Errc::kAccessDenied;
    case kGrpcResourceExhausted:
      return Says(message, "space exceeded") ? Errc::kNoSpace : Errc::kUnreachable;
    default:  // No leader, too slow, stopping, or not etcd at all: another endpoint may know.
      return Errc::kUnreachable;
  }
}

std::string AdviceFor(Errc code, const std::string& message) {
  if (code == Errc::kNoSpace) return "; compact and defragment it, then: etcdctl alarm disarm";
  if (code != Errc::kAccessDenied) return "";
  if (Says(message, "user name is empty")) return "; set ring.etcd.username and passwordFile";
  return "; check the user, its password and its role";
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const bool there = i + k < bytes.size();
      group = group << 8 | (there ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    const std::size_t digit_count = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) {
      text += k < digit_count ? kAlphabet[group >> (18 - 6 * k) & 63u] : '=';
    }
  }
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t group = 0;
  unsigned bit_count = 0;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    bytes += static_cast<char>(group >> bit_count & 255u);
  }
  return bytes;
}

std::string EndOfPrefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 255) end.pop_back();
  if (end.empty()) return std::string(1, '\0');  // Every key.
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

const Json& JsonField(const Json& object, const char* name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::int64_t JsonInt64(const Json& object, const char* name) {
  const Json& field = JsonField(object, name);
  if (field.is_number_integer()) return field.get<std::int64_t>();
  if (!field.is_string()) return 0;
  const auto& text = field.get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

bool JsonBool(const Json& object, const char* name) {
  const Json& field = JsonField(object, name);
  return field.is_boolean() && field.get<bool>();
}

std::string JsonText(const Json& object, const char* name) {
  const Json& field = JsonField(object, name);
  return field.is_string() ? field.get<std::string>() : std::string();
}

EtcdKeyValue KeyValueOf(const Json& kv) {
  EtcdKeyValue item;
  item.key = DecodeBase64(JsonText(kv, "key")).value_or("");
  item.value = DecodeBase64(JsonText(kv, "value")).value_or("");
  item.create_revision = JsonInt64(kv, "create_revision");
  item.mod_revision = JsonInt64(kv, "mod_revision");
  item.lease = JsonInt64(kv, "lease");
  return item;
}

std::int64_t RevisionOf(const Json& answer) {
  return JsonInt64(JsonField(answer, "header"), "revision");
}

Json PutJson(const EtcdPut& put) {
  Json json = {{"key", EncodeBase64(put.key)}};
  if (put.value) json["value"] = EncodeBase64(*put.value);
  if (!put.value) json["ignore_value"] = true;
  if (put.lease) json["lease"] = std::to_string(*put.lease);
  if (!put.lease) json["ignore_lease"] = true;
  return json;
}

Json TransactionJson(const EtcdTransaction& transaction) {
  Json compare = Json::array();
  for (const EtcdCondition& condition : transaction.conditions) {
    compare.push_back({{"key", EncodeBase64(condition.key)},
                       {"target", "CREATE"},
                       {"result", "EQUAL"},
                       {"create_revision", std::to_string(condition.create_revision)}});
  }
  Json success = Json::array();
  for (const EtcdPut& put : transaction.puts) success.push_back({{"request_put", PutJson(put)}});
  for (const std::string& key : transaction.deletions) {
    success.push_back({{"request_delete_range", {{"key", EncodeBase64(key)}}}});
  }
  Json failure = Json::array();
  if (!transaction.conditions.empty()) {
    const std::string& key = transaction.conditions.front().key;
    failure.push_back({{"request_range", {{"key", EncodeBase64(key)}}}});
  }
  return {{"compare", compare}, {"success", success}, {"failure", failure}};
}

Error EtcdError(long http_status, const Json& answer) {
  std::int64_t code = JsonInt64(answer, "code");
  if (code == 0) code = JsonInt64(answer, "grpc_code");
  std::string message = Printable(JsonText(answer, "message"));
  if (message.empty()) message = Printable(JsonText(answer, "error"));
  if (message.empty()) {
    message = "status " + std::to_string(http_status) + ", which etcd's gateway would explain";
  }
  const bool bad_token =
      code == kGrpcUnauthenticated || Says(message, "revision of auth store is old");
  if (bad_token) message = std::string(kBadToken) + ": " + message;
  const Errc errc = bad_token ? Errc::kAccessDenied : ErrcOf(code, message);
  return Error{errc, message + AdviceFor(errc, message)};
}

bool IsTokenError(const Error& error) {
  return error.code == Errc::kAccessDenied && error.message.starts_with(kBadToken);
}

}  // namespace reposfs
