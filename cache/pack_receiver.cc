#include "cache/pack_receiver.h"

#include <algorithm>
#include <utility>

#include "base/file_util.h"
#include "cache/pack_format.h"
#include "cache/store_directory.h"

namespace reposfs {
PackReceiver::PackReceiver(std::filesystem::path staging, ObjectListener on_object,
                           const PackSinkOpener& open_sink, TransferMeter& meter)
    : staging_(std::move(staging)),
      on_object_(std::move(on_object)),
      open_sink_(open_sink),
      meter_(meter) {}

PackReceiver::~PackReceiver() {
  // What can't be put right here fails again where the staging is used next.
  if (shallow_before_) static_cast<void>(SetShallow(*shallow_before_));
}

Status PackReceiver::OnShallow(const ShallowChange& change) {
  const std::set<Oid> before = ReadShallowFile(staging_ / "shallow");
  std::set<Oid> after = before;
  after.insert(change.added.begin(), change.added.end());
  for (const Oid& commit : change.removed) after.erase(commit);
  if (after == before) return {};
  shallow_before_ = before;
  return SetShallow(after);
}

Status PackReceiver::SetShallow(const std::set<Oid>& commits) const {
  if (commits.empty()) return RemoveTree(staging_ / "shallow");
  return WriteFile(staging_ / "shallow", SerializeShallow(commits));
}

Status PackReceiver::OnPack(std::string_view bytes) {
  FetchProgress& progress = meter_.progress();
  progress.received_bytes += bytes.size();
  if (header_.size() < kPackHeaderSize) {
    if (auto added = AddHeader(bytes); !added) return added;
  }
  if (bytes.empty()) return {};
  if (!sink_) {
    if (progress.received_bytes <= kPackHeaderSize + kPackTrailerSize) return {};
    return Error{Errc::kCorrupt, "there is more after the end of the pack"};
  }
  if (auto added = sink_->Add(bytes); !added) return added;
  progress.object_count = std::min(sink_->object_count(), progress.object_count_total);
  return {};
}

Status PackReceiver::AddHeader(std::string_view& bytes) {
  const std::size_t missing = std::min(kPackHeaderSize - header_.size(), bytes.size());
  header_ += bytes.substr(0, missing);
  bytes.remove_prefix(missing);
  if (header_.size() < kPackHeaderSize) return {};
  const auto object_count = ParsePackHeader(header_);
  if (!object_count) return object_count.error().Within("what came");
  meter_.progress().object_count_total = *object_count;
  if (*object_count == 0) return {};
  auto sink = open_sink_({staging_, [this] { return meter_.WhileWorking(); }, on_object_});
  if (!sink) return std::move(sink).error();
  sink_ = std::move(*sink);
  return sink_->Add(header_);
}

void PackReceiver::OnMessage(std::string_view text) {
  // Something even for an empty one: it is a sign of life.
  meter_.progress().said_bytes += text.size() + 1;
}

Status PackReceiver::Finish() {
  if (header_.size() < kPackHeaderSize) return Error{Errc::kCorrupt, "the pack ends early"};
  // All that has come counts, however fast it came.
  if (auto going = meter_.WhenDone(); !going) return going;
  if (sink_) {
    if (auto finished = sink_->Finish(); !finished) return finished;
  }
  shallow_before_.reset();
  return {};
}

}  // namespace reposfs
