#pragma once

#include <curl/curl.h>

#include <memory>
#include <new>
#include <string>

namespace handoff {

/// Owners of libcurl's handles; each destroys what it owns, in the order that
/// libcurl asks for: easy handles before their multi and share handles.
template <auto Destroy>
struct curl_destroy {
  template <class T>
  void operator()(T* handle) const noexcept {
    Destroy(handle);
  }
};

using curl_easy = std::unique_ptr<CURL, curl_destroy<curl_easy_cleanup>>;
using curl_multi = std::unique_ptr<CURLM, curl_destroy<curl_multi_cleanup>>;
using curl_share = std::unique_ptr<CURLSH, curl_destroy<curl_share_cleanup>>;
using curl_url_parts = std::unique_ptr<CURLU, curl_destroy<curl_url_cleanup>>;
using curl_text = std::unique_ptr<char, curl_destroy<curl_free>>;

/// Lines that libcurl takes as a linked list.
class curl_lines {
public:
  void add(const std::string& line) {
    // A null result leaves the list as it was.
    auto* longer = curl_slist_append(lines_.get(), line.c_str());
    if (longer == nullptr)
      throw std::bad_alloc{};
    static_cast<void>(lines_.release());
    lines_.reset(longer);
  }

  curl_slist* get() const noexcept { return lines_.get(); }

private:
  std::unique_ptr<curl_slist, curl_destroy<curl_slist_free_all>> lines_;
};

} // namespace handoff
