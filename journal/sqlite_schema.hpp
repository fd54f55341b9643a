#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace handoff::sqlite {

class connection;

/// "HDOF": tells file(1), and us, whose database it is.
inline constexpr std::int64_t journal_application_id = 0x48444f46;

/// What brings a journal from each version of its schema to the next: the
/// first makes version 1 of an empty file. Append-only: a step that has been
/// released is never changed.
std::span<const std::string_view> migrations() noexcept;

/// Brings the database up to the last of `steps`, each in a transaction of its
/// own: a crash leaves it at one version or the next. Throws `failure`, with
/// nothing changed, when it belongs to another program or to a newer release.
void migrate(connection& on, std::span<const std::string_view> steps);

/// What a connection that writes must have set before it does.
void prepare_to_write(connection& on);

} // namespace handoff::sqlite
