#include "src/security/certificates.h"

#include <arpa/inet.h>
#include <openssl/rand.h>

#include <ctime>

#include "src/security/openssl_objects.h"

namespace vizsla {
namespace {

using openssl::Bio;
using openssl::Certificate;
using openssl::Failure;
using openssl::Key;

bool IsIpAddress(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

time_t Seconds(Timestamp time) {
  return static_cast<time_t>(ToUnixMillis(time) / 1000);  // after 1970
}

Timestamp FromAsn1(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return FromUnixMillis(static_cast<int64_t>(::timegm(&parts)) * 1000);
}

template <typename Write>
absl::StatusOr<std::string> ToPem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || write(bio.get()) != 1) return Failure("writing PEM");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

absl::StatusOr<Identity> ToIdentity(EVP_PKEY* key, X509* certificate) {
  Identity identity;
  VIZSLA_ASSIGN_OR_RETURN(identity.key_pem, ToPem([&](BIO* bio) {
                            return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0,
                                                                 nullptr, nullptr);
                          }));
  VIZSLA_ASSIGN_OR_RETURN(identity.certificate_pem,
                          ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }));
  return identity;
}

absl::StatusOr<Certificate> ParseCertificate(std::string_view pem) {
  Certificate certificate(
      PEM_read_bio_X509(openssl::ReadOnly(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate == nullptr) return absl::InvalidArgumentError("it holds no PEM certificate");
  return certificate;
}

// A key under a passphrase is refused instead of asking a terminal for it.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<Key> ParseKey(std::string_view pem) {
  Key key(PEM_read_bio_PrivateKey(openssl::ReadOnly(pem).get(), nullptr, &NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) return absl::InvalidArgumentError("it holds no unencrypted PEM private key");
  return key;
}

bool SetRandomSerial(X509* certificate) {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = (bytes[0] & 0x7F) | 0x40;  // positive, and of one length
  const std::unique_ptr<BIGNUM, openssl::Freer<BN_free>> number(
      BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetName(X509_NAME* name, const std::string& common_name) {
  const auto add = [&](const char* field, const std::string& value) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
  };
  return add("O", "vizsla") && add("CN", common_name);
}

bool AddExtension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, openssl::Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// All but extensions and signature.
absl::StatusOr<Certificate> Draft(EVP_PKEY* key, const std::string& common_name,
                                  const Validity& validity) {
  Certificate certificate(X509_new());
  X509* const raw = certificate.get();
  if (raw == nullptr || X509_set_version(raw, 2) != 1 || !SetRandomSerial(raw) ||
      ASN1_TIME_set(X509_getm_notBefore(raw), Seconds(validity.begin)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(raw), Seconds(validity.end)) == nullptr ||
      !SetName(X509_get_subject_name(raw), common_name) || X509_set_pubkey(raw, key) != 1) {
    return Failure("making a certificate");
  }
  return certificate;
}

absl::StatusOr<std::string> AlternativeNames(const std::vector<std::string>& hosts) {
  std::string names;
  for (const std::string& host : hosts) {
    VIZSLA_RETURN_IF_ERROR(CheckHost(host));
    names += StrCat(names.empty() ? "" : ",", IsIpAddress(host) ? "IP:" : "DNS:", host);
  }
  return names;
}

}  // namespace

absl::Status CheckHost(const std::string& host) {
  if (IsIpAddress(host)) return absl::OkStatus();
  const std::string name = host.starts_with("*.") ? host.substr(2) : host;
  constexpr std::string_view kKnown =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
  if (!name.empty() && name.size() <= 253 && name.find_first_not_of(kKnown) == std::string::npos &&
      name.front() != '.' && name.front() != '-' && name.back() != '-' &&
      name.find("..") == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StrCat("host '", host.substr(0, 80), "' is neither a name nor an IP address"));
}

absl::StatusOr<Identity> MakeAuthority(std::string_view common_name, const Validity& validity) {
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failure("making a key");
  VIZSLA_ASSIGN_OR_RETURN(const Certificate made,
                          Draft(key.get(), std::string(common_name), validity));
  X509* const raw = made.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(raw)) != 1 ||
      !AddExtension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(raw, raw, NID_subject_key_identifier, "hash") ||
      X509_sign(raw, key.get(), EVP_sha256()) == 0) {
    return Failure("signing the authority's certificate");
  }
  return ToIdentity(key.get(), raw);
}

