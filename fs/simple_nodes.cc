#include "fs/simple_nodes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/file_util.h"

namespace reposfs {
namespace {

RepositoryPtr RepositoryOf(const ViewPtr& view) {
  const auto target = view->target_if_known();
  return target ? target->repository : nullptr;
}

}  // namespace

TextFile::TextFile(const InodeIdentity& directory, const std::string& name, std::string content,
                   ViewPtr view, std::chrono::milliseconds entry_validity)
    : Node(IdentityOf(directory, name, content)),
      data_(std::make_shared<const BlobData>(
          std::make_shared<const std::string>(std::move(content)))),
      view_(std::move(view)),
      entry_validity_(entry_validity) {}

Outcome<Attributes> TextFile::GetAttributes() {
  return Attributes{S_IFREG | 0444, data_->size_bytes(), view_->modified()};
}

Outcome<Piece> TextFile::Read(std::uint64_t offset, std::size_t size) {
  return Piece{data_, offset, size};
}

RepositoryPtr TextFile::repository() const {
  return RepositoryOf(view_);
}

Outcome<NodePtr> DiskFile::Open(const InodeIdentity& directory, const std::string& name,
                                const std::filesystem::path& path, ViewPtr view) {
  auto file = OpenFile(path, O_RDONLY);
  if (!file) return std::move(file).error();
  struct stat info {};
  if (::fstat(file->get(), &info) != 0) return ErrnoError(errno, "stat " + path.string());
  // The same name with other content is another node.
  const std::string content = std::to_string(info.st_ino) + " " + std::to_string(info.st_size) +
                              " " + std::to_string(info.st_mtim.tv_sec) + " " +
                              std::to_string(info.st_mtim.tv_nsec);
  return NodePtr(std::make_shared<DiskFile>(
      IdentityOf(directory, name, content), HeldPlace{directory.number, name}, std::move(*file),
      static_cast<std::uint64_t>(info.st_size), std::move(view)));
}

DiskFile::DiskFile(InodeIdentity identity, HeldPlace place, UniqueFd file, std::uint64_t size_bytes,
                   ViewPtr view)
    : Node(identity),
      place_(std::move(place)),
      data_(std::make_shared<const BlobData>(std::move(file), size_bytes)),
      view_(std::move(view)) {}

Outcome<Attributes> DiskFile::GetAttributes() {
  return Attributes{S_IFREG | 0444, data_->size_bytes(), view_->modified()};
}

Outcome<Piece> DiskFile::Read(std::uint64_t offset, std::size_t size) {
  return Piece{data_, offset, size};
}

RepositoryPtr DiskFile::repository() const {
  return RepositoryOf(view_);
}

FixedDirectory::FixedDirectory(InodeIdentity identity, ViewPtr view, std::vector<Entry> entries)
    : Node(identity), view_(std::move(view)), entries_(std::move(entries)) {}

Outcome<Attributes> FixedDirectory::GetAttributes() {
  return Attributes{S_IFDIR | 0755, 0, view_->modified()};
}

Outcome<NodePtr> FixedDirectory::Lookup(const std::string& name) {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return entry.make(identity());
  }
  return Error{Errc::kNotFound, "no such entry"};
}

Outcome<ListingPtr> FixedDirectory::List() {
  auto listing = std::make_shared<Listing>();
  for (const Entry& entry : entries_) {
    listing->push_back(
        ListedEntry{entry.name, IdentityOf(identity(), entry.name, "listed").number, entry.type});
  }
  return ListingPtr(std::move(listing));
}

RepositoryPtr FixedDirectory::repository() const {
  return RepositoryOf(view_);
}

}  // namespace reposfs
