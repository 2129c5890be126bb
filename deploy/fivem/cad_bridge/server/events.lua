-- Panics, calls, statuses and the rest: each is tried until the bridge has it on disk, or its time is over.

Events = {}

--- Why an event is given up of whose unit there is a newer one of the same kind.
Events.OVERTAKEN = 'overtaken by a newer one'

local MOST = 200 -- events that wait
local RESERVE = 20 -- of them for panics alone
local LONGEST = 65536 -- bytes of an event
local REPEAT = 60 -- seconds between two lines about the same trouble
local REFUSED_WAIT = 30 -- seconds; a wrong token mends itself no sooner
local LONGEST_WAIT = 300 -- seconds that the bridge may ask for
local MOST_FAULTS = 5 -- tries at which the bridge itself broke, before others may go past the event
local ASIDE_WAIT = 60 -- seconds between two tries then
local NOT_THE_BRIDGE = 'something answers that is not cad-bridge'
local STATES = { panic = true, status = true } -- kinds of which only the newest of a unit counts

local started = false
local number = 0
local nonce = ('%x-%x-%x'):format(os.time(), GetGameTimer() & 0xffffffff, math.random(0, 0x7fffffff))
local problem -- what the last failed try said, until one succeeds

local function waiting()
    local panics, others = Lanes.waiting()
    return panics + others
end

-- Ends an event, once. What this resource itself keeps of it is set at once, the others are told soon.
local function finish(event, accepted, result)
    if event.over then
        return
    end
    event.over = true
    Lanes.take(event)
    if event.kept then
        Shelf.drop(event.key)
    end
    if event.settle then
        event.settle(accepted, result)
    end
    Callbacks.tell(event.callback, ('an event (%s)'):format(event.kind), accepted, result)
end

local function giveUp(event, reason)
    local from = event.from and ' of ' .. event.from or ''
    local line = ('An event (%s%s) was given up: %s'):format(event.kind, from, reason)
    Log.warnEvery(line, REPEAT, line)
    finish(event, false, reason)
end

local function keepAll()
    local any = false
    for _, lane in ipairs(Lanes.all()) do
        for _, event in ipairs(lane.queue) do
            if not event.kept then
                event.expires = Lifetimes.expiry(event)
                Shelf.put(event)
                event.kept, any = true, true
            end
        end
    end
    if any then
        Shelf.flush()
    end
end

-- A proxy or another program at that address refuses too, and knows nothing of events.
local function isOfTheBridge(status, answer)
    return answer ~= nil
        and answer.status == status
        and type(answer.type) == 'string'
        and type(answer.title) == 'string'
end

local function isWorthAnotherTry(status)
    return status == 0 or status == 401 or status == 403 or status == 408 or status == 429 or status >= 500
end

local function waitOf(event, status, answer)
    local asked = answer and tonumber(answer.retry_after) or 0
    local own = math.min(Lanes.of(event).slowest, 2 ^ (event.attempts - 1))
    if status == 401 or status == 403 then
        own = REFUSED_WAIT
    elseif event.aside then
        own = ASIDE_WAIT
    end
    return math.max(own, math.min(LONGEST_WAIT, asked))
end

-- An event over which the bridge breaks again and again must not hold up those behind it.
local function countFault(event, status)
    event.faults = status == 500 and event.faults + 1 or event.faults
    event.aside = event.faults >= MOST_FAULTS
end

-- What waits of the same kind and unit, of which only one counts.
local function othersOf(event)
    if not STATES[event.kind] or not event.unit then
        return {}
    end
    return Lanes.resting(Lanes.of(event), function(other)
        return other ~= event and other.kind == event.kind and other.unit == event.unit
    end)
end

local function retry(event, status, answer, text)
    problem = text
    if #othersOf(event) > 0 then -- which came while this one was under way
        finish(event, false, Events.OVERTAKEN)
        return
    end
    event.attempts = event.attempts + 1
    countFault(event, status)
    event.tryAt = Clock.now() + waitOf(event, status, answer)
    keepAll()
    Log.warnEvery(
        'events',
        REPEAT,
        ('The bridge does not take events (%d wait and are tried again): %s'):format(waiting(), text)
    )
end

local function idOf(answer)
    if type(answer) ~= 'table' then
        return nil
    end
    return answer.event or type(answer.events) == 'table' and answer.events[1] or nil
