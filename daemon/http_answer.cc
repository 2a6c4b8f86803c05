#include "daemon/http_answer.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace reposfs {

using Json = nlohmann::ordered_json;

HttpResponse Answer(const Json& json, int status) {
  return {status, "application/json",
          json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

int HttpStatusOf(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return 404;
    case Errc::kAccessDenied:
      return 403;
    case Errc::kInvalidArgument:
      return 400;
    case Errc::kStale:
      return 409;
    case Errc::kUnsupported:
      return 422;
    case Errc::kNoSpace:
      return 507;
    case Errc::kUnreachable:
      return 502;
    case Errc::kTimedOut:
      return 504;
    default:
      return 500;
  }
}

HttpResponse Failure(const Error& error) {
  return Answer({{"error", Printable(error.message)}, {"code", ErrcName(error.code)}},
                HttpStatusOf(error.code));
}

}  // namespace reposfs
