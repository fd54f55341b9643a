#pragma once

#include "journal/postgres/lasting_connection.hpp"
#include "journal/shared_values.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace handoff::postgres {

/// The values that nodes share, on a connection of their own. A node that was
/// declared dead claims and writes none.
class value_rows final : public shared_values {
public:
  value_rows(lasting_connection::connector connect, std::int64_t node);

  result<value> claim(std::string_view name, std::int64_t known,
                      std::chrono::milliseconds time) override;
  result<bool> put(std::string_view name, std::int64_t before,
                   std::string_view bytes) override;
  std::optional<error> release(std::string_view name) override;

private:
  void add_fence(connection& on) const;

  lasting_connection on_;
  const std::int64_t node_;
};

} // namespace handoff::postgres
