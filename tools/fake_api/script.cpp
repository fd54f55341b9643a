#include "tools/fake_api/script.hpp"

#include "tools/fake_api/script_reader.hpp"

#include <algorithm>

namespace fake_api {

using nlohmann::json;

path_pattern::path_pattern(std::string_view text) {
  if (text.empty() || text.front() != '/')
    throw std::invalid_argument("a path that starts with a slash is needed");
  segments_ = segments_of(text);
  if (!segments_.empty() && segments_.back() == "**") {
    segments_.pop_back();
    open_ended_ = true;
  }
  for (const auto& segment : segments_)
    if (segment != "*" && segment.find('*') != std::string::npos)
      throw std::invalid_argument("* stands for one whole segment, and ** for "
                                  "the rest, at the end only");
}

bool path_pattern::matches(const std::vector<std::string>& segments) const {
  if (open_ended_ ? segments.size() < segments_.size()
                  : segments.size() != segments_.size())
    return false;
  return std::equal(segments_.begin(), segments_.end(), segments.begin(),
                    [](const std::string& wanted, const std::string& given) {
                      return wanted == "*" || wanted == given;
                    });
}

script::script(const json& rules) {
  if (!rules.is_array())
    throw script_error("", "a list of rules is needed");
  for (std::size_t i = 0; i < rules.size(); ++i)
    rules_.push_back(read_rule(rules[i], "/" + std::to_string(i)));
}

script::rule script::read_rule(const json& value, const std::string& at) {
  check_keys(value, at, {"method", "path", "steps", "then", "per"});
  rule made;
  made.method = text_at(value, at, "method", "");
  if (made.method == "*")
    made.method.clear();
  try {
    made.path = path_pattern{text_at(value, at, "path", "/**")};
  } catch (const std::invalid_argument& error) {
    throw script_error(at + "/path", error.what());
  }
  made.repeat = one_of(value, at, "then", {"last", "repeat"}) == 1;
  switch (one_of(value, at, "per", {"rule", "path", "key"})) {
  case 1:
    made.per = track::path;
    break;
  case 2:
    made.per = track::key;
    break;
  default:
    break;
  }
  const auto steps = value.find("steps");
  if (steps == value.end() || !steps->is_array() || steps->empty())
    throw script_error(at + "/steps", "a list of one step or more is needed");
  for (std::size_t i = 0; i < steps->size(); ++i)
    made.steps.push_back(
      read_step((*steps)[i], at + "/steps/" + std::to_string(i)));
  return made;
}

const step* script::next(const request& incoming) {
  if (rules_.empty())
    return nullptr;
  const auto segments = segments_of(incoming.path);
  const auto found =
    std::find_if(rules_.begin(), rules_.end(), [&](const rule& candidate) {
      return (candidate.method.empty() || candidate.method == incoming.method)
          && candidate.path.matches(segments);
    });
  if (found == rules_.end())
    return nullptr;
  const auto count = found->steps.size();
  if (count == 1)
    return &found->steps.front();
  auto* used = &found->used;
  if (found->per != track::rule) {
    if (found->used_by.size() >= tracks_max)
      found->used_by.clear();
    used =
      &found->used_by[found->per == track::path ? incoming.path
                                                : std::string{incoming.key()}];
  }
  const auto turn = (*used)++;
  return &found
            ->steps[found->repeat ? turn % count
                                  : std::min<std::uint64_t>(turn, count - 1)];
}

} // namespace fake_api
