#include "fs/name_nodes.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "fs/view_root.h"

namespace reposfs {
namespace {

constexpr InodeIdentity kMountRoot{1, 0};
constexpr std::chrono::milliseconds kNameAttributesValidity(1'000);
constexpr std::string_view kGitSuffix = ".git";

// A directory whose entries come and go with the cache.
class NameDirectory : public Node {
 public:
  NameDirectory(InodeIdentity identity, const MountContext& mount)
      : Node(identity), mount_(mount) {}

  Validity validity() const override { return {kForEver, kNameAttributesValidity}; }
  std::chrono::milliseconds negative_validity(const std::string&) const override { return {}; }

  Outcome<Attributes> GetAttributes() override {
    // The kernel lists a directory again when its time has changed.
    const std::chrono::sys_seconds base{std::chrono::seconds(1'700'000'000)};
    const auto version = static_cast<std::int64_t>(mount_.cache.listing_version());
    return Attributes{S_IFDIR | 0755, 0, base + std::chrono::microseconds(version)};
  }

 protected:
  bool IsIgnored(const std::string& name) const {
    const auto& ignored = mount_.lookup.ignore;
    return std::find(ignored.begin(), ignored.end(), name) != ignored.end();
  }

  const MountContext& mount_;
};

// Another spelling of a name, as a link to the one that is used.
class Alias final : public Node {
 public:
  Alias(InodeIdentity identity, std::string target) : Node(identity), target_(std::move(target)) {}

  Validity validity() const override { return {kForEver, kForEver}; }
  Outcome<Attributes> GetAttributes() override {
    return Attributes{S_IFLNK | 0777, target_.size(), {}};
  }
  Outcome<std::string> ReadLink() override { return target_; }

 private:
  const std::string target_;
};

NodePtr MakeAlias(const InodeIdentity& parent, const std::string& name, const std::string& target) {
  return std::make_shared<Alias>(IdentityOf(parent, name, "alias"), target);
}

Error NoSuchName() {
  return Error{Errc::kNotFound, "no such name"};
}

// Repositories of one owner.
class OwnerDirectory final : public NameDirectory {
 public:
  OwnerDirectory(InodeIdentity identity, const MountContext& mount, std::string host,
                 std::string owner)
      : NameDirectory(identity, mount), host_(std::move(host)), owner_(std::move(owner)) {}

  Outcome<NodePtr> Lookup(const std::string& name) override {
    const auto asked = Understand(name);
    if (!asked) return NoSuchName();
    if (asked->canonical != name) return MakeAlias(identity(), name, asked->canonical);
    Outcome<Target> target =
        mount_.cache.Resolve(asked->key, asked->spelling, Staleness::kAsConfigured);
    if (!target.has_value()) return target.As<NodePtr>();
    return MakeView(*asked, target.value());
  }

  std::chrono::milliseconds lookup_patience() const override {
    return mount_.cache.options().freshness.timeout;
  }

  Outcome<NodePtr> LookupDespite(const std::string& name, Despite why,
                                 const Error& error) override {
    const auto asked = Understand(name);
    if (!asked) return NoSuchName();
    // What is here is better than nothing; but what the host denies is gone.
    Outcome<Target> known = mount_.cache.Resolve(asked->key, asked->spelling, Staleness::kAccepted);
    if (known.has_value()) return MakeView(*asked, known.value());
    if (why == Despite::kFailure) return error;
    // The host is slow.  The name becomes a directory, and what is asked inside it waits.
    return NodePtr(
        std::make_shared<ViewRoot>(std::make_shared<View>(mount_, asked->key, asked->spelling)));
  }

  // To list names must not ask any host.
  LookupIfHere PrepareLookups() override {
    return [](const std::string&) -> NodePtr { return nullptr; };
  }

  Outcome<ListingPtr> List() override {
    auto listing = std::make_shared<Listing>();
    for (const RepositoryKey& key : mount_.cache.ListedKeys()) {
      if (key.host != host_ || key.owner != owner_) continue;
      listing->push_back(
          ListedEntry{key.name, IdentityOf(identity(), key.name, "view").number, S_IFDIR});
    }
    return ListingPtr(std::move(listing));
  }

 private:
  struct Asked {
    RepositoryKey key;
    std::string spelling;   // Of the ref.
    std::string canonical;  // The name that a user should have asked for.
  };

  // Nothing if no host could have such a repository.
  std::optional<Asked> Understand(const std::string& name) const {
    const std::size_t at = name.find('@');
    std::string repository = name.substr(0, at);
    const std::string suffix = at == std::string::npos ? "" : name.substr(at);
    if (suffix == "@" || IsIgnored(repository)) return std::nullopt;
    if (repository.ends_with(kGitSuffix) && repository.size() > kGitSuffix.size()) {
      repository.resize(repository.size() - kGitSuffix.size());
    }
    const auto options = mount_.cache.origin().HostOf(host_);
    if (!options || !IsPlausibleName(repository)) return std::nullopt;
    if (options->case_insensitive) repository = AsciiLower(repository);
    return Asked{RepositoryKey{host_, owner_, repository},
                 suffix.empty() ? "" : PercentDecode(suffix.substr(1)), repository + suffix};
  }

  NodePtr MakeView(const Asked& asked, const Target& target) const {
    auto view = std::make_shared<View>(mount_, asked.key, asked.spelling);
    view->SetTarget(target);
    return std::make_shared<ViewRoot>(std::move(view));
  }

  const std::string host_;
  const std::string owner_;
};

class HostDirectory final : public NameDirectory {
 public:
  HostDirectory(InodeIdentity identity, const MountContext& mount, std::string host)
      : NameDirectory(identity, mount), host_(std::move(host)) {}

  Outcome<NodePtr> Lookup(const std::string& name) override {
    const auto options = mount_.cache.origin().HostOf(host_);
    if (!options || IsIgnored(name) || !IsPlausibleOwner(name)) return NoSuchName();
    const std::string canonical = options->case_insensitive ? AsciiLower(name) : name;
    if (canonical != name) return MakeAlias(identity(), name, canonical);
    return NodePtr(std::make_shared<OwnerDirectory>(IdentityOf(identity(), name, "owner"), mount_,
                                                    host_, name));
  }

  Outcome<ListingPtr> List() override {
    std::set<std::string> owners;
    for (const RepositoryKey& key : mount_.cache.ListedKeys()) {
      if (key.host == host_) owners.insert(key.owner);
    }
    auto listing = std::make_shared<Listing>();
    for (const std::string& owner : owners) {
      listing->push_back(
          ListedEntry{owner, IdentityOf(identity(), owner, "owner").number, S_IFDIR});
    }
    return ListingPtr(std::move(listing));
  }

 private:
  const std::string host_;
};

class MountRoot final : public NameDirectory {
 public:
  explicit MountRoot(const MountContext& mount) : NameDirectory(kMountRoot, mount) {}

  Outcome<NodePtr> Lookup(const std::string& name) override {
    const std::string host = AsciiLower(name);
    if (IsIgnored(name) || !mount_.cache.origin().HostOf(host)) return NoSuchName();
    if (host != name) return MakeAlias(identity(), name, host);
    return NodePtr(
        std::make_shared<HostDirectory>(IdentityOf(identity(), name, "host"), mount_, name));
  }

  Outcome<ListingPtr> List() override {
    auto listing = std::make_shared<Listing>();
    for (const std::string& host : mount_.cache.origin().Hosts()) {
      listing->push_back(ListedEntry{host, IdentityOf(identity(), host, "host").number, S_IFDIR});
    }
    return ListingPtr(std::move(listing));
  }
};

}  // namespace

NodePtr MakeMountRoot(const MountContext& mount) {
  return std::make_shared<MountRoot>(mount);
}

}  // namespace reposfs
