#include "daemon/openapi_document.h"

#include <nlohmann/json.hpp>

#include "daemon/openapi_text.h"

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kInsightsPlace[] = "/components/schemas/Insights";

// References within `schema` lead to where it stands in the document.
void MoveReferences(Json& schema) {
  if (schema.is_object()) {
    const auto reference = schema.find("$ref");
    if (reference != schema.end() && reference->is_string()) {
      const auto to = reference->get<std::string>();
      *reference = "#" + std::string(kInsightsPlace) + to.substr(to.find('/'));
    }
  }
  for (Json& child : schema) {
    if (child.is_structured()) MoveReferences(child);
  }
}

}  // namespace

const std::string& OpenApiDocument() {
  static const std::string document = [] {
    Json insights = Json::parse(kInsightsSchemaText);
    insights.erase("$schema");
    MoveReferences(insights);
    Json whole = Json::parse(kOpenApiText);
    whole[Json::json_pointer(kInsightsPlace)] = std::move(insights);
    return whole.dump(1) + "\n";
  }();
  return document;
}

}  // namespace reposfs
