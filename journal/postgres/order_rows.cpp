#include "journal/postgres/order_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace handoff::postgres {
namespace {

const std::array statements{
  statement{"order_post", "INSERT INTO orders (node, job, command) VALUES "
                          "($1::int8, $2::uuid, $3::bytea) RETURNING no"},
  statement{"orders_take",
            "UPDATE orders SET taken = true WHERE node = $1::int8 AND NOT "
            "taken RETURNING no, job, command"},
  statement{"order_answer",
            "UPDATE orders SET answer = $3::bytea WHERE no = $1::int8 AND "
            "node = $2::int8 AND taken AND answer IS NULL"},
  statement{"answer_take", "DELETE FROM orders WHERE no = $1::int8 AND answer "
                           "IS NOT NULL RETURNING answer"},
  statement{"order_withdraw",
            "DELETE FROM orders WHERE no = $1::int8 RETURNING NOT taken"},
};

} // namespace

order_rows::order_rows(lasting_connection::connector connect, std::int64_t node)
    : on_{std::move(connect), statements}, node_{node} {}

result<std::int64_t> order_rows::post(std::int64_t to, std::string_view job,
                                      std::string_view command) {
  return on_.with([&](connection& on) {
    return on
      .query(named(statements, "order_post"),
             parameters{}
               .integer(to)
               .bytes(uuid_of(job).value_or(std::string(16, '\0')))
               .bytes(command))
      .integer(0, 0);
  });
}

result<std::vector<posted_order>> order_rows::take() {
  return on_.with([&](connection& on) {
    const auto found =
      on.query(named(statements, "orders_take"), parameters{}.integer(node_));
    std::vector<posted_order> orders;
    for (int row = 0; row < found.count(); ++row)
      orders.push_back({found.integer(row, 0), job_of(found.bytes(row, 1)),
                        std::string{found.bytes(row, 2)}});
    std::sort(orders.begin(), orders.end(),
              [](const posted_order& left, const posted_order& right) {
                return left.number < right.number;
              });
    return orders;
  });
}

std::optional<error> order_rows::answer(std::int64_t number,
                                        std::string_view text) {
  const auto done = on_.with([&](connection& on) {
    on.query(named(statements, "order_answer"),
             parameters{}.integer(number).integer(node_).bytes(text));
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

result<std::optional<std::string>>
order_rows::take_answer(std::int64_t number) {
  return on_.with([&](connection& on) -> std::optional<std::string> {
    const auto found =
      on.query(named(statements, "answer_take"), parameters{}.integer(number));
    if (found.count() == 0)
      return std::nullopt;
    return std::string{found.bytes(0, 0)};
  });
}

result<bool> order_rows::withdraw(std::int64_t number) {
  return on_.with([&](connection& on) {
    const auto found = on.query(named(statements, "order_withdraw"),
                                parameters{}.integer(number));
    return found.count() == 1 && found.integer(0, 0) != 0;
  });
}

} // namespace handoff::postgres
