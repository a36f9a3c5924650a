# SPDX-License-Identifier: Apache-2.0
# Defines nibble::eigen = nibble + Eigen >= 3.4. Read both by the build tree and by the installed package.
#
# Sets nibble_eigen_FOUND and nibble_eigen_DETAIL. The version is compared here, because Eigen's version file accepts
# one major version only. The include directory is copied, so that an Eigen3::Eigen that only this directory sees serves
# every user of nibble::eigen.
set(nibble_eigen_FOUND FALSE)
if(TARGET nibble::eigen)
  set(nibble_eigen_FOUND TRUE)
  set(nibble_eigen_DETAIL "already defined")
  return()
endif()
if(NOT TARGET Eigen3::Eigen)
  find_package(Eigen3 CONFIG QUIET)
endif()
if(NOT TARGET Eigen3::Eigen)
  set(nibble_eigen_DETAIL "Eigen was not found")
elseif(Eigen3_VERSION AND Eigen3_VERSION VERSION_LESS 3.4)
  set(nibble_eigen_DETAIL "Eigen ${Eigen3_VERSION} is older than 3.4")
else()
  set(nibble_eigen_FOUND TRUE)
  set(nibble_eigen_DETAIL "Eigen ${Eigen3_VERSION}")
  get_target_property(nibble_eigen_include_dirs Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
  add_library(nibble::eigen INTERFACE IMPORTED ${nibble_import_scope})
  target_link_libraries(nibble::eigen INTERFACE nibble::nibble)
  target_include_directories(nibble::eigen SYSTEM INTERFACE ${nibble_eigen_include_dirs})
  unset(nibble_eigen_include_dirs)
endif()
