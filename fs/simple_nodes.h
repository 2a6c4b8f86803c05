// Nodes that several parts of the mount are made of: a text, a file of the disk, a fixed directory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "fs/node.h"
#include "fs/view.h"

namespace reposfs {

// A small file whose content is given.  Each content is a node of its own.
class TextFile final : public Node {
 public:
  // `entry_validity`: how long the name leads to this content.
  TextFile(const InodeIdentity& directory, const std::string& name, std::string content,
           ViewPtr view, std::chrono::milliseconds entry_validity);

  Validity validity() const override { return {entry_validity_, kForEver}; }
  Outcome<Attributes> GetAttributes() override;
  Outcome<Piece> Read(std::uint64_t offset, std::size_t size) override;
  RepositoryPtr repository() const override;

 private:
  const BlobDataPtr data_;
  const ViewPtr view_;
  const std::chrono::milliseconds entry_validity_;
};

// A file of the store, served as it is.  It stays readable after it was deleted there.
class DiskFile final : public Node {
 public:
  // Errors: kNotFound.
  static Outcome<NodePtr> Open(const InodeIdentity& directory, const std::string& name,
                               const std::filesystem::path& path, ViewPtr view);

  DiskFile(InodeIdentity identity, HeldPlace place, UniqueFd file, std::uint64_t size_bytes,
           ViewPtr view);

  Validity validity() const override { return {std::chrono::seconds(1), kForEver}; }
  Outcome<Attributes> GetAttributes() override;
  Outcome<Piece> Read(std::uint64_t offset, std::size_t size) override;
  std::optional<HeldPlace> held_place() const override { return place_; }
  RepositoryPtr repository() const override;

 private:
  const HeldPlace place_;
  const BlobDataPtr data_;
  const ViewPtr view_;
};

// A directory whose entries are known when it is made; they are made when they are looked up.
class FixedDirectory : public Node {
 public:
  struct Entry {
    std::string name;
    mode_t type;
    std::function<Outcome<NodePtr>(const InodeIdentity& directory)> make;
  };

  FixedDirectory(InodeIdentity identity, ViewPtr view, std::vector<Entry> entries);

  Validity validity() const override { return {kForEver, kForEver}; }
  Outcome<Attributes> GetAttributes() override;
  Outcome<NodePtr> Lookup(const std::string& name) override;
  Outcome<ListingPtr> List() override;
  RepositoryPtr repository() const override;

 private:
  const ViewPtr view_;
  const std::vector<Entry> entries_;
};

}  // namespace reposfs
