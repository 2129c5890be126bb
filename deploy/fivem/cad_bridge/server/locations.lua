-- Pushes where the units are: what changed, in one request, and never more than one at a time.
--
-- A record counts as sent when the bridge has answered; until then every push has it again. Every minute, and
-- whenever the bridge has begun anew, a push names everybody. Where the bridge takes no push as long as that
-- (413), several do so: none of them can say that this is everybody, and only `left` takes units off the map.

Locations = {}

local QUIET = 5 -- seconds after which an empty push says that the server is alive
local FULL_EVERY = 60 -- seconds
local SLOWEST = 15 -- seconds between two tries
local REFUSED_WAIT = 60 -- seconds; a wrong token mends itself no sooner
local REPEAT = 300 -- seconds between two lines about the same trouble
local TOLERATED = 3 -- failures before a line is written: a bridge that restarts is back by then
local TOO_LONG = 413 -- the status of an answer
local SHORTER_AFTER = 0.5 -- seconds until the next try then
local API = 1

local minDistance, minHeading
local sent = {} -- identifier -> the record of the last answered push
local doubtful = {} -- identifier -> true: named in a push that was not answered, and may have arrived
local namedAt = {} -- identifier -> when a push last had a record of it
local most = math.huge -- records in a push
local known = {} -- identifier -> true: whom the bridge may hold
local instance
local fullDue = true
local inFlight = false
local pushedAt, fullAt, tryAt = -math.huge, -math.huge, 0
local failures, failingSince, lastProblem = 0, nil, nil
local isTold = false
local answeredAt

local function distance(one, other)
    local x, y, z = one.x - other.x, one.y - other.y, (one.z or 0) - (other.z or 0)
    return math.sqrt(x * x + y * y + z * z)
end

local function turn(one, other)
    if not one or not other then
        return one == other and 0 or 180
    end
    return math.abs((one - other + 180) % 360 - 180)
end

local function bucketOf(person)
    return person.bucket ~= 0 and person.bucket or nil
end

local function isChanged(person, record)
    if not record or record.vehicle ~= Vehicles.drawing(person.drawn, person.lights) then
        return true
    end
    if record.location ~= Places.of(person.player) or record.bucket ~= bucketOf(person) then
        return true
    end
    local moved = distance(person, record)
    local turned = turn(person.heading, record.heading)
    return moved > 0 and moved >= minDistance or turned > 0 and turned >= minHeading
end

local function recordOf(id, person)
    return {
        id = id,
        x = person.x,
        y = person.y,
        z = person.z,
        heading = person.heading,
        location = Places.of(person.player),
        vehicle = Vehicles.drawing(person.drawn, person.lights),
        bucket = bucketOf(person),
    }
end

