#include "config/pem_text.hpp"

#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace handoff {
namespace {

struct bio_free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

struct certificate_free {
  void operator()(X509* one) const noexcept { X509_free(one); }
};

struct key_free {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

using bio_ptr = std::unique_ptr<BIO, bio_free>;
using certificate_ptr = std::unique_ptr<X509, certificate_free>;
using key_ptr = std::unique_ptr<EVP_PKEY, key_free>;

bio_ptr reader_of(const std::string& text) {
  return bio_ptr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

certificate_ptr next_certificate(BIO* from) {
  return certificate_ptr{PEM_read_bio_X509(from, nullptr, nullptr, nullptr)};
}

int no_passphrase(char*, int, int, void*) {
  return 0; // or OpenSSL asks at the terminal
}

key_ptr key_in(const std::string& text) {
  const auto from = reader_of(text);
  key_ptr key{
    PEM_read_bio_PrivateKey(from.get(), nullptr, &no_passphrase, nullptr)};
  ERR_clear_error();
  return key;
}

} // namespace

bool holds_certificates(const std::string& text) {
  const auto from = reader_of(text);
  bool any = false;
  while (next_certificate(from.get()))
    any = true;
  const auto why = ERR_peek_last_error();
  ERR_clear_error();
  return any && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
}

bool holds_private_key(const std::string& text) {
  return key_in(text) != nullptr;
}

bool is_pair(const std::string& certificates, const std::string& key) {
  const auto from = reader_of(certificates);
  const auto first = next_certificate(from.get());
  const auto own = key_in(key);
  const bool fits =
    first && own && X509_check_private_key(first.get(), own.get()) == 1;
  ERR_clear_error();
  return fits;
}

bool can_sign(const std::string& key, const std::string& alg) {
  const auto own = key_in(key);
  if (!own)
    return false;
  if (alg == "RS256")
    return EVP_PKEY_base_id(own.get()) == EVP_PKEY_RSA;
  return EVP_PKEY_base_id(own.get()) == EVP_PKEY_EC
      && EVP_PKEY_bits(own.get()) == 256;
}

} // namespace handoff
