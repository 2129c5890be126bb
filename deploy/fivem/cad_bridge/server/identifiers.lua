-- By which of his identifiers a player is known to the CAD.

Identifiers = {}

local HIGHEST_PLAYER = 131071
local LOWEST_PASSING = 65536 -- those who still connect have such numbers, which soon are somebody else's
local SHORTEST = 5 -- characters; what is no longer may be the number of somebody who has left
local LONGEST = 128 -- characters; the bridge takes no longer one

local chosen = {} -- player -> identifier, or false

local function named(identifier)
    return Settings.stripPrefix and identifier:match('^%w+:(.+)$') or identifier
end

local function choose(player)
    local byKind = {}
    for _, identifier in ipairs(GetPlayerIdentifiers(player)) do
        local kind = identifier:match('^(%w+):.')
        if kind then
            byKind[kind] = byKind[kind] or identifier
        end
    end
    for _, kind in ipairs(Settings.identifiers) do
        if byKind[kind] then
            return named(byKind[kind])
        end
    end
    if GetPlayerName(player) then
        Log.warn(
            ('Player %d has none of the identifiers %s, and is not sent.'):format(
                player,
                table.concat(Settings.identifiers, ', ')
            )
        )
        return false
    end
end

--- The identifier of a connected player, or nil; it is looked up once.
function Identifiers.of(player)
    if player >= LOWEST_PASSING then
        return choose(player) or nil
    end
    if chosen[player] == nil then
        chosen[player] = choose(player)
    end
    return chosen[player] or nil
end

--- The identifier of a player where it was looked up already, or nil.
function Identifiers.known(player)
    return chosen[player] or nil
end

--- The player has left.
function Identifiers.forget(player)
    chosen[player] = nil
end

-- A stripped identifier may be all digits too, but is longer than the number of any player.
local function playerIn(target)
    local player = math.tointeger(tonumber(target) or 0)
    if player and player > 0 and player <= HIGHEST_PLAYER and GetPlayerName(player) then
        return player
    end
end

-- A short one, as a stripped fivem: can be, is taken only while somebody is online by it.
local function isIdentifier(target)
    if type(target) ~= 'string' or Text.clean(target, LONGEST) ~= target then
        return false
    end
    return #target > SHORTEST or Sampler.playerOf(target) ~= nil
end

--- Whom another resource means: the number of a player, or an identifier.
-- Returns the identifier and, where somebody is online by that name, the player; else nil and the reason.
function Identifiers.resolve(target)
    local player = playerIn(target)
    if player then
        local identifier = Identifiers.of(player)
        if identifier then
            return identifier, player
        end
        local kinds = table.concat(Settings.identifiers, ', ')
        return nil, ('player %d has none of the identifiers %s'):format(player, kinds)
    end
    if isIdentifier(target) then
        local identifier = named(target)
        return identifier, Sampler.playerOf(identifier)
    end
    return nil, 'expected the number of a player who is online, or an identifier'
end
