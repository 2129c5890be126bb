-- What server.cfg says: every convar once, checked. Its fields are there after `read`.

Settings = {}

local SHORTEST_TOKEN = 24 -- characters; the bridge takes no shorter one either
local KINDS = { license = true, license2 = true, discord = true, steam = true, fivem = true }
local LONGEST_SHOWN = 23 -- characters of a wrong value that are repeated: a token in its place is longer
local TRUTHS = {
    ['true'] = true,
    ['1'] = true,
    yes = true,
    on = true,
    ['false'] = false,
    ['0'] = false,
    no = false,
    off = false,
}

local function words(value)
    local found = {}
    for word in value:gmatch('[^%s,;]+') do
        found[#found + 1] = word
    end
    return found
end

local function number(low, high)
    return function(value)
        local found = tonumber(value)
        if found and found >= low and found <= high then
            return found
        end
        return nil, ('a number from %g to %g'):format(low, high)
    end
end

local function choice(...)
    local choices = { ... }
    return function(value)
        for _, known in ipairs(choices) do
            if value:lower() == known then
                return known
            end
        end
        return nil, 'one of ' .. table.concat(choices, ', ')
    end
end

local function pattern(expected, meaning)
    return function(value)
        if value:match(expected) then
            return value
        end
        return nil, meaning
    end
end

local function truth(value)
    local found = TRUTHS[value:lower()]
    if found == nil then
        return nil, 'true or false'
    end
    return found
end

local function kinds(value)
    local found = words(value:lower())
    for _, kind in ipairs(found) do
        if not KINDS[kind] then
            found = {}
        end
    end
    if #found == 0 then
        return nil, 'a list of license, license2, discord, steam, fivem'
    end
    return found
end

-- In the order in which they are checked; where one is wrong, its default is used.
local CONVARS = {
    { 'identifiers', 'cad_bridge_identifiers', 'license,license2', kinds },
    { 'stripPrefix', 'cad_bridge_strip_prefix', 'false', truth },
    { 'duty', 'cad_bridge_duty', 'all', choice('all', 'ace', 'framework') },
    { 'dutyAce', 'cad_bridge_duty_ace', 'cad_bridge.unit', pattern('^[%w_.%-]+$', 'the name of an ACE') },
    { 'framework', 'cad_bridge_framework', 'auto', choice('auto', 'esx', 'qbcore', 'qbx', 'ox') },
    { 'jobs', 'cad_bridge_jobs', '', words },
    { 'minDistance', 'cad_bridge_min_distance', '1.0', number(0, 100) },
    { 'minHeading', 'cad_bridge_min_heading', '5.0', number(0, 180) },
    { 'maxCoordinate', 'cad_bridge_max_coordinate', '16000', number(1000, 100000) },
    { 'mainBucketOnly', 'cad_bridge_main_bucket_only', 'false', truth },
    { 'panicCommand', 'cad_bridge_panic_command', 'panic', pattern('^[%w_%-]*$', 'the name of a command') },
    { 'callCommand', 'cad_bridge_911_command', '911', pattern('^[%w_%-]*$', 'the name of a command') },
    { 'panicCooldown', 'cad_bridge_panic_cooldown', '2', number(0, 3600) },
    { 'panicLasts', 'cad_bridge_panic_lasts', '10', number(1, 1440) },
    { 'callCooldown', 'cad_bridge_911_cooldown', '10', number(0, 3600) },
    { 'locale', 'cad_bridge_locale', 'en', pattern('^[%w_%-]+$', 'a file of locales, without .json') },
}

local function readConvar(field, convar, default, read)
    local value = GetConvar(convar, default)
    local found, expected = read(value)
    if found == nil then
        Log.warn(
            ('%s: expected %s, found "%s"; it is taken as "%s".'):format(
                convar,
                expected,
                Text.clean(value, LONGEST_SHOWN) or '',
                default
            )
        )
        found = read(default)
    end
    Settings[field] = found
end

local function isLoopback(host)
    return host == 'localhost' or host == '[::1]' or host:match('^127%.%d+%.%d+%.%d+$') ~= nil
end

local function checkHost(scheme, host)
    if host == 'localhost' then
        Log.warn('cad_bridge_url: localhost may mean ::1, where nobody listens; write 127.0.0.1.')
    elseif scheme == 'http' and not isLoopback(host) then
        Log.warn('cad_bridge_url: plain http to another machine: whoever is in between reads the token.')
    elseif scheme == 'https' then
        Log.warn('cad_bridge_url: FXServer checks no certificates: https protects from mere listeners alone.')
    end
end

local function hostOf(authority)
    local name, port = authority:match('^(.*):(%d+)$')
    name, port = name or authority, port or '80'
    if name:match('^[%w_.%-]+$') or name:match('^%[[%x:.]+%]$') then
        return name, port
    end
end

local function readUrl()
    local value = GetConvar('cad_bridge_url', 'http://127.0.0.1:30180'):gsub('/+$', '')
    local scheme, authority = value:match('^(https?)://([^/%s?#@]+)[^%s?#]*$')
    local host, port = hostOf(authority or '')
    if not host or tonumber(port) > 65535 then
        return 'cad_bridge_url: expected an address such as http://127.0.0.1:30180'
    end
    checkHost(scheme, host:lower())
    Settings.url = value
end

local function readToken()
    local value = GetConvar('cad_bridge_token', ''):match('^%s*(.-)%s*$')
    if value == '' then
        return 'cad_bridge_token is not set, or this resource may not read it.'
    end
    if #value < SHORTEST_TOKEN then
        return ('cad_bridge_token has %d characters, and needs %d at least.'):format(#value, SHORTEST_TOKEN)
    end
    if value:find('[^\x21-\x7e]') then
        return 'cad_bridge_token has blanks, line breaks or letters with accents in it.'
    end
    Settings.token = value
end

--- Reads all convars, warns of each wrong one, and returns what must be mended before anything works, or nil.
function Settings.read()
    for _, row in ipairs(CONVARS) do
        readConvar(table.unpack(row))
    end
    return readUrl() or readToken()
end

--- How to mend the URL or the token, line by line.
function Settings.remedy()
    local name = GetCurrentResourceName()
    return {
        'In server.cfg, before the line that starts this resource:',
        '  set cad_bridge_url "http://127.0.0.1:30180"',
        '  set cad_bridge_token "the content of the token file that bridge.toml names for this server"',
        ('  add_convar_permission %s read cad_bridge_token'):format(name),
        'It must be set, never sets or setr; and the permission must name the folder of this resource.',
    }
end
