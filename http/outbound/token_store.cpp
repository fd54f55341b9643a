#include "http/outbound/token_store.hpp"

#include "config/sha256.hpp"
#include "job/crash_point.hpp"
#include "job/json_reader.hpp"
#include "job/json_text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;

constexpr std::size_t file_bytes_max = 262'144;

error failed(const char* what) {
  return {error_kind::token_missing,
          std::string{"the refresh token cannot be stored: "} + what + ": "
            + std::strerror(errno)};
}

bool write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      return false;
    done += static_cast<std::size_t>(wrote);
  }
  return true;
}

std::optional<error> write_new(const std::string& file,
                               const std::string& text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                        S_IRUSR | S_IWUSR);
  if (fd < 0)
    return failed("open");
  std::optional<error> failure;
  // One that a crash has left may have been made otherwise.
  if (::fchmod(fd, S_IRUSR | S_IWUSR) != 0)
    failure = failed("chmod");
  else if (!write_all(fd, text))
    failure = failed("write");
  else if (::fsync(fd) != 0)
    failure = failed("sync");
  if (::close(fd) != 0 && !failure)
    failure = failed("close");
  return failure;
}

std::optional<error> sync_folder(const std::string& file) {
  auto folder = std::filesystem::path{file}.parent_path();
  if (folder.empty())
    folder = ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return failed("open of the folder");
  std::optional<error> failure;
  if (::fsync(fd) != 0)
    failure = failed("sync of the folder");
  ::close(fd);
  return failure;
}

} // namespace

token_store::~token_store() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

std::optional<std::string> token_store::read(const std::string& file,
                                             const std::string& first) {
  std::ifstream stream{file, std::ios::binary};
  std::string text(file_bytes_max, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open())
    return std::nullopt;
  text.resize(static_cast<std::size_t>(stream.gcount()));
  const auto read = parse_answer(text);
  const auto* kept = std::get_if<json>(&read);
  if (kept == nullptr || !kept->is_object())
    return std::nullopt;
  const auto begun = kept->find("first");
  const auto token = kept->find("refresh_token");
  if (begun == kept->end() || *begun != sha256_hex(first)
      || token == kept->end() || !token->is_string())
    return std::nullopt;
  return token->get<std::string>();
}

std::optional<error> token_store::write(const std::string& file,
                                        const std::string& text) {
  const auto beside = file + ".new";
  if (auto failure = write_new(beside, text))
    return failure;
  if (::rename(beside.c_str(), file.c_str()) != 0)
    return failed("rename");
  return sync_folder(file);
}

void token_store::save(std::string file, const std::string& first,
                       const std::string& refresh_token, completion done) {
  const json kept{{"first", sha256_hex(first)},
                  {"refresh_token", refresh_token}};
  later([file = std::move(file), text = json_text(kept) + '\n',
         done = std::move(done)] {
    crash_point("before-token-store");
    auto failure = write(file, text);
    crash_point("after-token-store");
    done(std::move(failure));
  });
}

void token_store::later(std::function<void()> work) {
  const std::scoped_lock lock{mutex_};
  orders_.push_back(std::move(work));
  if (!thread_.joinable())
    thread_ = std::thread{[this] {
      ::pthread_setname_np(::pthread_self(), "token store");
      run();
    }};
  changed_.notify_all();
}

void token_store::run() {
  for (;;) {
    std::function<void()> next;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return stopping_ || !orders_.empty(); });
      // What was given by an endpoint is worth nothing unless it is kept.
      if (orders_.empty())
        return;
      next = std::move(orders_.front());
      orders_.pop_front();
    }
    next();
  }
}

} // namespace handoff
