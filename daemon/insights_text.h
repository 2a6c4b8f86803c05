// The insights of a repository, and answers to questions about them, as text.
//
// Thread-safety: pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cache/insights_query.h"
#include "daemon/terminal.h"

namespace reposfs {

// What a person wants to know first of `insights`, as .insights.json has it.
std::string RenderInsights(const nlohmann::json& insights, const Terminal& terminal);

// Aligned columns.
std::string RenderAnswer(const QueryAnswer& answer, const Terminal& terminal);
// An array of objects.
nlohmann::ordered_json AnswerJson(const QueryAnswer& answer);
// RFC 4180, with a line of names.
std::string AnswerCsv(const QueryAnswer& answer);

}  // namespace reposfs