absl::StatusOr<Identity> IssueCertificate(const Identity& authority,
                                          const CertificateRequest& request) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string names, AlternativeNames(request.hosts));
  VIZSLA_ASSIGN_OR_RETURN(const Key authority_key, ParseKey(authority.key_pem));
  VIZSLA_ASSIGN_OR_RETURN(const Certificate issuer, ParseCertificate(authority.certificate_pem));
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failure("making a key");
  VIZSLA_ASSIGN_OR_RETURN(const Certificate made,
                          Draft(key.get(), request.common_name, request.validity));
  X509* const raw = made.get();
  const bool server = request.use == CertificateUse::kServer;
  if (X509_set_issuer_name(raw, X509_get_subject_name(issuer.get())) != 1 ||
      !AddExtension(raw, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(raw, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(raw, issuer.get(), NID_ext_key_usage, server ? "serverAuth" : "clientAuth") ||
      !AddExtension(raw, issuer.get(), NID_subject_key_identifier, "hash") ||
      !AddExtension(raw, issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      (!names.empty() && !AddExtension(raw, issuer.get(), NID_subject_alt_name, names)) ||
      X509_sign(raw, authority_key.get(), EVP_sha256()) == 0) {
    return Failure("signing a certificate");
  }
  return ToIdentity(key.get(), raw);
}

absl::StatusOr<CertificateFacts> ReadCertificate(std::string_view pem) {
  VIZSLA_ASSIGN_OR_RETURN(const Certificate certificate, ParseCertificate(pem));
  CertificateFacts facts;
  std::array<char, 128> name{};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName,
                                name.data(), static_cast<int>(name.size())) > 0) {
    facts.common_name = name.data();
  }
  facts.validity = {FromAsn1(X509_get0_notBefore(certificate.get())),
                    FromAsn1(X509_get0_notAfter(certificate.get()))};
  const std::unique_ptr<GENERAL_NAMES, openssl::Freer<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* each = sk_GENERAL_NAME_value(names.get(), i);
    if (each->type == GEN_DNS) {
      facts.hosts.emplace_back(
          reinterpret_cast<const char*>(ASN1_STRING_get0_data(each->d.dNSName)),
          static_cast<size_t>(ASN1_STRING_length(each->d.dNSName)));
    } else if (each->type == GEN_IPADD) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      const int length = ASN1_STRING_length(each->d.iPAddress);
      if (length != 4 && length != 16) continue;
      ::inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(each->d.iPAddress),
                  text.data(), text.size());
      facts.hosts.emplace_back(text.data());
    }
  }
  return facts;
}

absl::Status CheckCertificate(std::string_view certificate_pem, std::string_view authority_pem,
                              std::string_view authority_path, Timestamp now) {
  VIZSLA_ASSIGN_OR_RETURN(const CertificateFacts facts, ReadCertificate(certificate_pem));
  VIZSLA_ASSIGN_OR_RETURN(const Certificate certificate, ParseCertificate(certificate_pem));
  const absl::StatusOr<Certificate> authority = ParseCertificate(authority_pem);
  if (!authority.ok()) return Annotate(authority.status(), authority_path);
  const bool by = X509_check_issued(authority->get(), certificate.get()) == X509_V_OK &&
                  X509_verify(certificate.get(), X509_get0_pubkey(authority->get())) == 1;
  ERR_clear_error();
  if (!by) {
    return absl::FailedPreconditionError(StrCat("it is not signed by ", authority_path));
  }
  if (now > facts.validity.end) {
    return absl::FailedPreconditionError(StrCat("it expired on ", DateText(facts.validity.end)));
  }
  if (now < facts.validity.begin) {
    return absl::FailedPreconditionError(StrCat("it is valid only from ",
                                                DateText(facts.validity.begin),
                                                " on: is this machine's clock right?"));
  }
  return absl::OkStatus();
}

absl::Status CheckKey(std::string_view identity_pem) {
  VIZSLA_ASSIGN_OR_RETURN(const Certificate certificate, ParseCertificate(identity_pem));
  VIZSLA_ASSIGN_OR_RETURN(const Key key, ParseKey(identity_pem));
  const bool fits = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError("its key is not its certificate's");
}

std::string DateText(Timestamp time) {
  const time_t seconds = Seconds(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

}  // namespace vizsla
