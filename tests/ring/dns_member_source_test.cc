#include "ring/dns_member_source.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/unique_fd.h"
#include "tests/ring/listened_source.h"
#include "tests/support/tcp_server.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::seconds;
using testing::ListenedSource;

// A real nameserver, dnsmasq, on a loopback port.
class DnsMemberSourceTest : public ::testing::Test {
 protected:
  DnsMemberSourceTest() {
    options_.name = "ring.example";
    options_.nameserver = "127.0.0.1:" + std::to_string(port_);
  }

  // `records` are options of dnsmasq.
  void Serve(const std::vector<std::string>& records) {
    server_.Kill();
    testing::Argv argv = {"dnsmasq",
                          "--keep-in-foreground",
                          "--conf-file=/dev/null",
                          "--no-resolv",
                          "--no-hosts",
                          "--user=root",
                          "--pid-file=",
                          "--bind-interfaces",
                          "--listen-address=127.0.0.1",
                          "--local-ttl=1",
                          "--local=/example/",
                          "--log-facility=-",
                          "--port=" + std::to_string(port_)};
    argv.insert(argv.end(), records.begin(), records.end());
    server_ = testing::ChildProcess::Start(argv, directory_ / "log");
  }

  std::string LookUp() {
    const auto found = LookUpMembers(options_);
    if (!found) return std::string(ErrcName(found.error().code)) + ": " + found.error().message;
    return ListenedSource::Summary(found->members);
  }
  // Waits for the server.
  bool Answers(const std::string& expected) {
    return testing::WaitUntil([&] { return LookUp() == expected; }, seconds(20));
  }

  const std::uint16_t port_ = testing::FreePort();
  RingDnsOptions options_;
  testing::TempDir directory_;
  testing::ChildProcess server_;
};

TEST_F(DnsMemberSourceTest, AddressesOfANameAreMembers) {
  options_.port = 80;
  options_.scheme = "https";
  Serve({"--host-record=ring.example,10.0.0.2", "--host-record=ring.example,10.0.0.1"});
  const bool either = testing::WaitUntil(
      [&] {
        return LookUp().find("10.0.0.1=https://10.0.0.1:80") != std::string::npos &&
               LookUp().find("10.0.0.2=https://10.0.0.2:80") != std::string::npos;
      },
      seconds(20));
  EXPECT_TRUE(either) << LookUp();
}

TEST_F(DnsMemberSourceTest, ServicesAreMembersByTheirNameWithinTheService) {
  options_.type = DnsRecordType::kSrv;
  options_.name = "_http._tcp.ring.example";
  Serve({"--srv-host=_http._tcp.ring.example,node-0.ring.example,7420,0,33"});
  EXPECT_TRUE(Answers("node-0=http://node-0.ring.example:7420")) << LookUp();
  Serve({"--srv-host=_http._tcp.ring.example,elsewhere.example,7421"});
  EXPECT_TRUE(Answers("elsewhere.example=http://elsewhere.example:7421")) << LookUp();
}

TEST_F(DnsMemberSourceTest, ManyRecordsAreReadOverTcp) {
  options_.type = DnsRecordType::kSrv;
  options_.name = "_http._tcp.ring.example";
  std::vector<std::string> records;
  for (int number = 0; number < 60; ++number) {
    records.push_back("--srv-host=_http._tcp.ring.example,a-rather-long-name-of-node-" +
                      std::to_string(number) + ".ring.example,7420");
  }
  Serve(records);
  std::size_t count = 0;
  const auto all = [&] {
    const auto found = LookUpMembers(options_);
    count = found ? found->members.size() : 0;
    return count == records.size();
  };
  EXPECT_TRUE(testing::WaitUntil(all, seconds(20))) << count;
}

TEST_F(DnsMemberSourceTest, TheShortestLifeOfARecordIsItsAnswers) {
  Serve({"--host-record=ring.example,10.0.0.1,77"});
  ASSERT_TRUE(Answers("10.0.0.1=http://10.0.0.1:7420")) << LookUp();
  EXPECT_EQ(LookUpMembers(options_)->time_to_live, seconds(77));
}

