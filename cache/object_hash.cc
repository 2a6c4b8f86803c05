#include "cache/object_hash.h"

#include <git2.h>
#include <git2/sys/odb_backend.h>

#include <string>

namespace reposfs {
namespace {

// Initialises libgit2 for the life of the process.
void InitialiseLibgit2() {
  static const int once = git_libgit2_init();
  static_cast<void>(once);
}

git_object_t ToGit(ObjectType type) {
  switch (type) {
    case ObjectType::kCommit:
      return GIT_OBJECT_COMMIT;
    case ObjectType::kTree:
      return GIT_OBJECT_TREE;
    case ObjectType::kTag:
      return GIT_OBJECT_TAG;
    case ObjectType::kBlob:
      break;
  }
  return GIT_OBJECT_BLOB;
}

Error HashError() {
  const git_error* last = git_error_last();
  const char* message = last != nullptr && last->message != nullptr ? last->message : "failed";
  return Error{Errc::kCorrupt, std::string("hash an object: ") + message};
}

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using GitOdb = std::unique_ptr<git_odb, Deleter<git_odb_free>>;
using GitStream = std::unique_ptr<git_odb_stream, Deleter<git_odb_stream_free>>;

// An object database that keeps nothing: libgit2 hashes pieces only on their way into one.

void FreeBackend(git_odb_backend* backend) {
  delete backend;
}

void FreeStream(git_odb_stream* stream) {
  delete stream;
}

int WriteNothing(git_odb_stream*, const char*, std::size_t) {
  return 0;
}

int KeepNothing(git_odb_stream*, const git_oid*) {
  return 0;
}

int OpenStream(git_odb_stream** out, git_odb_backend* backend, git_object_size_t, git_object_t) {
  auto stream = std::make_unique<git_odb_stream>();
  *stream = {};
  stream->backend = backend;
  stream->mode = GIT_STREAM_WRONLY;
  stream->write = WriteNothing;
  stream->finalize_write = KeepNothing;
  stream->free = FreeStream;
  *out = stream.release();
  return 0;
}

GitOdb OpenNowhere() {
  InitialiseLibgit2();
  git_odb* odb = nullptr;
  if (git_odb_new(&odb) < 0) return nullptr;
  GitOdb owned(odb);
  auto backend = std::make_unique<git_odb_backend>();
  git_odb_init_backend(backend.get(), GIT_ODB_BACKEND_VERSION);
  backend->writestream = OpenStream;
  backend->free = FreeBackend;
  if (git_odb_add_backend(odb, backend.get(), 1) < 0) return nullptr;
  static_cast<void>(backend.release());  // The database's own.
  return owned;
}

}  // namespace

struct ObjectHasher::Stream {
  GitOdb odb;
  GitStream stream;  // Null: what went wrong is told by Finish().
  bool failed = false;
};

ObjectHasher::ObjectHasher(ObjectType type, std::uint64_t size_bytes)
    : stream_(std::make_unique<Stream>()) {
  stream_->odb = OpenNowhere();
  git_odb_stream* stream = nullptr;
  stream_->failed = !stream_->odb ||
                    git_odb_open_wstream(&stream, stream_->odb.get(), size_bytes, ToGit(type)) < 0;
  stream_->stream.reset(stream);
}

ObjectHasher::~ObjectHasher() = default;

void ObjectHasher::Add(std::string_view bytes) {
  if (stream_->failed) return;
  stream_->failed = git_odb_stream_write(stream_->stream.get(), bytes.data(), bytes.size()) < 0;
}

Result<Oid> ObjectHasher::Finish() {
  git_oid id;
  if (stream_->failed || git_odb_stream_finalize_write(&id, stream_->stream.get()) < 0) {
    return HashError();
  }
  return Oid::FromRaw(id.id);
}

Result<Oid> HashObject(ObjectType type, std::string_view content) {
  InitialiseLibgit2();
  git_oid id;
  if (git_odb_hash(&id, content.data(), content.size(), ToGit(type)) < 0) return HashError();
  return Oid::FromRaw(id.id);
}

}  // namespace reposfs
