#include "daemon/ring_text.h"

#include <cstdio>

#include "base/text.h"
#include "daemon/json_fields.h"
#include "daemon/text_table.h"

namespace reposfs {
namespace {

using nlohmann::json;

std::string Percent(const json& node) {
  if (!node.contains("share") || !node["share"].is_number()) return "";
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", node["share"].get<double>());
  return text;
}

Colour ColourOf(const std::string& state) {
  if (state == "up") return Colour::kGreen;
  return state == "down" ? Colour::kRed : Colour::kYellow;
}

std::string RenderNodes(const json& nodes, WallTime now, const Terminal& terminal) {
  TextTable table({{"NODE"},
                   {"ADDRESS"},
                   {"WEIGHT", TextTable::Align::kRight},
                   {"SHARE", TextTable::Align::kRight},
                   {"STATE"},
                   {"SINCE"},
                   {"LAST ERROR"}});
  for (const json& node : nodes) {
    const std::string state = TextField(node, "state");
    const std::string since = AgeField(node, "since", now);
    const std::string vanished = AgeField(node, "vanished", now);
    table.AddRow(
        {TextField(node, "id") + (FlagField(node, "self") ? " (this)" : ""),
         TextField(node, "address"),
         std::to_string(NumberField(node, "weight")),
         Percent(node),
         {state + (vanished == "never" ? "" : ", not named since " + vanished), ColourOf(state)},
         since == "never" ? "" : since,
         TextField(node, "lastError")});
  }
  return table.empty() ? "no node is known yet\n" : table.Render(terminal);
}

}  // namespace

std::string RenderRing(const json& ring, WallTime now, const Terminal& terminal) {
  std::string text = RenderNodes(ArrayField(ring, "members"), now, terminal);
  const std::string error = TextField(ring, "discoveryError");
  if (!error.empty()) text += "\nmay be out of date: " + Printable(error) + "\n";
  for (const json& key : ArrayField(ring, "copying")) {
    if (key.is_string()) text += "copying " + Printable(key.get<std::string>()) + " from peers\n";
  }
  const std::uint64_t waiting = NumberField(ring, "waiting");
  if (waiting > 0) text += std::to_string(waiting) + " more to be copied\n";
  for (const json& key : ArrayField(ring, "leaving")) {
    if (!key.is_string()) continue;
    text += Printable(key.get<std::string>()) + " goes from here once its owners have it\n";
  }
  return text;
}

std::string RenderOwners(const json& owners, WallTime now, const Terminal& terminal) {
  return RenderNodes(ArrayField(owners, "owners"), now, terminal);
}

}  // namespace reposfs
