-- wrk's script: enrolls one person after the other, sessions in turn; nobody twice in one session.
-- Arguments: a file with values of Authorization, one with session ids, the first person's number, how many there are.
local authorizations, sessions, first, people, count = {}, {}, 0, 0, 0

local function lines_of(file)
  local lines = {}
  for line in io.lines(file) do lines[#lines + 1] = line end
  return lines
end

function init(arguments)
  authorizations, sessions = lines_of(arguments[1]), lines_of(arguments[2])
  first, people = tonumber(arguments[3]), tonumber(arguments[4])
end

function request()
  local session = sessions[count % #sessions + 1]
  local person = (first + math.floor(count / #sessions)) % people + 1
  count = count + 1
  local headers = {
    Host = wrk.headers["Host"], Authorization = authorizations[count % #authorizations + 1],
    ["Content-Type"] = "application/json",
  }
  local body = string.format('{"session_id": %s, "employee_ids": [%d]}', session, person)
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
