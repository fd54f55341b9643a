#pragma once

#include "config/sealed_text.hpp"
#include "job/error.hpp"
#include "job/job.hpp"
#include "job/token.hpp"
#include "journal/shared_values.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace handoff {

/// The tokens that nodes share, encrypted, in their journal: of each chain of
/// refresh tokens the last one, and the access token that came with it. A chain
/// is known by its connection and by the first refresh token, that of the
/// configuration. Each call waits for the database.
class shared_tokens {
public:
  struct found {
    std::int64_t version = 0;
    /// Empty: there are none yet, or another node is about to renew them.
    std::optional<token_answer> tokens;
    /// This node is to renew them, by `put` or, if that fails, `release`.
    bool is_claimed = false;
  };

  struct chain {
    std::string connection;
    std::string first; ///< refresh token
  };

  shared_tokens(std::shared_ptr<shared_values> values, sealer seal)
      : values_{std::move(values)}, seal_{std::move(seal)} {}

  /// Tokens that are newer than version `known` and have not ended by `now`,
  /// else the claim to renew those that there are.
  result<found> find(const chain& of, std::int64_t known, wall_time now);

  /// Keeps what a token endpoint gave in place of version `before`; false: it
  /// is another node's meanwhile.
  result<bool> put(const chain& of, std::int64_t before,
                   const token_answer& given, wall_time now);

  void release(const chain& of);

private:
  result<token_answer> opened(const std::string& name, const std::string& bytes,
                              wall_time now) const;

  const std::shared_ptr<shared_values> values_;
  const sealer seal_;
};

} // namespace handoff
