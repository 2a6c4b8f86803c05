#include "daemon/commands_insights.h"

#include "base/text.h"
#include "cache/insights_query.h"
#include "daemon/insights_text.h"

namespace reposfs {
namespace {

// As the catalog spells it: where a host does not tell case apart, in lower case.
Result<std::string> KeyOf(const std::string& argument, const Config& config) {
  auto key = ResolveRepo(argument, config);
  if (!key) return key;
  const auto host = config.hosts.find(key->substr(0, key->find('/')));
  const bool insensitive = host != config.hosts.end() && host->second.case_insensitive;
  return insensitive ? AsciiLower(*key) : *key;
}

int AnswerSql(const CommandContext& context, const std::string& key,
              const InsightsArguments& arguments) {
  const auto answer = QueryInsights(context.config.cache.directory, key, arguments.sql);
  if (!answer) return Fail(answer.error());
  if (arguments.csv) {
    WriteOut(AnswerCsv(*answer));
  } else if (context.format == OutputFormat::kJson) {
    using Json = nlohmann::ordered_json;
    WriteOut(AnswerJson(*answer).dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  } else {
    WriteOut(RenderAnswer(*answer, context.terminal));
  }
  return kExitDone;
}

int FailUsage(const char* message) {
  Fail(Error{Errc::kInvalidArgument, message});
  return kExitUsage;
}

}  // namespace

int RunInsights(const CommandContext& context, const InsightsArguments& arguments) {
  if (arguments.all && !arguments.repo.empty()) {
    return FailUsage("insights: name a REPO or --all, not both");
  }
  if (!arguments.all && arguments.repo.empty()) {
    return FailUsage("insights: name a REPO, or --all with --sql");
  }
  if (arguments.sql.empty() && (arguments.all || arguments.csv)) {
    return FailUsage("insights: --all and --csv need --sql \"SELECT ...\"");
  }
  std::string key;
  if (!arguments.all) {
    auto resolved = KeyOf(arguments.repo, context.config);
    if (!resolved) return Fail(resolved.error());
    key = std::move(*resolved);
  }
  if (!arguments.sql.empty()) return AnswerSql(context, key, arguments);
  const auto document = ReadInsights(context.config.cache.directory, key);
  if (!document) return Fail(document.error());
  if (arguments.html) {
    WriteOut(document->html);
  } else if (context.format == OutputFormat::kJson) {
    WriteOut(document->json);
  } else {
    const auto insights = nlohmann::json::parse(document->json, nullptr, false);
    WriteOut(RenderInsights(insights, context.terminal));
  }
  return kExitDone;
}

}  // namespace reposfs