local function updatesOf(units, full)
    local updates = {}
    for id, person in pairs(units) do
        if person.x and (full or doubtful[id] or isChanged(person, sent[id])) then
            updates[#updates + 1] = recordOf(id, person)
        end
    end
    return updates
end

-- Those who wait longest go first.
local function firstOf(updates)
    if #updates <= most then
        return updates
    end
    table.sort(updates, function(one, other)
        return (namedAt[one.id] or -1) < (namedAt[other.id] or -1)
    end)
    return table.move(updates, 1, most, 1, {})
end

local function leftOf(units)
    local left = {}
    for id in pairs(known) do
        if not units[id] and #left < most then
            left[#left + 1] = id
        end
    end
    return left
end

local function tellRejection(push, entry)
    local reason = Text.clean(entry.reason, 200) or '?'
    local record = push.updates[(tonumber(entry.index) or -1) + 1]
    Log.warnEvery(
        'rejected ' .. reason:match('^[^:]*'),
        math.huge,
        ('The bridge does not take a position of %s: %s'):format(
            record and Text.shorten(record.id) or 'a unit',
            reason
        )
    )
end

local function tellAnswered()
    if isTold then
        Log.info(('The bridge answers again after %d s.'):format(math.floor(Clock.now() - failingSince)))
    end
    failures, failingSince, lastProblem, isTold = 0, nil, nil, false
end

local function remember(push)
    if push.full then
        sent, known, doubtful, namedAt = {}, {}, {}, {}
    end
    for _, id in ipairs(push.left or {}) do
        sent[id], known[id], doubtful[id], namedAt[id] = nil, nil, nil, nil
    end
    for _, record in ipairs(push.updates) do
        sent[record.id], known[record.id], doubtful[record.id] = record, true, nil
    end
end

local function succeed(push, answer)
    answeredAt = Clock.now()
    tellAnswered()
    remember(push)
    for _, entry in ipairs(answer.rejected or {}) do
        tellRejection(push, entry)
    end
    local isNew = instance ~= nil and instance ~= answer.instance
    instance = answer.instance
    if push.full then
        fullDue = false
    elseif isNew then
        fullDue, most = true, math.huge
    end
    if answer.api ~= API then
        Log.warnEvery('api', math.huge, 'The bridge is of another version than this resource: update both.')
    end
end

local function fail(status, problem)
    local now = Clock.now()
    failures = failures + 1
    failingSince = failingSince or now
    lastProblem = problem
    if status == 401 or status == 403 then
        tryAt, isTold = now + REFUSED_WAIT, true
        Log.warnEvery(
            'refused',
            REPEAT,
            'The bridge refuses this server. Is cad_bridge_token what stands in its token file? ' .. problem
        )
        return
    end
    tryAt = now + math.min(SLOWEST, 2 ^ (failures - 1))
    if failures >= TOLERATED then
        isTold = true
        Log.warnEvery(
            'failing',
            REPEAT,
            ('The bridge at %s takes no positions since %d s: %s'):format(
                Settings.url,
                math.floor(now - failingSince),
                problem
            )
        )
    end
end

-- The next pushes are half as long; false where one cannot be shorter.
local function shorten(push)
    local length = math.max(#push.updates, #(push.left or {}))
    if length <= 1 then
        return false
    end
    most = length // 2
    tryAt = Clock.now() + SHORTER_AFTER
    Log.warnEvery(
        'shorter',
        REPEAT,
        ('The bridge takes no push of %d units at once (listener.max_body): they go in parts.'):format(length)
    )
    return true
end

local function finish(push, status, answer, problem)
    inFlight = false
    if status >= 200 and status < 300 then
        if answer and answer.instance then
            succeed(push, answer)
            return
        end
        problem = 'something answers that is not cad-bridge'
    end
    if status == TOO_LONG and shorten(push) then
        return
    end
    fail(status, problem)
end

-- A push may arrive though no answer comes.
local function doubt(push, now)
    for id in pairs(push.full and sent or {}) do
        doubtful[id] = true
    end
    for _, id in ipairs(push.left or {}) do
        doubtful[id] = true
    end
    for _, record in ipairs(push.updates) do
        known[record.id], doubtful[record.id], namedAt[record.id] = true, true, now
    end
end

local function send(push, now)
    local body = json.encode(push)
    inFlight, pushedAt = true, now
    if push.full then
        fullAt, fullDue = now, true
    end
    doubt(push, now)
    Door.ask('POST', '/v1/locations', body, nil, function(status, answer, problem)
        finish(push, status, answer, problem)
    end)
end

--- What is sent as it is, and what must have changed before a unit is sent again.
function Locations.start(settings)
    minDistance, minHeading = settings.minDistance, settings.minHeading
end

-- Everybody is due, and named as fast as pushes may follow each other.
local function beginParts(now)
    fullAt, fullDue = now, false
    for id in pairs(sent) do
        doubtful[id] = true
    end
end

--- Pushes what is due; `units` leads from identifiers to persons, `players` is the number of all players.
function Locations.step(units, players)
    local now = Clock.now()
    if inFlight or now < tryAt then
        return
    end
    local full = fullDue or now - fullAt >= FULL_EVERY
    local updates, left = updatesOf(units, full), leftOf(units)
    if full and #updates > most then
        full = false
        beginParts(now)
    end
    updates = firstOf(updates)
    if full or #updates > 0 or #left > 0 or now - pushedAt >= QUIET then
        send({
            updates = updates,
            left = #left > 0 and left or nil,
            full = full or nil,
            players = players,
        }, now)
    end
end

--- For the console: seconds since the last answer or nil, what is wrong or nil.
function Locations.state()
    return answeredAt and Clock.now() - answeredAt, lastProblem
end

--- What the bridge last took of a unit, or nil.
function Locations.sent(id)
    return sent[id]
end
