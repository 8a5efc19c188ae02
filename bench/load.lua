-- wrk's script: asks for the lines of a file in turn, each "path<TAB>value of Authorization", or with a body behind
-- another tab, which is posted; and prints what it saw.
local requests, position = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, authorization, body = line:match("^([^\t]+)\t([^\t]+)\t?(.*)$")
    local headers = { Host = wrk.headers["Host"], Authorization = authorization }
    if body == "" then
      requests[#requests + 1] = wrk.format("GET", path, headers)
    else
      headers["Content-Type"] = "application/json"
      requests[#requests + 1] = wrk.format("POST", path, headers, body)
    end
  end
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d, ' ..
    '"p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.status, errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
