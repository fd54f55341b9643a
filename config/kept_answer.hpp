#pragma once

#include "config/flow.hpp"
#include "job/exchange.hpp"

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <string_view>

namespace handoff {

// An answer as it is kept with a job: sealed (config/secrets), and with the
// fields that expressions refer to beside its body, where there are any. A name
// of a member that no sealed answer can have tells the two forms apart.

/// The answer of the flow's clone, with what its expressions refer to and
/// nothing else: an upstream's answer may be large, and hold what is nobody's
/// business. Null if they refer to nothing of it.
nlohmann::json kept_clone_answer(const flow& definition, nlohmann::json body,
                                 const headers& fields);

/// The same for an answer of which the body is wanted, if it is not null, and
/// the fields called `names`, in lower case. One that is not UTF-8 is left out.
nlohmann::json kept_answer(const secrets& hidden, nlohmann::json body,
                           const headers& fields,
                           const std::set<std::string>& names);

/// The sealed body of a kept answer.
const nlohmann::json& kept_body(const nlohmann::json& kept) noexcept;

/// A field of a kept answer, whatever the case of `name`; null if it is not
/// there.
const nlohmann::json* kept_field(const nlohmann::json& kept,
                                 std::string_view name);

} // namespace handoff
