// Which resources there are, compared with what deploy/openapi.json describes.
#include "daemon/control_api.h"

#include <future>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/openapi_document.h"
#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

using nlohmann::json;

class ControlApiTest : public CacheTest {
 protected:
  // "GET /v1/status" for each operation of the document.
  static std::set<std::string> Described() {
    std::set<std::string> described;
    const json paths = json::parse(OpenApiDocument())["paths"];
    for (const auto& [path, item] : paths.items()) {
      for (const auto& [method, operation] : item.items()) {
        if (method == "parameters") continue;
        std::string words = method + " " + path;
        std::transform(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(method.size()),
                       words.begin(), [](unsigned char c) { return std::toupper(c); });
        described.insert(words);
      }
    }
    return described;
  }
  // Those that only the control socket offers.
  static std::set<std::string> ForTheSocketOnly() {
    std::set<std::string> guarded;
    const json paths = json::parse(OpenApiDocument())["paths"];
    for (const auto& [path, item] : paths.items()) {
      if (item.value("/post/x-control-socket-only"_json_pointer, false)) guarded.insert(path);
    }
    return guarded;
  }

  ControlApi Api() {
    DaemonFacts facts;
    facts.node_count = facts.parked_count = [] { return std::size_t{0}; };
    facts.kernel_agreement = [] { return KernelAgreement{}; };
    facts.locks = [] { return std::vector<LockRecord>{}; };
    return ControlApi(*cache_, facts);
  }
};

TEST_F(ControlApiTest, EveryResourceIsDescribedAndEveryDescribedOneIsThere) {
  Open();
  const std::vector<std::string> resources = Api().Resources();
  EXPECT_EQ(std::set<std::string>(resources.begin(), resources.end()), Described());
}

TEST_F(ControlApiTest, TheDocumentSaysWhatOnlyTheSocketOffers) {
  Open();
  const ControlApi api = Api();
  std::set<std::string> guarded;
  for (const std::string& resource : api.Resources()) {
    const std::size_t space = resource.find(' ');
    std::string path = resource.substr(space + 1);
    if (path == "/bake") continue;  // It would go on to the host.
    // Some answer on another thread.
    std::promise<HttpResponse> answered;
    api.Handle(HttpRequest{resource.substr(0, space), path, ""}, ControlAccess::kReadOnly,
               [&](HttpResponse response) { answered.set_value(std::move(response)); });
    const HttpResponse answer = answered.get_future().get();
    if (answer.status == 403) guarded.insert(path);
  }
  EXPECT_EQ(guarded, ForTheSocketOnly());
}

}  // namespace
}  // namespace reposfs
