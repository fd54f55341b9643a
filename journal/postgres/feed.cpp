#include "journal/postgres/feed.hpp"

#include <algorithm>
#include <array>

namespace handoff::postgres {
namespace {

using clock = std::chrono::steady_clock;

/// How often it is said again that somebody listens, who is believed for 30 s.
constexpr std::chrono::seconds say_every{10};

/// What nobody has read within a minute is let go of.
constexpr std::chrono::seconds trim_every{10};

const std::array statements{
  statement{"feed_listen",
            "INSERT INTO watchers VALUES ($1::int8, clock_timestamp() + "
            "interval '30 s') ON CONFLICT (node) DO UPDATE SET until = "
            "excluded.until"},
  statement{"feed_unlisten", "DELETE FROM watchers WHERE node = $1::int8 OR "
                             "until < clock_timestamp()"},
  statement{"feed_heard", "SELECT 1 FROM watchers WHERE node <> $1::int8 AND "
                          "until > clock_timestamp() LIMIT 1"},
  statement{"feed_tell",
            "INSERT INTO feed (node, no, words) SELECT $1::int8, * FROM "
            "unnest($2::int8[], $3::bytea[])"},
  statement{"feed_last", "SELECT node, max(no) FROM feed GROUP BY node"},
  statement{"feed_hear",
            "SELECT f.node, f.no, f.words FROM feed f LEFT JOIN "
            "unnest($2::int8[], $3::int8[]) AS s(node, last) ON s.node = "
            "f.node WHERE f.node <> $1::int8 AND f.no > coalesce(s.last, 0) "
            "ORDER BY f.at, f.node, f.no"},
  statement{"feed_trim", "DELETE FROM feed WHERE at < clock_timestamp() - "
                         "interval '1 minute'"},
};

} // namespace

feed::feed(connection& on, std::int64_t number) : on_{on}, number_{number} {
  on_.prepare(statements);
  // After a loss of the connection the numbers go on.
  const auto found = on_.query(named(statements, "feed_last"), {});
  for (int row = 0; row < found.count(); ++row)
    if (found.integer(row, 0) == number_)
      last_ = found.integer(row, 1);
}

void feed::listen(bool wanted) {
  const auto now = clock::now();
  if (wanted && !is_listening_) {
    // What was told before is old.
    heard_.clear();
    const auto found = on_.query(named(statements, "feed_last"), {});
    for (int row = 0; row < found.count(); ++row)
      heard_[found.integer(row, 0)] = found.integer(row, 1);
  }
  if (wanted && (!is_listening_ || now - said_ >= say_every)) {
    on_.query(named(statements, "feed_listen"), parameters{}.integer(number_));
    said_ = now;
  } else if (!wanted && is_listening_) {
    on_.query(named(statements, "feed_unlisten"),
              parameters{}.integer(number_));
  }
  is_listening_ = wanted;
}

bool feed::is_heard() {
  return on_
           .query(named(statements, "feed_heard"),
                  parameters{}.integer(number_))
           .count()
       > 0;
}

void feed::tell(const std::vector<std::string>& words) {
  column number{int8_type}, bytes{bytea_type};
  auto next = last_;
  for (const auto& each : words) {
    number.big(++next);
    bytes.bytes(each);
  }
  parameters given;
  given.integer(number_);
  number.add_to(given);
  bytes.add_to(given);
  on_.query(named(statements, "feed_tell"), given);
  last_ = next;
  if (const auto now = clock::now(); now - trimmed_ >= trim_every) {
    on_.query(named(statements, "feed_trim"), {});
    trimmed_ = now;
  }
}

std::vector<std::string> feed::hear() {
  column node{int8_type}, last{int8_type};
  for (const auto& [of, number] : heard_) {
    node.big(of);
    last.big(number);
  }
  parameters given;
  given.integer(number_);
  node.add_to(given);
  last.add_to(given);
  const auto found = on_.query(named(statements, "feed_hear"), given);
  std::vector<std::string> words;
  for (int row = 0; row < found.count(); ++row) {
    heard_[found.integer(row, 0)] = found.integer(row, 1);
    words.emplace_back(found.bytes(row, 2));
  }
  return words;
}

} // namespace handoff::postgres
