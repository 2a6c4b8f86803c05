#include "fs/node.h"

namespace reposfs {
namespace {

Error NotThatKind(const char* what) {
  return Error{Errc::kInvalidArgument, what};
}

}  // namespace

Outcome<NodePtr> Node::Lookup(const std::string&) {
  return NotThatKind("not a directory");
}

Outcome<NodePtr> Node::LookupDespite(const std::string&, Despite, const Error& error) {
  return error;
}

std::chrono::milliseconds Node::negative_validity(const std::string&) const {
  return kForEver;
}

Node::LookupIfHere Node::PrepareLookups() {
  return [this](const std::string& name) -> NodePtr {
    auto outcome = Lookup(name);
    return outcome.has_value() ? outcome.value() : nullptr;
  };
}

Outcome<ListingPtr> Node::List() {
  return NotThatKind("not a directory");
}

Outcome<Piece> Node::Read(std::uint64_t, std::size_t) {
  return NotThatKind("not a file");
}

Outcome<std::string> Node::ReadLink() {
  return NotThatKind("not a symbolic link");
}

}  // namespace reposfs
