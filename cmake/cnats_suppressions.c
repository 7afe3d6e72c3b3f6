// For programs with cnats alone, which no binary of the product is: it reads and writes one TLS connection from two
// threads, and when the peer goes, OpenSSL writes its alert from the reading one. Neither library is instrumented.

const char* __tsan_default_suppressions(void) {
  return "called_from_lib:libssl.so.3\n"
         "called_from_lib:libcrypto.so.3\n";
}
