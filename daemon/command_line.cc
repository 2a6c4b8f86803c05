#include "daemon/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/text.h"
#include "daemon/command_context.h"
#include "daemon/commands_change.h"
#include "daemon/commands_config.h"
#include "daemon/commands_insights.h"
#include "daemon/commands_jobs.h"
#include "daemon/commands_locks.h"
#include "daemon/commands_mount.h"
#include "daemon/commands_ring.h"
#include "daemon/commands_show.h"
#include "daemon/commands_warm.h"
#include "daemon/commands_worker.h"
#include "daemon/mount_option_text.h"
#include "daemon/mount_table.h"
#include "daemon/nearest_word.h"

namespace reposfs {
namespace {

// What may stand before or after the words of every command.
struct GlobalArguments {
  std::string config_file;
  std::string cache;
  bool json = false;
};

Result<Config> LoadConfigFor(const GlobalArguments& globals) {
  std::optional<std::filesystem::path> file;
  if (!globals.config_file.empty()) file = globals.config_file;
  auto config = LoadConfig(file, Environment::OfProcess());
  if (config && !globals.cache.empty()) {
    std::error_code error;
    const auto here = std::filesystem::current_path(error);
    config->cache.directory = NormalPath(globals.cache, error ? "/" : here);
  }
  return config;
}

OutputFormat FormatOf(const GlobalArguments& globals) {
  return globals.json ? OutputFormat::kJson : OutputFormat::kHuman;
}

Result<CommandContext> ContextFor(const GlobalArguments& globals) {
  auto config = LoadConfigFor(globals);
  if (!config) return std::move(config).error();
  return CommandContext{std::move(config).value(), FormatOf(globals), Terminal::OfStandardOutput()};
}

int FailUsage(const std::string& message, const std::string& hint) {
  Fail(Error{Errc::kInvalidArgument, message + "; " + hint});
  return kExitUsage;
}

// `config=` and `cache=` of -o win over --config and --cache.
int MountWith(GlobalArguments globals, const std::string& mountpoint,
              const ParsedMountOptions& options, Detach detach) {
  if (options.config_file) globals.config_file = *options.config_file;
  if (options.cache) globals.cache = *options.cache;
  auto context = ContextFor(globals);
  if (!context) return Fail(context.error());
  return RunMountCommand(std::move(context).value(), mountpoint, options, detach);
}

// The parser and everything it fills in.  Each command's callback puts what is to be done into
// `chosen`, so that nothing runs before all words are read.
class CommandLine {
 public:
  CommandLine() {
    app_.name("reposfs");
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string("reposfs ") + REPOSFS_VERSION);
    app_.add_option("--config", globals_.config_file, "Configuration file")->type_name("FILE");
    app_.add_option("--cache", globals_.cache, "Cache directory")->type_name("DIR");
    app_.add_flag("--json", globals_.json, "Print JSON");
    app_.failure_message(CLI::FailureMessage::simple);
    AddMountCommands();
    AddShowCommands();
    AddChangeCommands();
    AddConfigCommands();
  }

  int Run(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // As CLI11 wants it.
    const std::string first = FirstWord(arguments);
    try {
      app_.parse(arguments);
    } catch (const CLI::Success& success) {  // --help, --version
      return app_.exit(success);
    } catch (const CLI::ParseError& error) {
      return FailParse(error, first);
    }
    return chosen_();
  }

  std::vector<std::string> CommandNames() const {
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
    }
    return names;
  }

 private:
  CLI::App* Command(CLI::App& parent, const std::string& name, const std::string& description,
                    std::function<int()> action) {
    CLI::App* command = parent.add_subcommand(name, description);
    // --config and --json after the command's own words are the program's.
    command->fallthrough();
    if (action) command->callback([this, action] { chosen_ = action; });
    return command;
  }

  // An action that needs the configuration.
  std::function<int()> WithContext(std::function<int(const CommandContext&)> action) {
    return [this, action] {
      const auto context = ContextFor(globals_);
      return context ? action(*context) : Fail(context.error());
    };
  }

  void AddMountCommands() {
    CLI::App* mount = Command(app_, "mount", "Mount all repositories", [this] { return Mount(); });
    mount->add_option("MOUNTPOINT", mountpoint_, "An empty directory")->required();
    mount->add_flag("-f,--foreground", foreground_, "Stay in the foreground");
    mount->add_option("-o", mount_options_, "Mount options")
        ->type_name("OPT,...")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);

