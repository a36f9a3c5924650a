# SPDX-License-Identifier: Apache-2.0
# To be read with `.`: install_packages, which the set-up scripts share.

# package_is_here PACKAGE: a tool counts as here if its command is, whatever put it there.
package_is_here() {
  case "$1" in
    g++ | cmake | python3) command -v "$1" ;;
    clang) command -v clang++ ;;
    ninja-build) command -v ninja ;;
    pkg-config) command -v pkg-config || command -v pkgconf ;;
    *) dpkg-query -W -f '${Status}\n' "$1" 2>&1 | grep -qx 'install ok installed' ;;
  esac > /dev/null
}

# install_packages PACKAGE...: says which of these Debian packages are missing, and installs those. Where all are here it
# needs neither the network nor root.
install_packages() {
  if ! command -v apt-get > /dev/null; then
    echo "There is no apt-get here, so nothing is installed. These Debian packages, or what they hold, are needed: $*"
    return 0
  fi
  missing=
  for package in "$@"; do
    package_is_here "$package" || missing="$missing $package"
  done
  if [ -z "$missing" ]; then
    echo "Nothing to install. Needed, and here: $*"
    return 0
  fi
  echo "To install now, with apt-get from this system's package sources:$missing"
  as_root=
  if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    command -v sudo > /dev/null || { echo "That takes root or sudo." >&2; return 1; }
  fi
  $as_root apt-get update -q
  # shellcheck disable=SC2086 # the list is meant to be split
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}