end

local function judge(event, status, answer, text)
    local id = status == 202 and idOf(answer)
    if id then
        problem = nil
        finish(event, true, id)
    elseif isWorthAnotherTry(status) then
        retry(event, status, answer, text)
    elseif isOfTheBridge(status, answer) then
        giveUp(event, text)
    else
        retry(event, status, nil, ('%s (HTTP %d)'):format(NOT_THE_BRIDGE, status))
    end
end

local function send(event)
    local lane = Lanes.of(event)
    event.flying = true
    lane.flying = lane.flying + 1
    Door.ask('POST', event.path, event.body, event.key, function(status, answer, text)
        event.flying = false
        lane.flying = lane.flying - 1
        judge(event, status, answer, text)
        Events.pump()
    end)
end

local function expire(lane)
    local refusal = Service.refusal()
    local over = Lanes.resting(lane, function(event)
        return refusal ~= nil or Lifetimes.isOver(event)
    end)
    for _, event in ipairs(over) do
        giveUp(event, refusal or 'the bridge did not take it in time')
    end
end

local function sendFrom(lane)
    local event = Lanes.next(lane, Clock.now())
    while event do
        send(event)
        event = Lanes.next(lane, Clock.now())
    end
end

--- Sends what may go; called when something happens, and a few times a second.
function Events.pump()
    for _, lane in ipairs(Lanes.all()) do
        expire(lane)
        if started and not Service.refusal() then
            sendFrom(lane)
        end
    end
end

local function add(event, overtaken)
    for _, other in ipairs(overtaken) do
        finish(other, false, Events.OVERTAKEN)
    end
    Lanes.put(event)
end

local function isFull(kind)
    return waiting() >= (kind == 'panic' and MOST or MOST - RESERVE)
end

local function bodyOf(fields)
    local done, body = pcall(json.encode, fields)
    if not done then
        return nil, 'it cannot be written as JSON: ' .. tostring(body)
    elseif #body > LONGEST then
        return nil, ('it has %d bytes, and the most is %d'):format(#body, LONGEST)
    end
    return body
end

local function eventOf(fields, unit, body)
    number = number + 1
    return {
        key = ('%s-%d'):format(nonce, number),
        number = number,
        kind = fields.type,
        path = fields.type == 'panic' and '/v1/panic' or '/v1/events',
        body = body,
        unit = unit,
        active = fields.active,
        born = os.time(),
        from = GetInvokingResource(),
    }
end

--- Takes an event in the bridge's own fields; `unit` is whose state it sets, if any.
-- Returns true and calls `callback(true, id)` once the bridge has it on disk, or `callback(false, reason)`
-- where it is given up; or returns false and the reason, and calls nothing. `settle` is this resource's own
-- function, which is told the same before anything else happens, and must neither wait nor fail.
function Events.submit(fields, unit, callback, settle)
    if Service.refusal() then
        return false, Service.refusal()
    end
    local body, reason = bodyOf(fields)
    if not body then
        return false, reason
    end
    local event = eventOf(fields, unit, body)
    local overtaken = othersOf(event)
    if #overtaken == 0 and isFull(event.kind) then
        return false, ('%d events wait for the bridge already'):format(waiting())
    end
    event.callback, event.settle = callback, settle
    Lifetimes.begin(event)
    add(event, overtaken)
    Events.pump()
    return true
end

local function restore()
    local older = Shelf.load()
    for _, event in ipairs(older) do
        event.kept = true
        Lifetimes.resume(event)
        add(event, othersOf(event))
    end
    return older
end

--- Begins to send, first what an earlier run left behind: `adopt` is given each such event that still counts.
function Events.start(adopt)
    local younger = Lanes.empty()
    local older = restore()
    for _, event in ipairs(younger) do
        add(event, othersOf(event))
    end
    for _, event in ipairs(older) do
        if not event.over then
            adopt(event)
        end
    end
    if #older > 0 then
        Log.info(('Sent now, since an earlier run could not: %d events.'):format(#older))
    end
    started = true
    Events.pump()
end

--- Keeps what waits; the resource stops.
function Events.stop()
    keepAll()
end

--- For the console: how many panics and how many others wait, and what is wrong or nil.
function Events.state()
    local panics, others = Lanes.waiting()
    return panics, others, problem
end
