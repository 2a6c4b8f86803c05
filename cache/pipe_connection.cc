#include "cache/pipe_connection.h"

#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cache/git_command.h"

namespace reposfs {
namespace {

constexpr std::string_view kFile = "file://";
constexpr std::string_view kSsh = "ssh://";

// `text` as one word for the shell at the other end.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    // git's own way: `!` is special to some shells.
    if (c == '\'' || c == '!') {
      quoted += std::string("'\\") + c + "'";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

// ssh://[user@]host[:port]/path, cut into ssh's arguments.
Result<std::vector<std::string>> SshTarget(std::string_view url) {
  const std::string_view rest = url.substr(kSsh.size());
  const std::size_t slash = rest.find('/');
  std::string authority = PercentDecode(rest.substr(0, slash));
  std::string path =
      slash == std::string_view::npos ? std::string() : PercentDecode(rest.substr(slash));
  if (path.starts_with("/~")) path.erase(0, 1);
  std::string port;
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
    port = authority.substr(colon + 1);
    authority.erase(colon);
  }
  const std::size_t at = authority.rfind('@');
  std::string host = at == std::string::npos ? authority : authority.substr(at + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool option_like = authority.starts_with('-') || host.starts_with('-') ||
                           path.starts_with('-') || port.starts_with('-');
  if (host.empty() || path.empty() || option_like) {
    return Error{Errc::kInvalidArgument, "no URL that ssh could reach"};
  }
  std::vector<std::string> arguments;
  if (!port.empty()) arguments.insert(arguments.end(), {"-p", port});
  arguments.push_back(at == std::string::npos ? host : authority.substr(0, at + 1) + host);
  arguments.push_back("git-upload-pack " + Quoted(path));
  return arguments;
}

}  // namespace

Result<ProcessOptions> UploadPackCommand(const Source& source, const FetchOptions& limits) {
  ProcessOptions options = GitCommand({}, limits, &source);
  options.environment.push_back("GIT_PROTOCOL=version=2");
  if (source.url.starts_with(kFile)) {
    const std::string path = PercentDecode(std::string_view(source.url).substr(kFile.size()));
    options.argv.insert(options.argv.end(), {"upload-pack", "--end-of-options", path});
    return options;
  }
  auto target = SshTarget(source.url);
  if (!target) return std::move(target).error();
  options.argv = SshArguments(&source);
  options.argv.insert(options.argv.end(), {"-o", "SendEnv=GIT_PROTOCOL"});
  options.argv.insert(options.argv.end(), target->begin(), target->end());
  return options;
}

Result<std::unique_ptr<WireConnection>> PipeConnection::Open(const Source& source,
                                                             const FetchOptions& limits,
                                                             TransferMeter& meter) {
  auto command = UploadPackCommand(source, limits);
  if (!command) return std::move(command).error();
  Status turn = source.AwaitTurn(1, [&meter] { return meter.WhileWorking(); });
  if (!turn) return std::move(turn).error();
  command->directory = "/";
  command->supervise = [&meter] { return meter.WhileWaiting(); };
  return std::unique_ptr<WireConnection>(new PipeConnection(std::move(*command), meter));
}

PipeConnection::PipeConnection(ProcessOptions command, TransferMeter& meter)
    : command_(std::move(command)), meter_(meter) {}

Status PipeConnection::Advertise(AdvertisementReader& reader) {
  auto process = Process::Start(command_);
  if (!process) return std::move(process).error();
  process_ = std::move(*process);
  return ReadInto(reader);
}

Status PipeConnection::Request(std::string_view message, WireReader& reader) {
  // If it reads no more, its output tells why.
  auto written = process_->Write(message);
  if (!written) return std::move(written).error();
  process_->CloseInput();
  return ReadInto(reader);
}

Status PipeConnection::ReadInto(WireReader& reader) {
  answered_ = false;
  while (!reader.complete()) {
    auto bytes = process_->Read();
    if (!bytes) return std::move(bytes).error();
    if (bytes->empty()) {
      auto result = process_->Wait();
      if (!result) return std::move(result).error();
      if (!result->ok()) return GitFailure(*result, command_.argv[0]);
      return Error{Errc::kUnreachable, "the answer ends early"};
    }
    answered_ = true;
    meter_.Arrived();
    if (auto added = reader.Add(*bytes); !added) return added;
    if (auto going = meter_.WhileWaiting(); !going) return going;
  }
  return {};
}

}  // namespace reposfs