    CLI::App* unmount =
        Command(app_, "unmount", "Unmount", WithContext([this](const CommandContext& context) {
                  return RunUnmount(context, mountpoint_,
                                    lazy_ ? UnmountMode::kLazy : UnmountMode::kWhenIdle);
                }));
    unmount->add_option("MOUNTPOINT", mountpoint_, "Where it is mounted")->required();
    unmount->add_flag("-l,--lazy", lazy_, "Do not wait for those who use it");

    CLI::App* worker = Command(app_, "worker", "Run jobs, and mount nothing",
                               WithContext([this](const CommandContext& context) {
                                 return RunWorkerCommand(context, job_kinds_);
                               }));
    worker->add_option("--job", job_kinds_, "Kinds of jobs: clone, hydrate, history...")
        ->type_name("KIND[,KIND...]")
        ->delimiter(',')
        ->required()
        ->check(CLI::IsMember(KindNames()));
  }

  void AddShowCommands() {
    Command(app_, "status", "What is mounted, running and wrong", WithContext(&RunStatus));
    Command(app_, "list", "The cached repositories", WithContext(&RunList));
    Command(app_, "top", "The status, again every second", WithContext(&RunTop));
    AddJobsCommand();
    Command(app_, "locks", "Who holds what, and who waits", WithContext(&RunLocks));
    AddRingCommands();
    CLI::App* show = Command(
        app_, "show", "Everything about one repository",
        WithContext([this](const CommandContext& context) { return RunShow(context, repo_); }));
    show->add_option("REPO", repo_, "A key, a URL, or a path inside the mount")->required();
    AddInsights();
  }

  void AddInsights() {
    CLI::App* insights = Command(app_, "insights", "What the history tells",
                                 WithContext([this](const CommandContext& context) {
                                   return RunInsights(context, insights_);
                                 }));
    insights->add_option("REPO", insights_.repo, "A key, a URL, or a path inside the mount");
    insights->add_flag("--all", insights_.all, "Ask about all repositories; needs --sql");
    insights->add_flag("--html", insights_.html, "Print the page");
    insights->add_flag("--csv", insights_.csv, "Print the answer as CSV; needs --sql");
    insights
        ->add_option("--sql", insights_.sql,
                     "A SELECT over repositories, authors, commits, changes")
        ->type_name("SELECT");
  }

  void AddJobsCommand() {
    CLI::App* jobs = Command(
        app_, "jobs", "What is to be done, and what failed",
        WithContext([this](const CommandContext& context) { return RunJobs(context, jobs_); }));
    jobs->add_option("--kind", jobs_.kind, "Only these")->check(CLI::IsMember(KindNames()));
    jobs->add_option("--state", jobs_.state, "Only these: queued, running or failed")
        ->check(CLI::IsMember({"queued", "running", "failed"}));
    jobs->add_option("--repo", jobs_.repo, "Only those of one repository")->type_name("REPO");
    jobs->add_option("--retry", jobs_.retry, "Run these at once, from the beginning")
        ->type_name("JOB");
    jobs->add_option("--cancel", jobs_.cancel, "Remove these from the queue")->type_name("JOB");
  }

  void AddRingCommands() {
    CLI::App* ring = Command(app_, "ring", "The nodes that share the cache", nullptr);
    ring->callback([this, ring] {
      if (ring->get_subcommands().empty()) chosen_ = WithContext(&RunRingNodes);
    });
    Command(*ring, "nodes", "All nodes, and whether they answer", WithContext(&RunRingNodes));
    CLI::App* locate = Command(*ring, "locate", "Which nodes own a repository",
                               WithContext([this](const CommandContext& context) {
                                 return RunRingLocate(context, repo_);
                               }));
    locate->add_option("REPO", repo_, "A key, a URL, or a path inside the mount")->required();
  }

  static std::vector<std::string> KindNames() {
    std::vector<std::string> names;
    for (const JobKind kind : kAllJobKinds) {
      if (!IsHousekeeping(kind)) names.emplace_back(JobKindName(kind));
    }
    return names;
  }

  void AddChangeCommands() {
    CLI::App* warm = Command(
        app_, "warm", "Fetch before anybody asks",
        WithContext([this](const CommandContext& context) { return RunWarm(context, warm_); }));
    warm->add_option("REPO", warm_.repos, "Keys, URLs, or paths inside the mount")->required();
    warm->add_option("--stage", warm_.stage, "How much: tip, content or complete")
        ->type_name("STAGE")
        ->check(CLI::IsMember({"tip", "content", "complete"}));
    warm->add_flag("--wait,!--no-wait", warm_wait_, "Wait until it is done");
    warm->parse_complete_callback([this, warm] {
      if (warm->count("--wait") > 0) warm_.wait = warm_wait_;
    });

    AddAction("refresh", "Ask the host for new commits now");
    AddAction("pin", "Never evict");
    AddAction("unpin", "Allow eviction again");
    AddAction("evict", "Remove from the disk now");
  }

  void AddAction(const std::string& action, const std::string& description) {
    CLI::App* command = Command(app_, action, description,
                                WithContext([this, action](const CommandContext& context) {
                                  return RunAction(context, action, repos_);
                                }));
    command->add_option("REPO", repos_, "Keys, URLs, or paths inside the mount")->required();
  }

  void AddConfigCommands() {
    CLI::App* config = Command(app_, "config", "The configuration", nullptr);
    config->require_subcommand(1);
    Command(*config, "check", "Say whether it is right", WithContext(&RunConfigCheck));
    Command(*config, "show", "Print what is in effect", WithContext(&RunConfigShow));

    CLI::App* doctor = Command(app_, "doctor", "Look for what would keep a mount from working",
                               [this] { return Doctor(); });
    doctor->add_flag("--network", network_, "Ask the hosts, too");
  }

  int Mount() {
    std::string text;
    for (const std::string& options : mount_options_) text += "," + options;
    const auto options = ParseMountOptions(text, MountCaller::kUser, UnknownOptions::kRefuse);
    if (!options) return FailUsage(options.error().message, "see `man reposfs`");
    return MountWith(globals_, mountpoint_, *options,
                     foreground_ ? Detach::kForeground : Detach::kBackground);
  }

  int Doctor() {
    return RunDoctor(LoadConfigFor(globals_), FormatOf(globals_),
                     network_ ? NetworkUse::kAllowed : NetworkUse::kNone);
  }

  // The first word that is no option, nor the value of one; `reversed` has it at its end.
  static std::string FirstWord(const std::vector<std::string>& reversed) {
    for (auto word = reversed.rbegin(); word != reversed.rend(); ++word) {
      const bool has_value = *word == "--config" || *word == "--cache";
      if (has_value && std::next(word) != reversed.rend()) {
        ++word;
      } else if (!word->starts_with('-')) {
        return *word;
      }
    }
    return "";
  }

  int FailParse(const CLI::ParseError& error, const std::string& first) {
    const std::vector<std::string> names = CommandNames();
    if (first.empty()) return FailUsage("no command was given", "`reposfs --help` lists them");
    if (std::find(names.begin(), names.end(), first) == names.end()) {
      const std::string meant = DidYouMean(first, names);
      const std::string message = "there is no command \"" + first + "\"";
      return FailUsage(message, meant.empty() ? "`reposfs --help` lists them" : meant.substr(2));
    }
    std::string message = error.what();
    std::replace(message.begin(), message.end(), '\n', ' ');
    return FailUsage(message, "`reposfs " + first + " --help` says what is right");
  }

  CLI::App app_{"Every git repository is a directory that is simply there."};
  std::function<int()> chosen_;
  GlobalArguments globals_;
  std::string mountpoint_;
  std::vector<std::string> mount_options_;
  bool foreground_ = false;
  bool lazy_ = false;
  std::string repo_;
  std::vector<std::string> repos_;
  WarmArguments warm_;
  InsightsArguments insights_;
  JobsArguments jobs_;
  std::vector<std::string> job_kinds_;
  bool warm_wait_ = false;
  bool network_ = false;
};

