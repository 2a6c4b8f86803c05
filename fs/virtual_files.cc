#include "fs/virtual_files.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "fs/simple_nodes.h"

namespace reposfs {
namespace {

constexpr char kJsonName[] = ".insights.json";
constexpr char kHtmlName[] = ".insights.html";
constexpr int kSchema = 1;
constexpr std::chrono::milliseconds kValidity(1'000);

std::string HtmlEscaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct Facts {
  std::string key;
  std::string commit;
  std::string stage;
  std::string checked_at;
  std::string committed_at;
  std::size_t branch_count = 0;
  std::size_t tag_count = 0;
};

Facts FactsOf(const View& view) {
  Facts facts;
  facts.key = view.key().Text();
  const auto target = view.target_if_known();
  if (!target) return facts;
  const RepositoryRecord record = target->repository->record();
  facts.commit = target->ref.commit.Hex();
  facts.stage = StageName(record.stage);
  facts.checked_at = ToIso8601(record.last_checked);
  facts.committed_at =
      ToIso8601(std::chrono::time_point_cast<std::chrono::milliseconds>(view.modified()));
  if (const RefSnapshotPtr refs = target->repository->refs()) {
    for (const Ref& ref : refs->refs()) {
      ++(ref.name.starts_with("refs/heads/") ? facts.branch_count : facts.tag_count);
    }
  }
  return facts;
}

std::string Json(const Facts& facts) {
  nlohmann::ordered_json json = {
      {"schema", kSchema},
      {"key", facts.key},
      {"commit", facts.commit},
      {"stage", facts.stage},
      {"computedAt", facts.checked_at},
      {"commits", {{"total", nullptr}, {"last", facts.committed_at}}},
      {"authors", nlohmann::json::array()},
      {"refs", {{"branches", facts.branch_count}, {"tags", facts.tag_count}}},
  };
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string Html(const Facts& facts) {
  const std::string key = HtmlEscaped(facts.key);
  std::string rows;
  const auto row = [&](const char* name, const std::string& value) {
    rows += std::string("<tr><th scope=\"row\">") + name + "</th><td>" + HtmlEscaped(value) +
            "</td></tr>\n";
  };
  row("Commit", facts.commit);
  row("Committed", facts.committed_at);
  row("Stage", facts.stage);
  row("Last checked", facts.checked_at);
  row("Branches", std::to_string(facts.branch_count));
  row("Tags", std::to_string(facts.tag_count));
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<title>" +
         key +
         "</title>\n<style>\n:root { color-scheme: light dark; }\n"
         "body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; "
         "padding: 0 1rem; }\n"
         "th { text-align: left; padding-right: 1.5rem; white-space: nowrap; vertical-align: top; "
         "}\n"
         "td { overflow-wrap: anywhere; }\n</style>\n</head>\n<body>\n<h1>" +
         key + "</h1>\n<table>\n" + rows + "</table>\n</body>\n</html>\n";
}

}  // namespace

const std::vector<std::string>& VirtualFileNames() {
  static const std::vector<std::string> names = {kHtmlName, kJsonName};
  return names;
}

NodePtr MakeVirtualFile(const ViewPtr& view, const std::string& name) {
  if (name != kJsonName && name != kHtmlName) return nullptr;
  const Facts facts = FactsOf(*view);
  return std::make_shared<TextFile>(view->identity(), name,
                                    name == kJsonName ? Json(facts) : Html(facts), view, kValidity);
}

}  // namespace reposfs
