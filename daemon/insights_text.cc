#include "daemon/insights_text.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "daemon/human_text.h"
#include "daemon/json_fields.h"
#include "daemon/text_table.h"

namespace reposfs {
namespace {

using nlohmann::json;

constexpr std::size_t kRowsShown = 10;

const json& Part(const json& object, const char* name) {
  static const json null;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : null;
}

std::string Number(const json& object, const char* name) {
  return std::to_string(NumberField(object, name));
}

std::string Percent(const json& object, const char* name) {
  const json& share = Part(object, name);
  const double value = share.is_number() ? share.get<double>() : 0;
  return std::to_string(static_cast<int>(value * 100 + 0.5)) + " %";
}

std::string Day(const json& object, const char* name) {
  return TextField(object, name).substr(0, 10);
}

std::string Line(const std::string& name, const std::string& value) {
  constexpr std::size_t kNameWidth = 11;
  return Printable(name) + std::string(kNameWidth - std::min(kNameWidth - 1, name.size()), ' ') +
         Printable(value) + "\n";
}

std::string AuthorsTable(const json& insights, const Terminal& terminal) {
  TextTable table({{"COMMITS", TextTable::Align::kRight},
                   {"ADDED", TextTable::Align::kRight},
                   {"DELETED", TextTable::Align::kRight},
                   {"LAST"},
                   {"AUTHOR"}});
  for (const json& author : ArrayField(insights, "authors")) {
    table.AddRow({Number(author, "commits"), Number(author, "added"), Number(author, "deleted"),
                  Day(author, "last"), TextField(author, "name")});
    if (&author - &ArrayField(insights, "authors")[0] + 1 == kRowsShown) break;
  }
  return table.empty() ? "" : "\n" + table.Render(terminal);
}

std::string FilesTable(const json& insights, const Terminal& terminal) {
  TextTable table({{"COMMITS", TextTable::Align::kRight},
                   {"ADDED", TextTable::Align::kRight},
                   {"DELETED", TextTable::Align::kRight},
                   {"FILE"}});
  std::size_t count = 0;
  for (const json& file : ArrayField(Part(insights, "files"), "changedMost")) {
    if (count++ == kRowsShown) break;
    table.AddRow({Number(file, "commits"), Number(file, "added"), Number(file, "deleted"),
                  TextField(file, "path")});
  }
  return table.empty() ? "" : "\n" + table.Render(terminal);
}

std::string Languages(const json& insights) {
  std::string text;
  std::size_t count = 0;
  for (const json& language : ArrayField(insights, "languages")) {
    if (count++ == kRowsShown / 2) break;
    text +=
        (text.empty() ? "" : ", ") + TextField(language, "name") + " " + Percent(language, "share");
  }
  return text;
}

std::string HistoryLines(const json& insights) {
  const json& commits = Part(insights, "commits");
  const json& churn = Part(insights, "churn");
  const json& releases = Part(insights, "releases");
  std::string text =
      Line("Commits", Number(commits, "total") + " from " + Day(commits, "first") + " to " +
                          Day(commits, "last") + ", " + Percent(commits, "mergeShare") + " merges");
  text +=
      Line("Recent", Number(commits, "lastWeek") + " in 7 days, " + Number(commits, "lastMonth") +
                         " in 30, before " + Day(insights, "computedAt"));
  text += Line("Authors", Number(insights, "authorCount") + "; " + Number(insights, "busFactor") +
                              " of them wrote half of the commits");
  text +=
      Line("Lines", Number(churn, "added") + " added, " + Number(churn, "deleted") + " deleted");
  const json& list = ArrayField(releases, "list");
  if (!list.empty()) {
    const json& days = Part(releases, "cadenceDays");
    text += Line("Releases", Number(releases, "total") + ", the last " + TextField(list[0], "tag") +
                                 " of " + Day(list[0], "date") +
                                 (days.is_number() ? ", every " + days.dump() + " days" : ""));
  }
  return text;
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string RenderInsights(const json& insights, const Terminal& terminal) {
  std::string text = Line("Repository", TextField(insights, "key"));
  text += Line("Commit", TextField(insights, "commit"));
  const bool has_history = TextField(insights, "history") == "complete";
  if (has_history) {
    text += HistoryLines(insights);
  } else {
    text += Line("History", TextField(insights, "history"));
  }
  const json& size = Part(insights, "size");
  text +=
      Line("Files", Number(size, "tipFiles") + ", " + HumanBytes(NumberField(size, "tipBytes")));
  text += Line("Languages", Languages(insights));
  const json& license = Part(insights, "license");
  const std::string spdx = TextField(license, "spdx");
  const std::string file = TextField(license, "file");
  text += Line("License", !spdx.empty() ? spdx : !file.empty() ? "unknown, see " + file : "none");
  return text + AuthorsTable(insights, terminal) + FilesTable(insights, terminal);
}

std::string RenderAnswer(const QueryAnswer& answer, const Terminal& terminal) {
  std::vector<TextTable::Column> columns;
  for (std::size_t i = 0; i < answer.columns.size(); ++i) {
    const bool number = !answer.rows.empty() && answer.rows[0][i].type != QueryCell::Type::kText;
    columns.push_back(
        {answer.columns[i], number ? TextTable::Align::kRight : TextTable::Align::kLeft});
  }
  TextTable table(std::move(columns));
  for (const auto& row : answer.rows) {
    std::vector<TextTable::Cell> cells;
    for (const QueryCell& cell : row) {
      cells.emplace_back(cell.type == QueryCell::Type::kNull ? "-" : cell.text);
    }
    table.AddRow(std::move(cells));
  }
  return table.Render(terminal);
}

nlohmann::ordered_json AnswerJson(const QueryAnswer& answer) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : answer.rows) {
    auto object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      auto& value = object[answer.columns[i]];
      switch (row[i].type) {
        case QueryCell::Type::kNull:
          break;
        case QueryCell::Type::kInteger:
          value = std::strtoll(row[i].text.c_str(), nullptr, 10);
          break;
        case QueryCell::Type::kReal:
          value = std::strtod(row[i].text.c_str(), nullptr);
          break;
        case QueryCell::Type::kText:
          value = row[i].text;
      }
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

std::string AnswerCsv(const QueryAnswer& answer) {
  std::string csv;
  for (std::size_t i = 0; i < answer.columns.size(); ++i) {
    csv += (i > 0 ? "," : "") + CsvField(answer.columns[i]);
  }
  csv += "\r\n";
  for (const auto& row : answer.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) csv += (i > 0 ? "," : "") + CsvField(row[i].text);
    csv += "\r\n";
  }
  return csv;
}

}  // namespace reposfs
