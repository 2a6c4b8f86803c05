// What the HTTP interface offers, as an OpenAPI document: deploy/openapi.json, with the schema of
// the insights, deploy/insights.schema.json, in its place.
//
// Thread-safety: may be called from any thread.
#pragma once

#include <string>

namespace reposfs {

const std::string& OpenApiDocument();

}  // namespace reposfs
