# SPDX-License-Identifier: Apache-2.0
# Installs the headers, the CMake package with its components, and the pkg-config file. All of it is relocatable and
# independent of the architecture.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(nibble_package_dir lib/cmake/nibble)

install(TARGETS nibble EXPORT nibble-targets
  FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILE_SET simd DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILE_SET eigen DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILE_SET cuda DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT nibble-targets NAMESPACE nibble:: DESTINATION ${nibble_package_dir})

configure_package_config_file(cmake/nibble-config.cmake.in nibble-config.cmake
  INSTALL_DESTINATION ${nibble_package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(nibble-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/nibble-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/nibble-config-version.cmake"
  cmake/nibble-simd.cmake
  cmake/nibble-eigen.cmake
  cmake/nibble-cuda.cmake
  cmake/nibble-dispatch.cmake
  DESTINATION ${nibble_package_dir})
install(DIRECTORY cmake/dispatch DESTINATION ${nibble_package_dir})

# An absolute include directory replaces the prefix, a relative one follows it.
set(nibble_pc_includedir "\${prefix}")
cmake_path(APPEND nibble_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
configure_file(cmake/nibble.pc.in nibble.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/nibble.pc" DESTINATION share/pkgconfig)
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
