#include "job/json_reader.hpp"

#include "job/json_text.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <limits>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using nlohmann::json;

/// A double holds every integer of fewer digits.
constexpr std::size_t long_digits = 300;

/// A number that the parser would refuse because no double can hold it.
struct long_number {
  /// How many numbers stand before it.
  std::size_t number = 0;
  std::string_view text;

  bool is_integer() const noexcept {
    return text.find_first_not_of("0123456789", 1) == npos;
  }

  /// An integer with its digits, of another number the nearest double.
  json value() const {
    constexpr auto most = std::numeric_limits<double>::max();
    if (is_integer())
      return big_integer(text);
    return text.front() == '-' ? -most : most;
  }
};

bool is_number_char(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e'
      || c == 'E';
}

/// Where the string that begins at `from` ends, after its quote.
std::size_t end_of_string(std::string_view text, std::size_t from) {
  for (auto at = from + 1; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

/// Makes `token` of `tamed` a number that a double can hold, if it is none;
/// gives whether it was. What is no number at all stays none.
bool tame(std::string& tamed, std::size_t at, const long_number& token,
          bool takes_nearest) {
  if (token.is_integer()) {
    if (token.text.size() <= long_digits)
      return false;
    tamed[at + (token.text.front() == '-' ? 2 : 1)] = '.';
    return true;
  }
  const auto exponent = token.text.find_first_of("eE");
  if (!takes_nearest || exponent == npos
      || !std::isinf(std::strtod(std::string{token.text}.c_str(), nullptr)))
    return false;
  for (auto digit = exponent; digit < token.text.size(); ++digit)
    if (auto& each = tamed[at + digit]; each >= '1' && each <= '9')
      each = '0';
  return true;
}

/// The numbers of `text` that no double can hold. In `tamed` they are replaced
/// by numbers of the same length that one can, so that places stay the same.
std::deque<long_number> take_long_numbers(std::string_view text,
                                          std::string& tamed,
                                          bool takes_nearest) {
  std::deque<long_number> found;
  std::size_t numbers = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      at = end_of_string(text, at);
    } else if (text[at] == '-' || (text[at] >= '0' && text[at] <= '9')) {
      auto end = at;
      while (end < text.size() && is_number_char(text[end]))
        ++end;
      const long_number token{numbers, text.substr(at, end - at)};
      if (tame(tamed, at, token, takes_nearest))
        found.push_back(token);
      ++numbers;
      at = end;
    } else {
      ++at;
    }
  }
  return found;
}

/// Builds the document from the parser's events, which are the only place where
/// a limit can be seen before it is passed.
class json_builder {
public:
  json_builder(const json_limits& limits, std::deque<long_number> longs)
      : limits_{limits}, longs_{std::move(longs)} {}

  bool null() { return put(nullptr); }

  bool boolean(bool value) { return put(value); }

  bool number_integer(json::number_integer_t value) {
    ++numbers_;
    return put(value);
  }

  bool number_unsigned(json::number_unsigned_t value) {
    ++numbers_;
    return put(value);
  }

  bool number_float(json::number_float_t value, const json::string_t& text) {
    const auto number = numbers_++;
    if (!longs_.empty() && longs_.front().number == number) {
      auto known = longs_.front().value();
      longs_.pop_front();
      return put(std::move(known));
    }
    return text.find_first_of(".eE") == std::string::npos
           ? put(big_integer(text))
           : put(value);
  }

  bool string(json::string_t& value) { return put(std::move(value)); }

  bool binary(json::binary_t&) { return false; }

  bool start_object(std::size_t) { return open(json::object()); }

  bool start_array(std::size_t) { return open(json::array()); }

  bool end_object() { return close(); }

  bool end_array() { return close(); }

  bool key(json::string_t& value) {
    if (!limits_.names_repeat && open_.back()->contains(value))
      return refuse(json_fault::repeated_name, "appears twice in its object",
                    container() / value);
    member_ = &(*open_.back())[std::move(value)];
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&,
                   const json::exception& found) {
    problem.byte = byte;
    problem.what = found.what();
    overflow = found.id == 406;
    return false;
  }

  json take() { return std::move(root_); }

  /// Set when parsing has failed.
  json_problem problem;
  /// Whether a number was too large.
  bool overflow = false;

private:
  static std::string name_of(const json& parent, const json* child) {
    const auto found = std::find_if(parent.begin(), parent.end(),
                                    [&](const auto& m) { return &m == child; });
    return found == parent.end() ? std::string{}
                                 : json::const_iterator{found}.key();
  }

  /// Where the innermost array or object stands that is open.
  json::json_pointer container() const {
    json::json_pointer made;
    for (std::size_t i = 1; i < open_.size(); ++i) {
      const auto& parent = *open_[i - 1];
      if (parent.is_array())
        made /= parent.size() - 1;
      else
        made /= name_of(parent, open_[i]);
    }
    return made;
  }