TEST_F(DnsMemberSourceTest, ANameThatDoesNotExistIsNotFound) {
  Serve({"--host-record=ring.example,10.0.0.1"});
  ASSERT_TRUE(Answers("10.0.0.1=http://10.0.0.1:7420"));
  options_.name = "other.example";
  EXPECT_EQ(LookUp(), "not-found: DNS knows no nodes by the name other.example");
  options_.name = "ring.example";
  options_.type = DnsRecordType::kSrv;
  EXPECT_EQ(LookUp(), "not-found: DNS knows no nodes by the name ring.example");
}

TEST_F(DnsMemberSourceTest, ChangesAreToldWithinTheLifeOfTheRecords) {
  Serve({"--host-record=ring.example,10.0.0.1"});
  ASSERT_TRUE(Answers("10.0.0.1=http://10.0.0.1:7420"));
  ListenedSource source(MakeDnsMemberSource(options_));
  EXPECT_TRUE(source.Tells("10.0.0.1=http://10.0.0.1:7420")) << source.last();
  Serve({"--host-record=ring.example,10.0.0.1", "--host-record=ring.example,10.0.0.2"});
  EXPECT_TRUE(source.Tells("10.0.0.1=http://10.0.0.1:7420 10.0.0.2=http://10.0.0.2:7420"))
      << source.last();
}

TEST_F(DnsMemberSourceTest, AServerThatIsDownIsAnErrorUntilItIsBack) {
  ListenedSource source(MakeDnsMemberSource(options_));
  EXPECT_TRUE(source.Tells("error: DNS does not answer for ring.example")) << source.last();
  Serve({"--host-record=ring.example,10.0.0.1"});
  EXPECT_TRUE(source.Tells("10.0.0.1=http://10.0.0.1:7420")) << source.last();
}

// A nameserver that answers every question with one SRV record of the data that the test gives.
class ForgedServer {
 public:
  explicit ForgedServer(std::string data) : data_(std::move(data)) {
    fd_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~ForgedServer() {
    stopping_ = true;
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void Run() {
    while (!stopping_) {
      pollfd waiting{fd_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 50) > 0) Answer();
    }
  }
  void Answer() {
    char question[512];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const auto length = ::recvfrom(fd_.get(), question, sizeof question, 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 12) return;
    std::string answer(question, static_cast<std::size_t>(length));
    answer[2] = '\x81';
    answer[3] = '\x80';
    answer[7] = 1;                                         // One record,
    answer[11] = 0;                                        // nothing additional.
    answer.resize(12 + answer.substr(12).find('\0') + 5);  // The question alone.
    answer += std::string("\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x05\x00", 11);
    answer += static_cast<char>(data_.size());
    answer += data_;
    ::sendto(fd_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }

  const std::string data_;
  UniqueFd fd_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

std::string ForgedAnswer(const std::string& data) {
  const ForgedServer server(data);
  RingDnsOptions options;
  options.name = "_http._tcp.ring.example";
  options.type = DnsRecordType::kSrv;
  options.nameserver = server.address();
  const auto found = LookUpMembers(options);
  if (!found) return std::string(ErrcName(found.error().code));
  return ListenedSource::Summary(found->members);
}

TEST(ForgedDnsTest, AnswersThatMakeNoMembersAreRefused) {
  const std::string head("\0\0\0\0\x1c\xfc", 6);  // Priority, weight, port 7420.
  EXPECT_EQ(ForgedAnswer(head + std::string("\1a\2bc\0", 6)), "a.bc=http://a.bc:7420")
      << "the forger can do it right";
  for (const std::string& data :
       {head, head.substr(0, 3), std::string(), head + "\x3f" + "abc", head + "\xc0\xff",
        head + std::string("\0", 1), head + std::string("\3a/b\0", 5),
        head + std::string("\4a@bc\0", 6), std::string("\0\0\0\0\0\0\1a\0", 9)}) {
    EXPECT_EQ(ForgedAnswer(data), "invalid-argument");
  }
}

}  // namespace
}  // namespace reposfs
