#pragma once

#include "http/front_door/front_door.hpp"
#include "http/ingress/webhook_log.hpp"

namespace handoff {

/// `GET /api/v1/webhooks?flow=&outcome=&since=&limit=`: the newest webhooks
/// that became no job.
reply webhooks_reply(const webhook_log& log, const http_request& request);

} // namespace handoff
