// The body of a webhook as "input" reads it: the first byte says whether it is
// a form, the rest is the body. Two of its members are documents themselves.

#include "job/webhook_body.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <string>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  if (size == 0)
    return 0;
  using pointer = nlohmann::json::json_pointer;
  const body_format format{
    (data[0] & 1) != 0,
    {{pointer{"/payload"}, false}, {pointer{"/message/data"}, true}}};
  const std::string text{fuzz::text_of(data + 1, size - 1)};
  const webhook_body body{text, format};
  fuzz::expect(body.bytes() == text, "the bytes stay as they came");
  const auto read = body.read();
  const auto again = body.read();
  fuzz::expect(read.index() == again.index(),
               "a body is read the same way each time");
  if (const auto* failed = std::get_if<error>(&read)) {
    fuzz::expect(failed->kind == error_kind::invalid_request
                   && !failed->detail.empty(),
                 "what cannot be read is told");
    return 0;
  }
  const auto& document = std::get<nlohmann::json>(read);
  (void)document.dump(); // which throws for what is not UTF-8
  fuzz::expect(!format.is_form || document.is_object(), "a form is an object");
  // What a flow refers to is found in the parts that are kept as in the whole.
  const std::vector<pointer> wanted{pointer{"/payload/a"}, pointer{"/message"},
                                    pointer{"/x/0"}};
  const auto parts = selected_parts(document, wanted);
  for (const auto& each : wanted)
    if (document.contains(each))
      fuzz::expect(parts.at(each) == document.at(each),
                   "a part is that of the whole");
  return 0;
}
