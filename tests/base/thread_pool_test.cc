#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>

namespace reposfs {
namespace {

// A door that tasks wait at until the test opens it.
class Gate {
 public:
  void Open() { opened_.set_value(); }
  void Pass() { future_.wait(); }

 private:
  std::promise<void> opened_;
  std::shared_future<void> future_{opened_.get_future()};
};

class ThreadPoolTest : public ::testing::Test {
 protected:
  // Submits a task and waits until it has begun; it ends when `gate` opens.
  static void Occupy(ThreadPool& pool, Gate& gate) {
    std::promise<void> begun;
    pool.Submit([&] {
      begun.set_value();
      gate.Pass();
    });
    begun.get_future().wait();
  }
};

TEST_F(ThreadPoolTest, RunsTasksInTheOrderOfArrival) {
  ThreadPool pool("test", 1);
  std::string order;
  std::promise<void> done;
  for (const char name : {'a', 'b', 'c'}) pool.Submit([&order, name] { order += name; });
  pool.Submit([&] { done.set_value(); });
  done.get_future().wait();
  EXPECT_EQ(order, "abc");
}

TEST_F(ThreadPoolTest, AsManyTasksRunAtOnceAsThereAreThreads) {
  Gate gate;
  std::atomic<int> ran{0};
  {
    ThreadPool pool("test", 3);
    for (int i = 0; i < 3; ++i) Occupy(pool, gate);
    pool.Submit([&] { ++ran; });
    EXPECT_EQ(ran, 0) << "a fourth thread has run it";
    std::promise<void> last;
    pool.Submit([&] { last.set_value(); });
    gate.Open();
    last.get_future().wait();
    pool.Stop();
  }
  EXPECT_EQ(ran, 1);
}

TEST_F(ThreadPoolTest, AnIdleThreadIsUsedAgain) {
  ThreadPool pool("test", 8);
  std::set<std::thread::id> threads;
  for (int i = 0; i < 50; ++i) {
    std::promise<void> done;
    pool.Submit([&] {
      threads.insert(std::this_thread::get_id());
      done.set_value();
    });
    done.get_future().wait();
  }
  EXPECT_LE(threads.size(), 8u);
}

TEST_F(ThreadPoolTest, StopFinishesWhatRunsAndDropsWhatIsQueued) {
  ThreadPool pool("test", 1);
  Gate gate;
  bool finished = false;
  bool queued_ran = false;
  std::promise<void> begun;
  pool.Submit([&] {
    begun.set_value();
    gate.Pass();
    finished = true;
  });
  begun.get_future().wait();
  auto held_by_queue = std::make_shared<int>();
  const std::weak_ptr<int> queued = held_by_queue;
  pool.Submit([&, held = std::move(held_by_queue)] { queued_ran = true; });
  std::thread stopper([&] { pool.Stop(); });
  while (!queued.expired()) std::this_thread::yield();
  gate.Open();
  stopper.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(queued_ran);
}

TEST_F(ThreadPoolTest, AfterStopNothingRuns) {
  ThreadPool pool("test", 1);
  pool.Stop();
  bool ran = false;
  pool.Submit([&] { ran = true; });
  pool.Stop();
  EXPECT_FALSE(ran);
}

TEST_F(ThreadPoolTest, ThreadsBearTheNameOfThePool) {
  ThreadPool pool("a-name-longer-than-fifteen", 1);
  std::promise<std::string> name;
  pool.Submit([&] {
    char text[16];
    pthread_getname_np(pthread_self(), text, sizeof text);
    name.set_value(text);
  });
  EXPECT_EQ(name.get_future().get(), "a-name-longer-t");
}

}  // namespace
}  // namespace reposfs
