/// What jemalloc(3) reads its options from when the program starts. Memory that
/// was freed goes back to the system, also while the service has nothing to do:
/// a thread of its own sees to that, which sleeps where there is none. It goes
/// back within half a second, not ten: what ten thousand clones let go of is
/// what their sub-actions need next, by other threads and in other sizes.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,narenas:2,"
                          "dirty_decay_ms:500,muzzy_decay_ms:0,tcache_max:4096";
}
