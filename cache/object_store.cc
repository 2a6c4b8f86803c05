#include "cache/object_store.h"

#include <git2/sys/odb_backend.h>

#include <charconv>
#include <utility>

#include "cache/git_handle.h"

namespace reposfs {
namespace {

constexpr std::size_t kIdleHandleCountMax = 4;

// Initialises libgit2 for the life of the process.
void InitialiseLibgit2() {
  static const int once = [] {
    git_libgit2_init();
    // Packs are verified when they arrive; verifying again on each read costs 35-45 %.
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
    // What is read once goes to the kernel's page cache; a second cache here only costs memory.
    git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
    return 0;
  }();
  static_cast<void>(once);
}

git_oid ToGit(const Oid& id) {
  git_oid oid;
  git_oid_fromraw(&oid, id.bytes.data());
  return oid;
}

Result<ObjectType> TypeOf(git_object_t type) {
  switch (type) {
    case GIT_OBJECT_COMMIT:
      return ObjectType::kCommit;
    case GIT_OBJECT_TREE:
      return ObjectType::kTree;
    case GIT_OBJECT_BLOB:
      return ObjectType::kBlob;
    case GIT_OBJECT_TAG:
      return ObjectType::kTag;
    default:
      return Error{Errc::kCorrupt, "an object of an unknown type"};
  }
}

}  // namespace

Error GitError(int rc, std::string_view what) {
  const git_error* last = git_error_last();
  const std::string message =
      last != nullptr && last->message != nullptr ? last->message : "failed";
  const bool our_own_fault =
      last != nullptr && (last->klass == GIT_ERROR_NOMEMORY || last->klass == GIT_ERROR_OS);
  const Errc code = rc == GIT_ENOTFOUND ? Errc::kNotFound
                    : our_own_fault     ? Errc::kIo
                                        : Errc::kCorrupt;
  return Error{code, std::string(what) + ": " + message};
}

struct ObjectStore::Handle {
  GitOdb odb;
  std::uint64_t generation;
};

// A handle out of the pool for the length of one call.
class ObjectStore::Lease {
 public:
  Lease(const ObjectStore& store, std::unique_ptr<Handle> handle)
      : store_(&store), handle_(std::move(handle)) {}
  Lease(Lease&&) = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (handle_) store_->GiveBack(std::move(handle_));
  }

  git_odb* odb() const { return handle_->odb.get(); }

  Result<GitOdbObject> Read(const Oid& id) const {
    const git_oid oid = ToGit(id);
    return OpenGit<GitOdbObject>("read object " + id.Hex(), git_odb_read, odb(), &oid);
  }

 private:
  const ObjectStore* store_;
  std::unique_ptr<Handle> handle_;
};

ObjectStore::ObjectStore(std::filesystem::path objects) : objects_(std::move(objects)) {
  InitialiseLibgit2();
}

ObjectStore::~ObjectStore() = default;

