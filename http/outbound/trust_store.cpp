#include "http/outbound/trust_store.hpp"

#include <curl/curl.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdexcept>
#include <sys/stat.h>
#include <utility>

namespace handoff {

namespace {

constexpr std::chrono::minutes look_every{1};

/// As libcurl sets it: an authority in the middle of a chain is trusted as a
/// root is, and what is trusted comes before what the upstream sends.
constexpr unsigned long flags =
  X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN;

struct bio_free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

struct certificate_free {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};

/// Calls `visit` with each certificate of a PEM text. False if there is none or
/// one cannot be read.
template <class Visitor>
bool each_certificate(const std::string& pem, Visitor visit) {
  const std::unique_ptr<BIO, bio_free> text{
    BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  bool any = false;
  for (;;) {
    const std::unique_ptr<X509, certificate_free> one{
      PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)};
    if (one == nullptr)
      break;
    any = true;
    visit(one.get());
  }
  const auto why = ERR_peek_last_error();
  ERR_clear_error();
  return any && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
}

} // namespace

trust_store::trust_store(std::string pem) {
  if (!pem.empty()) {
    if (const auto wrong = check(pem))
      throw std::runtime_error{"upstream.ca " + *wrong};
    store_ = read_text(pem);
    return;
  }
  const auto* about = curl_version_info(CURLVERSION_NOW);
  file_ = about->cainfo != nullptr ? about->cainfo
                                   : "/etc/ssl/certs/ca-certificates.crt";
}

std::optional<std::string> trust_store::check(const std::string& pem) {
  if (each_certificate(pem, [](X509*) {}))
    return std::nullopt;
  return "must be the PEM text of one or more certificates";
}

trust_store::store_ptr trust_store::read_text(const std::string& pem) {
  store_ptr store{X509_STORE_new()};
  X509_STORE_set_flags(store.get(), flags);
  each_certificate(pem,
                   [&](X509* one) { X509_STORE_add_cert(store.get(), one); });
  return store;
}

void trust_store::read_file_if_changed(time_point now) {
  if (store_ != nullptr && now < look_again_)
    return;
  look_again_ = now + look_every;

  struct stat about {};

  if (::stat(file_.c_str(), &about) != 0)
    return;
  if (changed_ && changed_->tv_sec == about.st_mtim.tv_sec
      && changed_->tv_nsec == about.st_mtim.tv_nsec)
    return;
  store_ptr store{X509_STORE_new()};
  X509_STORE_set_flags(store.get(), flags);
  if (X509_STORE_load_file(store.get(), file_.c_str()) == 1) {
    store_ = std::move(store);
    changed_ = about.st_mtim;
  }
  ERR_clear_error();
}

bool trust_store::is_current(const X509_STORE* store, time_point now) {
  if (!file_.empty())
    read_file_if_changed(now);
  return store_ != nullptr && store_.get() == store;
}

bool trust_store::give_to(SSL_CTX* context, time_point now) {
  if (!file_.empty())
    read_file_if_changed(now);
  if (store_ == nullptr)
    return false;
  SSL_CTX_set1_cert_store(context, store_.get());
  return true;
}

} // namespace handoff
