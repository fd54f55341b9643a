#pragma once

#include "config/template.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// How the elements of an array are named.
enum class form_arrays {
  indices,  ///< a[0]=x&a[1]=y
  brackets, ///< a[]=x&a[]=y
  repeat,   ///< a=x&a=y
  commas,   ///< a=x,y
};

/// An object whose values may have expressions, written as
/// `application/x-www-form-urlencoded` (WHATWG URL, section 5): members in the
/// flow's order, nested ones as `a[b]=c`, a space as "+". What is null and
/// empty arrays and objects are left out. Compiled once, at load.
class form_template {
public:
  /// Error `template_failed` with the JSON pointer of the place in `detail`.
  static result<form_template> compile(const nlohmann::json& form,
                                       form_arrays arrays,
                                       const literal_filter& filter);

  /// Error `template_failed`; with `commas` also an array or an object in an
  /// array.
  result<std::string> render(const template_context& context) const;

  /// Every expression in it, in no order.
  std::vector<const template_expression*> expressions() const;

  /// The strings with expressions, by where they stand in the form.
  std::vector<std::pair<nlohmann::json::json_pointer, const text_template*>>
  texts() const;

private:
  struct field {
    nlohmann::json::json_pointer at;
    /// As it is written, with its brackets.
    std::string name;
    json_template value;
  };

  std::optional<error> collect(std::string name, const nlohmann::json& value,
                               const nlohmann::json::json_pointer& at,
                               const literal_filter& filter);

  form_arrays arrays_ = form_arrays::indices;
  std::vector<field> fields_;
};

/// The members of an object in a form, in the flow's order.
std::vector<std::pair<std::string, nlohmann::json>>
form_members(const nlohmann::json& object);

/// `definition`, a flow whose text is `text`, with the order of the members of
/// its forms kept, which JSON objects of this program do not do: each object in
/// a request's "form" becomes {"$ordered": [[name, value], …]}. So it is
/// journaled with its jobs.
nlohmann::json with_ordered_forms(nlohmann::json definition,
                                  std::string_view text);

} // namespace handoff
