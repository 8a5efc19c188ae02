-- Decides all requests that wait together, one after the other, by Redis's own clock: the steps of sliding_window.py.
-- KEYS: for each request the key of its window, then the key that exists once its token is revoked.
-- ARGV: the length of a window in milliseconds, then the limit of each request.
-- Returns the time in milliseconds, then five numbers for each request: revoked, admitted, start, current, previous.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = tonumber(ARGV[1])
local reply = {now}

local function window(key)
  local stored = redis.call('HMGET', key, 'start', 'current', 'previous')
  local start, current, previous = tonumber(stored[1]), tonumber(stored[2]), tonumber(stored[3])
  if not start or now >= start + 2 * length then
    return now, 0, 0
  elseif now >= start + length then
    return start + length, 0, current
  end
  return start, current, previous
end

for i = 1, #KEYS / 2 do
  local key, limit = KEYS[2 * i - 1], tonumber(ARGV[i + 1])
  local revoked, admitted, start, current, previous = redis.call('EXISTS', KEYS[2 * i]), 0, 0, 0, 0
  if revoked == 0 then
    start, current, previous = window(key)
    local left = math.min(length, start + length - now)
    if previous * left + (current + 1) * length <= limit * length then
      admitted, current = 1, current + 1
      redis.call('HSET', key, 'start', start, 'current', current, 'previous', previous)
      redis.call('PEXPIREAT', key, start + 2 * length)
    end
  end
  local at = #reply
  reply[at + 1], reply[at + 2], reply[at + 3] = revoked, admitted, start
  reply[at + 4], reply[at + 5] = current, previous
end
return reply
