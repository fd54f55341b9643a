# Writes OUT, a source with the bytes of all FILES (a list), for http/admin/page.hpp:
#
#   cmake -DOUT=page_files.cpp "-DFILES=a.js;b.css" -P embed_page.cmake
#
# index.html is the page at "/"; the others are at "/assets/NAME".
set(type_html "text/html\\; charset=utf-8")
set(type_css "text/css\\; charset=utf-8")
set(type_js "text/javascript\\; charset=utf-8")
set(type_svg "image/svg+xml")

set(arrays "")
set(table "")
set(number 0)
foreach(file IN LISTS FILES)
  cmake_path(GET file FILENAME name)
  cmake_path(GET file EXTENSION LAST_ONLY extension)
  string(SUBSTRING "${extension}" 1 -1 extension)
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${name}: what type is that?")
  endif()
  if(name STREQUAL "index.html")
    set(path "/")
  else()
    set(path "/assets/${name}")
  endif()
  file(SHA256 "${file}" digest)
  string(SUBSTRING "${digest}" 0 32 digest)
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char file_${number}[] = {${bytes}};\n")
  string(REPLACE "\\;" ";" type "${type_${extension}}")
  string(APPEND table "  {\"${path}\", \"${type}\", \"\\\"${digest}\\\"\",\n"
    "   {file_${number}, sizeof file_${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${OUT}.new" "#include \"http/admin/page.hpp\"

namespace handoff {
namespace {

${arrays}
constexpr page_file files[] = {
${table}};

} // namespace

std::span<const page_file> page_files() {
  return files;
}

} // namespace handoff
")
file(COPY_FILE "${OUT}.new" "${OUT}" ONLY_IF_DIFFERENT)
