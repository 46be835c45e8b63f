-- The load: BENCH_BODY bytes are posted, or nothing; at the end one line of JSON.
local size = tonumber(os.getenv("BENCH_BODY") or "0")
if size > 0 then
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.body = string.rep("x", size)
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "\nRESULT {\"requests\":%d,\"microseconds\":%d,\"p50\":%d,\"p95\":%d,\"p99\":%d,\"failed\":%d,\"refused\":%d}\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
