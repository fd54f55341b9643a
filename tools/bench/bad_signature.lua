-- Webhooks whose signature is wrong, each 5 ms after the answer to the last.
wrk.method = "POST"
wrk.path = "/hooks/signed"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Signature"] = string.rep("0", 64)
wrk.body = '{"template":"t","name":"n-1"}'

function delay()
  return 5
end
