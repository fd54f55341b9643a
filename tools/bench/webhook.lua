-- What wrk sends.
wrk.method = "POST"
wrk.path = "/hooks/bench"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"template":"t","name":"n-1"}'
