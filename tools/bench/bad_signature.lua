-- Webhooks whose signature is wrong: with 50 connections, at most 10,000 a second.
wrk.method = "POST"
wrk.path = "/hooks/signed"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Signature"] = string.rep("0", 64)
wrk.body = '{"template":"t","name":"n-1"}'

function delay()
  return 5
end
