// A template, a NUL byte, and the value of `{{body/v}}`, `{{header/V}}` and
// `{{query/v}}`. Promises: a value changes neither scheme, host nor the number
// of segments of a URL; a header has no control character in it.

#include "config/flow_check.hpp"
#include "config/template.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

namespace handoff::fuzz {
namespace {

std::string_view path_of(std::string_view url) {
  const auto host = url.find("://") + 3;
  const auto path = url.find_first_of("/?", host);
  if (path == std::string_view::npos)
    return {};
  return url.substr(path, url.find('?', path) - path);
}

std::string_view up_to_path(std::string_view url) {
  return url.substr(0, url.find_first_of("/?", url.find("://") + 3));
}

auto slashes(std::string_view text) {
  return std::count(text.begin(), text.end(), '/');
}

void check_url(const text_template& compiled, const std::string& made) {
  std::string literals;
  for (const auto& each : compiled.literals())
    literals += each;
  expect(up_to_path(made) == up_to_path(literals), "scheme and host");
  const bool separates =
    std::any_of(compiled.expressions().begin(), compiled.expressions().end(),
                [](const auto& each) { return each.makes_segments(); });
  expect(slashes(path_of(made)) == slashes(path_of(literals)) || separates,
         "segments");
  expect(std::all_of(made.begin(), made.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '#'; }),
         "characters of a URL");
}

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

} // namespace
} // namespace handoff::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  auto rest = fuzz::text_of(data, size);
  const std::string text{fuzz::take_until(rest, '\0')};
  const auto compiled = text_template::compile(text);
  const auto* good = std::get_if<text_template>(&compiled);
  if (good == nullptr)
    return 0;
  const std::string value{rest};
  webhook hook;
  hook.job = "01JOB";
  hook.flow = "flow";
  hook.headers = {{"V", value}};
  hook.query = {{"v", value}};
  // Of the body only what a parser lets through comes here.
  auto parsed = nlohmann::json::parse(value, nullptr, false);
  const nlohmann::json body{
    {"v", parsed.is_discarded() ? nlohmann::json{1.5} : parsed}};
  template_context context;
  context.hook = &hook;
  context.uid = &body.at("v");
  context.clone_answer = &body;
  context.body = [&body](const auto&) {
    return &body;
  };
  if (why_bad_url(good->literals()).empty()) {
    const auto url = good->render(context, template_place::url);
    if (const auto* made = std::get_if<std::string>(&url))
      fuzz::check_url(*good, *made);
  }
  const auto header = good->render(context, template_place::header);
  const auto* made = std::get_if<std::string>(&header);
  if (made != nullptr
      && std::none_of(good->literals().begin(), good->literals().end(),
                      fuzz::has_control)) {
    const bool has_default = std::any_of(
      good->expressions().begin(), good->expressions().end(),
      [](const template_expression& each) { return each.fallback; });
    fuzz::expect(has_default || !fuzz::has_control(*made),
                 "no control character in a header");
  }
  const auto json = json_template::compile({{"a", text}, {text, {text}}});
  if (const auto* filled = std::get_if<json_template>(&json)) {
    const auto rendered = filled->render(context);
    if (const auto* document = std::get_if<nlohmann::json>(&rendered))
      (void)document->dump(-1, ' ', false,
                           nlohmann::json::error_handler_t::replace);
  }
  return 0;
}
