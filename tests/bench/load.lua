-- What wrk sends: the bodies of a file in turn, and at the end a line of JSON of how it went.
-- wrk -s load.lua URL -- FILE METHOD TOKEN
local NUMBER = '########'
local requests, numbered, sent = {}, false, 0

function init(args)
    wrk.method = args[2]
    wrk.headers['Authorization'] = 'Bearer ' .. args[3]
    wrk.headers['Content-Type'] = 'application/json'
    local file = assert(io.open(args[1], 'rb'))
    for body in file:read('*a'):gmatch('[^\30]+') do
        numbered = numbered or body:find(NUMBER, 1, true) ~= nil
        requests[#requests + 1] = wrk.format(nil, nil, nil, body)
    end
    file:close()
    sent = tonumber(args[4] or 0)
end

function request()
    sent = sent + 1
    local whole = requests[(sent - 1) % #requests + 1]
    return numbered and whole:gsub(NUMBER, string.format('%08d', sent)) or whole
end

function done(summary, latency)
    local errors = summary.errors
    io.write(
        string.format(
            '\nSUMMARY {"requests": %d, "microseconds": %d, "p50": %.1f, "p99": %.1f, "refused": %d, "broken": %d}\n',
            summary.requests,
            summary.duration,
            latency:percentile(50),
            latency:percentile(99),
            errors.status,
            errors.connect + errors.read + errors.write + errors.timeout
        )
    )
end
