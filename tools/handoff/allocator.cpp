/// What jemalloc(3) reads its options from when the program starts. Memory that
/// was freed goes back to the system, also while the service has nothing to do:
/// a thread of its own sees to that, which sleeps where there is none.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,narenas:4";
}
