-- wrk's script: enrolls everybody in turn, in one session after the other, and then everybody again in the next ones;
-- nobody twice in one session, and nobody in many.
-- Arguments: a file with values of Authorization, one with session ids, how many people there are.
local authorizations, sessions, people, count = {}, {}, 0, 0

local function lines_of(file)
  local lines = {}
  for line in io.lines(file) do lines[#lines + 1] = line end
  return lines
end

function init(arguments)
  authorizations, sessions = lines_of(arguments[1]), lines_of(arguments[2])
  people = tonumber(arguments[3])
end

function request()
  local person = count % people
  local session = sessions[(person + math.floor(count / people)) % #sessions + 1]
  count = count + 1
  local headers = {
    Host = wrk.headers["Host"], Authorization = authorizations[count % #authorizations + 1],
    ["Content-Type"] = "application/json",
  }
  local body = string.format('{"session_id": %s, "employee_ids": [%d]}', session, person + 1)
  return wrk.format("POST", "/api/v1/training/enrollments", headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d, ' ..
    '"p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.status, errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
