-- What players type: the panic button and the 911 call. Both need the ACE command.<name>.

Commands = {}

local WAITING_AFTER = 3000 -- ms without an answer, after which the player is told that it takes longer

local function say(player, key)
    if GetPlayerName(player) then
        TriggerClientEvent('chat:addMessage', player, { args = { Locale.say('sender'), Locale.say(key) } })
    end
end

-- The callback of an event, which tells the player how it went, and in between that it goes on.
local function reporter(player, whenDone, whenWaiting, whenFailed)
    local ended = false
    SetTimeout(WAITING_AFTER, function()
        if not ended then
            say(player, whenWaiting)
        end
    end)
    return function(accepted)
        ended = true
        say(player, accepted and whenDone or whenFailed)
    end
end

local function panic(player)
    if not Pace.allows(player, 'panic', Settings.panicCooldown, 1) then
        say(player, 'too_fast')
        return
    end
    local person = Sampler.person(player)
    local active = not Panics.isPressed(player)
    if active and not (person and person.unit) then
        say(player, 'not_unit')
        return
    end
    local report = reporter(player, active and 'panic_on' or 'panic_off', 'panic_waiting', 'panic_failed')
    if not Panics.set(player, active, report) then
        report(false)
    end
end

local function call(player, words)
    local description = Text.clean(table.concat(words, ' '), 1000)
    if not description then
        say(player, 'call_empty')
        return
    end
    if not Pace.allows(player, 'call', Settings.callCooldown, 1) then
        say(player, 'too_fast')
        return
    end
    local report = reporter(player, 'call_sent', 'call_waiting', 'call_failed')
    local accepted = Calls.make({ player = player, description = description }, report)
    if not accepted then
        report(false)
    end
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