Result<ObjectStore::Lease> ObjectStore::Borrow() const {
  std::unique_ptr<Handle> handle;
  std::uint64_t generation;
  {
    MutexLock lock(mutex_);
    generation = generation_;
    if (!idle_.empty()) {
      handle = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (handle) return Lease(*this, std::move(handle));

  auto odb = OpenGit<GitOdb>("open object database", git_odb_new);
  if (!odb) return std::move(odb).error();
  git_odb_backend* packs = nullptr;
  if (const int rc = git_odb_backend_pack(&packs, objects_.c_str()); rc < 0) {
    return GitError(rc, "open " + objects_.string());
  }
  if (const int rc = git_odb_add_backend(odb->get(), packs, 1); rc < 0) {
    packs->free(packs);
    return GitError(rc, "open " + objects_.string());
  }
  return Lease(*this, std::make_unique<Handle>(Handle{std::move(*odb), generation}));
}

void ObjectStore::GiveBack(std::unique_ptr<Handle> handle) const {
  MutexLock lock(mutex_);
  if (handle->generation == generation_ && idle_.size() < kIdleHandleCountMax) {
    idle_.push_back(std::move(handle));
  }
}

Result<Object> ObjectStore::Read(const Oid& id) const {
  auto lease = Borrow();
  if (!lease) return std::move(lease).error();
  auto object = lease->Read(id);
  if (!object) return std::move(object).error();
  git_odb_object* raw = object->get();
  auto type = TypeOf(git_odb_object_type(raw));
  if (!type) return std::move(type).error();
  return Object{*type, std::string(static_cast<const char*>(git_odb_object_data(raw)),
                                   git_odb_object_size(raw))};
}

Result<Content> ObjectStore::ReadBlob(const Oid& id) const {
  auto header = ReadHeader(id);
  if (!header) return std::move(header).error();
  if (header->size_bytes > kBlobSizeMaxBytes) {
    return Error{Errc::kUnsupported, "blob " + id.Hex() + " is larger than 1 GiB"};
  }
  auto object = Read(id);
  if (!object) return std::move(object).error();
  if (object->type != ObjectType::kBlob) {
    return Error{Errc::kCorrupt, "object " + id.Hex() + " is not a blob"};
  }
  return std::make_shared<const std::string>(std::move(object->content));
}

Result<ObjectHeader> ObjectStore::ReadHeader(const Oid& id) const {
  auto lease = Borrow();
  if (!lease) return std::move(lease).error();
  const git_oid oid = ToGit(id);
  std::size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  if (const int rc = git_odb_read_header(&size, &type, lease->odb(), &oid); rc < 0) {
    return GitError(rc, "read header of " + id.Hex());
  }
  auto known = TypeOf(type);
  if (!known) return std::move(known).error();
  return ObjectHeader{*known, size};
}

Result<Commit> ObjectStore::ReadCommit(const Oid& id) const {
  auto object = Read(id);
  if (!object) return std::move(object).error();
  if (object->type != ObjectType::kCommit) {
    return Error{Errc::kInvalidArgument, "object " + id.Hex() + " is not a commit"};
  }
  return ParseCommit(object->content);
}

bool ObjectStore::Contains(const Oid& id) const {
  return Missing({id}).empty();
}

Result<std::vector<std::uint64_t>> ObjectStore::ReadSizes(const std::vector<Oid>& blobs) const {
  auto lease = Borrow();
  if (!lease) return std::move(lease).error();
  std::vector<std::uint64_t> sizes;
  sizes.reserve(blobs.size());
  for (const Oid& id : blobs) {
    const git_oid oid = ToGit(id);
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (const int rc = git_odb_read_header(&size, &type, lease->odb(), &oid); rc < 0) {
      return GitError(rc, "read header of " + id.Hex());
    }
    sizes.push_back(size);
  }
  return sizes;
}

std::vector<Oid> ObjectStore::Missing(const std::vector<Oid>& ids) const {
  auto lease = Borrow();
  if (!lease) return ids;
  std::vector<Oid> missing;
  for (const Oid& id : ids) {
    const git_oid oid = ToGit(id);
    // Without NO_REFRESH each miss would list the directory of packs again.
    if (git_odb_exists_ext(lease->odb(), &oid, GIT_ODB_LOOKUP_NO_REFRESH) != 1) {
      missing.push_back(id);
    }
  }
  return missing;
}

Result<Oid> ObjectStore::ExpandPrefix(std::string_view hex) const {
  auto lease = Borrow();
  if (!lease) return std::move(lease).error();
  git_oid prefix;
  if (hex.size() < 4 || git_oid_fromstrn(&prefix, hex.data(), hex.size()) < 0) {
    return Error{Errc::kNotFound, "not an abbreviated object id"};
  }
  git_oid full;
  const int rc = git_odb_exists_prefix(&full, lease->odb(), &prefix, hex.size());
  if (rc == GIT_EAMBIGUOUS) return Error{Errc::kInvalidArgument, "ambiguous abbreviation"};
  if (rc < 0) return GitError(rc, "expand " + std::string(hex));
  return Oid::FromRaw(full.id);
}

void ObjectStore::Refresh() {
  std::vector<std::unique_ptr<Handle>> outdated;  // Closed after the lock is released.
  MutexLock lock(mutex_);
  ++generation_;
  outdated.swap(idle_);
}

void ObjectStore::CloseIdle() {
  std::vector<std::unique_ptr<Handle>> idle;  // Closed after the lock is released.
  MutexLock lock(mutex_);
  idle.swap(idle_);
}

Result<Commit> ParseCommit(std::string_view content) {
  const Error malformed{Errc::kCorrupt, "malformed commit"};
  constexpr std::string_view kTree = "tree ";
  constexpr std::string_view kCommitter = "\ncommitter ";
  if (!content.starts_with(kTree)) return malformed;
  const auto tree = Oid::FromHex(content.substr(kTree.size(), Oid::kHexSize));
  if (!tree) return malformed;

  Commit commit{*tree, 0};
  const std::string_view header = content.substr(0, content.find("\n\n"));
  if (const std::size_t begin = header.find(kCommitter); begin != std::string_view::npos) {
    std::string_view line = header.substr(begin + kCommitter.size());
    line = line.substr(0, line.find('\n'));
    // A name may hold anything but '>', so the time is what stands behind the last one.
    if (const std::size_t end = line.rfind("> "); end != std::string_view::npos) {
      line.remove_prefix(end + 2);
      std::from_chars(line.data(), line.data() + line.size(), commit.committer_time_s);
    }
  }
  return commit;
}

}  // namespace reposfs
