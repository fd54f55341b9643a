#pragma once

#include "tools/handoff/rehearsal/draws.hpp"
#include "tools/handoff/rehearsal/rehearsal.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace handoff::rehearsal {

/// The flows, as the service has them now and as it had them before.
class flow_book {
public:
  /// Holds on to `options`.
  explicit flow_book(const rehearsal_options& options);

  std::size_t size() const { return current_.size(); }

  /// As the service has it: what its author wrote, but for sabotage.
  const flow_ptr& current(std::size_t number) const { return current_[number]; }

  /// Null: none has this name.
  flow_ptr current(std::string_view name) const;

  /// As its author wrote it. Null: none has this version.
  flow_ptr written(std::string_view version) const;

  flow_ptr served(const flow_ptr& written) const;

  /// What a process makes of a definition that its journal has.
  result<flow_ptr> compiled(const nlohmann::json& definition) const;

  /// Some of the flows are other than before from now on.
  void reload(draws& random);

private:
  const rehearsal_options& options_;
  /// By edition: the same flows, written otherwise.
  std::vector<std::vector<flow_ptr>> editions_;
  std::vector<flow_ptr> current_;
  std::map<std::string, flow_ptr, std::less<>> by_version_;
};

} // namespace handoff::rehearsal
