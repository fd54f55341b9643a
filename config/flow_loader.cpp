#include "config/flow_loader.hpp"

#include "config/connection_reader.hpp"
#include "config/flow_compiler.hpp"
#include "config/flow_reader.hpp"
#include "config/form_template.hpp"
#include "config/strict_json.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t flow_bytes_max = 1'048'576;
constexpr std::size_t flow_depth_max = 100;

loaded_flow refused(const std::string& file, std::string what) {
  return {nullptr, {problem{file, "", std::move(what)}}, {}};
}

loaded_flow compiled(const json& definition, const flow_defaults& defaults,
                     const std::string& file, bool journaled) {
  flow_report report{file, reference_resolver{defaults.base_directory}};
  auto made = compile_definition(definition, defaults, journaled, report);
  loaded_flow loaded;
  loaded.errors = std::move(report.errors);
  loaded.warnings = std::move(report.warnings);
  if (loaded.errors.empty())
    loaded.flow = std::make_shared<const flow>(std::move(made));
  return loaded;
}

void append(problems& to, problems&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()),
            std::make_move_iterator(from.end()));
}

/// The files that hold flows, in the order of their names.
std::vector<fs::path> flow_files(const fs::path& directory,
                                 std::error_code& failure) {
  std::vector<fs::path> files;
  fs::directory_iterator it{directory, failure};
  while (!failure && it != fs::directory_iterator{}) {
    const auto name = it->path().filename().string();
    if (it->path().extension() == ".json" && !name.starts_with('.')
        && name != "flow.schema.json")
      files.push_back(it->path());
    it.increment(failure);
  }
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace

flow_defaults defaults_of(const settings& from) {
  return {from.retry,          from.deadline.limit,  from.deadline.margin,
          from.base_directory, from.http.public_url, nullptr};
}

loaded_flow read_flow(const json& definition, const flow_defaults& defaults,
                      const std::string& file) {
  return compiled(definition, defaults, file, false);
}

result<flow_ptr> compile_flow(const json& definition,
                              const flow_defaults& defaults) {
  auto loaded = compiled(definition, defaults, "definition", true);
  if (loaded.flow)
    return loaded.flow;
  std::string detail;
  for (const auto& found : loaded.errors)
    detail += (detail.empty() ? "" : "; ") + to_string(found);
  return error{error_kind::internal, std::move(detail)};
}

loaded_flow load_flow(const fs::path& file, const flow_defaults& defaults) {
  const auto name = file.string();
  std::error_code failure;
  if (!fs::is_regular_file(file, failure))
    return refused(name, "is not a file that can be read");
  std::ifstream stream{file, std::ios::binary};
  std::string text(flow_bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad())
    return refused(name, "cannot be read");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > flow_bytes_max)
    return refused(name, "is too large; allowed: 1MiB");
  auto parsed = parse_strict_json(name, text, flow_depth_max);
  if (auto* wrong = std::get_if<problem>(&parsed))
    return {nullptr, {std::move(*wrong)}, {}};
  return read_flow(with_ordered_forms(std::get<json>(std::move(parsed)), text),
                   defaults, name);
}

loaded_flows load_flows(const fs::path& directory,
                        const flow_defaults& defaults, bool must_exist) {
  loaded_flows all;
  std::error_code failure;
  if (!fs::exists(directory, failure)) {
    if (must_exist)
      all.errors.push_back({directory.string(), "",
                            "there is no such directory; allowed: one with "
                            "flows in it (flows.directory)"});
    return all;
  }
  const auto files = flow_files(directory, failure);
  if (failure) {
    all.errors.push_back(
      {directory.string(), "",
       "cannot be read: " + failure.message()
         + "; allowed: a directory with flows in it (flows.directory)"});
    return all;
  }
  auto& file_of = all.files;
  for (const auto& file : files) {
    auto loaded = load_flow(file, defaults);
    append(all.errors, std::move(loaded.errors));
    append(all.warnings, std::move(loaded.warnings));
    if (!loaded.flow)
      continue;
    const auto [it, is_new] =
      file_of.emplace(loaded.flow->name, file.filename().string());
    if (is_new)
      all.flows.emplace(loaded.flow->name, loaded.flow);
    else
      all.errors.push_back({file.string(), "/name",
                            in_quotes(loaded.flow->name)
                              + " is the name of the flow in " + it->second
                              + " too; allowed: a name of its own"});
  }
  if (!all.errors.empty()) {
    all.flows.clear();
    all.files.clear();
  }
  return all;
}

loaded_flows load_flows(const settings& from, bool must_exist) {
  auto connections = load_connections(from);
  auto defaults = defaults_of(from);
  defaults.connections =
    std::make_shared<const connection_set>(connections.connections);
  auto all =
    load_flows(from.flows.directory, defaults, from.flows.given || must_exist);
  // With an error there, it is not known which connections there would be.
  if (!connections.errors.empty()) {
    all.flows.clear();
    all.files.clear();
    std::erase_if(all.errors, [](const problem& each) {
      return each.where.ends_with("/connection");
    });
  }
  append(all.errors, std::move(connections.errors));
  append(all.warnings, std::move(connections.warnings));
  if (all.errors.empty())
    all.connections = std::move(connections.connections);
  return all;
}

} // namespace handoff
