#include "daemon/text_table.h"

#include <algorithm>
#include <cassert>

#include "base/text.h"

namespace reposfs {
namespace {

// One line.  Padding goes before a right-aligned cell and after a left-aligned one but the last.
std::string RenderLine(const std::vector<TextTable::Column>& columns,
                       const std::vector<TextTable::Cell>& cells,
                       const std::vector<std::size_t>& widths, const Terminal& terminal) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - ColumnCount(cells[i].text), ' ');
    const bool right = columns[i].align == TextTable::Align::kRight;
    const bool last = i + 1 == cells.size();
    if (i > 0) line += "  ";
    if (right) line += padding;
    line += Coloured(terminal, cells[i].colour, cells[i].text);
    if (!right && !last) line += padding;
  }
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

}  // namespace

void TextTable::AddRow(std::vector<Cell> cells) {
  assert(cells.size() == columns_.size());
  for (Cell& cell : cells) cell.text = Printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> TextTable::Widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(ColumnCount(column.title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], ColumnCount(row[i].text));
    }
  }
  return widths;
}

std::string TextTable::Render(const Terminal& terminal) const {
  const std::vector<std::size_t> widths = Widths();
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title, Colour::kBold);
  std::string text = RenderLine(columns_, titles, widths, terminal);
  for (const auto& row : rows_) text += RenderLine(columns_, row, widths, terminal);
  return text;
}

}  // namespace reposfs
