// The two doors of the service, for senders and for operators.

#include "http/admin/admin.hpp"
#include "http/admin/origin_check.hpp"
#include "http/outbound/outbound_client.hpp"
#include "tools/handoff/outbound_settings.hpp"
#include "tools/handoff/service.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace handoff {
namespace {

front_door_options ingress_door(const http_settings& from,
                                std::shared_ptr<connection_refusals> refusals) {
  front_door_options options;
  options.address = from.address;
  options.port = from.port;
  options.threads = from.threads;
  options.max_body = from.max_body;
  options.header_timeout = from.header_timeout;
  options.body_timeout = from.body_timeout;
  options.max_connections = from.max_connections;
  options.idle_timeout = from.keep_alive;
  options.refusals = std::move(refusals);
  return options;
}

/// What senders call: as `[http] public-url` says, else what is listened on.
std::string senders_url(const http_settings& from, std::uint16_t port) {
  if (!from.public_url.empty())
    return from.public_url.substr(0, from.public_url.find_last_not_of('/') + 1);
  const bool is_ipv6 = from.address.find(':') != std::string::npos;
  return "http://" + (is_ipv6 ? "[" + from.address + "]" : from.address) + ":"
       + std::to_string(port);
}

front_door_options admin_door(const admin_settings& from,
                              std::chrono::milliseconds keep_alive,
                              std::shared_ptr<connection_refusals> refusals) {
  front_door_options options;
  options.address = from.address;
  options.port = from.port;
  options.threads = 1;
  options.idle_timeout = keep_alive;
  options.max_connections = 1'000;
  options.for_operators = true;
  options.refusals = std::move(refusals);
  options.fields = admin_fields();
  return options;
}

} // namespace

void service::open_doors(const settings& from) {
  ingress_options routes;
  routes.flows = flows_;
  routes.admission = admission_;
  routes.draining = draining_;
  routes.refuses = doubts();
  routes.intake = intake_;
  const job_views views{viewer_};
  routes.views = views;
  routes.counted = metrics_;
  routes.log = webhooks_;
  routes.shown = shown_;
  routes.deadline_limit = from.deadline.limit;
  routes.deadline_margin = from.deadline.margin;
  routes.max_body = from.http.max_body;
  // The admin routes come first: a probe must not see a service that takes
  // webhooks but cannot be asked how it is.
  admin_options seen;
  seen.webhooks = webhooks_;
  seen.connections = {states_of(client_), counts_of(client_->turns())};
  seen.shown = shown_;
  seen.jobs = operator_options{views,    root_,      compile_,    flows_,
                               waiting_, inquiries_, connections_};
  seen.supervisor = supervisor_view_;
  seen.flows = flows_;
  seen.reloads = reloads_;
  seen.counted = metrics_;
  seen.history = history_;
  seen.flows_history = flows_history_;
  seen.measures = measures_;
  // Known once the other side is open; what is not there yet is not asked for.
  const auto port = std::make_shared<std::atomic<std::uint16_t>>(0);
  seen.senders_url = [port, http = from.http] {
    return senders_url(http, port->load());
  };
  seen.is_open = [port] {
    return port->load() != 0;
  };
  seen.events = events_;
  seen.draining = draining_;
  seen.journal_fails = journal_fails_;
  seen.not_ready = doubts();
  seen.watched = progress_;
  seen.token = from.admin.token;
  seen.address = from.admin.address;
  seen.hosts = from.admin.hosts;
  admin_ = std::make_unique<front_door>(
    admin_door(from.admin, from.http.keep_alive, admin_refusals_),
    admin(std::move(seen)));
  auto senders = ingress(std::move(routes));
  auto door = ingress_door(from.http, ingress_refusals_);
  door.refused = std::move(senders.refused);
  ingress_ =
    std::make_unique<front_door>(std::move(door), std::move(senders.handle));
  port->store(ingress_->port());
}

} // namespace handoff
