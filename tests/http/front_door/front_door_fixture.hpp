#pragma once

#include "http/front_door/front_door.hpp"
#include "raw_client.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace handoff::test {

/// A front door on a free port of 127.0.0.1. Its handler answers `/echo` with
/// the body, and holds every request to `/hold` until the test takes it.
class FrontDoorFixture : public testing::Test {
protected:
  struct held_request {
    http_request request;
    responder_ptr answer;
  };

  void open() {
    door_ = std::make_unique<front_door>(
      options_, [this](http_request request, responder_ptr answer) {
        handle(std::move(request), std::move(answer));
      });
  }

  raw_client client() { return raw_client(door_->port()); }

  /// Waits until a request is held, and takes it.
  held_request take_held() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20),
                                  [this] { return !held_.empty(); }));
    if (held_.empty())
      return {};
    auto taken = std::move(held_.front());
    held_.pop_front();
    return taken;
  }

  /// Waits until `condition` holds, without a bound on how long it takes but
  /// that of the test program.
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 20'000; ++i) {
      if (condition())
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  virtual void handle(http_request request, responder_ptr answer) {
    if (request.path == "/echo") {
      answer->answer({200, {{"Content-Type", "text/plain"}}, request.body});
    } else if (request.path == "/hold") {
      const std::lock_guard guard(mutex_);
      held_.push_back({std::move(request), std::move(answer)});
      changed_.notify_all();
    } else if (request.path == "/large") {
      answer->answer({200, {}, std::string(std::stoul(request.body), 'x')});
    } else if (request.path == "/throw") {
      throw std::runtime_error("secret");
    } else if (request.path == "/throw-other") {
      throw 7;
    }
    // Anything else is dropped.
  }

  front_door_options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<held_request> held_;
  std::unique_ptr<front_door> door_; // the last: it ends first
};

} // namespace handoff::test
