-- Panic buttons: which are pressed, as far as this resource was told.

Panics = {}

local buttons = {} -- identifier -> { pressed, number }, of those that are or may be pressed
local number = 0

local function placeOf(player)
    if not player then
        return nil
    end
    local x, y, z, heading = Sampler.locate(player)
    local place = { x = x, y = y, z = z, heading = heading, location = Places.of(player) }
    return next(place) and place or nil
end

local function isPressed(identifier)
    local button = buttons[identifier]
    return button ~= nil and button.pressed
end

-- The bridge has it, or never will: then the button is as it was, unless it was touched since.
local function settle(identifier, mine, pressed)
    local button = buttons[identifier]
    if button and button.number == mine then
        button.pressed = pressed
        buttons[identifier] = pressed and button or nil
    end
end

--- Presses or releases the panic button of a player or an identifier; see Events.submit.
function Panics.set(target, active, callback)
    local identifier, player = Identifiers.resolve(target)
    if not identifier then
        return false, player
    end
    number = number + 1
    local mine, before = number, isPressed(identifier)
    buttons[identifier] = { pressed = active, number = mine }
    local fields = { type = 'panic', id = identifier, active = active, location = placeOf(player) }
    local accepted, reason = Events.submit(fields, identifier, function(done, result)
        settle(identifier, mine, done and active or not done and before)
        if callback then
            callback(done, result)
        end
    end)
    if not accepted then
        settle(identifier, mine, before)
    end
    return accepted, reason
end

--- Whether the panic button of a player or an identifier is pressed.
function Panics.isPressed(target)
    local identifier = Identifiers.resolve(target)
    return identifier ~= nil and isPressed(identifier)
end

--- Presses it where it is released, and the other way round.
function Panics.toggle(target, callback)
    return Panics.set(target, not Panics.isPressed(target), callback)
end