  /// Where the value would stand that comes next.
  json::json_pointer location() const {
    if (open_.empty())
      return json::json_pointer{};
    const auto& parent = *open_.back();
    return parent.is_array() ? container() / parent.size()
                             : container() / name_of(parent, member_);
  }

  bool refuse(json_fault fault, std::string what,
              const json::json_pointer& at) {
    constexpr std::size_t shown_max = 200;
    problem.fault = fault;
    problem.what = std::move(what);
    problem.at = at.to_string();
    if (problem.at.size() > shown_max) {
      auto end = shown_max;
      while (end > 0 && (problem.at[end] & '\xc0') == '\x80')
        --end;
      problem.at.replace(end, npos, "...");
    }
    return false;
  }

  json* add(json value) {
    if (open_.empty())
      return &(root_ = std::move(value));
    if (open_.back()->is_array())
      return &open_.back()->emplace_back(std::move(value));
    return &(*member_ = std::move(value));
  }

  bool has_room() {
    if (open_.empty() || ++values_ <= limits_.values_max)
      return true;
    return refuse(json_fault::too_many,
                  "has more than " + std::to_string(limits_.values_max)
                    + " values",
                  location());
  }

  template <class T>
  bool put(T&& value) {
    if (!has_room())
      return false;
    add(json(std::forward<T>(value)));
    return true;
  }

  bool open(json value) {
    if (open_.size() >= limits_.depth_max)
      return refuse(json_fault::too_deep,
                    "is nested deeper than " + std::to_string(limits_.depth_max)
                      + " levels",
                    location());
    if (!has_room())
      return false;
    open_.push_back(add(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const json_limits& limits_;
  json root_;
  // Stays valid: a container moves only when something is added to its parent,
  // which happens after it is closed.
  std::vector<json*> open_;
  /// The member of the innermost object whose value comes next.
  json* member_ = nullptr;
  std::size_t values_ = 0;
  std::size_t numbers_ = 0;
  std::deque<long_number> longs_;
};

/// The parser's own words without its numbering and without what it last read,
/// which may be a secret, or a megabyte.
std::string in_words(std::string why) {
  if (why.starts_with("[json.exception."))
    if (const auto end = why.find("] "); end != npos)
      why.erase(0, end + 2);
  if (const auto read = why.find("; last read: '"); read != npos)
    why.erase(read, why.rfind('\'') - read + 1);
  if (why.starts_with("number overflow"))
    why = "a number is out of range";
  return why;
}

/// The parser takes a NUL byte for the end of the text, and would read nothing
/// of what stands behind it.
json_problem nul_byte(std::string_view text, std::size_t at) {
  const auto before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  // rfind() gives npos, which is -1, where this is the first line.
  const auto column = at - before.rfind('\n');
  return {json_fault::syntax,
          "parse error at line " + std::to_string(line) + ", column "
            + std::to_string(column)
            + ": syntax error while parsing value - it has a NUL byte",
          "", at + 1};
}

bool parse(std::string_view text, bool comments, json_builder& builder) {
  constexpr bool strict = true;
  return json::sax_parse(text.begin(), text.end(), &builder,
                         json::input_format_t::json, strict, comments);
}

} // namespace

std::variant<json, json_problem> read_json(std::string_view text,
                                           const json_limits& limits) {
  if (text.size() > limits.bytes_max)
    return json_problem{
      json_fault::too_large,
      "is larger than " + std::to_string(limits.bytes_max) + " bytes", "", 0};
  if (const auto at = text.find('\0'); at != npos)
    return nul_byte(text, at);
  json_builder builder{limits, {}};
  if (parse(text, limits.comments, builder))
    return builder.take();
  auto problem = std::move(builder.problem);
  if (builder.overflow) {
    std::string tamed{text};
    json_builder again{limits,
                       take_long_numbers(text, tamed, limits.takes_nearest)};
    if (parse(tamed, limits.comments, again))
      return again.take();
    problem = std::move(again.problem);
  }
  if (problem.fault == json_fault::syntax)
    problem.what = in_words(std::move(problem.what));
  return problem;
}

std::string to_string(const json_problem& problem) {
  if (problem.fault == json_fault::syntax)
    return "is not JSON: " + problem.what;
  return problem.what + (problem.at.empty() ? "" : ", at " + problem.at);
}

std::variant<json, json_problem> parse_answer(std::string_view body) {
  constexpr std::size_t bytes_max = json_limits{}.bytes_max;
  return read_json(body, {.values_max = bytes_max, .takes_nearest = true});
}

} // namespace handoff
