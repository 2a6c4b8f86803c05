#include "fs/virtual_files.h"

#include "cache/insights_json.h"
#include "cache/insights_maker.h"
#include "cache/insights_page.h"
#include "fs/simple_nodes.h"

namespace reposfs {
namespace {

constexpr char kJsonName[] = ".insights.json";
constexpr char kHtmlName[] = ".insights.html";
constexpr std::chrono::milliseconds kValidity(1'000);

Insights AtHand(const View& view) {
  Insights insights;
  insights.key = view.key().Text();
  RepositoryCache& cache = view.cache();
  const auto target = view.target_if_known();
  if (!target) return insights;
  return InsightsAtHand(*target->repository, target->ref.commit, cache.HistoryOf(view.key()),
                        target->repository->record().last_checked);
}

std::string ContentOf(const View& view, bool json) {
  const auto target = view.target_if_known();
  const InsightsDocumentPtr document = target ? view.cache().InsightsOf(*target) : nullptr;
  if (document) return json ? document->json : document->html;
  return json ? InsightsJson(AtHand(view)) : InsightsPage(AtHand(view));
}

}  // namespace

const std::vector<std::string>& VirtualFileNames() {
  static const std::vector<std::string> names = {kHtmlName, kJsonName};
  return names;
}

NodePtr MakeVirtualFile(const ViewPtr& view, const std::string& name) {
  if (name != kJsonName && name != kHtmlName) return nullptr;
  return std::make_shared<TextFile>(view->identity(), name, ContentOf(*view, name == kJsonName),
                                    view, kValidity);
}

}  // namespace reposfs
