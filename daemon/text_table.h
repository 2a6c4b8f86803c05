// Rows of text in aligned columns.
//
// Every cell is made printable, since it can hold what a git host sent.
//
// Thread-safety: none needed; a table belongs to one command.
#pragma once

#include <string>
#include <vector>

#include "daemon/terminal.h"

namespace reposfs {

class TextTable {
 public:
  enum class Align { kLeft, kRight };

  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  struct Cell {
    Cell(std::string cell_text, Colour cell_colour = Colour::kNone)
        : text(std::move(cell_text)), colour(cell_colour) {}
    Cell(const char* cell_text) : text(cell_text) {}
    std::string text;
    Colour colour = Colour::kNone;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: as many cells as there are columns.
  void AddRow(std::vector<Cell> cells);

  bool empty() const { return rows_.empty(); }

  // The titles and all rows, two spaces between columns, none at the end of a line.
  std::string Render(const Terminal& terminal) const;

 private:
  std::vector<std::size_t> Widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace reposfs
