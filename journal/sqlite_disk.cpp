#include "journal/sqlite_disk.hpp"

#include <sqlite3.h>

#include <string_view>

namespace handoff::sqlite {
namespace {

/// A file of SQLite's own layer with our answer in front of it. The real file
/// is in the memory behind this one, as SQLite makes room for both at once.
struct faulty_file {
  sqlite3_file base;
  const faulty_disk* disk;
  const char* kind;
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<faulty_file*>(file)
                                         + 1);
}

template <class Operation>
int answered(sqlite3_file* file, disk_operation what, int failure,
             Operation&& operation) {
  const auto& self = *reinterpret_cast<faulty_file*>(file);
  switch (self.disk->ask(what, self.kind)) {
  case disk_answer::full:
    return SQLITE_FULL;
  case disk_answer::failed:
    return failure;
  case disk_answer::failed_late:
    operation();
    return failure;
  case disk_answer::done:
    break;
  }
  return operation();
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
  return answered(file, disk_operation::write, SQLITE_IOERR_WRITE, [&] {
    return real(file)->pMethods->xWrite(real(file), data, size, at);
  });
}

int sync(sqlite3_file* file, int flags) {
  return answered(file, disk_operation::sync, SQLITE_IOERR_FSYNC, [&] {
    return real(file)->pMethods->xSync(real(file), flags);
  });
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return answered(file, disk_operation::truncate, SQLITE_IOERR_TRUNCATE, [&] {
    return real(file)->pMethods->xTruncate(real(file), size);
  });
}

int close(sqlite3_file* file) {
  return real(file)->pMethods->xClose(real(file));
}

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), data, size, at);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}

int lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}

int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}

int check_reserved_lock(sqlite3_file* file, int* held) {
  return real(file)->pMethods->xCheckReservedLock(real(file), held);
}

int file_control(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}

int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}

int device_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

int shm_map(sqlite3_file* file, int page, int size, int extend,
            void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}

int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}

int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

// Version 2 has the shared memory that a write-ahead log needs, and not the
// memory mapping, through which writes would pass us by.
constexpr sqlite3_io_methods methods = {2,
                                        close,
                                        read,
                                        write,
                                        truncate,
                                        sync,
                                        file_size,
                                        lock,
                                        unlock,
                                        check_reserved_lock,
                                        file_control,
                                        sector_size,
                                        device_characteristics,
                                        shm_map,
                                        shm_lock,
                                        shm_barrier,
                                        shm_unmap,
                                        nullptr,
                                        nullptr};

int open(sqlite3_vfs* layer, const char* path, sqlite3_file* file, int flags,
         int* given_flags) {
  auto* const self = reinterpret_cast<faulty_file*>(file);
  auto* const disk = static_cast<const faulty_disk*>(layer->pAppData);
  auto* const below = sqlite3_vfs_find(nullptr);
  self->base.pMethods = nullptr;
  const int code = below->xOpen(below, path, real(file), flags, given_flags);
  if (real(file)->pMethods == nullptr)
    return code;
  self->base.pMethods = &methods;
  self->disk = disk;
  self->kind = (flags & SQLITE_OPEN_WAL) != 0 ? "wal" : "db";
  return code;
}

} // namespace

faulty_disk::faulty_disk(disk_fault fault)
    : fault_{std::move(fault)}, layer_{std::make_unique<sqlite3_vfs>()} {
  // Named after its address, so that any number of them can live.
  name_ = "handoff-" + std::to_string(reinterpret_cast<std::uintptr_t>(this));
  // All but opening is the operating system's own, which takes no notice of
  // whose layer it is called through.
  *layer_ = *sqlite3_vfs_find(nullptr);
  layer_->pNext = nullptr;
  layer_->zName = name_.c_str();
  layer_->szOsFile += static_cast<int>(sizeof(faulty_file));
  layer_->pAppData = this;
  layer_->xOpen = open;
  sqlite3_vfs_register(layer_.get(), 0);
}

faulty_disk::~faulty_disk() {
  sqlite3_vfs_unregister(layer_.get());
}

} // namespace handoff::sqlite
