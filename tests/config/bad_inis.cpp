#include "tests/config/bad_inputs.hpp"

namespace handoff::test {

const std::vector<bad_input>& bad_inis() {
  static const std::vector<bad_input> table{
    {"[htp]\nport = 1",
     "[htp]: is not a known section (did you mean http?); allowed: http, "
     "admin, flows, deadline, admission, pool, retry, supervisor, upstream, "
     "journal, drain, log, trace, scheduler, work-stealing or stream"},
    {"[logger]\nverbosity = 'debug'", "[logger]: is CAF's own log, which does "
                                      "nothing in this build; allowed: [log]"},
    {{"[http]\nport = 1\0", 16}, ":2: has a NUL byte; allowed: text in UTF-8"},
    {"port = 1",
     "port: stands outside of any section; allowed: a key in http, admin, "
     "flows, deadline, admission, pool, retry, supervisor, upstream, journal, "
     "drain, log, trace, scheduler, work-stealing or stream"},
    {"[http]\nadress = \"::1\"",
     "http.adress: is not a known key (did you mean address?); allowed: "
     "address, port, threads, max-body, header-timeout, body-timeout, "
     "max-connections, public-url or keep-alive"},
    {"[http.tls]\nport = 1",
     "http.tls: is not a known key; allowed: address, port, threads, max-body, "
     "header-timeout, body-timeout, max-connections, public-url or keep-alive"},
    {"[http]\npublic-url = \"hooks.example\"",
     "http.public-url: is not an absolute URL; allowed: http:// and https://"},
    {"[http]\npublic-url = \"https://hooks.example/?a=1\"",
     "http.public-url: has a query; allowed: what senders call, such as "
     "\"https://hooks.example\""},
    {"[http]\nport = 99999", "http.port: 99999 is out of range; allowed: a "
                             "whole number from 0 to 65535"},
    {"[http]\nport = -1",
     "http.port: -1 is out of range; allowed: a whole number from 0 to 65535"},
    {"[http]\nport = \"8080\"",
     "http.port: \"8080\" is text; allowed: a whole number from 0 to 65535"},
    {"[http]\nport = 80.5", "http.port: 80.5 is a number with a fraction; "
                            "allowed: a whole number from 0 to 65535"},
    {"[http]\nport = true", "http.port: true has the wrong type; allowed: a "
                            "whole number from 0 to 65535"},
    {"[http]\nport = [1, 2]",
     "http.port: is a list; allowed: a whole number from 0 to 65535"},
    {"[http]\nport = 1\nport = 2",
     "http.port: appears twice, in the lines 2 and 3"},
    {"[http]\nport = 1\n[http]\nthreads = 2",
     "[http]: appears twice, in the lines 1 and 3"},
    {"[http]\nport = ",
     ":2:8: cannot be read; allowed: [section], key = value and ; comment; "
     "text, a size with a unit and a duration in days need double quotes, such "
     "as \"1MiB\" and \"7d\""},
    {"[http]\nport 8080",
     ":2:7: cannot be read; allowed: [section], key = value and ; comment; "
     "text, a size with a unit and a duration in days need double quotes, such "
     "as \"1MiB\" and \"7d\""},
    {"[http]\naddress = localhost",
     ":2:12: cannot be read; allowed: [section], key = value and ; comment; "
     "text, a size with a unit and a duration in days need double quotes, such "
     "as \"1MiB\" and \"7d\""},
    {"[http]\naddress = \"no.such.name\"",
     "http.address: \"no.such.name\" is not an address; allowed: an IP address "
     "or \"localhost\""},
    {"[http]\naddress = \"\"",
     "http.address: is empty; allowed: an IP address or \"localhost\""},
    {"[http]\naddress = \"127.0.0.1",
     ":2:21: cannot be read; allowed: [section], key = value and ; comment; "
     "text, a size with a unit and a duration in days need double quotes, such "
     "as \"1MiB\" and \"7d\""},
    {"[http]\naddress = { a = 1",
     "ends within a value: a quote, bracket or brace is not closed"},
    {"[http\nport = 1",
     ":1:6: cannot be read; allowed: [section], key = value and ; comment; "
     "text, a size with a unit and a duration in days need double quotes, such "
     "as \"1MiB\" and \"7d\""},
    {"# port\n[http]\nport = 1",
     ":1:1: # does not begin a comment, but ; does"},
    {"[http]\nmax-body = 1MiB",
     ":2:16: cannot be read; allowed: [section], key = value and ; comment; "
     "text, a size with a unit and a duration in days need double quotes, such "
     "as \"1MiB\" and \"7d\""},
    {"[http]\nmax-body = \"1 MiBB\"",
     "http.max-body: \"1 MiBB\" is not a size; allowed: a number of bytes or a "
     "text such as \"64KiB\", from 1 byte to 64MiB"},
    {"[http]\nmax-body = \"1GiB\"",
     "http.max-body: \"1GiB\" is out of range; allowed: a number of bytes or a "
     "text such as \"64KiB\", from 1 byte to 64MiB"},
    {"[http]\nport = 99999999999999999999",
     ":2:27: the number is too large; allowed: 64 bits"},
    {"[deadline]\nlimit = 9.5s",
     ":2:13: a duration with a fraction needs double quotes; allowed: one such "
     "as \"9.5s\""},
    {"[deadline]\nlimit = 10",
     "deadline.limit: 10 has no unit; allowed: a duration such as 500ms, 10s, "
     "\"9.5s\" or \"7d\", from 1ms to 1h"},
    {"[deadline]\nlimit = \"soon\"",
     "deadline.limit: \"soon\" is not a duration; allowed: a duration such as "
     "500ms, 10s, \"9.5s\" or \"7d\", from 1ms to 1h"},
    {"[deadline]\nlimit = -5s",
     "deadline.limit: -5s is negative; allowed: a duration such as 500ms, "
     "10s, \"9.5s\" or \"7d\", from 1ms to 1h"},
    {"[http]\npublic-url = \"https://u:p@hooks.example\"",
     "http.public-url: has user information in it; allowed: a URL without it"},
    {"[trace]\notlp = \"https://u:p@collector.example\"",
     "trace.otlp: has user information in it; allowed: a URL without it"},
    {"[http]\nport = -5s", "http.port: -5s is a duration; allowed: a whole "
                           "number from 0 to 65535"},
    {"[deadline]\nlimit = 1s\nmargin = 2s",
     "deadline.margin: deadline.margin is 2s; allowed: less than "
     "deadline.limit, which is 1s"},
    {"[retry]\nfirst = 2min", "retry.first: retry.first is 2min; allowed: up "
                              "to retry.max, which is 1min"},
    {"[retry]\njitter = 1.5",
     "retry.jitter: 1.5 is out of range; allowed: a number from 0 to 1"},
    {"[retry]\nmax-attempts = 0", "retry.max-attempts: 0 is out of range; "
                                  "allowed: a whole number from 1 to 1000"},
    {"[pool]\nworkers = 0",
     "pool.workers: 0 is out of range; allowed: a whole number from 1 to 100"},
    {"[upstream]\nca = \"ca.pem\"",
     "upstream.ca: holds no certificate; allowed: the PEM text of "
     "certificates, such as ${file:ca.pem}"},
    {"[upstream]\nproxy = \"proxy.internal:3128\"",
     "upstream.proxy: is not a proxy; allowed: \"http://HOST:PORT\""},
    {"[upstream]\nprivate-networks = \"refused\"",
     "upstream.private-networks: \"refused\" is not allowed (did you mean "
     "refuse?); allowed: allow or refuse"},
    {"[log]\nlevel = \"warn\"",
     "log.level: \"warn\" is not allowed (did you mean warning?); allowed: "
     "trace, debug, info, warning, error or critical"},
    {"[log]\nformat = 'xml'",
     "log.format: 'xml' is not allowed; allowed: text or json"},
    {"[journal]\nuri = \"mysql:handoff\"",
     "journal.uri: has no scheme that is known; allowed: \"sqlite:PATH\" or "
     "\"postgresql://USER@HOST:PORT/DATABASE\""},
    {"[journal]\nuri = \"sqlite:\"",
     "journal.uri: has no path; allowed: \"sqlite:PATH\" or "
     "\"postgresql://USER@HOST:PORT/DATABASE\""},
    {"[journal]\nlease = 30s",
     "journal.lease: does nothing with a sqlite: journal, which one process "
     "has to itself; allowed: with journal.uri = \"postgresql://…\""},
    {"[upstream]\nshared = false",
     "upstream.shared: does nothing with a sqlite: journal, which one process "
     "has to itself; allowed: with journal.uri = \"postgresql://…\""},
    {"[journal]\nuri = \"postgresql://db/handoff\"\nlease = 2s",
     "journal.lease: 2s is out of range; allowed: a duration such as 500ms, "
     "10s, \"9.5s\" or \"7d\", from 3s to 10min"},
    {"[journal]\nsecret = \"a-secret-of-24-characters\"",
     "journal.secret: does nothing with a sqlite: journal, which one process "
     "has to itself; allowed: with journal.uri = \"postgresql://…\""},
    {"[journal]\nuri = \"postgresql://db/handoff\"\nsecret = \"short\"",
     "journal.secret: is shorter than 16 characters; allowed: a long random "
     "text, such as what \"openssl rand -hex 32\" prints"},
    {"[admin]\naddress = \"0.0.0.0\"",
     "admin.address: \"0.0.0.0\" is reachable from other machines: set "
     "admin.token or use a loopback address"},
    {"[admin]\nport = 8080", "admin.port: admin.port and http.port are both "
                             "8080; allowed: two ports or two addresses"},
    {"[admin]\ntoken = \"${env:HANDOFF_NOT_SET}\"",
     "admin.token: ${env:HANDOFF_NOT_SET} is not set in the environment"},
    {"[admin]\ntoken = \"${file:no-such-file}\"",
     "admin.token: ${file:no-such-file} cannot be read: there is no such file"},
    {"[admin]\ntoken = \"${env:HANDOFF_BAD_TOKEN}\"",
     "admin.token: has characters in it that are not allowed; allowed: visible "
     "ASCII characters without spaces"},
    {"[scheduler]\npolicy = \"steal\"",
     "scheduler.policy: \"steal\" is not allowed (did you mean stealing?); "
     "allowed: sharing or stealing"},
    {"[scheduler]\nmax-threads = 0",
     "scheduler.max-threads: 0 is out of range; allowed: a whole number from 1 "
     "to 1024"},
    {"[work-stealing]\nrelaxed-sleep-duration = 1ms",
     "work-stealing.relaxed-sleep-duration: does nothing with this "
     "scheduler.policy: it belongs to \"stealing\""},
    {"[scheduler]\nprofiling-output-file = \"a\"",
     "scheduler.profiling-output-file: does nothing without "
     "scheduler.enable-profiling = true"},
  };
  return table;
}

} // namespace handoff::test
