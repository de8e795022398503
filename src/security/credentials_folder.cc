#include "src/security/credentials_folder.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "src/base/file.h"
#include "src/security/private_file.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

// Clocks of other machines may be behind.
constexpr std::chrono::hours kClockSkew{1};

constexpr char kTokensHeader[] =
    "# Who may call: name, role (viewer, worker, admin), SHA-256 of the token. A running "
    "coordinator\n"
    "# reads this file again when it changes: take a line out, and its token is refused.\n";

std::string AuthorityPath(const std::string& folder) { return folder + "/ca.crt"; }
std::string AuthorityKeyPath(const std::string& folder) { return folder + "/ca.key"; }
std::string IdentityPath(const std::string& folder) { return folder + "/identity.pem"; }
std::string TokenPath(const std::string& folder) { return folder + "/token"; }
std::string TokensPath(const std::string& folder) { return folder + "/tokens"; }

Validity From(Timestamp now, std::chrono::days lifetime) {
  return {now - kClockSkew, now + lifetime};
}

void AddHosts(const std::vector<std::string>& more, std::vector<std::string>* hosts) {
  for (const std::string& host : more) {
    if (std::find(hosts->begin(), hosts->end(), host) == hosts->end()) hosts->push_back(host);
  }
}

absl::StatusOr<std::string> NewIdentity(const Identity& authority,
                                        const CertificateRequest& request) {
  VIZSLA_ASSIGN_OR_RETURN(const Identity made, IssueCertificate(authority, request));
  return made.key_pem + made.certificate_pem;
}

// The client's folder; `token_line` gets what the coordinator must know of it.
absl::Status WriteClient(const std::string& folder, const Identity& authority,
                         const Principal& principal, const Validity& validity,
                         std::string* token_line) {
  VIZSLA_ASSIGN_OR_RETURN(
      const std::string identity,
      NewIdentity(authority, {principal.name, {}, CertificateUse::kClient, validity}));
  const std::string token = GenerateToken();
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFolder(folder));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFile(AuthorityPath(folder), authority.certificate_pem));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFile(IdentityPath(folder), identity));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFile(TokenPath(folder), token + "\n"));
  *token_line = TokenLine(principal, token);
  return absl::OkStatus();
}

absl::StatusOr<Identity> ReadAuthority(const std::string& folder) {
  Identity authority;
  VIZSLA_ASSIGN_OR_RETURN(authority.certificate_pem, ReadFile(AuthorityPath(folder + "/ca")));
  VIZSLA_ASSIGN_OR_RETURN(authority.key_pem, ReadPrivateFile(AuthorityKeyPath(folder + "/ca")));
  return authority;
}

// A new certificate that outlives its authority would fail without a word when that expires.
absl::StatusOr<Validity> WithinAuthority(const Identity& authority, std::chrono::days lifetime,
                                         Timestamp now) {
  VIZSLA_ASSIGN_OR_RETURN(const CertificateFacts facts, ReadCertificate(authority.certificate_pem));
  if (now >= facts.validity.end) {
    return absl::FailedPreconditionError(StrCat("the authority itself expired on ",
                                                DateText(facts.validity.end),
                                                "; make new credentials with init"));
  }
  Validity validity = From(now, lifetime);
  validity.end = std::min(validity.end, facts.validity.end);
  return validity;
}

absl::Status CheckIdentity(const std::string& identity_pem, const std::string& identity_path,
                           const std::string& authority_pem, const std::string& authority_path,
                           Timestamp now) {
  VIZSLA_RETURN_IF_ERROR(Annotate(CheckKey(identity_pem), identity_path));
  return Annotate(CheckCertificate(identity_pem, authority_pem, authority_path, now),
                  StrCat("the certificate in ", identity_path, " cannot be used"));
}

}  // namespace

absl::Status InitCredentials(const InitOptions& options, Timestamp now) {
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  AddHosts(options.hosts, &hosts);
  for (const std::string& host : hosts) VIZSLA_RETURN_IF_ERROR(CheckHost(host));
  const std::string& folder = options.folder;
  VIZSLA_ASSIGN_OR_RETURN(
      const Identity authority,
      MakeAuthority("vizsla certificate authority", From(now, options.authority_lifetime)));
  VIZSLA_ASSIGN_OR_RETURN(const Validity validity,
                          WithinAuthority(authority, options.certificate_lifetime, now));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFolder(folder));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFolder(folder + "/ca"));
  VIZSLA_RETURN_IF_ERROR(
      CreatePrivateFile(AuthorityPath(folder + "/ca"), authority.certificate_pem));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFile(AuthorityKeyPath(folder + "/ca"), authority.key_pem));
  std::string tokens = kTokensHeader;
  for (const Role role : {Role::kAdmin, Role::kWorker, Role::kViewer}) {
    const std::string name(ToText(role));
    std::string line;
    VIZSLA_RETURN_IF_ERROR(
        WriteClient(folder + "/" + name, authority, {name, role}, validity, &line));
    tokens += line;
  }
  VIZSLA_ASSIGN_OR_RETURN(
      const std::string identity,
      NewIdentity(authority, {"coordinator", hosts, CertificateUse::kServer, validity}));
  const std::string server = folder + "/coordinator";
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFolder(server));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFile(AuthorityPath(server), authority.certificate_pem));
  VIZSLA_RETURN_IF_ERROR(CreatePrivateFile(IdentityPath(server), identity));
  return CreatePrivateFile(TokensPath(server), tokens);
}

