#include "config/settings_value.hpp"

#include "config/duration.hpp"
#include "config/nearest_name.hpp"
#include "config/problem.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <optional>
#include <utility>

namespace handoff {

namespace {

using std::chrono::nanoseconds;
using outcome = std::variant<setting_value, refused_value>;

bool is_hidden(const setting_key& key) {
  return key.type == setting_type::secret
      || key.type == setting_type::journal_uri;
}

refused_value refused(const setting_key& key, std::string_view shown,
                      std::string_view why) {
  std::string what;
  if (!is_hidden(key) && !shown.empty()) {
    what = shown;
    what += ' ';
  }
  what += why;
  return {what + "; allowed: " + allowed_by(key)};
}

bool is_address(const std::string& text) {
  unsigned char space[sizeof(in6_addr)];
  return text == "localhost" || ::inet_pton(AF_INET, text.c_str(), space) == 1
      || ::inet_pton(AF_INET6, text.c_str(), space) == 1;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253
      && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
               || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

outcome read_host_names(const setting_key& key, const std::string& text,
                        std::string_view shown) {
  for (const auto& each : split_names(text))
    if (!is_host_name(each))
      return refused(key, shown,
                     has_reference(shown) || each.empty()
                       ? "has what is not a name of a host in it"
                       : "has " + in_quotes(each)
                           + " in it, which is not a name of a host");
  return setting_value{text};
}

/// Checks a value of the right type; `shown` is how it was written.
outcome checked(const setting_key& key, setting_value value,
                std::string_view shown) {
  std::optional<double> amount;
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    amount = static_cast<double>(*integer);
  else if (const auto* real = std::get_if<double>(&value))
    amount = *real;
  else if (const auto* span = std::get_if<nanoseconds>(&value))
    amount = static_cast<double>(span->count());
  // Written so that a NaN is out of range too.
  if (amount && !(*amount >= key.least && *amount <= key.most))
    return refused(key, shown, "is out of range");
  return value;
}

outcome read_journal_uri(const setting_key& key, const std::string& text) {
  if (text.starts_with("postgresql://") || text.starts_with("postgres://"))
    return setting_value{text};
  constexpr std::string_view scheme = "sqlite:";
  if (!text.starts_with(scheme))
    return refused(key, "", "has no scheme that is known");
  if (text.size() == scheme.size())
    return refused(key, "", "has no path");
  return setting_value{text};
}

template <class T>
std::optional<T> number_from(std::string_view text) {
  T number{};
  const auto [end, failure] =
    std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

outcome read_choice(const setting_key& key, const std::string& text,
                    std::string_view shown) {
  if (std::find(key.choices.begin(), key.choices.end(), text)
      != key.choices.end())
    return setting_value{text};
  // Not of what a reference gave: the nearest name would tell about it.
  const auto nearest =
    has_reference(shown) ? std::string{} : did_you_mean(text, key.choices);
  return refused(key, shown, "is not allowed" + nearest);
}

/// `text` is resolved; `shown` is not.
outcome read_text(const setting_key& key, const std::string& text,
                  std::string_view shown) {
  if (text.empty())
    return refused(key, "", "is empty");
  switch (key.type) {
  case setting_type::text:
    if (text.find('\0') != std::string::npos)
      return refused(key, "", "has a NUL in it");
    return setting_value{text};
  case setting_type::address:
    if (!is_address(text))
      return refused(key, shown, "is not an address");
    return setting_value{text};
  case setting_type::host_names:
    return read_host_names(key, text, shown);
  case setting_type::secret:
    if (!std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f; }))
      return refused(key, "", "has characters in it that are not allowed");
    return setting_value{text};
  case setting_type::journal_uri:
    return read_journal_uri(key, text);
  case setting_type::choice:
    return read_choice(key, text, shown);
  case setting_type::integer:
    if (const auto number = number_from<std::int64_t>(text))
      return checked(key, *number, shown);
    return refused(key, shown, "is not a whole number");
  case setting_type::number:
    if (const auto number = number_from<double>(text))
      return checked(key, *number, shown);
    return refused(key, shown, "is not a number");
  case setting_type::size:
    if (const auto size = parse_size(text))
      return checked(key, static_cast<std::int64_t>(*size), shown);
    return refused(key, shown, "is not a size");
  case setting_type::duration:
    if (const auto span = parse_nanoseconds(text))
      return checked(key, *span, shown);
    return refused(key, shown, "is not a duration");
  case setting_type::certificates:
    // Not shown: it may be a private key's file.
    if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
      return refused(key, "", "holds no certificate");
    return setting_value{text};
  case setting_type::proxy:
    if (!is_proxy(text))
      return refused(key, "", "is not a proxy");
    return setting_value{text};
  case setting_type::boolean:
    if (text == "true" || text == "false")
      return setting_value{text == "true"};
    return refused(key, shown, "is neither");
  }
  return refused_value{};
}

outcome resolve_and_read(const setting_key& key, const std::string& written,
                         std::string_view shown,
                         reference_resolver& references) {
  auto resolved = references.resolve(written);
  if (auto* wrong = std::get_if<error>(&resolved))
    return refused_value{std::move(wrong->detail)};
  return read_text(key, std::get<std::string>(resolved), shown);
}

bool takes_text(setting_type type) {
  return type != setting_type::integer && type != setting_type::number
      && type != setting_type::boolean;
}

outcome read_number(const setting_key& key, std::int64_t number) {
  const auto shown = std::to_string(number);
  if (key.type == setting_type::integer || key.type == setting_type::size)
    return checked(key, number, shown);
  if (key.type == setting_type::number)
    return checked(key, static_cast<double>(number), shown);
  return refused(key, shown,
                 key.type == setting_type::duration ? "has no unit"
                                                    : "is a number");
}

} // namespace

bool is_proxy(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (!text.starts_with(scheme))
    return false;
  text.remove_prefix(scheme.size());
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return false;
  const auto port = number_from<std::uint16_t>(text.substr(colon + 1));
  return port.value_or(0) > 0
      && std::all_of(text.begin(), text.end(), [](unsigned char each) {
           return std::isalnum(each) != 0
               || std::string_view{".-_:[]"}.find(static_cast<char>(each))
                    != std::string_view::npos;
         });
}

outcome read_setting(const setting_key& key, const ini_value& written,
                     reference_resolver& references) {
  if (const auto* text = std::get_if<std::string>(&written)) {
    if (!takes_text(key.type) && !has_reference(*text))
      return refused(key, in_quotes(*text), "is text");
    return resolve_and_read(key, *text, in_quotes(*text), references);
  }
  if (const auto* atom = std::get_if<ini_atom>(&written)) {
    if (!takes_text(key.type))
      return refused(key, "'" + atom->text + "'", "is text");
    return resolve_and_read(key, atom->text, "'" + atom->text + "'",
                            references);
  }
  if (const auto* integer = std::get_if<std::int64_t>(&written))
    return read_number(key, *integer);
  if (const auto* real = std::get_if<double>(&written)) {
    const auto shown = nlohmann::json(*real).dump();
    if (key.type == setting_type::number)
      return checked(key, *real, shown);
    return refused(key, shown, "is a number with a fraction");
  }
  if (const auto* span = std::get_if<nanoseconds>(&written)) {
    if (key.type == setting_type::duration)
      return checked(key, *span, format_duration(*span));
    return refused(key, format_duration(*span), "is a duration");
  }
  if (const auto* negative = std::get_if<ini_negative>(&written))
    return refused(key, negative->text,
                   key.type == setting_type::duration ? "is negative"
                                                      : "is a duration");
  if (const auto* boolean = std::get_if<bool>(&written)) {
    if (key.type == setting_type::boolean)
      return setting_value{*boolean};
    return refused(key, *boolean ? "true" : "false", "has the wrong type");
  }
  const auto& compound = std::get<ini_compound>(written);
  if (key.type == setting_type::host_names && compound.texts)
    return resolve_and_read(key, *compound.texts, in_quotes(*compound.texts),
                            references);
  return refused(key, "", "is " + std::string{compound.kind});
}

outcome read_setting(const setting_key& key, std::string_view written,
                     reference_resolver& references) {
  // Quotes that an INI needs and a shell has left.
  const auto is_quote = [](char c) {
    return c == '"' || c == '\'';
  };
  if (written.size() >= 2 && is_quote(written.front())
      && written.back() == written.front())
    written = written.substr(1, written.size() - 2);
  return resolve_and_read(key, std::string{written}, in_quotes(written),
                          references);
}

bool is_loopback(std::string_view address) noexcept {
  return address.starts_with("127.") || address == "::1"
      || address == "localhost";
}

} // namespace handoff
