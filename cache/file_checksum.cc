#include "cache/file_checksum.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace reposfs {

FileChecksum::FileChecksum() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex(context_, EVP_sha1(), nullptr) != 1) std::abort();
}

FileChecksum::~FileChecksum() {
  EVP_MD_CTX_free(context_);
}

void FileChecksum::Add(std::string_view bytes) {
  if (EVP_DigestUpdate(context_, bytes.data(), bytes.size()) != 1) std::abort();
}

Oid FileChecksum::Finish() {
  Oid checksum;
  if (EVP_DigestFinal_ex(context_, checksum.bytes.data(), nullptr) != 1) std::abort();
  return checksum;
}

}  // namespace reposfs
