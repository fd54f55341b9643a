#pragma once

#include <string>
#include <vector>

namespace handoff {

/// Each takes the words behind its name and gives the exit code.
using command_words = std::vector<std::string>;

/// Runs the service until it is told to stop.
int serve_command(const command_words& words);

/// Validates the configuration without starting anything.
int check_command(const command_words& words);

/// Sends a webhook to a running service.
int send_command(const command_words& words);

/// Lists jobs.
int jobs_command(const command_words& words);

/// Draws a job's timeline.
int show_command(const command_words& words);

/// Shows jobs while they run.
int watch_command(const command_words& words);

/// Makes once more what failed of a job.
int retry_order(const command_words& words);

/// Lets a job begin nothing more.
int cancel_order(const command_words& words);

/// Settles an ambiguous clone.
int resolve_order(const command_words& words);

/// Lists the flows that are in force.
int flows_command(const command_words& words);

/// Reads the flows again.
int reload_command(const command_words& words);

/// Lists the nodes that share the journal.
int nodes_command(const command_words& words);

/// Copies or checks a journal.
int journal_command(const command_words& words);

/// Plays a flow through, in virtual time.
int simulate_command(const command_words& words);

/// Lists the senders that are known, or prints what one stands for.
int senders_command(const command_words& words);

/// Proves a flow against a recorded request.
int verify_command(const command_words& words);

/// Prints the version, and how it was built.
int version_command(const command_words& words);

/// Prints what completes commands in a shell.
int completion_command(const command_words& words);

} // namespace handoff
