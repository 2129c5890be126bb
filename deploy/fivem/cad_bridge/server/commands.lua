-- What players type: the panic button and the 911 call. Both need the ACE command.<name>.

Commands = {}

local WAITING_AFTER = 3000 -- ms without an answer, after which the player is told that it takes longer
local MOST_CALLS = 3 -- of one player that wait for the bridge
local LONGEST_CALL = 1000 -- characters

-- What is said to a press that changes nothing.
local STANDS = { sent = 'panic_sent', fresh = 'panic_on' }

local calls = {} -- identifier -> how many of his calls wait

-- The callback of an event, which tells the player how it went, and in between that it goes on.
local function reporter(player, whenDone, whenWaiting, whenFailed)
    local ended = false
    SetTimeout(WAITING_AFTER, function()
        if not ended then
            Chat.say(player, whenWaiting)
        end
    end)
    return function(accepted, result)
        ended = true
        if result ~= Events.OVERTAKEN then
            Chat.say(player, accepted and whenDone or whenFailed)
        end
    end
end

local function isOnDuty(player)
    local person = Sampler.person(player)
    return person ~= nil and person.onDuty == true
end

local function press(player)
    if not isOnDuty(player) then
        Chat.say(player, 'not_unit')
        return
    end
    local report = reporter(player, 'panic_on', 'panic_waiting', 'panic_failed')
    if Panics.set(player, true, report) then
        Chat.say(player, 'panic_sent')
    else
        report(false)
    end
end

local function release(player)
    local report = reporter(player, 'panic_off', 'release_waiting', 'release_failed')
    if not Panics.set(player, false, report) then
        report(false)
    end
end

local function panic(player)
    local state = Panics.state(player)
    if STANDS[state] then
        Chat.say(player, STANDS[state])
    elseif not Pace.allows(player, 'panic', Settings.panicCooldown, 1) then
        Chat.say(player, 'too_fast')
    elseif state == 'on' then
        release(player)
    else
        press(player)
    end
end

local function countCall(caller, change)
    local count = (calls[caller] or 0) + change
    calls[caller] = count > 0 and count or nil
end

local function makeCall(player, description)
    local caller = Identifiers.of(player) or player
    if (calls[caller] or 0) >= MOST_CALLS then
        Chat.say(player, 'call_full')
        return
    end
    local report = reporter(player, 'call_sent', 'call_waiting', 'call_failed')
    countCall(caller, 1)
    local function ended(accepted, result)
        countCall(caller, -1)
        report(accepted, result)
    end
    if not Calls.make({ player = player, description = description }, ended) then
        ended(false)
    end
end

-- Text is cleaned only as often as calls may be made.
local function call(player, words)
    if #words == 0 then
        Chat.say(player, 'call_empty')
        return
    end
    if not Pace.allows(player, 'call', Settings.callCooldown, 1) then
        Chat.say(player, 'too_fast')
        return
    end
    local description = Text.clean(table.concat(words, ' '), LONGEST_CALL)
    if not description then
        Chat.say(player, 'call_empty')
        return
    end
    makeCall(player, description)
end

local function register(name, action)
    if name == '' then
        return
    end
    RegisterCommand(name, function(player, words)
        player = tonumber(player) or 0
        if player <= 0 then
            Log.info(('/%s is for players.'):format(name))
        else
            action(player, words)
        end
    end, true)
end

--- Registers the commands that have a name.
function Commands.start(settings)
    register(settings.panicCommand, panic)
    register(settings.callCommand, call)
end