absl::Status IssueClient(const std::string& folder, const Principal& principal,
                         std::chrono::days lifetime, Timestamp now) {
  VIZSLA_RETURN_IF_ERROR(CheckClientName(principal.name));
  VIZSLA_ASSIGN_OR_RETURN(const Identity authority, ReadAuthority(folder));
  VIZSLA_ASSIGN_OR_RETURN(const Validity validity, WithinAuthority(authority, lifetime, now));
  const std::string tokens_path = TokensPath(folder + "/coordinator");
  VIZSLA_ASSIGN_OR_RETURN(std::string tokens, ReadPrivateFile(tokens_path));
  // Its errors before anything is written; the name may be in use.
  if (!tokens.empty() && tokens.back() != '\n') tokens += '\n';
  const auto check = TokenTable::Parse(tokens + TokenLine(principal, GenerateToken()), tokens_path);
  if (!check.ok()) return check.status();
  std::string line;
  VIZSLA_RETURN_IF_ERROR(
      WriteClient(folder + "/" + principal.name, authority, principal, validity, &line));
  return ReplacePrivateFile(tokens_path, tokens + line);
}

absl::Status RenewServer(const std::string& folder, const std::vector<std::string>& more_hosts,
                         std::chrono::days lifetime, Timestamp now) {
  VIZSLA_ASSIGN_OR_RETURN(const Identity authority, ReadAuthority(folder));
  VIZSLA_ASSIGN_OR_RETURN(const Validity validity, WithinAuthority(authority, lifetime, now));
  const std::string path = IdentityPath(folder + "/coordinator");
  VIZSLA_ASSIGN_OR_RETURN(const std::string old, ReadPrivateFile(path));
  absl::StatusOr<CertificateFacts> facts = ReadCertificate(old);
  if (!facts.ok()) return Annotate(facts.status(), path);
  AddHosts(more_hosts, &facts->hosts);
  VIZSLA_ASSIGN_OR_RETURN(
      const std::string identity,
      NewIdentity(authority, {"coordinator", facts->hosts, CertificateUse::kServer, validity}));
  return ReplacePrivateFile(path, identity);
}

absl::StatusOr<ClientCredentials> LoadClientCredentials(const std::string& folder, Timestamp now) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return absl::NotFoundError(StrCat("no folder ", folder, " with credentials"));
  }
  if (fs::exists(folder + "/ca", error) || fs::exists(TokensPath(folder), error)) {
    return absl::InvalidArgumentError(
        StrCat(folder, " is the coordinator's; name a client's folder, for instance ",
               fs::exists(folder + "/ca", error) ? folder + "/viewer" : folder + "/../viewer"));
  }
  ClientCredentials loaded;
  loaded.folder = folder;
  loaded.authority_path = AuthorityPath(folder);
  VIZSLA_ASSIGN_OR_RETURN(loaded.authority_pem, ReadFile(loaded.authority_path));
  VIZSLA_ASSIGN_OR_RETURN(loaded.identity_pem, ReadPrivateFile(IdentityPath(folder)));
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, ReadPrivateFile(TokenPath(folder)));
  absl::StatusOr<std::string> token = ParseToken(text);
  if (!token.ok()) return Annotate(token.status(), TokenPath(folder));
  loaded.token = *std::move(token);
  VIZSLA_RETURN_IF_ERROR(CheckIdentity(loaded.identity_pem, IdentityPath(folder),
                                       loaded.authority_pem, loaded.authority_path, now));
  return loaded;
}

absl::StatusOr<ServerCredentialFiles> FindServerCredentials(const std::string& given,
                                                            Timestamp now) {
  std::error_code error;
  if (!fs::is_directory(given, error)) {
    return absl::NotFoundError(StrCat(
        "no folder ", given, " with credentials; vizsla-coordinator init ", given, " makes it"));
  }
  const std::string inner = given + "/coordinator";
  const std::string folder = fs::is_directory(inner, error) ? inner : given;
  ServerCredentialFiles files{AuthorityPath(folder), IdentityPath(folder), TokensPath(folder), {}};
  VIZSLA_ASSIGN_OR_RETURN(const std::string authority, ReadFile(files.authority_path));
  VIZSLA_ASSIGN_OR_RETURN(const std::string identity, ReadPrivateFile(files.identity_path));
  VIZSLA_RETURN_IF_ERROR(
      CheckIdentity(identity, files.identity_path, authority, files.authority_path, now));
  VIZSLA_ASSIGN_OR_RETURN(files.certificate, ReadCertificate(identity));
  return files;
}

absl::StatusOr<TokenTable> ReadTokens(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, ReadPrivateFile(path));
  VIZSLA_ASSIGN_OR_RETURN(TokenTable table, TokenTable::Parse(text, path));
  if (table.size() == 0) {
    return absl::InvalidArgumentError(StrCat(path, ": it has no token: nobody could call"));
  }
  return table;
}

}  // namespace vizsla
