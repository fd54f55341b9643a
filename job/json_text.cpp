#include "job/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using nlohmann::json;

/// Not of those that RFC 8949 gives a meaning to byte strings.
constexpr json::binary_t::subtype_type big_integer_subtype = 177;

std::string_view digits_of(const json& value) {
  const auto& bytes = value.get_binary();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Integer>
bool read_whole(std::string_view digits, Integer& into) {
  const auto* const end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, into);
  return failure == std::errc{} && stop == end;
}

bool has_binary(const json& value) {
  if (!value.is_structured())
    return value.is_binary();
  return std::any_of(value.begin(), value.end(), has_binary);
}

/// Writes what nlohmann's writer cannot: everything else is left to that.
class writer {
public:
  explicit writer(json_style style) : style_{style} {}

  void put(const json& value, std::size_t level = 0) {
    if (is_big_integer(value))
      out_ += digits_of(value);
    else if (value.is_object() && !value.empty())
      put_members(value, level);
    else if (value.is_array() && !value.empty())
      put_elements(value, level);
    else
      out_ += plain(value);
  }

  std::string take() { return std::move(out_); }

private:
  std::string plain(const json& value) const {
    return value.dump(style_.indent, ' ', style_.ascii,
                      json::error_handler_t::replace);
  }

  void new_line(std::size_t level) {
    if (style_.indent < 0)
      return;
    out_ += '\n';
    out_.append(level * static_cast<std::size_t>(style_.indent), ' ');
  }

  void put_members(const json& value, std::size_t level) {
    char before = '{';
    for (const auto& [name, member] : value.items()) {
      out_ += std::exchange(before, ',');
      new_line(level + 1);
      out_ += plain(name);
      out_ += style_.indent < 0 ? ":" : ": ";
      put(member, level + 1);
    }
    new_line(level);
    out_ += '}';
  }

  void put_elements(const json& value, std::size_t level) {
    char before = '[';
    for (const auto& element : value) {
      out_ += std::exchange(before, ',');
      new_line(level + 1);
      put(element, level + 1);
    }
    new_line(level);
    out_ += ']';
  }

  json_style style_;
  std::string out_;
};

/// How many bytes follow the first one of a character, and the least and the
/// greatest that the second one may be (RFC 3629, section 4).
struct sequence {
  std::size_t more = 0;
  unsigned char least = 0x80;
  unsigned char most = 0xbf;
  bool good = true;
};

sequence sequence_of(unsigned char first) {
  if (first < 0x80)
    return {};
  if (first >= 0xc2 && first <= 0xdf)
    return {1};
  if (first == 0xe0)
    return {2, 0xa0};
  if (first == 0xed)
    return {2, 0x80, 0x9f};
  if (first >= 0xe1 && first <= 0xef)
    return {2};
  if (first == 0xf0)
    return {3, 0x90};
  if (first >= 0xf1 && first <= 0xf3)
    return {3};
  if (first == 0xf4)
    return {3, 0x80, 0x8f};
  return {0, 0, 0, false};
}

} // namespace

json big_integer(std::string_view digits) {
  std::int64_t small = 0;
  if (read_whole(digits, small))
    return small;
  std::uint64_t large = 0;
  if (read_whole(digits, large))
    return large;
  return json::binary({digits.begin(), digits.end()}, big_integer_subtype);
}

bool is_big_integer(const json& value) noexcept {
  return value.is_binary() && value.get_binary().has_subtype()
      && value.get_binary().subtype() == big_integer_subtype;
}

bool is_integer(const json& value) noexcept {
  return value.is_number_integer() || is_big_integer(value);
}

std::string json_text(const json& value, json_style style) {
  if (!has_binary(value))
    return value.dump(style.indent, ' ', style.ascii,
                      json::error_handler_t::replace);
  writer made{style};
  made.put(value);
  return made.take();
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t offset) {
      return static_cast<unsigned char>(text[at + offset]);
    };
    const auto expected = sequence_of(byte(0));
    if (!expected.good || text.size() - at <= expected.more)
      return false;
    for (std::size_t i = 1; i <= expected.more; ++i)
      if (byte(i) < (i == 1 ? expected.least : 0x80)
          || byte(i) > (i == 1 ? expected.most : 0xbf))
        return false;
    at += 1 + expected.more;
  }
  return true;
}

} // namespace handoff
