-- The bridge's push door: requests and their answers.

Door = {}

local GIVE_UP = 30 -- seconds; FXServer gives up after 5 without an answer, but not once an answer has begun
local LONGEST_DETAIL = 300 -- characters of what a line on the console repeats

local headers
local base
local waiting = {} -- number of a request -> { done, at }
local number = 0

local function decoded(text)
    local done, value = pcall(json.decode, text)
    return done and type(value) == 'table' and value or nil
end

-- The reason of a single record says more than that there is one.
local function detailOf(answer)
    local first = type(answer.problems) == 'table' and answer.problems[1]
    return type(first) == 'table' and first.reason or answer.detail
end

-- Of an error, Lua sees nothing but a text that begins with "HTTP 503: " and ends with the body.
local function read(status, body, problem)
    if status >= 200 and status < 300 then
        return decoded(body or ''), nil
    end
    local text = tostring(problem or body or '')
    local answer = decoded(text:match('^HTTP %d+: ?(.*)$') or text)
    local detail = answer and detailOf(answer) or text
    return answer, Text.clean(tostring(detail), LONGEST_DETAIL)
end

local function describe(status, detail)
    if status == 0 then
        return ('no answer (%s)'):format(detail or 'it cannot be reached')
    end
    return detail and ('HTTP %d: %s'):format(status, detail) or ('HTTP %d'):format(status)
end

-- The first answer counts; one that comes after the request was given up is of a request nobody waits for.
local function finish(mine, status, body, problem)
    local request = waiting[mine]
    if not request then
        return
    end
    waiting[mine] = nil
    local answer, detail = read(status, body, problem)
    request.done(status, answer, describe(status, detail))
end

--- Where the bridge is, and how it knows this server.
function Door.start(url, token)
    base = url
    headers = { Authorization = 'Bearer ' .. token }
end

local function headersOf(key, body)
    return {
        Authorization = headers.Authorization,
        ['Content-Type'] = body and 'application/json' or nil,
        ['Idempotency-Key'] = key,
    }
end

--- Asks the bridge. `done(status, answer, text)` is called once: the HTTP status or 0, the JSON of the answer
-- where it has some, and the whole as text for a person.
function Door.ask(method, path, body, key, done)
    number = number + 1
    local mine = number
    waiting[mine] = { done = done, at = Clock.now() }
    local started, problem = pcall(PerformHttpRequest, base .. path, function(status, content, _, text)
        finish(mine, tonumber(status) or 0, content, text)
    end, method, body or '', headersOf(key, body), { followLocation = false })
    if not started then
        finish(mine, 0, nil, tostring(problem))
    end
end

--- Gives up what never was answered; to be called about once a second.
function Door.watch()
    local now = Clock.now()
    local old = {}
    for mine, request in pairs(waiting) do
        if now - request.at >= GIVE_UP then
            old[#old + 1] = mine
        end
    end
    for _, mine in ipairs(old) do
        finish(mine, 0, nil, ('nothing came within %d s'):format(GIVE_UP))
    end
end
