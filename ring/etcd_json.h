// How etcd's gateway writes requests and answers: bytes as base64, numbers of 64 bits as text.
//
// Answers are read without trust: what is missing or of another type is empty or 0.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ring/etcd_client.h"

namespace reposfs {

std::string EncodeBase64(std::string_view bytes);
// Nothing if it is not base64.
std::optional<std::string> DecodeBase64(std::string_view text);

// The first key that no longer begins with `prefix`, as etcd wants the end of a range.
std::string EndOfPrefix(std::string_view prefix);

// Null if it is not there.
const nlohmann::json& JsonField(const nlohmann::json& object, const char* name);
std::int64_t JsonInt64(const nlohmann::json& object, const char* name);
bool JsonBool(const nlohmann::json& object, const char* name);
std::string JsonText(const nlohmann::json& object, const char* name);

EtcdKeyValue KeyValueOf(const nlohmann::json& kv);
// Of the store, as each answer tells it.
std::int64_t RevisionOf(const nlohmann::json& answer);

nlohmann::json PutJson(const EtcdPut& put);
nlohmann::json TransactionJson(const EtcdTransaction& transaction);

// The Error of an answer, or of a message of a stream, that tells one.
Error EtcdError(long http_status, const nlohmann::json& answer);
// Whether `error` says that the token is no longer good.
bool IsTokenError(const Error& error);

}  // namespace reposfs
