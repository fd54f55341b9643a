#include "job/json_memory.hpp"

#include <string>

namespace handoff {
namespace {

using nlohmann::json;

/// What an allocation takes beyond what was asked for, on average.
constexpr std::size_t allocation = 16;

/// The colour and three pointers of a node of std::map.
constexpr std::size_t map_node = 32;

/// A text by itself; short ones are kept in the string.
std::size_t text_bytes(const std::string& text) {
  constexpr std::size_t kept_inside = 15;
  return text.capacity() > kept_inside ? text.capacity() + allocation : 0;
}

} // namespace

std::size_t memory_of(const json& value) {
  std::size_t bytes = sizeof(json);
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    bytes += sizeof(std::string) + allocation + text_bytes(text);
  } else if (value.is_binary()) {
    bytes += sizeof(json::binary_t) + allocation + value.get_binary().size();
  } else if (value.is_array()) {
    const auto& list = value.get_ref<const json::array_t&>();
    bytes += sizeof(json::array_t) + 2 * allocation
           + (list.capacity() - list.size()) * sizeof(json);
    for (const auto& each : list)
      bytes += memory_of(each);
  } else if (value.is_object()) {
    const auto& members = value.get_ref<const json::object_t&>();
    bytes += sizeof(json::object_t) + allocation;
    for (const auto& [name, each] : members)
      bytes += map_node + allocation + sizeof(std::string) + text_bytes(name)
             + memory_of(each);
  }
  return bytes;
}

} // namespace handoff