int RunMountHelper(const std::vector<std::string>& arguments) {
  const auto parsed = ParseMountHelperArguments(arguments);
  if (!parsed) return FailUsage(parsed.error().message, "see `man reposfs`");
  if (!parsed->fake) {
    return MountWith({}, parsed->mountpoint, parsed->options, Detach::kBackground);
  }
  GlobalArguments globals;
  if (parsed->options.config_file) globals.config_file = *parsed->options.config_file;
  const auto config = LoadConfigFor(globals);
  return config ? kExitDone : Fail(config.error());
}

// mount.fuse3(8), for the type fuse.reposfs, calls `reposfs SOURCE MOUNTPOINT -o ...`.
bool IsFromMountFuse(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4 || arguments[0].starts_with('-')) return false;
  const auto names = CommandLine().CommandNames();
  const bool command = std::find(names.begin(), names.end(), arguments[0]) != names.end();
  return !command && arguments[2] == "-o";
}

}  // namespace

int RunCommandLine(const std::string& program, const std::vector<std::string>& arguments) {
  const std::string name = std::filesystem::path(program).filename();
  if (name == "mount.reposfs" || IsFromMountFuse(arguments)) return RunMountHelper(arguments);
  return CommandLine().Run(arguments);
}

}  // namespace reposfs
