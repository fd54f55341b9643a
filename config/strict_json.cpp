#include "config/strict_json.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace handoff {

namespace {

using nlohmann::json;

/// Builds the document from the parser's events, which are the only place
/// where a duplicate key can be seen.
class strict_builder : public nlohmann::json_sax<json> {
public:
  explicit strict_builder(std::size_t depth_max) : depth_max_(depth_max) {}

  bool null() override { return put(nullptr); }

  bool boolean(bool value) override { return put(value); }

  bool number_integer(number_integer_t value) override { return put(value); }

  bool number_unsigned(number_unsigned_t value) override { return put(value); }

  bool number_float(number_float_t value, const string_t&) override {
    return put(value);
  }

  bool string(string_t& value) override { return put(std::move(value)); }

  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(json::object()); }

  bool start_array(std::size_t) override { return open(json::array()); }

  bool end_object() override { return close(); }

  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    if (open_.back()->contains(value)) {
      where = (location() / value).to_string();
      why = "stands twice, allowed is once in an object";
      return false;
    }
    key_ = std::move(value);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const json::exception& found) override {
    byte = position;
    why = found.what();
    return false;
  }

  json take() { return std::move(root_); }

  /// Set when parsing has failed: a JSON pointer or, if that is empty, the
  /// byte.
  std::string where;
  std::size_t byte = 0;
  std::string why;

private:
  json::json_pointer location() const {
    json::json_pointer made;
    for (std::size_t i = 1; i < open_.size(); ++i) {
      const auto& parent = *open_[i - 1];
      if (parent.is_array()) {
        made /= parent.size() - 1;
        continue;
      }
      for (const auto& [name, member] : parent.items())
        if (&member == open_[i])
          made /= name;
    }
    return made;
  }

  json& add(json value) {
    if (open_.empty())
      return root_ = std::move(value);
    if (open_.back()->is_array())
      return open_.back()->emplace_back(std::move(value));
    return (*open_.back())[key_] = std::move(value);
  }

  template <class T>
  bool put(T&& value) {
    add(json(std::forward<T>(value)));
    return true;
  }

  bool open(json value) {
    if (open_.size() >= depth_max_) {
      where = location().to_string();
      why = "values are nested too deep, allowed are "
          + std::to_string(depth_max_) + " levels";
      return false;
    }
    open_.push_back(&add(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::size_t depth_max_;
  json root_;
  // Stays valid: a container moves only when something is added to its parent,
  // which happens after it is closed.
  std::vector<json*> open_;
  std::string key_;
};

std::string line_and_column(std::string_view text, std::size_t byte) {
  // The parser counts the byte that it stumbled over as read.
  const auto before =
    text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto last = before.rfind('\n');
  const auto column =
    last == std::string_view::npos ? before.size() + 1 : before.size() - last;
  return ":" + std::to_string(line) + ":" + std::to_string(column);
}

/// The parser's own words without its numbering and without what it last read,
/// which may be a secret.
std::string in_words(std::string why) {
  if (const auto column = why.find("column "); column != std::string::npos)
    if (const auto colon = why.find(": ", column); colon != std::string::npos)
      why.erase(0, colon + 2);
  const auto read = why.find("; last read: '");
  if (read != std::string::npos) {
    const auto end = why.rfind('\'');
    why.erase(read, end - read + 1);
  }
  if (why.starts_with("syntax error while parsing "))
    why.replace(0, 27, "is no JSON: in ");
  return why;
}

} // namespace

std::variant<json, problem> parse_strict_json(const std::string& file,
                                              std::string_view text,
                                              std::size_t depth_max) {
  strict_builder builder{depth_max};
  if (json::sax_parse(text.begin(), text.end(), &builder,
                      json::input_format_t::json, true, true))
    return builder.take();
  if (builder.where.empty())
    return problem{file + line_and_column(text, builder.byte), "",
                   in_words(builder.why)};
  return problem{file, builder.where, builder.why};
}

} // namespace handoff
