// --credentials, the same in every client program.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace vizsla {

inline constexpr char kCredentialsVariable[] = "VIZSLA_CREDENTIALS";

inline void AddCredentialsOption(CLI::App& app, std::string& folder) {
  app.add_option("--credentials", folder,
                 "Folder with the certificate and token for a coordinator that wants them, made by "
                 "vizsla-coordinator init")
      ->type_name("FOLDER")
      ->envname(kCredentialsVariable);
}

}  // namespace vizsla
