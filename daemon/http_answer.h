// How the HTTP interface says things: JSON, and failures with the status that fits.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "daemon/http_server.h"

namespace reposfs {

HttpResponse Answer(const nlohmann::ordered_json& json, int status = 200);

// The status that tells `code`: 4xx or 5xx.
int HttpStatusOf(Errc code);

// {"error": "<why, and what to do>", "code": "<Errc>"}, with 4xx or 5xx.
HttpResponse Failure(const Error& error);

}  // namespace reposfs
