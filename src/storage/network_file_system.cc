#include "src/storage/network_file_system.h"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include "src/base/file.h"

namespace vizsla {
namespace {

constexpr uint32_t kFuseMagic = 0x65735546;

// statfs(2), linux/magic.h and the vendors' headers.
constexpr std::pair<uint32_t, std::string_view> kNetworkMagic[] = {
    {0x6969, "nfs"},        {0x517B, "smb"},        {0xFE534D42, "smb"},   {0xFF534D42, "cifs"},
    {0x5346414F, "afs"},    {0x6B414653, "afs"},    {0x73757245, "coda"},  {0x564C, "ncp"},
    {0x00C36400, "ceph"},   {0x0BD00BD0, "lustre"}, {0x47504653, "gpfs"},  {0xAAD7AAEA, "panfs"},
    {0x19830326, "beegfs"}, {0x01161970, "gfs2"},   {0x7461636F, "ocfs2"},
};

// FUSE file systems that keep their bytes on this machine.
constexpr std::array<std::string_view, 10> kLocalFuse = {
    "fuseblk",    "virtiofs",    "fuse.fuse-overlayfs", "fuse.mergerfs",  "fuse.ntfs-3g",
    "fuse.exfat", "fuse.bindfs", "fuse.encfs",          "fuse.gocryptfs", "fuse.unionfs",
};

// The mount table writes space, tab, newline and backslash as \040 and so on.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      const auto digit = [&](size_t k) { return text[i + k] - '0'; };
      plain.push_back(static_cast<char>(digit(1) * 64 + digit(2) * 8 + digit(3)));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

bool IsBelow(std::string_view path, std::string_view mount_point) {
  if (mount_point == "/") return true;
  return path.starts_with(mount_point) &&
         (path.size() == mount_point.size() || path[mount_point.size()] == '/');
}

}  // namespace

std::optional<std::string> NetworkFileSystem(uint32_t magic, std::string_view mount_type) {
  for (const auto& [known, name] : kNetworkMagic) {
    if (magic == known) return std::string(name);
  }
  if (magic != kFuseMagic) return std::nullopt;
  if (std::find(kLocalFuse.begin(), kLocalFuse.end(), mount_type) != kLocalFuse.end()) {
    return std::nullopt;
  }
  return mount_type.empty() ? "fuse" : std::string(mount_type);
}

std::string MountType(std::string_view mountinfo, std::string_view path) {
  // "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": the mount point is the fifth
  // field, the type follows the lone dash. Of nested mounts the longest wins, then the last.
  std::string type;
  size_t longest = 0;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; words >> word;) fields.push_back(word);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 2) continue;
    const std::string mount_point = Unescape(fields[4]);
    if (!IsBelow(path, mount_point) || mount_point.size() < longest) continue;
    longest = mount_point.size();
    type = *(dash + 1);
  }
  return type;
}

absl::Status CheckLocalFileSystem(const std::string& folder, const std::string& shown_path) {
  struct statfs info {};
  if (::statfs(folder.c_str(), &info) != 0) return ErrnoStatus(errno, folder, "statfs");
  std::string type;
  const uint32_t magic = static_cast<uint32_t>(info.f_type);
  if (magic == kFuseMagic) {
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::canonical(folder, error);
    const auto mounts = ReadFile("/proc/self/mountinfo");
    if (!error && mounts.ok()) type = MountType(*mounts, absolute.string());
  }
  const std::optional<std::string> network = NetworkFileSystem(magic, type);
  if (!network) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat(shown_path, " is on a network file system (", *network,
             "), where SQLite's locks do not hold; choose a local folder"));
}

}  // namespace vizsla
