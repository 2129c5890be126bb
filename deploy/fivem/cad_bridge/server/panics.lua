-- Panic buttons: which are pressed, as far as this resource was told. Where it cannot be sure, a button
-- counts as released, since the next press then is a panic and not the end of one.

Panics = {}

local RELEASE_AFTER = 5 -- seconds that the bridge must have had a panic before a second press ends it
local LOOK_AFTER = 8 -- seconds until it is asked what became of a panic
local MOST_WAITERS = 20 -- functions that wait for the answer to one panic

-- What is said of a panic that has ended without anybody's doing.
local LOST = { failed = 'panic_lost', expired = 'panic_lost', superseded = 'panic_replaced' }

-- identifier -> { pressed, acceptedAt, event, waiters }; `acceptedAt` and `event` once the bridge has it
local buttons = {}

local function placeOf(player)
    if not player then
        return nil
    end
    local x, y, z, heading = Sampler.locate(player)
    local place = { x = x, y = y, z = z, heading = heading, location = Places.of(player) }
    return next(place) and place or nil
end

local function isOn(button)
    if not button or not button.pressed then
        return false
    end
    return not button.acceptedAt or Clock.now() - button.acceptedAt < Settings.panicLasts * 60
end

local function isReleasable(button)
    return button.acceptedAt ~= nil and Clock.now() - button.acceptedAt >= RELEASE_AFTER
end

local function stateOf(button)
    if not isOn(button) then
        return 'off'
    elseif isReleasable(button) then
        return 'on'
    end
    return button.acceptedAt and 'fresh' or 'sent'
end

local function lose(identifier, state)
    buttons[identifier] = nil
    local player = Sampler.playerOf(identifier)
    if player then
        Chat.say(player, LOST[state])
    end
end

-- The bridge had the panic, which says nothing yet of the CAD.
local function look(identifier, button)
    if buttons[identifier] ~= button then
        return
    end
    Questions.ask(button.event, function(known, event)
        if known and LOST[event.state] and buttons[identifier] == button then
            lose(identifier, event.state)
        end
    end)
end

-- The bridge has it, or never will; the button may have been touched since.
local function settle(identifier, button, done, result)
    for _, callback in ipairs(button.waiters) do
        Callbacks.tell(callback, 'a panic', done, result)
    end
    if buttons[identifier] ~= button then
        return
    end
    if not done or not button.pressed then
        buttons[identifier] = nil
        return
    end
    button.acceptedAt, button.event = Clock.now(), result
    SetTimeout(LOOK_AFTER * 1000, function()
        look(identifier, button)
    end)
end

local function settler(identifier, button)
    return function(done, result)
        settle(identifier, button, done, result)
    end
end

--- Presses or releases the panic button of a player or an identifier; see Events.submit.
function Panics.set(target, active, callback)
    local identifier, player = Identifiers.resolve(target)
    if not identifier then
        return false, player
    end
    local before, button = buttons[identifier], { pressed = active, waiters = {} }
    buttons[identifier] = button
    local fields = { type = 'panic', id = identifier, active = active, location = placeOf(player) }
    local accepted, reason = Events.submit(fields, identifier, callback, settler(identifier, button))
    if not accepted then
        buttons[identifier] = before
    end
    return accepted, reason
end

-- Nothing is sent: whoever asks is told what the panic that is on was answered.
local function join(button, callback)
    if button.event then
        Callbacks.tell(callback, 'a panic', true, button.event)
    elseif #button.waiters >= MOST_WAITERS then
        return false, 'the panic button is pressed, and waits for the bridge'
    else
        button.waiters[#button.waiters + 1] = callback
    end
    return true
end

--- How the panic button of a player or an identifier stands: 'off'; 'sent', which the bridge has not
-- answered; 'fresh', which it has a moment ago; or 'on'. Only the last is released by a second press.
function Panics.state(target)
    local identifier = Identifiers.resolve(target)
    return stateOf(identifier and buttons[identifier])
end

--- Presses it where it is released, and the other way round; a panic that is sent or fresh stays as it is.
function Panics.toggle(target, callback)
    local identifier, reason = Identifiers.resolve(target)
    if not identifier then
        return false, reason
    end
    local button = buttons[identifier]
    local state = stateOf(button)
    if state == 'sent' or state == 'fresh' then
        return join(button, callback)
    end
    return Panics.set(target, state == 'off', callback)
end

--- Takes over the button of a panic that an earlier run left behind.
function Panics.adopt(event)
    if event.kind ~= 'panic' or not event.unit or type(event.active) ~= 'boolean' or buttons[event.unit] then
        return
    end
    local button = { pressed = event.active, waiters = {} }
    buttons[event.unit] = button
    event.settle = settler(event.unit, button)
end

--- Nothing is known any more of the button of an identifier.
function Panics.forget(identifier)
    if type(identifier) == 'string' then
        buttons[identifier] = nil
    end
end
