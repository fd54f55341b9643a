#pragma once

#include "journal/journal.hpp"
#include "journal/postgres/lasting_connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff::postgres {

/// The orders between nodes, on a connection of their own: whoever asks for
/// them waits for no commit. Thread-safe.
class order_rows {
public:
  order_rows(lasting_connection::connector connect, std::int64_t node);

  result<std::int64_t> post(std::int64_t to, std::string_view job,
                            std::string_view command);
  result<std::vector<posted_order>> take();
  std::optional<error> answer(std::int64_t number, std::string_view text);
  result<std::optional<std::string>> take_answer(std::int64_t number);
  result<bool> withdraw(std::int64_t number);

private:
  lasting_connection on_;
  const std::int64_t node_;
};

} // namespace handoff::postgres
