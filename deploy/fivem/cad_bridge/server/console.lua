-- The command cad_bridge on the server's console: what works, what waits, and why somebody is not on the map.

Console = {}

local KINDS = { 'license2', 'license', 'discord', 'steam', 'fivem' }

local function ago(seconds)
    return seconds and ('%d s ago'):format(math.floor(seconds)) or 'never'
end

local function status()
    if Service.refusal() then
        Log.info('Nothing is sent: ' .. Service.refusal())
        return
    end
    local answered, trouble = Locations.state()
    local units = 0
    for _ in pairs(Sampler.units()) do
        units = units + 1
    end
    local panics, others, eventTrouble = Events.state()
    Log.info(('Bridge: %s, last answer to a push: %s'):format(Settings.url, ago(answered)))
    Log.info(('Units: %d of %d players (%s)'):format(units, Sampler.connected(), Duty.describe()))
    Log.info(('Waiting: panics %d, other events %d'):format(panics, others))
    if trouble or eventTrouble then
        Log.info('Trouble: ' .. (trouble or eventTrouble))
    end
end

local function identifiersOf(player)
    local kinds = {}
    for _, identifier in ipairs(GetPlayerIdentifiers(player)) do
        kinds[identifier:match('^(%w+):') or ''] = true
    end
    local found = {}
    for _, kind in ipairs(KINDS) do
        if kinds[kind] then
            found[#found + 1] = kind
        end
    end
    return #found > 0 and table.concat(found, ', ') or 'none'
end

local function isElsewhere(person)
    return Settings.mainBucketOnly and person.bucket ~= nil and person.bucket ~= 0
end

local function verdict(person)
    local owner = person.id and Sampler.units()[person.id]
    if not person.id then
        return 'is not sent: none of the identifiers ' .. table.concat(Settings.identifiers, ', ')
    elseif not person.onDuty then
        return 'is not sent: not on duty'
    elseif isElsewhere(person) then
        return ('is not sent: in routing bucket %d'):format(person.bucket)
    elseif owner and owner ~= person then
        return ('is not sent: player %d came later with the same identifier'):format(owner.player)
    elseif not person.x then
        return 'is not sent yet: ' .. (person.trouble or 'not read yet')
    end
    local trouble = person.trouble and (', where last seen: %s'):format(person.trouble) or ''
    return ('is sent as %s%s'):format(Text.shorten(person.id), trouble)
end

local function atTheBridge(person)
    local record = person.id and Locations.sent(person.id)
    if not record then
        return 'not known'
    end
    return ('%.1f, %.1f (%s)'):format(record.x, record.y, record.location or 'no street known')
end

local function why(player)
    local person = player and Sampler.person(player)
    if not person then
        Log.info('There is no such player; write: cad_bridge why <number of a player>')
        return
    end
    Log.info(('Player %d %s.'):format(player, verdict(person)))
    Log.info('  identifiers: ' .. identifiersOf(player))
    Log.info('  duty: ' .. Duty.why(player))
    Log.info('  routing bucket: ' .. (person.bucket or 'not known'))
    Log.info('  at the bridge: ' .. atTheBridge(person))
    Log.info('Known there but not on the map: the identifier is linked to no account on duty in the CAD.')
end

local function run(source, words)
    if tonumber(source) ~= 0 then
        return
    end
    if words[1] == 'why' then
        why(math.tointeger(tonumber(words[2]) or 0))
    else
        status()
    end
end

--- Registers the command.
function Console.start()
    RegisterCommand('cad_bridge', run, true)
end
